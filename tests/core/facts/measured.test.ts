import { describe, expect, it } from '@jest/globals';
import type { Observation } from '@medplum/fhirtypes';
import fc from 'fast-check';
import { isAbove, isBelow } from '../../../src/core/facts/fact.ts';
import { ago, factFrom, factsOf, HAEMOLYSED, potassium, result, valueFrom } from './given.ts';

describe('the latest potassium', () => {
  it('is the newest final result', () => {
    expect(valueFrom('potassium', potassium(3.2, { effectiveDateTime: ago(2) }), potassium(4.1))).toBe(4.1);
  });

  it('does not count a result entered in error', () => {
    expect(
      valueFrom(
        'potassium',
        potassium(3.2),
        potassium(2.1, { effectiveDateTime: ago(0), status: 'entered-in-error' }),
      ),
    ).toBe(3.2);
  });

  it('is a newer preliminary value when that is worse, and then it may raise and never clear', () => {
    const fact = factFrom(
      'potassium',
      potassium(4.1, { effectiveDateTime: ago(7) }),
      potassium(2.8, { effectiveDateTime: ago(0), status: 'preliminary' }),
    );
    expect(fact).toMatchObject({ state: 'known', value: 2.8, raisesOnly: true, notes: ['preliminary'] });
  });

  it('stays the final low one when a newer preliminary value is normal', () => {
    expect(
      valueFrom(
        'potassium',
        potassium(2.8, { effectiveDateTime: ago(7) }),
        potassium(4.1, { effectiveDateTime: ago(0), status: 'preliminary' }),
      ),
    ).toBe(2.8);
  });

  it('is replaced by its own corrected version', () => {
    const first = potassium(3.4, { id: 'same', meta: { lastUpdated: ago(1) } });
    const corrected = potassium(4.3, { id: 'same', status: 'corrected', meta: { lastUpdated: ago(0) } });
    expect(valueFrom('potassium', corrected, first)).toBe(4.3);
  });

  it('is unknown without a unit: 4.1 of what?', () => {
    expect(valueFrom('potassium', result('potassium', 4.1))).toBe('unknown: unit-unrecognised');
  });

  it('is unknown, not older, when the newest is implausible', () => {
    expect(valueFrom('potassium', potassium(4.0, { effectiveDateTime: ago(3) }), potassium(15.2))).toBe(
      'unknown: implausible',
    );
  });

  it('counts a result nine minutes ahead as now, and sets aside one eleven minutes ahead', () => {
    expect(valueFrom('potassium', potassium(4.0, { effectiveDateTime: ago(-9, 'min') }))).toBe(4.0);
    expect(valueFrom('potassium', potassium(4.0, { effectiveDateTime: ago(-11, 'min') }))).toBe(
      'unknown: future-dated',
    );
  });

  it('dated by day alone is read at noon in the home time zone', () => {
    const fact = factFrom('potassium', potassium(4.0, { effectiveDateTime: '2026-05-12' }));
    expect(fact.at?.toISOString()).toBe('2026-05-12T11:00:00.000Z');
    expect(fact.notes).toContain('date-only');
  });

  it('is history when only the month is known', () => {
    expect(
      valueFrom('creatinine-serum', result('creatinine', 90, 'umol/L', { effectiveDateTime: '2026-05' })),
    ).toBe('unknown: no-record');
  });

  it('is stale after 14 days', () => {
    expect(valueFrom('potassium', potassium(3.1, { effectiveDateTime: ago(15) }))).toBe('unknown: stale');
    expect(valueFrom('last.potassium-serum', potassium(3.1, { effectiveDateTime: ago(15) }))).toBe(3.1);
  });

  it('below 3.0 as "<3.0" answers 3.5 and 3.0, not 2.5', () => {
    const fact = factFrom(
      'potassium',
      result('potassium', 3.0, 'mmol/L', {
        valueQuantity: {
          value: 3.0,
          comparator: '<',
          unit: 'mmol/L',
          code: 'mmol/L',
          system: 'http://unitsofmeasure.org',
        },
      }),
    );
    expect([isBelow(fact, 3.5), isBelow(fact, 3.0), isBelow(fact, 2.5)]).toEqual(['true', 'true', 'unknown']);
  });
});

describe('a haemolysed sample', () => {
  it('is at least this low, and proves nothing normal', () => {
    const low = factFrom('potassium', potassium(3.3, HAEMOLYSED));
    const normal = factFrom('potassium', potassium(3.9, HAEMOLYSED));
    expect([isBelow(low, 3.5), isBelow(normal, 3.5)]).toEqual(['true', 'unknown']);
  });

  it('with 5.9 is neither known high nor known not high', () => {
    const fact = factFrom('potassium', potassium(5.9, HAEMOLYSED));
    expect([isBelow(fact, 5.5), isAbove(fact, 5.4)]).toEqual(['unknown', 'unknown']);
    expect(valueFrom('potassium-high-unconfirmed', potassium(5.9, HAEMOLYSED))).toBe(5.9);
  });

  it('is recognised by its Specimen', () => {
    const specimen = {
      resourceType: 'Specimen',
      id: 'sp',
      condition: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0493', code: 'HEM' }] }],
    } as const;
    expect(
      factFrom(
        'potassium',
        { ...specimen, condition: [...specimen.condition] } as never,
        potassium(3.9, { specimen: { reference: 'Specimen/sp' } }),
      ).notes,
    ).toContain('haemolysed');
  });
});

describe('laboratory and blood gas', () => {
  it('disagree by 0.6: the lower one raises and neither clears', () => {
    const fact = factFrom(
      'potassium',
      potassium(3.3, { effectiveDateTime: ago(4, 'h') }),
      result('potassium-blood', 3.9, 'mmol/L', { effectiveDateTime: ago(3, 'h') }),
    );
    expect(fact).toMatchObject({ state: 'known', value: 3.3, raisesOnly: true });
    expect(fact.notes).toContain('conflict');
  });

  it('agree within 0.5: the laboratory counts', () => {
    const fact = factFrom(
      'potassium',
      potassium(3.3, { effectiveDateTime: ago(4, 'h') }),
      result('potassium-blood', 3.6, 'mmol/L', { effectiveDateTime: ago(3, 'h') }),
    );
    expect(fact).toMatchObject({ value: 3.3 });
    expect(fact.raisesOnly).toBeUndefined();
  });
});

describe('units', () => {
  it('of magnesium: 1.7 mg/dL and 1.4 mEq/L are 0.70 mmol/L, 1.7 without a unit is nothing', () => {
    expect(valueFrom('magnesium-serum', result('magnesium', 1.7, 'mg/dL'))).toBe(0.7);
    expect(valueFrom('magnesium-serum', result('magnesium', 1.4, 'mEq/L'))).toBe(0.7);
    expect(valueFrom('magnesium-serum', result('magnesium', 1.7, 'mmol/L'))).toBe(1.7);
    expect(valueFrom('magnesium-serum', result('magnesium', 1.7))).toBe('unknown: unit-unrecognised');
  });

  it('of calcium: 8.4 mg/dL is 2.10 mmol/L', () => {
    expect(valueFrom('calcium-total-serum', result('calcium', 8.4, 'mg/dL'))).toBe(2.1);
  });

  it('of temperature: 100.4 degF is 38.00, and 39.5 degF is a unit slip', () => {
    expect(valueFrom('body-temperature', result('temperature', 100.4, '[degF]'))).toBe(38);
    expect(valueFrom('body-temperature', result('temperature', 39.5, '[degF]'))).toBe('unknown: implausible');
  });
});

describe('order and duplicates', () => {
  const results: Observation[] = [
    potassium(3.2, { id: 'a', effectiveDateTime: ago(2) }),
    potassium(4.1, { id: 'b' }),
    potassium(2.9, { id: 'c', effectiveDateTime: ago(3) }),
    result('magnesium', 0.6, 'mmol/L', { id: 'd' }),
  ];

  it('of resources change no fact', () => {
    const expected = JSON.stringify([...factsOf(...results)]);
    fc.assert(
      fc.property(fc.shuffledSubarray(results, { minLength: 4 }), fc.subarray(results), (shuffled, again) => {
        expect(JSON.stringify([...factsOf(...shuffled, ...again)])).toBe(expected);
      }),
    );
  });
});
