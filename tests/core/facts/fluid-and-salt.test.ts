import { describe, expect, it } from '@jest/globals';
import type { Resource } from '@medplum/fhirtypes';
import { ago, condition, factFrom, result, statement, symptom, valueFrom } from './given.ts';

const sodium = (value: number, rest = {}): Resource => result('sodium', value, 'mmol/L', rest);
const glucose = (value: number, rest = {}): Resource => result('glucose', value, 'mmol/L', rest);

describe('sodium with a high glucose', () => {
  it('of 128 with glucose 30 is 138.7', () => {
    expect(valueFrom('sodium-glucose-adjusted', sodium(128), glucose(30))).toBe(138.7);
    expect(valueFrom('sodium-for-grading', sodium(128), glucose(30))).toBe(138.7);
  });

  it('of 132 with glucose 20 is 138.3', () => {
    expect(valueFrom('sodium-for-grading', sodium(132), glucose(20))).toBe(138.3);
  });

  it('is graded as measured at a glucose of 11, and adjusted above it', () => {
    expect(valueFrom('sodium-for-grading', sodium(128), glucose(11))).toBe(128);
    expect(valueFrom('sodium-for-grading', sodium(128), glucose(11.1))).toBeCloseTo(130.4, 1);
  });

  it('is adjusted by a glucose of the same 6 hours only', () => {
    const apart = (hours: number): Resource[] => [
      sodium(128, { effectiveDateTime: ago(20, 'h') }),
      glucose(30, { effectiveDateTime: ago(20 - hours, 'h') }),
    ];
    expect(valueFrom('sodium-for-grading', ...apart(6))).toBe(138.7);
    expect(valueFrom('sodium-for-grading', ...apart(7))).toBe(128);
  });

  it('is not made normal by a glucose that is preliminary or a bound', () => {
    const bound = { valueQuantity: { value: 30, comparator: '>' as const, unit: 'mmol/L', code: 'mmol/L' } };
    expect(valueFrom('sodium-for-grading', sodium(128), glucose(30, { status: 'preliminary' }))).toBe(128);
    expect(valueFrom('sodium-for-grading', sodium(128), glucose(30, bound))).toBe(128);
  });

  it('keeps the doubt of a preliminary sodium', () => {
    const fact = factFrom('sodium-for-grading', sodium(128, { status: 'preliminary' }), glucose(30));
    expect(fact.raisesOnly).toBe(true);
  });
});

describe('loss of volume', () => {
  const VOMITING = '422400008';
  const DIARRHOEA = '62315008';
  const ratioOf = (urea: number): Resource[] => [
    result('urea', urea, 'mmol/L'),
    result('creatinine', 100, 'umol/L'),
  ];

  it('needs two signs', () => {
    expect(valueFrom('volume-down', symptom(VOMITING, 'yes'), symptom(DIARRHOEA, 'yes'))).toBe(true);
    expect(valueFrom('volume-down', symptom(VOMITING, 'yes'))).toBe('unknown: needs');
  });

  it('counts a urea ratio of 81, not of 80', () => {
    expect(valueFrom('volume-down', symptom(VOMITING, 'yes'), ...ratioOf(8.1))).toBe(true);
    expect(valueFrom('urea-ratio-raised', ...ratioOf(8.0))).toBe(false);
  });

  it('does not read the ratio as loss of water on a corticosteroid or with an eGFR below 30', () => {
    const steroid = statement('prednisone', { dateAsserted: ago(2), effectivePeriod: { start: ago(10) } });
    expect(valueFrom('urea-ratio-raised', ...ratioOf(12), steroid)).toBe('unknown: not-applicable');
    const failing = [result('urea', 40, 'mmol/L'), result('creatinine', 400, 'umol/L')];
    expect(valueFrom('urea-ratio-raised', ...failing)).toBe('unknown: not-applicable');
  });

  it('counts a pulse above 100 and a systolic pressure below 100', () => {
    const vital = { effectiveDateTime: ago(2, 'h') };
    const pulse = (value: number) => result('heart rate', value, '/min', vital);
    const pressure = (value: number) => result('systolic', value, 'mm[Hg]', vital);
    expect(valueFrom('volume-down', pulse(101), pressure(99))).toBe(true);
    expect(valueFrom('volume-down', pulse(100), pressure(99))).toBe('unknown: needs');
    expect(valueFrom('volume-down', pulse(101), pressure(100))).toBe('unknown: needs');
  });
});

describe('a reason not to drink more', () => {
  it('is heart failure, an eGFR below 30, or a sodium below 130', () => {
    expect(valueFrom('fluid-restricted-context', condition('84114007'))).toBe(true);
    expect(valueFrom('fluid-restricted-context', result('egfr', 29, 'mL/min/{1.73_m2}'))).toBe(true);
    expect(valueFrom('fluid-restricted-context', sodium(129))).toBe(true);
    expect(valueFrom('fluid-restricted-context', sodium(130))).toBe('unknown: needs');
  });
});

describe('blood pressure of 140/90 on two days', () => {
  const pressure = (value: number, daysAgo: number): Resource =>
    result('systolic', value, 'mm[Hg]', { effectiveDateTime: ago(daysAgo) });
  it('needs two days of the last year', () => {
    expect(valueFrom('blood-pressure-high-two-days', pressure(140, 1), pressure(140, 5))).toBe(true);
    expect(valueFrom('blood-pressure-high-two-days', pressure(139, 1), pressure(140, 5))).toBe(false);
    expect(valueFrom('blood-pressure-high-two-days', pressure(150, 1), pressure(150, 1.1))).toBe(false);
    expect(valueFrom('blood-pressure-high-two-days', pressure(150, 1), pressure(150, 366))).toBe(false);
    expect(valueFrom('blood-pressure-high-two-days')).toBe('unknown: no-record');
  });
});
