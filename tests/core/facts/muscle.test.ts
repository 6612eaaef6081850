import { describe, expect, it } from '@jest/globals';
import { factIn, valueIn } from './told-in-words.ts';

describe('creatine kinase as a multiple', () => {
  it.each([
    ['of the limit of its report', { ck: '799 U/L, upper limit 200' }, 3.995],
    ['in another unit', { ck: '30 ukat/L, upper limit 3.0' }, 10],
    ['of 320 in a man without a range', { ck: '1300 U/L' }, 4.0625],
    ['of 200 in a woman without a range', { ck: '1300 U/L', sex: 'female' }, 6.5],
    ['of 200 when the sex is not known', { ck: '1300 U/L', sex: 'unknown' }, 6.5],
  ])('%s', (_name, chart, multiple) => {
    expect(valueIn('ck-multiple', chart)).toBeCloseTo(multiple, 6);
  });

  it('says when the limit is assumed', () => {
    expect(factIn('ck-multiple', { ck: '1300 U/L' }).notes).toContain('assumed-uln');
    expect(factIn('ck-multiple', { ck: '1300 U/L, upper limit 200' }).notes).not.toContain('assumed-uln');
  });

  it('is not formed from a comparator, a haemolysed sample or a result 31 days old', () => {
    expect(valueIn('ck-multiple', { ck: '>20000 U/L, upper limit 200' })).toBe('unknown: needs');
    expect(valueIn('ck-multiple', { ck: '900 U/L haemolysed, upper limit 200' })).toBe('unknown: needs');
    expect(valueIn('ck-multiple', { ck: '900 U/L, 31 days ago, upper limit 200' })).toBe('unknown: stale');
  });
});

describe('a rising creatinine', () => {
  it('is above the result before it by more than the last digit', () => {
    const rising = (...creatinine: string[]) => valueIn('creatinine-rising', { creatinine });
    expect(rising('80 umol/L, 5 days ago', '82 umol/L, 1 h ago')).toBe(true);
    expect(rising('80 umol/L, 5 days ago', '81 umol/L, 1 h ago')).toBe(false);
    expect(rising('90 umol/L, 5 days ago', '82 umol/L, 1 h ago')).toBe(false);
    expect(rising('80 umol/L, 20 days ago', '120 umol/L, 8 days ago')).toBe('unknown: stale');
    expect(rising('120 umol/L, 1 h ago')).toBe('unknown: needs');
  });
});

describe('a symptom on a lipid-lowering medicine', () => {
  const STATIN = { atorvastatin: 'active, 15 days' };
  it('counts unless it was there before the first tablet', () => {
    expect(valueIn('lipid-drug-symptom', { ...STATIN, 'muscle-pain': true })).toBe(true);
    expect(valueIn('lipid-drug-symptom', { ...STATIN, 'muscle-pain': 'true, since 5 days ago' })).toBe(true);
    expect(valueIn('lipid-drug-symptom', { ...STATIN, 'muscle-pain': 'true, since 90 days ago' })).toBe(
      'unknown: needs',
    );
  });

  it('is over after 28 days without a yes and a no at the end', () => {
    const over = (...pain: string[]) =>
      valueIn('muscle-symptoms-absent-28d', { ...STATIN, 'muscle-pain': pain });
    expect(over('true, 40 days ago', 'false, 1 day ago')).toBe(true);
    expect(over('true, 27 days ago', 'false, 1 day ago')).toBe(false);
    expect(over('true, 60 days ago', 'false, 29 days ago')).toBe('unknown: stale');
    expect(valueIn('muscle-symptoms-absent-28d', STATIN)).toBe('unknown: no-record');
  });
});

describe('medicines that meet a statin', () => {
  const SIMVA = { simvastatin: 'active, 1 year' };
  it('count for 7 days after their end when they block CYP3A4', () => {
    expect(valueIn('cyp3a4-interacting-drug', { clarithromycin: 'stopped 7 days ago' })).toBe(true);
    expect(valueIn('cyp3a4-interacting-drug', { clarithromycin: 'stopped 8 days ago' })).toBe(false);
    expect(valueIn('cyp3a4-interacting-drug', { clarithromycin: 'unknown' })).toBe('unknown: status');
  });

  it('leave azithromycin out', () => {
    expect(valueIn('cyp3a4-interacting-drug', { azithromycin: 'active, 3 days' })).toBe('unknown: no-record');
  });

  it('are gone when the last one has ended or the statin was changed', () => {
    expect(valueIn('statin-partner', { ...SIMVA, clarithromycin: 'active, 3 days' })).toBe(true);
    expect(valueIn('statin-partner', { ...SIMVA, clarithromycin: 'stopped 8 days ago' })).toBe(false);
    expect(
      valueIn('statin-partner', {
        simvastatin: 'stopped 2 days ago',
        rosuvastatin: 'active, 2 days',
        clarithromycin: 'active, 3 days',
      }),
    ).toBe(false);
    expect(valueIn('statin-partner', { ...SIMVA, clarithromycin: 'unknown' })).toBe('unknown: status');
    expect(valueIn('statin-partner', {})).toBe('unknown: no-record');
  });

  it('depend on which statin it is', () => {
    expect(valueIn('simvastatin-or-lovastatin', SIMVA)).toBe(true);
    expect(valueIn('simvastatin-or-lovastatin', { atorvastatin: 'active' })).toBe(false);
    expect(valueIn('statin-but-pravastatin-fluvastatin', { pravastatin: 'active' })).toBe(false);
    expect(valueIn('statin-but-pravastatin-fluvastatin', SIMVA)).toBe(true);
  });
});
