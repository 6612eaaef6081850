import { describe, expect, it } from '@jest/globals';
import type { Observation } from '@medplum/fhirtypes';
import { ago, condition, factFrom, patient, symptom, valueFrom } from './given.ts';

const LOINC = {
  breathing: ['9279-1', '/min'],
  saturation: ['59408-5', '%'],
  systolic: ['8480-6', 'mm[Hg]'],
  pulse: ['8867-4', '/min'],
  temperature: ['8310-5', 'Cel'],
} as const;
let counter = 0;

/** A vital sign two hours old. */
function vital(
  what: keyof typeof LOINC,
  value: number,
  hours = 2,
  rest: Partial<Observation> = {},
): Observation {
  counter += 1;
  const [code, unit] = LOINC[what];
  return {
    resourceType: 'Observation',
    id: `v${counter}`,
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code }] },
    subject: { reference: 'Patient/p' },
    effectiveDateTime: ago(hours, 'h'),
    valueQuantity: { value, unit, code: unit, system: 'http://unitsofmeasure.org' },
    ...rest,
  };
}

function awareness(word: string, hours = 2): Observation {
  counter += 1;
  return {
    resourceType: 'Observation',
    id: `v${counter}`,
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '67775-7' }] },
    subject: { reference: 'Patient/p' },
    effectiveDateTime: ago(hours, 'h'),
    valueCodeableConcept: { text: word },
  };
}

/** Six parameters that score nothing. */
const calm = (hours: number) => [
  vital('breathing', 16, hours),
  vital('saturation', 97, hours),
  vital('systolic', 125, hours),
  vital('pulse', 78, hours),
  vital('temperature', 36.8, hours),
  awareness('alert', hours),
];

describe('the early-warning score', () => {
  it.each([
    ['breathing', 8, 3],
    ['breathing', 9, 1],
    ['breathing', 11, 1],
    ['breathing', 12, 0],
    ['breathing', 20, 0],
    ['breathing', 21, 2],
    ['breathing', 24, 2],
    ['breathing', 25, 3],
    ['saturation', 91, 3],
    ['saturation', 92, 2],
    ['saturation', 93, 2],
    ['saturation', 94, 1],
    ['saturation', 95, 1],
    ['saturation', 96, 0],
    ['systolic', 90, 3],
    ['systolic', 91, 2],
    ['systolic', 100, 2],
    ['systolic', 101, 1],
    ['systolic', 110, 1],
    ['systolic', 111, 0],
    ['systolic', 219, 0],
    ['systolic', 220, 3],
    ['pulse', 40, 3],
    ['pulse', 41, 1],
    ['pulse', 50, 1],
    ['pulse', 51, 0],
    ['pulse', 90, 0],
    ['pulse', 91, 1],
    ['pulse', 110, 1],
    ['pulse', 111, 2],
    ['pulse', 130, 2],
    ['pulse', 131, 3],
    ['temperature', 35.0, 3],
    ['temperature', 35.1, 1],
    ['temperature', 36.0, 1],
    ['temperature', 36.1, 0],
    ['temperature', 38.0, 0],
    ['temperature', 38.04, 0],
    ['temperature', 38.05, 1],
    ['temperature', 39.0, 1],
    ['temperature', 39.1, 2],
  ] as const)('gives %s of %d at least %d points', (what, value, points) => {
    expect(valueFrom('news2-partial', vital(what, value))).toEqual({ low: points, high: undefined });
  });

  it('is exact when all six parameters are there', () => {
    expect(valueFrom('news2-partial', ...calm(2))).toBe(0);
    expect(valueFrom('news2-any-3', ...calm(2))).toBe(false);
  });

  it('is not known without any sign, and no alarm is ruled out by some', () => {
    expect(valueFrom('news2-partial')).toBe('unknown: no-record');
    expect(valueFrom('news2-any-3', vital('pulse', 80))).toBe('unknown: needs');
  });

  it('counts new confusion and anything but alert as 3', () => {
    expect(valueFrom('news2-any-3', symptom('130987000', 'yes', ago(2, 'h')))).toBe(true);
    for (const word of ['voice', 'pain', 'unresponsive'])
      expect(valueFrom('news2-partial', awareness(word))).toEqual({ low: 3, high: undefined });
    expect(valueFrom('news2-partial', awareness('alert'))).toEqual({ low: 0, high: undefined });
  });

  it('takes the newest six hours of the last day only', () => {
    expect(valueFrom('news2-partial', vital('pulse', 131, 8), vital('breathing', 22, 2))).toEqual({
      low: 5,
      high: undefined,
    });
    expect(valueFrom('news2-partial', vital('pulse', 131, 8.1), vital('breathing', 22, 2))).toEqual({
      low: 2,
      high: undefined,
    });
    expect(valueFrom('news2-partial', vital('pulse', 131, 24.1))).toBe('unknown: no-record');
  });

  it('takes the newest of two values, not the worst', () => {
    expect(valueFrom('news2-partial', vital('pulse', 131, 4), vital('pulse', 80, 1))).toEqual({
      low: 0,
      high: undefined,
    });
  });

  it('does not use a value without an hour or one beyond a limit', () => {
    expect(valueFrom('news2-partial', vital('pulse', 131, 2, { effectiveDateTime: '2026-05-12' }))).toBe(
      'unknown: no-record',
    );
    const above = vital('pulse', 131, 2);
    expect(
      valueFrom('news2-partial', { ...above, valueQuantity: { ...above.valueQuantity, comparator: '>' } }),
    ).toBe('unknown: no-record');
  });

  it('on a preliminary sign may raise and never clears', () => {
    const fact = factFrom('news2-partial', vital('pulse', 131, 2, { status: 'preliminary' }));
    expect(fact.notes).toEqual(['preliminary']);
    expect(fact.raisesOnly).toBe(true);
  });

  it('is not used in pregnancy', () => {
    const her = patient({ gender: 'female', birthDate: '1996-01-01' });
    expect(valueFrom('news2-partial', her, condition('77386006'), vital('pulse', 131))).toBe(
      'unknown: not-applicable',
    );
  });
});

describe('a sign that is always there', () => {
  const low = (days: number) => vital('saturation', 90, days * 24);

  it('has scored the same for more than 30 days', () => {
    expect(valueFrom('news2-chronic', low(31), low(10), vital('saturation', 90))).toBe(true);
    expect(valueFrom('news2-chronic', low(29), vital('saturation', 90))).toBe(false);
  });

  it('is new again when it was better in between, or when another sign is new', () => {
    expect(valueFrom('news2-chronic', low(31), vital('saturation', 96, 240), vital('saturation', 90))).toBe(
      false,
    );
    expect(valueFrom('news2-chronic', low(31), vital('saturation', 90), vital('pulse', 131))).toBe(false);
  });
});

describe('settled signs', () => {
  it('need two complete sets of at most 2 points, 12 hours apart', () => {
    expect(valueFrom('news2-settled', ...calm(14), ...calm(2))).toBe(true);
    expect(valueFrom('news2-settled', ...calm(13), ...calm(2))).toBe('unknown: needs');
    expect(valueFrom('news2-settled', ...calm(2))).toBe('unknown: needs');
  });

  it('are not settled by part of the signs, nor with a high score between them', () => {
    expect(valueFrom('news2-settled', ...calm(14).slice(1), ...calm(2).slice(1))).toBe('unknown: needs');
    expect(valueFrom('news2-settled', ...calm(20), vital('pulse', 131, 10), ...calm(2))).toBe(
      'unknown: needs',
    );
    expect(valueFrom('news2-settled', ...calm(20), vital('pulse', 131, 1))).toBe(false);
  });
});
