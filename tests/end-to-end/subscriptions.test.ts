import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, Subscription } from '@medplum/fhirtypes';
import { loadDefinitions } from '../../src/sandbox/definitions.ts';
import { Hospital, magnesium, patient, potassium } from './hospital.ts';

const MINUTE = 60_000;

describe('a hospital whose server has switched our Subscriptions off', () => {
  const start = Date.now();
  let hospital: Hospital;
  let minutes = 0;
  beforeAll(async () => {
    loadDefinitions();
    hospital = await Hospital.open({ now: () => new Date(start + minutes * MINUTE) });
  });
  afterAll(() => hospital[Symbol.asyncDispose]());

  const onServer = async (): Promise<Subscription[]> => {
    const found = (await (await fetch(`${hospital.sandbox.base}/Subscription?_count=50`)).json()) as Bundle;
    return (found.entry ?? []).map(({ resource }) => resource as Subscription);
  };

  it('gets them back, with an alert for what it did not push', async () => {
    await hospital.settled();
    for (const one of await onServer())
      await hospital.put({ ...one, status: 'off', error: 'too many failures' });
    await hospital.putTogether([patient('a'), magnesium('a-mg', 'a'), potassium('a-k', 'a', 3.2, 2)]);
    await hospital.settled();
    expect(await hospital.openIssues()).toEqual([]);

    minutes = 6;
    expect(await hospital.running.watchSubscriptions()).toMatchObject({ watched: 1 });
    await hospital.settled();
    expect(await hospital.openIssues()).toHaveLength(1);
    expect(new Set((await onServer()).map(({ status }) => status))).toEqual(new Set(['active']));
    const told = await (await fetch(`${hospital.running.url}/statusz`)).json();
    const each = expect.objectContaining({
      status: 'active',
      reactivations: 1,
      missing: 0,
      neverActive: false,
    });
    expect(told).toMatchObject({ connections: [{ subscriptions: [each, each, each, each, each] }] });
  });

  it('pushes again afterwards', async () => {
    await hospital.put(potassium('a-k2', 'a', 2.4, 0.1));
    await hospital.settled();
    const [issue] = await hospital.openIssues();
    expect(issue?.severity).toBe('high');
  });
});
