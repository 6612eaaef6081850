import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadDefinitions } from '../../src/sandbox/definitions.ts';
import { until } from '../store/until.ts';
import { Hospital, magnesium, patient, potassium } from './hospital.ts';

describe('a server that pushes nothing', () => {
  let hospital: Hospital;
  beforeAll(async () => {
    loadDefinitions();
    hospital = await Hospital.open({ pollOnlyEveryMs: 200 });
  });
  afterAll(() => hospital[Symbol.asyncDispose]());

  it('is given no Subscription, its alerts come by sweeps alone, and a push in its name is refused', async () => {
    await hospital.put(patient('a'), magnesium('a-mg', 'a'), potassium('a-k', 'a', 2.4, 4));
    await until('the alert', async () => (await hospital.openIssues()).length === 1);
    await hospital.put(potassium('a-k2', 'a', 4.1, 1));
    await until('its end', async () => (await hospital.openIssues()).length === 0);
    const subscriptions = await fetch(`${hospital.sandbox.base}/Subscription`);
    expect(await subscriptions.json()).not.toHaveProperty('entry.0');
    expect((await fetch(hospital.hookUrl, { method: 'POST' })).status).toBe(404);
  });
});
