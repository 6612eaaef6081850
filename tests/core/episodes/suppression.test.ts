/** A clinician's answer: how long it holds, and what breaks it. Clinical foundations 6. */
import { describe, expect, it } from '@jest/globals';
import type { OverrideReason } from '../../../src/core/decision.ts';
import { result, statement } from '../facts/given.ts';
import { k, Life, later } from './life.ts';

const MAGNESIUM = result('magnesium', 0.85, 'mmol/L', {
  id: 'mg',
  effectiveDateTime: later(0, 'h').toISOString(),
});

/** An open alert on this potassium, answered at once. */
async function answered(reason: OverrideReason, value = 3.3): Promise<Life> {
  const life = new Life();
  expect(await life.at(later(0, 'h'), MAGNESIUM, k(value, later(-1, 'h')))).toEqual(['raise!']);
  life.answer(reason);
  expect(life.isShown()).toBe(false);
  expect(await life.at(later(1, 'h'))).toEqual([]);
  return life;
}

describe('an answer', () => {
  it.each<[OverrideReason, number]>([
    ['already-treated', 7],
    ['patient-declined', 180],
    ['not-relevant', 90],
    ['specialist-involved', 90],
    ['no-reason', 1],
    ['benefit-outweighs-risk', 180],
  ])('"%s" to a low alert holds %i days', async (reason, days) => {
    const life = await answered(reason);
    expect(life.open().suppression?.until).toBe(later(days, 'd').toISOString());
    await life.at(later(days * 24 - 1, 'h'));
    expect(life.isShown()).toBe(false);
    expect((await life.at(later(days, 'd'))).some((change) => change.endsWith('!'))).toBe(true);
    expect(life.isShown()).toBe(true);
  });

  it('"already treated" to a medicine alert without a measured value holds 30 days', async () => {
    const life = new Life();
    life.put({ ...statement('ciprofloxacin', { dateAsserted: later(0, 'h').toISOString() }), id: 'cipro' });
    life.put({ resourceType: 'Patient', id: 'p', gender: 'male', birthDate: '1950-01-01' });
    expect(await life.at(later(1, 'h'))).toEqual(['raise!']);
    life.answer('already-treated', later(1, 'h'));
    expect(life.open().suppression?.until).toBe(later(30 * 24 + 1, 'h').toISOString());
  });

  it.each<OverrideReason>([
    'already-treated',
    'benefit-outweighs-risk',
    'patient-declined',
    'not-relevant',
    'data-wrong',
    'specialist-involved',
    'no-reason',
  ])('"%s" is broken by a rise of the tier, and that is told', async (reason) => {
    const life = await answered(reason);
    expect(await life.at(later(6, 'h'), k(2.4, later(5, 'h')))).toEqual(['escalate!']);
    expect([life.isShown(), life.open().tier]).toEqual([true, 'critical']);
  });

  it('"already treated" holds until the next value, better or not', async () => {
    const life = await answered('already-treated');
    expect(await life.at(later(30, 'h'), k(3.4, later(29, 'h')))).toEqual(['unsuppress!']);
    expect(life.isShown()).toBe(true);
  });

  it('"patient declined" stands when the next value is no worse', async () => {
    const life = await answered('patient-declined');
    expect(await life.at(later(30, 'h'), k(3.4, later(29, 'h')))).toEqual(['update']);
    expect(life.isShown()).toBe(false);
  });

  it('"data wrong" is for that version of the source only', async () => {
    const life = await answered('data-wrong');
    const again = k(3.3, later(-1, 'h'), undefined, {
      meta: { versionId: '2', lastUpdated: later(40, 'h').toISOString() },
    });
    expect(await life.at(later(41, 'h'), again)).toEqual(['unsuppress!']);
  });

  it('"not relevant" to a high alert counts as no reason: 24 hours', async () => {
    const life = new Life();
    await life.at(later(0, 'h'), k(6.2, later(-1, 'h')), MAGNESIUM);
    expect(life.open().tier).toBe('high');
    life.answer('not-relevant');
    expect(life.open().suppression?.until).toBe(later(24, 'h').toISOString());
  });

  it.each<OverrideReason>(['patient-declined', 'data-wrong', 'already-treated'])(
    '"%s" to a critical alert holds 24 hours at most, and it stays open meanwhile',
    async (reason) => {
      const life = await answered(reason, 2.4);
      expect(life.episodes).toHaveLength(1);
      expect(await life.at(later(23, 'h'))).toEqual([]);
      expect(await life.at(later(24, 'h'))).toEqual(['unsuppress!']);
    },
  );

  it('"benefit outweighs risk" is broken by another dosage or a new medicine of the kind', async () => {
    const life = new Life();
    const dosed = (text: string, versionId: string) => ({
      ...statement('furosemide', { dateAsserted: later(0, 'h').toISOString(), dosage: [{ text }] }),
      id: 'furosemide',
      meta: { versionId, lastUpdated: later(Number(versionId), 'h').toISOString() },
    });
    await life.at(later(1, 'h'), MAGNESIUM, k(3.3, later(-1, 'h')), dosed('one in the morning', '1'));
    life.answer('benefit-outweighs-risk');
    expect(await life.at(later(3, 'h'), dosed('one in the morning', '2'))).toEqual(['update']);
    expect(life.isShown()).toBe(false);
    expect(await life.at(later(4, 'h'), dosed('two in the morning', '3'))).toEqual(['unsuppress!']);
  });

  it('does not keep an alert from being resolved by data', async () => {
    const life = await answered('patient-declined');
    expect(await life.at(later(30, 'h'), k(4.0, later(29, 'h')))).toEqual(['resolve']);
  });

  it('given at a higher tier stands while the tier falls and comes back to what was answered', async () => {
    const life = await answered('patient-declined', 2.9);
    expect(life.open().tier).toBe('moderate');
    await life.at(later(30, 'h'), k(3.3, later(29, 'h')));
    await life.at(later(60, 'h'), k(3.4, later(59, 'h')));
    expect(life.open().tier).toBe('low');
    expect(await life.at(later(70, 'h'), k(2.9, later(69, 'h')))).toEqual(['escalate']);
    expect(life.isShown()).toBe(false);
  });
});
