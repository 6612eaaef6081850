import { describe, expect, it } from '@jest/globals';
import { ago, factFrom, factsOf, symptom } from './given.ts';
import { valueIn } from './in-words.ts';

describe('when a deficit began', () => {
  it('is the start of the time observed, the onset of the condition, or the answer of the form', () => {
    expect(valueIn('sudden-weakness-hours', { 'sudden-weakness': 'true, onset 6 h, 1 h ago' })).toBe(6);
    const form = { checklist: 'rf.weak-sudden yes, rf.neuro-onset 6 h, 1 h ago' };
    expect(valueIn('sudden-weakness-hours', form)).toBe(6);
    expect(valueIn('deficit-onset-days', { 'walking-difficulty': 'true, onset 2 days' })).toBe(2);
  });

  it('is never the time at which it was noted', () => {
    expect(valueIn('sudden-weakness-hours', { 'sudden-weakness': true })).toBe('unknown');
    expect(valueIn('deficit-onset-days', { numbness: true })).toBe('unknown');
  });
});

describe('the side', () => {
  it.each([
    ['left side', true],
    ['both sides', false],
  ])('%s', (side, expected) => {
    expect(valueIn('sudden-weakness-one-sided', { 'sudden-weakness': `true, ${side}` })).toBe(expected);
  });
  it('that nobody recorded is not known', () => {
    expect(valueIn('sudden-weakness-one-sided', { 'sudden-weakness': true })).toBe('unknown');
  });
});

describe('a deficit of long standing', () => {
  it('was there more than 30 days ago, and in between', () => {
    expect(valueIn('deficit-longstanding', { numbness: ['true, 31 days ago', 'true'] })).toBe(true);
    expect(valueIn('deficit-longstanding', { numbness: ['true, 30 days ago', 'true'] })).toBe('unknown');
    expect(
      valueIn('deficit-longstanding', { numbness: ['true, 90 days ago', 'false, 40 days ago', 'true'] }),
    ).toBe('unknown');
  });
});

describe('CK raised twice', () => {
  it.each([
    [['480 U/L, 15 days ago', '512 U/L, 1 day ago'], true],
    [['448 U/L, 30 days ago', '640 U/L'], false],
    [['576 U/L, 14 days ago', '576 U/L, 1 day ago'], 'unknown'],
    [['640 U/L'], 'unknown'],
    [['1280 U/L, 30 days ago', '1280 U/L'], false],
    [['576 U/L, 400 days ago', '576 U/L'], 'unknown'],
    [['576 U/L, 60 days ago', '576 U/L, 30 days ago', '100 U/L'], false],
  ])('%j is %s', (ck, expected) => {
    expect(valueIn('ck-raised-twice', { ck })).toBe(expected);
  });

  it('holds the result against a limit in the unit of its report', () => {
    const ck = ['9.6 ukat/L, 30 days ago, upper limit 5.3', '9.6 ukat/L, upper limit 5.3'];
    expect(valueIn('ck-raised-twice', { ck })).toBe(true);
  });

  it('uses the lower limit in women', () => {
    const ck = ['310 U/L, 30 days ago', '310 U/L'];
    expect(valueIn('ck-raised-twice', { ck, sex: 'female' })).toBe(true);
    expect(valueIn('ck-raised-twice', { ck })).toBe(false);
  });
});

describe('the restless-legs pattern', () => {
  const three = { 'leg-urge-to-move': true, 'rls-onset-at-rest': true, 'rls-relief-by-movement': true };
  it('is complete with four, excluded with one "no", else not known', () => {
    expect(valueIn('rls-pattern', { ...three, 'rls-evening-worse': true })).toBe('complete');
    expect(valueIn('rls-pattern', { ...three, 'rls-evening-worse': false })).toBe('excluded');
    expect(valueIn('rls-pattern', three)).toBe('unknown');
  });
});

describe('the diabetic foot', () => {
  it('was examined so many days ago', () => {
    expect(valueIn('foot-exam-days', { 'foot-exam-procedure': 'done, 40 days ago' })).toBe(40);
    expect(valueIn('foot-exam-days', {})).toBe('unknown');
  });

  it('has lost sensation when the monofilament is abnormal, and no word is guessed', () => {
    expect(valueIn('monofilament-abnormal', { 'monofilament-test': 'abnormal, 200 days ago' })).toBe(true);
    expect(valueIn('monofilament-abnormal', { 'monofilament-test': 'normal' })).toBe(false);
    expect(valueIn('monofilament-abnormal', { 'monofilament-test': 'abnormal, 366 days ago' })).toBe(
      'unknown',
    );
  });
});

describe('thyroid results', () => {
  const tsh = (value: number, high: number | undefined, at = ago(1)) => ({
    resourceType: 'Observation' as const,
    id: `tsh-${value}-${at}`,
    status: 'final' as const,
    code: { coding: [{ system: 'http://loinc.org', code: '3016-3' }] },
    effectiveDateTime: at,
    valueQuantity: { value, unit: 'mIU/L', code: 'm[IU]/L', system: 'http://unitsofmeasure.org' },
    ...(high === undefined ? {} : { referenceRange: [{ high: { value: high } }] }),
  });
  it('are read against the range printed with them', () => {
    expect(factFrom('tsh-above-range', tsh(4.3, 4.2))).toMatchObject({ value: true });
    expect(factFrom('tsh-above-range', tsh(4.2, 4.2))).toMatchObject({ value: false });
    expect(factFrom('tsh-above-range', tsh(9, undefined))).toMatchObject({ state: 'unknown' });
  });

  it('have settled with two in range 42 days apart', () => {
    expect(factFrom('tsh-settled', tsh(2, undefined, ago(43)), tsh(3, undefined))).toMatchObject({
      value: true,
    });
    expect(factFrom('tsh-settled', tsh(2, undefined, ago(42)), tsh(3, undefined))).toMatchObject({
      state: 'unknown',
    });
    expect(factFrom('tsh-settled', tsh(6, undefined, ago(43)), tsh(3, undefined))).toMatchObject({
      value: false,
    });
  });
});

describe('a window of a rule', () => {
  it('may be longer than the general freshness: saddle numbness 14 days', () => {
    expect(valueIn('saddle-or-sphincter', { 'saddle-anesthesia-or-sphincter': 'true, 14 days ago' })).toBe(
      true,
    );
    expect(valueIn('saddle-or-sphincter', { 'saddle-anesthesia-or-sphincter': 'true, 15 days ago' })).toBe(
      'unknown',
    );
  });

  it('is over only when a later "no" followed each "yes"', () => {
    expect(valueIn('deficit-over', { numbness: ['true, 9 days ago', 'false'] })).toBe(true);
    expect(
      valueIn('deficit-over', { numbness: ['true, 9 days ago', 'false'], 'walking-difficulty': true }),
    ).toBe(false);
    expect(valueIn('deficit-over', {})).toBe('unknown');
  });
});

describe('facts that nobody recorded anything about', () => {
  it('are unknown, never "no"', () => {
    const facts = factsOf(symptom('449917004', 'yes'));
    for (const id of [
      'deficit-over',
      'neuropathy-other',
      'foot-danger',
      'red-flags-denied',
      'cramp-worsening',
    ])
      expect(facts.get(id)).toMatchObject({ state: 'unknown' });
  });
});
