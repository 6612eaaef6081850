import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { axeViolations, launched as launchedAt, newPage, openBrowser, shown } from './browser.ts';
import { openWard, potassium, result, type Ward } from './ward.ts';

jest.setTimeout(300_000); // a browser on a busy machine

let ward: Ward;
let browser: Browser;
beforeAll(async () => {
  [ward, browser] = await Promise.all([openWard(), openBrowser()]);
});
afterAll(async () => {
  await browser.close();
  await ward[Symbol.asyncDispose]();
});

const launched = (options?: BrowserContextOptions, patient?: string): Promise<Page> =>
  launchedAt(ward, browser, options, patient);
async function alertUrl(rule: string, patient = 'okafor'): Promise<string> {
  return `${ward.url}/alerts/${(await ward.alerts(patient)).get(rule)}`;
}
const LOW_K = 'el-refractory-hypokalaemia';
const headings = (page: Page): Promise<string[]> => page.locator('main h2').allInnerTexts();
const listedTitles = (page: Page): Promise<string[]> => page.locator('.alert-link').allInnerTexts();
const sideways = (page: Page): Promise<boolean> =>
  page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);

describe('the list', () => {
  it('opens by a launch from the EHR, the worst first, with what was checked', async () => {
    const page = await launched();
    expect(await page.title()).toBe('Alerts – OKAFOR – cramp-cds');
    expect(await shown(page, '.counts')).toBe('Open: 2 high, 1 low');
    expect(await page.locator('tbody .tier').allInnerTexts()).toEqual(['High', 'High', 'Low']);
    expect(await shown(page, 'tbody tr')).toMatch(/Potassium\s+2\.8 mmol\/L/);
    expect(await shown(page, 'main')).toMatch(
      /\d\d rules were run .* could not tell, for want of data\. Data as of 17 Jun 2026/,
    );
  });

  it('is filtered and sorted by plain links and a form', async () => {
    const page = await launched({ javaScriptEnabled: false });
    await page.selectOption('#filter-tier', 'low');
    await page.click('text="Show"');
    expect(await listedTitles(page)).toEqual(['Fluoroquinolone over age 60 (tendon risk)']);
    await page.goto(`${ward.url}/alerts?sort=title`);
    const titles = await listedTitles(page);
    expect(titles).toEqual([...titles].sort());
    expect(await shown(page, 'th[aria-sort="ascending"]')).toContain('Alert');
  });

  it('that is empty says what was checked, and never just "no findings"', async () => {
    const page = await launched({}, 'quiet');
    expect(await headings(page)).toEqual(['No open leg-cramp findings for this patient']);
    expect(await shown(page, 'main')).toContain('rules were run');
  });

  it('of a patient who was never evaluated says "Not checked"', async () => {
    await ward.hospital.sandbox.load(
      [{ resourceType: 'Patient', id: 'unseen', name: [{ family: 'Unseen' }] }],
      { notify: false },
    );
    const page = await launched({}, 'unseen');
    expect(await headings(page)).toEqual(['Not checked']);
    expect(await shown(page, 'main')).not.toContain('No open');
  });

  it('says when the record can not be read', async () => {
    const page = await launched();
    ward.hospital.sandbox.faults.onRequest({ path: /^\/Patient\/okafor/, answer: { status: 500 } });
    await page.reload();
    expect(await shown(page, '.note')).toContain('could not be read from the record');
    expect(await shown(page, '.patient')).toContain('Patient details could not be read');
    await page.click('text=Retry');
    expect(await shown(page, '.patient')).toContain('OKAFOR, Ngozi');
  });
});

describe('one alert', () => {
  it('is read in the order of a clinician: why, numbers, medicines, options, answer, evidence, limits, history', async () => {
    const page = await launched();
    await page.goto(await alertUrl(LOW_K));
    expect(await page.title()).toBe('Low potassium with low or unknown magnesium – OKAFOR – cramp-cds');
    expect(await headings(page)).toEqual([
      'Why am I seeing this',
      'Numbers',
      'Medicines involved',
      'Options to consider',
      'Your answer',
      'Evidence and rule',
      'Not checked and limits',
      'History',
    ]);
    const why = await shown(page, 'section:has(#why)');
    expect(why).toMatch(/potassium below 3\.5 mmol\/L\s+2\.8 mmol\/L/);
    expect(why).toMatch(/Not known: dialysis|dialysis\s+could not be told/);
    expect(why).toContain('What would clear it: clears at potassium 3.6 mmol/L or more');
    expect(await shown(page, '.medicines')).toMatch(/Furosemide 40 mg tablet\s+1 tablet in the morning/);
    expect(await shown(page, '.withheld')).toContain('Held back: heart failure is recorded');
  });

  it('shows results as the laboratory sent them, with a trend that is also told in words', async () => {
    const page = await launched();
    await page.goto(await alertUrl(LOW_K));
    expect(await shown(page, '.series')).toMatch(/Potassium\s+2\.8 mmol\/L\s*low\s+reference 3\.5 to 5\.1/);
    expect(await page.locator('.spark desc').first().textContent()).toBe(
      'Potassium, 4 results, 8 May 2026 to 17 Jun 2026: 4.0, 3.9, 3.3, 2.8 mmol/L. Reference 3.5 to 5.1. Latest is low.',
    );
  });

  it('names the inputs that were missing', async () => {
    const page = await launched();
    await page.goto(await alertUrl(LOW_K));
    expect(await shown(page, '.headline .note-warning')).toBe(
      'Not all data were there. Not known: dialysis.',
    );
  });

  it('is still shown from its decision when results can not be read, and says so', async () => {
    const page = await launched();
    ward.hospital.sandbox.faults.onRequest({ path: /^\/Observation/, answer: { status: 503 } });
    await page.goto(await alertUrl(LOW_K));
    const numbers = await shown(page, 'section:has(#numbers)');
    expect(numbers).toContain('Results could not be read from the record');
    expect(numbers).toMatch(/Potassium\s+2\.8 mmol\/L/);
    expect(await page.locator('.spark').count()).toBe(0);
  });

  it('that is unknown is not found', async () => {
    const page = await launched();
    const answer = await page.goto(`${ward.url}/alerts/none`);
    expect(answer?.status()).toBe(404);
    expect(await shown(page, 'h1')).toBe('Not found');
  });

  it('that was resolved says by what, keeps its numbers and takes no answer', async () => {
    await ward.hospital.put(
      {
        resourceType: 'Patient',
        id: 'better',
        name: [{ family: 'Better' }],
        gender: 'male',
        birthDate: '1960-01-01',
      },
      { ...potassium('better-k1', 3.2, 3), subject: { reference: 'Patient/better' } },
      { ...result('better-mg', '2601-3', 0.85, 3, [0.7, 1]), subject: { reference: 'Patient/better' } },
    );
    await ward.hospital.settled();
    const [address] = [...(await ward.alerts('better')).values()];
    await ward.hospital.put({ ...potassium('better-k2', 4.1, 1), subject: { reference: 'Patient/better' } });
    await ward.hospital.settled();
    const page = await launched({}, 'better');
    expect(await listedTitles(page)).toEqual([]);
    await page.goto(`${ward.url}/alerts/${address}`);
    expect(await shown(page, '.headline .note')).toMatch(/^Resolved on 17 Jun 2026, \d\d:\d\d by new data\./);
    expect(await shown(page, '.series')).toContain('4.1 mmol/L');
    expect(await page.locator('form[action$="/answer"]').count()).toBe(0);
    expect(await axeViolations(page)).toEqual([]);
  });

  it('leaves the last page in place while it is slow to come, and says that it is busy', async () => {
    const page = await launched();
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    await page.route('**/alerts/*-*', (route) => held.then(() => route.continue()));
    const busy = await page.evaluate(
      () =>
        new Promise<string>((resolve) => {
          const main = document.querySelector('main') as HTMLElement;
          new MutationObserver(() => resolve(main.getAttribute('aria-busy') ?? '')).observe(main, {
            attributes: true,
          });
          (document.querySelector('.alert-link') as HTMLElement).click();
        }),
    );
    expect(busy).toBe('true');
    letGo();
    await page.waitForURL(/\/alerts\/./);
    expect(await page.locator('main').getAttribute('aria-busy')).toBeNull();
  });
});

describe('for everybody', () => {
  const LOOKS: readonly (readonly [string, BrowserContextOptions])[] = [
    ['in light', { colorScheme: 'light' }],
    ['in dark', { colorScheme: 'dark' }],
    ['at 320 px', { viewport: { width: 320, height: 700 } }],
    ['in forced colours', { forcedColors: 'active' }],
  ];

  it.each(LOOKS)('axe finds nothing %s, and nothing scrolls sideways', async (_look, options) => {
    const page = await launched(options);
    const addresses = [`${ward.url}/alerts?status=all`, await alertUrl(LOW_K)];
    for (const address of addresses) {
      await page.goto(address);
      await page.evaluate(() => {
        for (const details of document.querySelectorAll('details')) details.open = true;
      });
      expect([address, await axeViolations(page)]).toEqual([address, []]);
      expect([address, await sideways(page)]).toEqual([address, false]);
    }
  });

  it('text may be spaced out and enlarged to twice its size', async () => {
    const page = await launched({ viewport: { width: 640, height: 900 } });
    await page.goto(await alertUrl(LOW_K));
    await page.evaluate(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(
        'html{font-size:200%} *{line-height:1.5!important;letter-spacing:.12em!important;word-spacing:.16em!important} p{margin-bottom:2em!important}',
      );
      document.adoptedStyleSheets = [sheet];
    });
    expect(await sideways(page)).toBe(false);
  });

  it('the colours can be chosen, and stay chosen in the session', async () => {
    const page = await launched({ colorScheme: 'light' });
    await page.click('button[name="theme"]');
    expect(await page.locator('html').getAttribute('data-theme')).toBe('dark');
    await page.goto(await alertUrl(LOW_K));
    expect(
      await page.evaluate(
        () => getComputedStyle(document.querySelector('main .panel') as Element).backgroundColor,
      ),
    ).toBe('rgb(15, 20, 25)');
    expect(await axeViolations(page)).toEqual([]);
  });

  it('controls are large enough to hit', async () => {
    const page = await launched({ viewport: { width: 320, height: 700 } });
    await page.goto(await alertUrl(LOW_K));
    const small = await page.evaluate(() =>
      [...document.querySelectorAll('button, summary, select, .choice, nav a')]
        .map((element) => ({
          text: element.textContent?.trim().slice(0, 30),
          box: element.getBoundingClientRect(),
        }))
        .filter(({ box }) => box.height > 0 && (box.height < 24 || box.width < 24))
        .map(({ text }) => text),
    );
    expect(small).toEqual([]);
  });

  it('on paper: the patient on every sheet, tables open, no controls, addresses of the rules', async () => {
    const page = await launched();
    await page.goto(await alertUrl(LOW_K));
    const sheets = await sheetsOf(page);
    expect(sheets.length).toBeGreaterThan(2);
    expect(new Set(sheets).size).toBe(1); // every sheet begins with the same words
    await page.emulateMedia({ media: 'print' });
    expect(await page.locator('.series-table table').first().isVisible()).toBe(true);
    for (const hidden of ['nav', 'button', 'input[type="checkbox"]', '#answer'])
      expect([hidden, await page.locator(hidden).first().isVisible()]).toEqual([hidden, false]);
    expect(await shown(page, '.bottom')).toMatch(
      /Alert version \d+\. Rule el-refractory-hypokalaemia, version 1\.0\.0\.\s+Printed on 17 Jun 2026/,
    );
    expect(
      await page.evaluate(
        () => getComputedStyle(document.querySelector('.addresses a') as Element, '::after').content,
      ),
    ).toContain('/rules/el-refractory-hypokalaemia');
    expect(await axeViolations(page)).toEqual([]);
  });

  it('scripts are small', async () => {
    const page = await newPage(browser);
    const script = await page.request.get(`${ward.url}/assets/alert-page.js`);
    expect((await script.body()).byteLength).toBeLessThan(60_000);
  });

  it('a session about to end says so two minutes before, and can be kept', async () => {
    const page = await launched();
    await page.clock.install();
    await page.reload();
    expect(await page.locator('#session').isVisible()).toBe(false);
    await page.clock.runFor(13 * 60_000 + 1000);
    expect(await shown(page, '#session')).toContain('Your session ends in two minutes');
    expect(await axeViolations(page)).toEqual([]);
    await page.click('text=Stay signed in');
    await page.waitForSelector('#session', { state: 'hidden' });
  });
});

describe('text that came from elsewhere', () => {
  const EVIL = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>';

  it('shows as text: names, units, results in words, drugs, doses, comments', async () => {
    const ofEvil = { subject: { reference: 'Patient/evil' } };
    await ward.hospital.put(
      {
        resourceType: 'Patient',
        id: 'evil',
        name: [{ family: EVIL, given: [EVIL] }],
        gender: 'female',
        birthDate: '1950-01-01',
        identifier: [{ value: EVIL }],
      },
      { ...potassium('evil-k0', 3.6, 9), ...ofEvil, valueQuantity: { value: 3.6, unit: EVIL } },
      { ...result('evil-mg', '2601-3', 0.85, 3, [0.7, 1]), ...ofEvil },
      {
        resourceType: 'MedicationRequest',
        id: 'evil-drug',
        status: 'active',
        intent: 'order',
        medicationCodeableConcept: {
          coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: '313988', display: EVIL }],
          text: EVIL,
        },
        ...ofEvil,
        authoredOn: '2026-06-01',
        dosageInstruction: [
          { text: EVIL, route: { coding: [{ system: 'http://snomed.info/sct', code: '26643006' }] } },
        ],
      },
      { ...potassium('evil-k1', 2.9, 1), ...ofEvil, interpretation: [{ coding: [{ code: EVIL }] }] },
    );
    await ward.hospital.settled();
    const page = await launched({}, 'evil');
    await page.locator('.alert-link').first().click();
    await page.waitForURL(/\/alerts\/./);
    await page.locator('.override summary').click();
    await page.fill('#comment', EVIL);
    await page.click('text=Override this alert'); // without a reason: the comment is shown again
    expect(await page.inputValue('#comment')).toBe(EVIL);
    const text = await shown(page, 'body');
    expect(text).toContain('<img src=x onerror=');
    expect(await shown(page, '.medicines')).toContain('<script>window.hit=1</script>');
    expect(await page.locator('main img, main script').count()).toBe(0);
    expect(await page.evaluate(() => 'hit' in window)).toBe(false);
  });
});

/** What each sheet of the printed page begins with. */
async function sheetsOf(page: Page): Promise<string[]> {
  const { inflateSync } = await import('node:zlib');
  const pdf = await page.pdf({ format: 'A4' });
  const text = pdf.toString('latin1');
  const streams = [...text.matchAll(/stream\r?\n/g)].map(({ index, 0: head }) => {
    const from = index + head.length;
    try {
      return inflateSync(pdf.subarray(from, text.indexOf('endstream', from))).toString('latin1');
    } catch {
      return '';
    }
  });
  return streams
    .filter((stream) => /\bTj\b/.test(stream))
    .map((stream) =>
      [...stream.matchAll(/<([0-9A-F]+)>\s*Tj/gi)]
        .slice(0, 12)
        .map(([, glyphs]) => glyphs)
        .join(' '),
    );
}
