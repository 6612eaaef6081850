/**
 * `npm run screenshots`: pictures of the list and of one alert, in light, dark and narrow, for docs/screenshots.
 *
 * A program, not a test: it is run by people when the look has changed.
 */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { launched, openBrowser } from './browser.ts';
import { openWard } from './ward.ts';

const FOLDER = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url));
const LOOKS: Readonly<Record<string, BrowserContextOptions>> = {
  light: { viewport: { width: 1280, height: 860 }, colorScheme: 'light' },
  dark: { viewport: { width: 1280, height: 860 }, colorScheme: 'dark' },
  narrow: { viewport: { width: 320, height: 760 }, deviceScaleFactor: 2 },
};

async function take(page: Page, name: string, fullPage: boolean): Promise<void> {
  await page.screenshot({ path: `${FOLDER}${name}.png`, fullPage });
  process.stdout.write(`docs/screenshots/${name}.png\n`);
}

mkdirSync(FOLDER, { recursive: true });
await using ward = await openWard();
const browser = await openBrowser();
const alert = `${ward.url}/alerts/${(await ward.alerts()).get('el-refractory-hypokalaemia')}`;
for (const [look, options] of Object.entries(LOOKS)) {
  const page = await launched(ward, browser, options);
  await take(page, `alert-list-${look}`, true);
  await page.goto(alert);
  await take(page, `alert-${look}`, look !== 'narrow');
  if (look === 'narrow') {
    for (const [part, heading] of [
      ['numbers', '#numbers'],
      ['answer', '#answer'],
    ] as const) {
      await page.locator(heading).evaluate((element) => element.scrollIntoView());
      await take(page, `alert-${look}-${part}`, false);
    }
  }
  await page.context().close();
}
await browser.close();
