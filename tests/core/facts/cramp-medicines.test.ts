import { describe, expect, it } from '@jest/globals';
import { valueIn } from './told-in-words.ts';

describe('alcohol in units a week', () => {
  const units = (said: string) => valueIn('alcohol-units-per-week', { 'alcohol-use': said });
  it('is read from units, grams and drinks of a stated size', () => {
    expect(units('15 units/week')).toBe(15);
    expect(units('150 g/week')).toBe(18.75);
    expect(units('10 US drinks/week')).toBe(17.5);
    expect(units('0 units/week')).toBe(0);
  });

  it('is at least as many as drinks of no stated size', () => {
    expect(units('15 {drinks}/wk')).toEqual({ low: 15, high: undefined });
    expect(units('2 {drinks}/d')).toEqual({ low: 14, high: undefined });
  });

  it('is not known from words, from a score or from an answer older than a year', () => {
    expect(units('drinks regularly')).toBe('unknown: no-record');
    expect(units('20 {score}')).toBe('unknown: unit-unrecognised');
    expect(units('30 units/week, 366 days ago')).toBe('unknown: no-record');
  });

  it('is not hidden by a score that came later', () => {
    const said = ['20 units/week, 5 days ago', '8 {score}, 1 day ago'];
    expect(valueIn('alcohol-units-per-week', { 'alcohol-use': said })).toBe(20);
  });
});

describe('smoking', () => {
  it('is current, not, or not known', () => {
    const smokes = (said: string) => valueIn('smokes-tobacco', { 'tobacco-smoking-status': said });
    expect(smokes('current')).toBe(true);
    expect(smokes('former')).toBe(false);
    expect(smokes('never')).toBe(false);
    expect(smokes('sometimes maybe')).toBe('unknown: no-value');
    expect(smokes('current, 366 days ago')).toBe('unknown: stale');
  });
});

describe('medicines that raise potassium', () => {
  it('are counted by ingredient, recent ones included', () => {
    expect(valueIn('k-raising-count', { ramipril: 'active', spironolactone: 'active' })).toEqual({
      low: 2,
      high: undefined,
    });
    expect(valueIn('k-raising-count', { ramipril: 'active', trimethoprim: 'stopped 7 days ago' })).toEqual({
      low: 2,
      high: undefined,
    });
    expect(valueIn('k-raising-count', { ramipril: 'active', trimethoprim: 'stopped 8 days ago' })).toEqual({
      low: 1,
      high: undefined,
    });
  });

  it('on record do not count those that ended, and do count those of unknown status', () => {
    expect(valueIn('k-raising-on-record', { ramipril: 'active', trimethoprim: 'stopped 1 day ago' })).toBe(1);
    expect(valueIn('k-raising-on-record', { ramipril: 'active', trimethoprim: 'unknown' })).toBe(2);
  });
});

describe('whether a result exists', () => {
  it('is told for magnesium of a year, without results that have no value', () => {
    expect(valueIn('magnesium-not-tested-365d', {})).toBe(true);
    expect(valueIn('magnesium-not-tested-365d', { magnesium: '0.80' })).toBe(true);
    expect(valueIn('magnesium-not-tested-365d', { magnesium: '0.80 mmol/L, 365 days ago' })).toBe(false);
    expect(valueIn('magnesium-not-tested-365d', { magnesium: '0.80 mmol/L preliminary, 20 days ago' })).toBe(
      true,
    );
  });

  it('is told for a low magnesium of 90 days', () => {
    expect(valueIn('magnesium-was-low-90d', { magnesium: '0.69 mmol/L, 89 days ago' })).toBe(true);
    expect(valueIn('magnesium-was-low-90d', { magnesium: '0.70 mmol/L, 89 days ago' })).toBe(false);
    expect(valueIn('magnesium-was-low-90d', { magnesium: '0.69 mmol/L, 91 days ago' })).toBe(false);
  });

  it('is told for potassium of 90 days, in serum or blood', () => {
    expect(valueIn('potassium-not-tested-90d', {})).toBe(true);
    expect(valueIn('potassium-not-tested-90d', { potassium: '4.2 mmol/L, 89 days ago' })).toBe(false);
    expect(valueIn('potassium-not-tested-90d', { 'potassium-blood': '4.2 mmol/L' })).toBe(false);
  });

  it('is told for the minerals that alcohol lowers', () => {
    const fine = { magnesium: '0.70 mmol/L', potassium: '3.5 mmol/L', phosphate: '0.80 mmol/L' };
    expect(valueIn('minerals-low-or-unknown-30d', fine)).toBe(false);
    expect(valueIn('minerals-low-or-unknown-30d', { ...fine, phosphate: '0.79 mmol/L' })).toBe(true);
    expect(valueIn('minerals-low-or-unknown-30d', { ...fine, magnesium: '0.80 mmol/L, 31 days ago' })).toBe(
      true,
    );
  });
});

describe('the potassium of 30 days', () => {
  it('is the one of now, else the last one in serum', () => {
    expect(valueIn('potassium-30d', { potassium: '5.3 mmol/L' })).toBe(5.3);
    expect(valueIn('potassium-30d', { potassium: '5.3 mmol/L, 29 days ago' })).toBe(5.3);
    expect(valueIn('potassium-30d', { potassium: '5.3 mmol/L, 31 days ago' })).toBe('unknown: stale');
  });
});

describe('quinine for malaria', () => {
  it('is told from the reason of the record or from a diagnosis', () => {
    expect(valueIn('malaria-recorded', { quinine: 'active, for malaria' })).toBe(true);
    expect(valueIn('malaria-recorded', { quinine: 'active' })).toBe(false);
  });
});

describe('classes taken together', () => {
  it('are new when one of them is', () => {
    const chart = { amlodipine: 'active, 3 years', ramipril: 'active, 20 days' };
    expect(valueIn('drug.antihypertensive-not-diuretic', chart)).toBe('taking');
    expect(valueIn('drug-new.antihypertensive-not-diuretic', chart)).toBe(true);
  });

  it('leave diuretics out, and are not known while a medicine is not recognised', () => {
    expect(valueIn('drug.antihypertensive-not-diuretic', { hydrochlorothiazide: 'active' })).toBe(
      'unknown: no-record',
    );
    expect(valueIn('drug.antihypertensive-not-diuretic', { 'medicine in words': 'tonic water' })).toBe(
      'unknown: not-recognised',
    );
  });

  it('end with the last of them', () => {
    const ended = { amlodipine: 'stopped 20 days ago', ramipril: 'stopped 5 days ago' };
    expect(valueIn('drug-ended-days.antihypertensive-not-diuretic', ended)).toBeCloseTo(5, 3);
    expect(valueIn('drug-ended-days.antihypertensive-not-diuretic', { ...ended, ramipril: 'active' })).toBe(
      'unknown: no-record',
    );
  });
});

describe('days since the end of a medicine', () => {
  it('count from the recorded end', () => {
    expect(valueIn('drug-ended-days.statin', { atorvastatin: 'stopped 40 days ago' })).toBeCloseTo(40, 3);
  });

  it('count from the assumed end of a forgotten course', () => {
    expect(
      valueIn('drug-ended-days.fluoroquinolone-systemic', { ciprofloxacin: 'ordered, 31 days' }),
    ).toBeCloseTo(1, 3);
  });

  it('are not known while it is taken', () => {
    expect(valueIn('drug-ended-days.statin', { atorvastatin: 'active' })).toBe('unknown: no-record');
  });
});
