/**
 * Reports and rule pages as people see them, in a real browser.
 *
 * `SCREENSHOTS=docs/screenshots` also writes the pictures of the README.
 */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import express from 'express';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { assets } from '../../src/pages/assets.ts';
import { REPORT_ASSETS, reports } from '../../src/reports/reports.ts';
import { readRuleModels } from '../../src/rule-files/read-rule-models.ts';
import { readRuleSet } from '../../src/rule-files/read-rule-set.ts';
import { RULE_PAGE_ASSETS, rulePages } from '../../src/rule-pages/rule-pages.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { axeViolations, newPage, openBrowser } from '../alert-page/browser.ts';
import { fillBusyHospital, TODAY, WARD } from './busy-hospital.ts';

const TOKEN = 'token-of-the-reports-0123456789abcdef';
const RULES = join(import.meta.dirname, '../../rules');
const MODELS = readRuleModels(RULES, readRuleSet(RULES));
const PICTURES = process.env.SCREENSHOTS;

const WIDE = { viewport: { width: 1280, height: 900 } };
const LOOKS: readonly (readonly [string, BrowserContextOptions])[] = [
  ['light', WIDE],
  ['dark', { ...WIDE, colorScheme: 'dark' }],
  ['narrow', { viewport: { width: 320, height: 720 } }],
  ['forced-colours', { ...WIDE, forcedColors: 'active' }],
];

let store: Store;
let server: Server;
let browser: Browser;
let base: string;

beforeAll(async () => {
  store = await openStore({ dataDir: 'memory://', connections: [WARD] });
  await fillBusyHospital(store);
  const app = express()
    .use('/assets', assets(RULE_PAGE_ASSETS, REPORT_ASSETS))
    .use('/rules', rulePages(MODELS))
    .use(
      '/reports',
      reports({
        db: store.db,
        settings: { token: TOKEN, identified: false, smallestCell: 5 },
        now: () => TODAY,
        timeZone: 'Europe/London',
        secure: false,
        rules: MODELS,
        openComment: () => undefined,
      }),
    );
  server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await openBrowser();
}, 180_000);
afterAll(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
  await store?.[Symbol.asyncDispose]();
});

async function opened(path: string, look: BrowserContextOptions = WIDE): Promise<Page> {
  const page = await newPage(browser, look);
  if (path.startsWith('/reports/')) {
    await page.goto(`${base}/reports/alerts`);
    await page.getByLabel('Token of the reports').fill(TOKEN);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Report on alerts' }).waitFor();
  }
  await page.goto(`${base}${path}`);
  return page;
}

/** The upper part: what a reader sees first, and a little more. */
async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES === undefined) return;
  const { width = 1280 } = page.viewportSize() ?? {};
  await page.setViewportSize({ width, height: width < 600 ? 1600 : 1750 });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), animations: 'disabled' });
}

const PAGES = [
  ['report', '/reports/alerts?from=2026-04-27&to=2026-06-21'],
  ['rule', '/rules/el-hypokalaemia'],
  ['rules', '/rules?domain=renal'],
] as const;

describe.each(LOOKS)('in %s', (look, options) => {
  it.each(PAGES)(
    'axe finds nothing wrong on the %s page, and nothing is cut off sideways',
    async (name, path) => {
      const page = await opened(path, options);
      expect(await axeViolations(page)).toEqual([]);
      const hidden = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(hidden).toBeLessThanOrEqual(0);
      if (look !== 'forced-colours' && name !== 'rules') await picture(page, `${name}-${look}`);
      await page.context().close();
    },
    60_000,
  );
});

describe('the report', () => {
  it('is opened with the keyboard alone: token, period, split', async () => {
    const page = await newPage(browser, WIDE);
    await page.goto(`${base}/reports/alerts`);
    expect(await axeViolations(page)).toEqual([]);
    await page.getByLabel('Token of the reports').focus();
    await page.keyboard.type('not this one');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await page.getByLabel('Token of the reports').focus();
    await page.keyboard.type(TOKEN);
    await page.keyboard.press('Enter');
    await page.getByLabel('Split by').focus();
    await page.keyboard.type('tier');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'By tier' }).waitFor();
    expect(new URL(page.url()).searchParams.get('by')).toBe('tier');
    await page.context().close();
  }, 60_000);

  it('names the rule whose alerts are nearly always dismissed, and says that nothing was switched off', async () => {
    const page = await opened('/reports/alerts?from=2026-04-27&to=2026-06-21');
    const review = page.locator('.note-warning');
    expect(await review.textContent()).toContain('Frequent night cramps disturbing sleep');
    expect(await review.textContent()).toContain('never switches a rule off');
    await page.context().close();
  }, 60_000);

  it('says in words what its chart shows, and shows it as a table', async () => {
    const page = await opened('/reports/alerts?from=2026-04-27&to=2026-06-21');
    const words = await page.locator('svg.wide desc').textContent();
    expect(words).toMatch(/week of 2026-04-27: \d+ alerts, \d+ cards, [\d.]+ per cent overridden/);
    await page.getByText('Show as table').click();
    expect(await page.getByRole('row').filter({ hasText: '2026-04-27' }).isVisible()).toBe(true);
    await page.context().close();
  }, 60_000);
});

describe('a rule page', () => {
  it('leads to each of its sections, and asks no other host for anything', async () => {
    const page = await newPage(browser, WIDE);
    const hosts = new Set<string>();
    page.on('request', (one) => hosts.add(new URL(one.url()).host));
    const refused: string[] = [];
    page.on('console', (message) => refused.push(message.text()));
    await page.goto(`${base}/rules/fq-corticosteroid`);
    await page.getByRole('link', { name: 'Source attributes' }).click();
    expect(new URL(page.url()).hash).toBe('#attributes');
    expect(await page.getByRole('heading', { name: 'Source attributes' }).isVisible()).toBe(true);
    expect([...hosts]).toEqual([new URL(base).host]);
    expect(refused).toEqual([]); // nothing that the page's own policy stops
    await page.context().close();
  }, 60_000);
});
