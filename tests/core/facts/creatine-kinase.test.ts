import { describe, expect, it } from '@jest/globals';
import { factFrom, patient, result, valueFrom } from './given.ts';

describe('creatine kinase in multiples', () => {
  it('is read against the reported upper limit', () => {
    const range = { referenceRange: [{ high: { value: 250, unit: 'U/L', code: 'U/L' } }] };
    expect(valueFrom('ck-multiple', result('ck', 1000, 'U/L', range))).toBe(4);
    expect(factFrom('ck-multiple', result('ck', 1000, 'U/L', range)).notes).not.toContain('assumed-uln');
  });

  it('without one is read against 320 in men and 200 otherwise, and says so', () => {
    const fact = factFrom('ck-multiple', result('ck', 3200, 'U/L'));
    expect(fact).toMatchObject({ value: 10 });
    expect(fact.notes).toContain('assumed-uln');
    expect(valueFrom('ck-multiple', patient({ gender: 'female' }), result('ck', 1000, 'U/L'))).toBe(5);
    expect(valueFrom('ck-multiple', patient({ gender: 'unknown' }), result('ck', 1000, 'U/L'))).toBe(5);
  });
});
