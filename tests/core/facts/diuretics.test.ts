import { describe, expect, it } from '@jest/globals';
import { ago, factFrom, order, statement, valueFrom } from './given.ts';

const current = { effectivePeriod: { start: ago(400) }, dateAsserted: ago(1) };

describe('two diuretics', () => {
  it('are two ingredients of two classes, one of them wasting potassium', () => {
    const pair = factFrom(
      'diuretic-pair',
      statement('furosemide', current),
      statement('hydrochlorothiazide', current),
    );
    expect(pair).toMatchObject({ value: true, names: ['furosemide', 'hydrochlorothiazide'] });
    expect(pair.notes).toContain('two-potassium-wasting');
  });

  it('are not one ingredient recorded twice', () => {
    const twice = [statement('furosemide', current), order('furosemide', { authoredOn: ago(10) })];
    expect(valueFrom('diuretic-pair', ...twice)).toBe(false);
  });

  it('can not be told while the second has an unknown status, or without any record', () => {
    const second = statement('hydrochlorothiazide', { ...current, status: 'unknown' });
    expect(valueFrom('diuretic-pair', statement('furosemide', current), second)).toBe('unknown: needs');
    expect(valueFrom('diuretic-pair')).toBe('unknown: no-record');
  });

  it('still count as recent for 14 days after one ended', () => {
    const ended = (days: number) =>
      statement('hydrochlorothiazide', {
        status: 'completed',
        effectivePeriod: { start: ago(100), end: ago(days) },
      });
    const loop = statement('furosemide', current);
    expect(valueFrom('diuretic-pair', loop, ended(3))).toBe(false);
    expect(valueFrom('diuretic-pair-or-recent', loop, ended(14))).toBe(true);
    expect(valueFrom('diuretic-pair-or-recent', loop, ended(15))).toBe(false);
  });
});
