import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadDefinitions } from '../../src/sandbox/definitions.ts';
import { episodesOf } from '../../src/store/episode.ts';
import { lookAgainAt } from '../../src/store/look-again.ts';
import type { ConnectionId, PatientId } from '../../src/vocabulary/ids.ts';
import { HOUR } from '../../src/vocabulary/instant.ts';
import { Hospital, magnesium, patient, potassium } from './hospital.ts';

const WARD = 'ward' as ConnectionId;

describe('although nothing is pushed', () => {
  const start = Date.now();
  let hospital: Hospital;
  let hours = 0;
  beforeAll(async () => {
    loadDefinitions();
    hospital = await Hospital.open({ now: () => new Date(start + hours * HOUR) });
  });
  afterAll(() => hospital[Symbol.asyncDispose]());

  const stored = async (id: string) => {
    const [one] = await episodesOf(hospital.running.store.db, WARD, id as PatientId);
    if (one === undefined) throw new Error('no alert');
    return one;
  };

  it('an answered alert comes back when its answer has run out, and not before', async () => {
    hours = 0;
    await hospital.putTogether([patient('a'), magnesium('a-mg', 'a'), potassium('a-k', 'a', 3.2, 2)]);
    await hospital.settled();
    const { alertId } = await stored('a');
    const at = new Date(start);
    const answer = { outcome: 'overridden' } as const;
    await hospital.running.answer({
      connectionId: WARD,
      alertId,
      channel: 'card',
      at,
      receivedAt: at,
      answer,
    });
    await hospital.settled();
    expect((await stored('a')).episode).toHaveProperty('suppression.reason', 'no-reason');

    hours = 23;
    expect(await hospital.running.lookAgain()).toBe(0);
    hours = 26;
    expect(await hospital.running.lookAgain()).toBe(1);
    expect(await hospital.running.lookAgain()).toBe(0);
    await hospital.settled();
    expect((await stored('a')).episode).not.toHaveProperty('suppression');
  });

  it('the public keys of the installation are told to authorization servers', async () => {
    const told = await fetch(`${hospital.running.url}/.well-known/jwks.json`);
    expect([told.headers.get('cache-control'), await told.json()]).toEqual(['max-age=3600', { keys: [] }]);
  });

  it('a patient about whom time changes nothing is not looked at again', async () => {
    hours = 0;
    await hospital.putTogether([patient('b'), potassium('b-k', 'b', 4.1, 2)]);
    await hospital.settled();
    expect(await lookAgainAt(hospital.running.store.db, WARD, 'b' as PatientId)).toBeUndefined();
    expect(await lookAgainAt(hospital.running.store.db, WARD, 'a' as PatientId)).toBeInstanceOf(Date);
  });
});
