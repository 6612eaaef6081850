import { describe, expect, it } from '@jest/globals';
import { factIn, valueIn } from './told-in-words.ts';

const CIPRO = { ciprofloxacin: 'active, 3 days' };

describe('creatinine clearance', () => {
  it('of a woman of 78 with 60 kg and 106 umol/L is 36.5 mL/min', () => {
    const value = valueIn('creatinine-clearance', {
      age: 78,
      sex: 'female',
      weight: '60 kg',
      creatinine: '106 umol/L',
    });
    expect(value).toBeCloseTo(36.5, 1);
  });

  it('is a range when the sex is not known', () => {
    const fact = factIn('creatinine-clearance', {
      age: 78,
      sex: 'unknown',
      weight: '60 kg',
      creatinine: '106 umol/L',
    });
    expect(fact.state === 'bounded' && [fact.low, fact.high].map((end) => Math.round(end as number))).toEqual(
      [36, 43],
    );
  });

  it('is not known without a weight of 180 days or a creatinine of 90 days', () => {
    expect(valueIn('creatinine-clearance', { creatinine: '106 umol/L' })).toBe('unknown: needs');
    expect(valueIn('creatinine-clearance', { creatinine: '106 umol/L', weight: '60 kg, 181 days ago' })).toBe(
      'unknown: needs',
    );
    expect(valueIn('creatinine-clearance', { creatinine: '106 umol/L, 91 days ago', weight: '60 kg' })).toBe(
      'unknown: needs',
    );
  });
});

describe('a fluoroquinolone by mouth', () => {
  it('is assumed where no route is recorded, and not where it is given by vein', () => {
    expect(valueIn('fq-oral', CIPRO)).toBe(true);
    expect(valueIn('fq-oral', { ciprofloxacin: 'active, 3 days, route unknown' })).toBe(true);
    expect(valueIn('fq-oral', { ciprofloxacin: 'active, 3 days, intravenous' })).toBe(false);
    expect(valueIn('fq-oral', { ciprofloxacin: 'stopped 5 days ago' })).toBe(false);
    expect(valueIn('fq-oral', {})).toBe('unknown: no-record');
  });

  it.each([
    ['ciprofloxacin', 'ciprofloxacin 2 h before or 6 h after'],
    ['levofloxacin', 'levofloxacin 2 h before or 2 h after'],
    ['moxifloxacin', 'moxifloxacin 4 h before or 8 h after'],
    ['ofloxacin', 'ofloxacin 2 h before or 6 h after'],
  ])('%s has its own spacing', (drug, words) => {
    expect(valueIn('fq-cation-spacing', { [drug]: 'active, 3 days' })).toBe(words);
  });

  it('is apart from a mineral product only when every recorded time says so', () => {
    const apart = (mineral: string) =>
      valueIn('fq-cation-separated', {
        ciprofloxacin: 'active, 3 days, at 08:00 and 20:00',
        'calcium carbonate': mineral,
      });
    expect(apart('active, 30 days, at 14:00')).toBe(true);
    expect(apart('active, 30 days, at 14:00 and 08:00')).toBe(false);
    expect(apart('active, 30 days')).toBe('unknown: no-record');
  });
});

describe('which fluoroquinolone it is', () => {
  it('is told by its name', () => {
    expect(valueIn('fq-levofloxacin-or-ofloxacin', { ofloxacin: 'active, 3 days' })).toBe(true);
    expect(valueIn('fq-levofloxacin-or-ofloxacin', CIPRO)).toBe(false);
    expect(valueIn('fq-other-kidney-cleared', { norfloxacin: 'active, 3 days' })).toBe(true);
    expect(valueIn('fq-other-kidney-cleared', { moxifloxacin: 'active, 3 days' })).toBe(false);
  });
});

describe('medicines that lengthen QT', () => {
  it('are counted by ingredient: one on two lists is one', () => {
    expect(valueIn('qt-drug-count', { hydroxychloroquine: 'active, 1 year' })).toEqual({
      low: 1,
      high: undefined,
    });
    expect(
      valueIn('qt-drug-count', { hydroxychloroquine: 'active, 1 year', citalopram: 'active, 1 year' }),
    ).toEqual({ low: 2, high: undefined });
  });

  it('count amiodarone for 90 days after its end', () => {
    expect(valueIn('qt-drugs-on-record', { amiodarone: 'stopped 90 days ago' })).toBe(1);
    expect(valueIn('qt-drugs-on-record', { amiodarone: 'stopped 91 days ago' })).toBe(0);
    expect(valueIn('qt-drugs-on-record', { citalopram: 'stopped 1 day ago' })).toBe(0);
    expect(valueIn('qt-drugs-on-record', { citalopram: 'unknown' })).toBe(1);
  });

  it('are reassured by a QTc below 450 ms on both, within 7 days', () => {
    const chart = { ciprofloxacin: 'active, 20 days', citalopram: 'active, 1 year' };
    expect(valueIn('qtc-normal-on-both', { ...chart, qtc: '449 ms' })).toBe(true);
    expect(valueIn('qtc-normal-on-both', { ...chart, qtc: '450 ms' })).toBe(false);
    expect(valueIn('qtc-normal-on-both', { ...chart, qtc: '440 ms, 8 days ago' })).toBe(false);
    expect(
      valueIn('qtc-normal-on-both', { ...CIPRO, citalopram: 'active, 1 year', qtc: '440 ms, 4 days ago' }),
    ).toBe(false);
    expect(valueIn('qtc-normal-on-both', chart)).toBe('unknown: needs');
  });
});

describe('age and hypertension as the only risk of the aorta', () => {
  it('ends with an aneurysm, a risk condition, an arterial disease or a recent pain', () => {
    const chart = { ...CIPRO, age: 65, hypertension: true };
    const only = (more: Record<string, string | boolean>) =>
      valueIn('aortic-age-pressure-only', { ...chart, ...more });
    expect(only({})).toBe(true);
    expect(only({ 'aortic-aneurysm-or-dissection': 'resolved' })).toBe(false);
    expect(only({ 'aneurysm-risk-condition': true })).toBe(false);
    expect(only({ 'peripheral-artery-disease': true })).toBe(false);
    expect(only({ 'back-pain': true })).toBe(false);
    expect(only({ 'back-pain': 'true, 8 days ago' })).toBe(true);
    expect(valueIn('aortic-age-pressure-only', { ...chart, age: 64 })).toBe(false);
  });
});
