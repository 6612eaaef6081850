/**
 * A real browser for the pages: Debian's Chromium, with nothing that would reach another host.
 */
import { existsSync } from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const PATHS = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** @throws when no Chromium is installed; CHROMIUM names another path */
export function openBrowser(): Promise<Browser> {
  const executablePath = PATHS.find((path) => path !== undefined && existsSync(path));
  if (executablePath === undefined)
    throw new Error('no Chromium found: apt-get install chromium, or set CHROMIUM');
  return chromium.launch({ executablePath, args: FLAGS });
}

/** A page of a browser that knows nothing yet, in a hospital's frame of mind: English, London. */
export async function newPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ locale: 'en-GB', ignoreHTTPSErrors: true, ...options });
  context.setDefaultTimeout(10_000);
  return context.newPage();
}

/** What axe finds wrong by WCAG 2.2 A and AA and its best practices: rule and place, one line each. */
export async function axeViolations(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`));
}

/** What stands on the page there, as a reader sees it; waits until it is there. */
export async function shown(page: Page, selector: string): Promise<string> {
  const first = page.locator(selector).first();
  await first.waitFor({ state: 'attached' });
  const [text = ''] = await first.allInnerTexts();
  return text;
}

/** The page as an EHR opens it on a patient; the sandbox knows the patient by the launch. */
export async function launched(
  ward: { readonly url: string; readonly hospital: { readonly sandbox: { readonly base: string } } },
  browser: Browser,
  options: BrowserContextOptions = {},
  patient = 'okafor',
): Promise<Page> {
  const page = await newPage(browser, options);
  await page.goto(
    `${ward.url}/smart/launch?${new URLSearchParams({ iss: ward.hospital.sandbox.base, launch: patient })}`,
  );
  return page;
}
