import { describe, expect, it } from '@jest/globals';
import { ckdEpi2021 } from '../../../src/core/facts/egfr.ts';
import { isAbove, isBelow } from '../../../src/core/facts/fact.ts';
import { ago, condition, factFrom, patient, result, symptom, valueFrom } from './given.ts';
import { valueIn } from './in-words.ts';

describe('eGFR by CKD-EPI 2021', () => {
  it.each([
    [88.4, 50, 'male', 91.7],
    [88.4, 50, 'female', 68.6],
    [53, 40, 'female', 116.3],
    [70, 60, 'male', 101.6],
    [120, 68, 'male', 56.8],
    [150, 72, 'male', 42.4],
    [150, 72, 'female', 31.7],
    [260, 70, 'female', 16.6],
    [400, 65, 'female', 10.2],
  ] as const)('of %d umol/L at %d years, %s, is %d', (creatinine, age, sex, expected) => {
    expect(ckdEpi2021(creatinine, age, sex)).toBeCloseTo(expected, 1);
  });

  it('has a stage for both sexes when both agree, and "not reduced" even when they do not', () => {
    const unknownSex = patient({ gender: 'unknown', birthDate: '1954-01-01' });
    expect(valueFrom('egfr-stage', unknownSex, result('creatinine', 150, 'umol/L'))).toBe('G3b');
    const fifty = patient({ gender: 'unknown', birthDate: '1976-01-01' });
    expect(valueFrom('egfr-stage', fifty, result('creatinine', 88.4, 'umol/L'))).toBe('unknown: needs');
    expect(isBelow(factFrom('egfr', fifty, result('creatinine', 88.4, 'umol/L')), 60)).toBe('false');
  });

  it('is not read from a value with a race term', () => {
    const withRace = result('egfr', 41, 'mL/min/{1.73_m2}', {
      code: { coding: [{ system: 'http://loinc.org', code: '48642-3' }] },
    });
    expect(valueFrom('egfr', withRace)).toBe('unknown: refused');
    expect(valueFrom('egfr', withRace, result('creatinine', 150, 'umol/L'))).toBeCloseTo(47.1, 1);
  });

  it('prefers a reported value to a computed one, and a newer creatinine to an older report', () => {
    const reported = result('egfr', 50, 'mL/min/{1.73_m2}', { effectiveDateTime: ago(2) });
    expect(valueFrom('egfr', reported)).toBe(50);
    expect(valueFrom('egfr', reported, result('creatinine', 260, 'umol/L'))).toBeLessThan(30);
  });

  it('above 90 as ">90" is known not to be reduced', () => {
    const fact = factFrom(
      'egfr',
      result('egfr', 90, undefined, {
        valueQuantity: {
          value: 90,
          comparator: '>',
          unit: 'mL/min/1.73m2',
          code: 'mL/min/{1.73_m2}',
          system: 'http://unitsofmeasure.org',
        },
      }),
    );
    expect(isBelow(fact, 60)).toBe('false');
  });
});

describe('acute kidney injury', () => {
  const at = (value: number, hours: number, unit = 'umol/L') =>
    result('creatinine', value, unit, { effectiveDateTime: ago(hours, 'h') });
  it.each([
    ['a rise of 27 in 40 h', [at(80, 41), at(107, 1)], 1],
    ['a rise of 26 in 40 h', [at(80, 41), at(106, 1)], 0],
    ['a rise of 27 in 50 h', [at(80, 51), at(107, 1)], 0],
    ['1.0 to 1.3 mg/dL in a day', [at(1.0, 25, 'mg/dL'), at(1.3, 1, 'mg/dL')], 1],
    ['half more in 5 days', [at(80, 121), at(120, 1)], 1],
    ['double in 6 days', [at(82, 145), at(168, 1)], 2],
    [
      'half more than a year at 240, now 360',
      [at(240, 24 * 300), at(240, 24 * 200), at(240, 24 * 100), at(360, 1)],
      3,
    ],
    ['high and not rising', [at(345, 24 * 60), at(340, 31), at(356, 1)], 0],
    ['three times in 3 days', [at(70, 73), at(212, 1)], 3],
  ])('%s', (_name, series, stage) => {
    expect(valueFrom('aki-stage', ...series)).toBe(stage);
  });

  it('can not be told from a first creatinine', () => {
    expect(valueFrom('aki-stage', at(190, 1))).toBe('unknown: needs');
  });
});

describe('calcium adjusted for albumin', () => {
  it.each([
    [1.95, 'mmol/L', 28, 'g/L', 2.19],
    [7.8, 'mg/dL', 2.8, 'g/dL', 2.19],
    [2.05, 'mmol/L', 46, 'g/L', 1.93],
  ] as const)('%d %s with albumin %d %s is %d mmol/L', (calcium, unit, albumin, albuminUnit, expected) => {
    expect(
      valueFrom('calcium-best', result('calcium', calcium, unit), result('albumin', albumin, albuminUnit)),
    ).toBe(expected);
  });

  it('needs albumin', () => {
    expect(factFrom('calcium-best', result('calcium', 2.05, 'mmol/L'))).toMatchObject({
      why: 'needs',
      missing: ['albumin-serum'],
    });
  });

  it('gives way to an ionised value of the same day', () => {
    expect(
      factFrom(
        'calcium-best',
        result('calcium', 1.88, 'mmol/L'),
        result('albumin', 26, 'g/L'),
        result('ionised calcium', 1.05, 'mmol/L'),
      ),
    ).toMatchObject({ why: 'not-applicable' });
  });

  it('may raise and never clears while albumin is far from normal', () => {
    expect(
      factFrom('calcium-best', result('calcium', 2.0, 'mmol/L'), result('albumin', 19, 'g/L')),
    ).toMatchObject({ raisesOnly: true });
  });
});

describe('age', () => {
  it('is exact from a full birth date', () => {
    const fact = factFrom('age', patient({ birthDate: '1966-05-12' }));
    expect([isAbove(fact, 60), isBelow(fact, 60)]).toEqual(['false', 'false']);
    expect(isAbove(factFrom('age', patient({ birthDate: '1966-05-11' })), 60)).toBe('true');
  });

  it('is a range from a year: 59 or 60', () => {
    const fact = factFrom('age', patient({ birthDate: '1966' }));
    expect([isAbove(fact, 60), isAbove(fact, 59), isBelow(fact, 18)]).toEqual(['unknown', 'true', 'false']);
  });
});

describe('symptoms', () => {
  it('said to be absent make their children absent', () => {
    expect(valueFrom('leg-cramp', symptom('449917004', 'no'))).toBe(false);
    expect(valueFrom('nocturnal-leg-cramp', symptom('449917004', 'no'))).toBe(false);
  });

  it('grow old: a yes 29 days ago is unknown', () => {
    expect(valueFrom('leg-cramp', symptom('449917004', 'yes', ago(29)))).toBe('unknown: stale');
  });

  it('a nocturnal cramp is a cramp', () => {
    expect(valueFrom('cramps-present', symptom('90392009', 'yes'))).toBe(true);
  });

  it('are unknown when nobody asked', () => {
    expect(valueFrom('cramps-present')).toBe('unknown: no-record');
  });

  it('can not be ruled out by nights without one, only by a week without one', () => {
    expect(valueIn('cramps-present', { 'cramp-night-count-per-week': 0 })).toBe('unknown');
    expect(valueIn('cramps-present', { 'cramp-frequency-per-week': 0 })).toBe(false);
    expect(
      valueIn('cramps-present', { 'cramp-frequency-per-week': 0, 'cramp-night-count-per-week': 2 }),
    ).toBe(true);
  });
});

describe('diagnoses', () => {
  const MYASTHENIA = '91637004';
  it('refuted without any assertion stay unknown', () => {
    const refuted = condition(MYASTHENIA, { verificationStatus: { coding: [{ code: 'refuted' }] } });
    expect(valueFrom('myasthenia-gravis', refuted)).toMatch('unknown');
  });

  it('suspected may raise and never clear', () => {
    expect(
      factFrom(
        'myasthenia-gravis',
        condition(MYASTHENIA, { verificationStatus: { coding: [{ code: 'provisional' }] } }),
      ),
    ).toMatchObject({ value: true, notes: ['suspected'], raisesOnly: true });
  });

  it('acute ones are over after 30 days', () => {
    expect(valueFrom('cystitis', condition('38822007', { recordedDate: ago(5) }))).toBe(true);
    expect(valueFrom('cystitis', condition('38822007', { recordedDate: ago(31) }))).toMatch('unknown');
  });
});
