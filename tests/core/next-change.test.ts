/** When a patient must be looked at again although nothing new has come. */
import { describe, expect, it } from '@jest/globals';
import { k, Life, later } from './episodes/life.ts';
import { result, statement } from './facts/given.ts';

const MAGNESIUM = result('magnesium', 0.85, 'mmol/L', {
  id: 'mg',
  effectiveDateTime: later(0, 'h').toISOString(),
});

describe('time alone', () => {
  it('changes nothing about a patient without alerts and medicines', async () => {
    const life = new Life();
    expect(await life.at(later(0, 'h'), k(4.1, later(-1, 'h')))).toEqual([]);
    expect(await life.nextChange()).toBeUndefined();
  });

  it('repeats a critical alert that nobody answered, after 4 hours', async () => {
    const life = new Life();
    await life.at(later(0, 'h'), MAGNESIUM, k(2.3, later(-1, 'h')));
    const next = (await life.nextChange()) ?? 0;
    expect(next).toBeGreaterThanOrEqual(4);
    expect(next).toBeLessThanOrEqual(4.5);
  });

  it('brings an answered alert back when its answer has run out', async () => {
    const life = new Life();
    await life.at(later(0, 'h'), MAGNESIUM, k(3.3, later(-1, 'h')));
    life.answer('no-reason');
    const next = (await life.nextChange()) ?? 0;
    expect(next).toBeGreaterThanOrEqual(24);
    expect(next).toBeLessThanOrEqual(25);
    expect(await life.at(later(next, 'h'))).toEqual(['unsuppress!']);
  });

  it('makes an alert stale when its result is too old to answer', async () => {
    const life = new Life();
    await life.at(later(0, 'h'), MAGNESIUM, k(3.3, later(-1, 'h')));
    const next = (await life.nextChange()) ?? 0;
    expect((await life.at(later(next - 25, 'h'))).filter((change) => change.startsWith('stale'))).toEqual([]);
    expect(await life.at(later(next, 'h'))).toContain('stale!');
  });

  it('makes a check fall due for somebody who takes a diuretic', async () => {
    const life = new Life();
    const furosemide = statement('furosemide', {
      effectivePeriod: { start: later(-20, 'd').toISOString() },
    });
    const day = later(-1, 'd').toISOString();
    const panel = [
      result('sodium', 140, 'mmol/L', { id: 'na', effectiveDateTime: day }),
      result('creatinine', 70, 'umol/L', { id: 'cr', effectiveDateTime: day }),
      MAGNESIUM,
    ];
    expect(await life.at(later(0, 'h'), furosemide, ...panel, k(4.1, later(-1, 'd')))).toEqual([]);
    const next = (await life.nextChange()) ?? 0;
    expect(next).toBeGreaterThan(24);
    expect(await life.at(later(next, 'h'))).toContain('raise!');
  });
});
