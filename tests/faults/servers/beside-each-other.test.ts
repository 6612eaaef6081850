import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Bundle, Observation } from '@medplum/fhirtypes';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../../src/sandbox/sandbox.ts';
import type { Running } from '../../../src/start.ts';
import { magnesium, patient, potassium } from '../../end-to-end/hospital.ts';
import { freshDatabase, stopDatabases } from '../../store/databases.ts';
import { until } from '../../store/until.ts';
import { openAlerts, startService } from './service.ts';

jest.setTimeout(120_000); // a start takes seconds, on a busy machine many

const LAG_MS = 500;
let database: { url?: string; drop(): Promise<void> };
let north: Sandbox;
let south: Sandbox;
let lagging: Sandbox;
let service: Running;
let aheadMs = 0; // of the service's clock
beforeAll(async () => {
  database = await freshDatabase().catch(() => ({ drop: async () => undefined }));
  const sandbox = (rest: Partial<SandboxOptions> = {}) =>
    startSandbox({ port: 0, clientIds: 'refused', deliverAs: 'medplum', retryAfterMs: [100], ...rest });
  [north, south, lagging] = [await sandbox(), await sandbox(), await sandbox({ replicaLagMs: LAG_MS })];
  service = await startService(
    [
      { id: 'north', base: north.base },
      { id: 'south', base: south.base },
      { id: 'lagging', base: lagging.base, trust: 'hint' },
    ],
    database.url,
    () => new Date(Date.now() + aheadMs),
  );
  await service.subscribe();
});
afterAll(async () => {
  // The servers before the service, which waits for what it has asked them.
  for (const one of [north, south, lagging]) await one?.[Symbol.asyncDispose]();
  await service?.[Symbol.asyncDispose]();
  await database?.drop();
  await stopDatabases();
});

/** Low potassium of a new patient, at the server. */
async function result(sandbox: Sandbox, id: string): Promise<void> {
  await sandbox.load([patient(id), magnesium(`${id}-mg`, id)], { notify: false });
  await sandbox.load([potassium(`${id}-k`, id, 2.9, 1)]);
}

/** When all that was pushed was looked at, as the copy shows it, and the minute is over. */
async function lookedAtAgain(): Promise<void> {
  await lagging.deliveriesIdle();
  await service.quiet();
  aheadMs += 61_000;
  await service.lookAgain();
  await service.quiet();
}

/** @returns after how many milliseconds it came. */
async function alertOf(sandbox: Sandbox, id: string): Promise<number> {
  const begun = performance.now();
  await result(sandbox, id);
  await until(`the alert of ${id}`, async () => (await openAlerts(sandbox, id)).length > 0, 30_000);
  return performance.now() - begun;
}

async function shownValue(id: string): Promise<number | undefined> {
  const answer = await fetch(`${lagging.base}/Observation/${id}-k`);
  return ((await answer.json()) as Observation).valueQuantity?.value;
}

describe('a server that reads from a copy that lags behind', () => {
  it('gets one alert for a push that only says what changed, before it is shown, and sees it end', async () => {
    await alertOf(lagging, 'l-1');
    await lagging.load([potassium('l-1-k2', 'l-1', 4.2, 0)]);
    await until('it has ended', async () => (await openAlerts(lagging, 'l-1')).length === 0, 30_000);
    await service.quiet();
    const issues = (await (await fetch(`${lagging.base}/DetectedIssue`)).json()) as Bundle;
    expect(issues.entry).toHaveLength(1);
  });
});

describe('a push that only says what changed, from a server that reads from a copy that lags behind', () => {
  it.each([
    ['a result that was corrected', 'l-2', 4.2, 2.9],
    ['a result that was called normal', 'l-3', 2.9, 4.2],
  ])('is not answered by %s as it was before', async (_, id, before, after) => {
    await lagging.load([patient(id), magnesium(`${id}-mg`, id), potassium(`${id}-k`, id, before, 1)]);
    await until('it is shown', async () => (await fetch(`${lagging.base}/Observation/${id}-k`)).ok);
    await lagging.deliveriesIdle();
    await service.quiet();
    const open = async () => (await openAlerts(lagging, id)).length;
    await until('it was looked at', async () => (await open()) === (before < 3.5 ? 1 : 0));
    await lagging.load([potassium(`${id}-k`, id, after, 1)]);
    await until('it is shown', async () => (await shownValue(id)) === after);
    await lookedAtAgain();
    await until('the correction was looked at', async () => (await open()) === (after < 3.5 ? 1 : 0));
  });

  it('that something was deleted is believed when it is no longer shown', async () => {
    await alertOf(lagging, 'l-4');
    await service.quiet();
    await fetch(`${lagging.base}/Observation/l-4-k`, { method: 'DELETE' });
    await until('it is gone', async () => (await fetch(`${lagging.base}/Observation/l-4-k`)).status === 410);
    await lookedAtAgain();
    await until('it has ended', async () => (await openAlerts(lagging, 'l-4')).length === 0);
  });
});

describe('two hospitals on one service', () => {
  it('one that hangs does not delay an alert of the other', async () => {
    await alertOf(south, 's-0'); // what is asked once per start
    const alone = [await alertOf(south, 's-1'), await alertOf(south, 's-2')];
    north.faults.onRequest({ path: /./, answer: 'no-answer', times: 10_000 });
    for (let n = 0; n < 8; n++) await result(north, `n-${n}`);
    const hung = () => north.requests.filter(({ status }) => status === 0).length;
    await until('a call to the other hangs', () => hung() >= 1);
    const beside = [await alertOf(south, 's-3'), await alertOf(south, 's-4')];
    // The first call that hangs is given up after ten seconds: who had to wait for one would show.
    expect(Math.max(...beside)).toBeLessThan(Math.max(3 * Math.max(...alone), 5_000));
  });
});
