import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { hashOf } from '../../src/alert-page/secrets.ts';
import { answersTo } from '../../src/store/answer.ts';
import { changeSession, findSession } from '../../src/store/session.ts';
import type { ConnectionId } from '../../src/vocabulary/ids.ts';
import { until } from '../store/until.ts';
import { axeViolations, launched as launchedAt, openBrowser, shown } from './browser.ts';
import { openWard, potassium, result, type Ward } from './ward.ts';

jest.setTimeout(300_000); // a browser on a busy machine

let ward: Ward;
let browser: Browser;
beforeAll(async () => {
  [ward, browser] = await Promise.all([openWard(), openBrowser()]);
});
beforeEach(() => ward.clock.forward(120_000)); // answers of one millisecond would be one answer
afterAll(async () => {
  await browser.close();
  await ward[Symbol.asyncDispose]();
});

const TENDON = 'fq-age-over-60'; // low
const QT = 'fq-qt-electrolytes'; // high
const LOW_K = 'el-refractory-hypokalaemia'; // high

async function opened(rule: string, options: BrowserContextOptions = {}, patient = 'okafor'): Promise<Page> {
  const page = await launchedAt(ward, browser, options, patient);
  await page.goto(`${ward.url}/alerts/${await idOf(rule, patient)}`);
  return page;
}
async function idOf(rule: string, patient = 'okafor'): Promise<string> {
  return (await ward.alerts(patient)).get(rule) ?? '';
}
async function answersOf(rule: string, patient = 'okafor') {
  return answersTo(ward.hospital.running.store.db, 'ward' as ConnectionId, await idOf(rule, patient));
}
/** The script puts the focus there when it has loaded. */
const focusOn = (page: Page, hasText: string): Promise<void> => page.locator(':focus', { hasText }).waitFor();

/** Pushed and evaluated. Deliveries of answers wait out the minute of the undo, so they are not waited for. */
async function evaluated(): Promise<void> {
  await ward.hospital.sandbox.deliveriesIdle();
  await until(
    'nothing is due',
    async () => {
      const { waiting, active, retry } = await ward.hospital.running.store.due.count();
      return waiting + active + retry === 0;
    },
    120_000,
  );
}

/** A potassium of 2.3 in a patient of their own. */
async function criticalPatient(id: string): Promise<void> {
  const subject = { reference: `Patient/${id}` };
  await ward.hospital.put(
    { resourceType: 'Patient', id, name: [{ family: id }], gender: 'male', birthDate: '1960-01-01' },
    { ...result(`${id}-mg`, '2601-3', 0.85, 3, [0.7, 1]), subject },
    { ...potassium(`${id}-k`, 2.3, 1), subject },
  );
  await evaluated();
}

describe.each([
  ['with scripts', true],
  ['without scripts', false],
])('answering %s', (_words, javaScriptEnabled) => {
  it('accept: an option is chosen, it is recorded, and undo takes it back', async () => {
    const page = await opened(LOW_K, { javaScriptEnabled });
    await page.click('text=Accept chosen options');
    expect(await shown(page, '.note-critical')).toContain('Choose at least one option to accept.');
    const before = (await answersOf(LOW_K)).length;

    await page.locator('label', { hasText: 'Recheck potassium with magnesium' }).locator('input').check();
    await page.click('text=Accept chosen options');
    expect(await shown(page, '.recorded')).toContain('You accepted this alert. No order was placed.');
    expect((await answersOf(LOW_K)).slice(before)).toMatchObject([
      {
        outcome: 'accepted',
        channel: 'page',
        by: { reference: 'Practitioner/sandbox-clinician', role: 'responder' },
      },
    ]);
    await page.click('text=Undo');
    expect(await shown(page, '.recorded')).toContain('Answer taken back');
    expect((await answersOf(LOW_K)).at(-1)?.outcome).toBe('undone');
  });
});

describe('answering', () => {
  it('an undo after a minute is refused, and no longer offered', async () => {
    const page = await opened(LOW_K, { javaScriptEnabled: false });
    await page.locator('.options input').first().check();
    await page.click('text=Accept chosen options');
    await shown(page, '.recorded');
    ward.clock.forward(61_000);
    await page.click('text=Undo');
    expect(await shown(page, '.note-critical')).toContain('too late');
    expect((await answersOf(LOW_K)).at(-1)?.outcome).toBe('accepted');
  });

  it('override needs a reason: the summary is in focus, links to the reasons, and the comment is kept', async () => {
    const page = await opened(QT);
    await page.locator('.override summary').click();
    await page.fill('#comment', 'spoke to cardiology');
    await page.click('text=Override this alert');
    await focusOn(page, 'Nothing was recorded yet');
    expect(await axeViolations(page)).toEqual([]);
    await page.click('.note-critical a');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('reason-0');
    expect(await page.inputValue('#comment')).toBe('spoke to cardiology');
    expect(await answersOf(QT)).toEqual([]);
  });

  it('an overridden alert is answered, not open; a comment is kept sealed', async () => {
    const page = await opened(QT);
    await page.locator('.override summary').click();
    await page.locator('label', { hasText: 'Benefit of current therapy' }).locator('input').check();
    await page.fill('#comment', 'planted-134418');
    expect(await shown(page, '#comment-count')).toBe('14 of 500 characters.');
    await page.click('text=Override this alert');
    await focusOn(page, 'Answer recorded');
    const [answer] = await answersOf(QT);
    expect(answer).toMatchObject({ outcome: 'overridden', reason: { code: 'recipient-concerns-outcomes' } });
    expect(JSON.stringify(answer)).not.toContain('planted-134418');
    await page.goto(`${ward.url}/alerts`);
    expect(await page.locator('.alert-link').allInnerTexts()).not.toContain(
      'Fluoroquinolone with low potassium, magnesium or calcium (QT)',
    );
    await page.goto(`${ward.url}/alerts?status=answered`);
    expect(await shown(page, 'tbody')).toMatch(/Fluoroquinolone with low potassium[\s\S]*Answered/);
    await page.click('.alert-link');
    expect(await shown(page, 'section:has(#answer) .note')).toContain('It has been answered already');
    expect(await shown(page, '.history')).toMatch(
      /Overridden by responder: Benefit of current therapy outweighs the risk, on this page/,
    );
  });

  it('overriding a critical alert asks once more before it is sent', async () => {
    await criticalPatient('critical');
    const page = await opened('el-hypokalaemia', {}, 'critical');
    expect(await shown(page, '.headline')).toContain("The laboratory's critical-value call comes first.");
    await page.locator('.override summary').click();
    await page.locator('label', { hasText: 'Already being handled' }).locator('input').check();
    await page.click('text=Override this alert');
    await focusOn(page, 'Check before you override a critical alert');
    expect(await shown(page, '.confirm')).toContain('Already being handled');
    expect(await answersOf('el-hypokalaemia', 'critical')).toEqual([]);
    expect(await axeViolations(page)).toEqual([]);
    await page.click('text=Yes, override');
    await shown(page, '.recorded');
    expect(await answersOf('el-hypokalaemia', 'critical')).toMatchObject([{ outcome: 'overridden' }]);
  });

  it('not now takes it out of the list of this reader, and leaves it open', async () => {
    const page = await opened(TENDON);
    await page.click('text=Not now');
    expect(await shown(page, '.recorded')).toContain('You put this alert off for 8 hours.');
    await page.goto(`${ward.url}/alerts`);
    expect(await page.locator('.alert-link').allInnerTexts()).not.toContain(
      'Fluoroquinolone over age 60 (tendon risk)',
    );
    const other = await launchedAt(ward, browser);
    await asAnotherUser(other);
    await other.goto(`${ward.url}/alerts`);
    expect(await other.locator('.alert-link').allInnerTexts()).toContain(
      'Fluoroquinolone over age 60 (tendon risk)',
    );
  });

  it('of an alert that changed meanwhile: nothing is recorded, what changed is shown, what was typed is kept', async () => {
    await criticalPatient('changing');
    const page = await opened('el-hypokalaemia', {}, 'changing');
    await page.locator('.override summary').click();
    await page.locator('label', { hasText: 'Patient declined' }).locator('input').check();
    await page.fill('#comment', 'kept over the conflict');
    const subject = { reference: 'Patient/changing' };
    await ward.hospital.put({ ...potassium('changing-k2', 2.1, 0.1), subject });
    await evaluated();
    await page.click('text=Override this alert');
    const said = await shown(page, '.note-warning');
    expect(said).toContain('This alert changed while you were reading');
    expect(said).toMatch(/You saw: Critical\. .*2\.3 mmol\/L/);
    expect(said).toMatch(/Now:[\s\S]*2\.1 mmol\/L/);
    expect(await page.inputValue('#comment')).toBe('kept over the conflict');
    expect(await page.locator('input[value="patient-refuses"]').isChecked()).toBe(true);
    expect(await answersOf('el-hypokalaemia', 'changing')).toEqual([]);
    expect(await axeViolations(page)).toEqual([]);
  });

  it('who may only read is told so, and sends nothing', async () => {
    const page = await launchedAt(ward, browser);
    await asViewer(page);
    await page.goto(`${ward.url}/alerts/${await idOf(LOW_K)}`);
    expect(await shown(page, 'section:has(#answer)')).toContain(
      'Your role lets you read this alert, not answer it.',
    );
    expect(await page.locator('form[action$="/answer"]').count()).toBe(0);
    const csrf = await page.locator('input[name="csrf"]').first().inputValue();
    const answer = await page.request.post(`${ward.url}/api/alerts/${await idOf(LOW_K)}/response`, {
      headers: { 'x-csrf-token': csrf },
      data: { outcome: 'not-now', alertVersion: 1 },
    });
    expect(answer.status()).toBe(403);
  });

  it('a session that ended while one was typing says so and offers to sign in again', async () => {
    const page = await opened(LOW_K);
    ward.clock.forward(16 * 60_000);
    await page.click('text=Not now');
    expect(await shown(page, 'h1')).toBe('Your session has ended');
    expect(await axeViolations(page)).toEqual([]);
    await page.click('text=Sign in again');
    expect(await shown(page, 'h1')).toContain('Sandbox EHR');
    await page.click('text=Okafor, Ngozi');
    expect(page.url()).toBe(`${ward.url}/alerts/${await idOf(LOW_K)}`);
  });

  it('as JSON takes one entry of CDS Hooks feedback', async () => {
    const page = await launchedAt(ward, browser);
    const csrf = await page.locator('input[name="csrf"]').first().inputValue();
    const id = await idOf(LOW_K);
    const { version } = (await (await page.request.get(`${ward.url}/api/alerts/${id}`)).json()) as {
      version: number;
    };
    const send = (data: object) =>
      page.request.post(`${ward.url}/api/alerts/${id}/response`, { headers: { 'x-csrf-token': csrf }, data });
    expect((await send({ outcome: 'overridden', alertVersion: version })).status()).toBe(422);
    const reason = { overrideReason: { reason: { code: 'action-completed' } } };
    const stale = await send({ outcome: 'overridden', alertVersion: version - 1, ...reason });
    expect([stale.status(), await stale.json()]).toMatchObject([
      409,
      { error: 'conflict', now: { version } },
    ]);
    expect((await send({ outcome: 'overridden', alertVersion: version, ...reason })).status()).toBe(200);
  });
});

describe('by keyboard alone', () => {
  async function tabTo(page: Page, wanted: RegExp): Promise<void> {
    for (let step = 0; step < 80; step++) {
      await page.keyboard.press('Tab');
      const said = await page.evaluate(() => {
        const at = document.activeElement;
        return `${at?.closest('label')?.textContent ?? ''} ${at?.textContent ?? ''}`;
      });
      if (wanted.test(said)) return;
    }
    throw new Error(`${wanted} was not reached in 80 steps`);
  }

  it('an alert is opened, accepted, and overridden', async () => {
    await criticalPatient('keyboard');
    const page = await launchedAt(ward, browser, {}, 'keyboard');
    await page.keyboard.press('Tab');
    await focusOn(page, 'Skip to the main part');
    await page.keyboard.press('Enter');
    await tabTo(page, /Low potassium/);
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/alerts\/./);
    const ring = await page.evaluate(() => {
      (document.querySelector('summary') as HTMLElement).focus();
      return getComputedStyle(document.activeElement as Element).outlineStyle;
    });
    expect(ring).toBeDefined();
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    await tabTo(page, /Consider a 12-lead ECG|12-lead/);
    await page.keyboard.press('Space');
    await tabTo(page, /^ Accept chosen options/);
    await page.keyboard.press('Enter');
    await page.waitForURL(/recorded=/);
    await focusOn(page, 'Answer recorded');

    await page.goto(`${ward.url}/alerts/${await idOf('el-hypokalaemia', 'keyboard')}`);
    await tabTo(page, /^ Override with a reason/);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    await page.keyboard.press('ArrowDown');
    await tabTo(page, /^ Override this alert/);
    await page.keyboard.press('Enter');
    await shown(page, '#confirm');
    await tabTo(page, /^ Yes, override/);
    await page.keyboard.press('Enter');
    await page.waitForURL(/recorded=/);
    expect((await answersOf('el-hypokalaemia', 'keyboard')).map(({ outcome }) => outcome)).toEqual([
      'accepted',
      'overridden',
    ]);
  });
});

async function sessionHash(page: Page): Promise<string> {
  const cookies = await page.context().cookies();
  return hashOf(cookies.find(({ name }) => name === 'cramp-sid')?.value ?? '');
}
/** As if somebody else had signed in: the sandbox knows one clinician only. */
async function asAnotherUser(page: Page): Promise<void> {
  await ward.hospital.running.store.db
    .updateTable('session')
    .set({ user_hash: 'somebody-else' })
    .where('id_hash', '=', await sessionHash(page))
    .execute();
}
async function asViewer(page: Page): Promise<void> {
  const { db } = ward.hospital.running.store;
  const idHash = await sessionHash(page);
  expect(await findSession(db, idHash)).toBeDefined();
  await db.updateTable('session').set({ role: 'viewer' }).where('id_hash', '=', idHash).execute();
  await changeSession(db, idHash, { theme: null });
}
