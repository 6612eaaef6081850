import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { lookAgainAt, moveLookAgain, setLookAgain, takeLooksDue } from '../../src/store/look-again.ts';
import type { ConnectionId, PatientId } from '../../src/vocabulary/ids.ts';
import { databases, type TestStore } from './databases.ts';

const WARD = 'north' as ConnectionId;
const MINUTE = 60_000;
const NOON = Date.parse('2026-05-12T12:00:00Z');
const at = (minutes: number): Date => new Date(NOON + minutes * MINUTE);

describe.each(await databases())('when a patient is looked at again, on $name', (database) => {
  let opened: TestStore;
  beforeAll(async () => {
    opened = await database.open();
  });
  afterAll(() => opened.close());

  const set = (patientId: PatientId, to: Date) =>
    opened.store.transaction((trx) => setLookAgain(trx, WARD, patientId, to));
  const move = (patientId: PatientId, from: Date, to: Date | undefined) =>
    moveLookAgain(opened.store.db, { connectionId: WARD, patientId }, from, to);
  const asked = (patientId: PatientId) => lookAgainAt(opened.store.db, WARD, patientId);

  it('is what looking ahead has found, or never', async () => {
    const [later, never] = ['later', 'never'] as PatientId[] as [PatientId, PatientId];
    for (const patientId of [later, never]) await set(patientId, at(10));
    await move(later, at(10), at(600));
    await move(never, at(10), undefined);
    expect(await asked(later)).toEqual(at(600));
    expect(await asked(never)).toBeUndefined();
  });

  it('is left as a newer decision has set it meanwhile', async () => {
    const patientId = 'newer' as PatientId;
    await set(patientId, at(10));
    await set(patientId, at(11));
    await move(patientId, at(10), at(600));
    await move(patientId, at(10), undefined);
    expect(await asked(patientId)).toEqual(at(11));
  });

  it('is not set once more for a patient who is looked at already', async () => {
    const patientId = 'taken' as PatientId;
    await set(patientId, at(10));
    const taken = await opened.store.transaction((trx) => takeLooksDue(trx, at(10), 500));
    expect(taken.map((one) => one.patientId)).toContain(patientId);
    await move(patientId, at(10), at(600));
    expect(await asked(patientId)).toBeUndefined();
  });
});
