import { describe, expect, it } from '@jest/globals';
import { factIn, valueIn } from './in-words.ts';

describe('calculated osmolarity', () => {
  it.each([
    [140, 4.0, 5.0, 5.0, 292.6],
    [142, 4.0, 5.0, 4.0, 295.3],
    [145, 4.2, 5.5, 8.0, 305.8],
  ])(
    'of sodium %d, potassium %d, glucose %d, urea %d is %d mmol/L',
    (sodium, potassium, glucose, urea, expected) => {
      expect(valueIn('osmolarity-calculated', { sodium, potassium, glucose, urea })).toBeCloseTo(expected, 1);
    },
  );

  it('takes urea nitrogen in mg/dL as the same number of mmol', () => {
    const words = { sodium: 142, potassium: 4.0, glucose: 5.0, 'urea-nitrogen-serum': '11.2 mg/dL' };
    expect(valueIn('osmolarity-calculated', words)).toBeCloseTo(295.3, 1);
  });

  it('needs all four within the hour, as numbers, and no haemolysed potassium', () => {
    const four = { sodium: 142, potassium: 4.0, glucose: 5.0, urea: 4.0 };
    expect(valueIn('osmolarity-calculated', { ...four, glucose: '5.0 mmol/L, 27 h ago' })).toBe('unknown');
    expect(valueIn('osmolarity-calculated', { ...four, urea: '<4.0 mmol/L' })).toBe('unknown');
    expect(valueIn('osmolarity-calculated', { ...four, potassium: '4.0 mmol/L haemolysed' })).toBe('unknown');
    const { glucose: _, ...three } = four;
    expect(valueIn('osmolarity-calculated', three)).toBe('unknown');
  });

  it('is noted as driven by glucose above 11, and by urea above 10 with an eGFR below 60', () => {
    const notes = (words: Record<string, number>) => factIn('osmolarity-calculated', words).notes;
    const base = { sodium: 140, potassium: 4.0 };
    expect(notes({ ...base, glucose: 11.1, urea: 5 })).toEqual(['glucose-or-urea-driven']);
    expect(notes({ ...base, glucose: 11, urea: 5 })).toEqual([]);
    expect(notes({ ...base, glucose: 5, urea: 10.1, egfr: 59 })).toEqual(['glucose-or-urea-driven']);
    expect(notes({ ...base, glucose: 5, urea: 10.1, egfr: 60 })).toEqual([]);
  });
});

describe('signs of dehydration', () => {
  it('count what is known, and stay a range while something was not asked', () => {
    expect(valueIn('dehydration-symptom-count', {})).toBe('0..6');
    expect(valueIn('dehydration-symptom-count', { thirst: true, 'dry-mouth': true })).toBe('2..6');
    const all = {
      thirst: true,
      'dry-mouth': false,
      'dark-urine': false,
      oliguria: false,
      'reduced-fluid-intake': false,
    };
    expect(valueIn('dehydration-symptom-count', { ...all, fatigue: true })).toBe(2);
    expect(valueIn('dehydration-symptom-count', { ...all, fatigue: false })).toBe(1);
    expect(valueIn('dehydration-symptom-count', { ...all, thirst: false, fatigue: true })).toBe(0);
  });

  it('in the laboratory are denied only by sodium and ratio of one specimen', () => {
    expect(valueIn('dehydration-lab', { sodium: 140, urea: 5, creatinine: 80 })).toBe(false);
    expect(valueIn('dehydration-lab', { sodium: 140 })).toBe('unknown');
    expect(valueIn('dehydration-lab', { sodium: 134, urea: 5, creatinine: 80 })).toBe('unknown');
    expect(factIn('dehydration-lab', { sodium: 147 })).toMatchObject({
      value: true,
      names: ['sodium 147 mmol/L'],
    });
  });
});

describe('fluid intake', () => {
  it('is told in mL, litres or glasses of 200 mL, noted as self-reported', () => {
    expect(factIn('fluid-intake-24h', { diary: 'fluid-day 4 glasses' })).toMatchObject({
      value: 800,
      notes: ['self-reported'],
    });
    expect(valueIn('fluid-intake-24h', { diary: 'fluid-day 1.5 L' })).toBe(1500);
    expect(valueIn('fluid-intake-24h', { diary: 'fluid-day 1200 mL' })).toBe(1200);
  });

  it('without a unit is not guessed', () => {
    expect(valueIn('fluid-intake-24h', { diary: 'fluid-day 4' })).toBe('unknown');
  });

  it('is the newer of chart and diary', () => {
    const words = { 'fluid-intake-24h': '2.5 L, 10 days ago', diary: 'fluid-day 4 glasses, 2 days ago' };
    expect(valueIn('fluid-intake-24h', words)).toBe(800);
  });
});

describe('a session', () => {
  it.each([
    ['60 min', false],
    ['61 min', true],
    ['1.5 h', true],
    ['true', true],
    ['false', false],
  ])('of %s lasts more than an hour: %s', (words, expected) => {
    expect(valueIn('exercise-over-60-min', { 'exercise-over-60-min': words })).toBe(expected);
  });
});

describe('advice about fluids that stands in the chart', () => {
  it('is read from the words of an active care plan', () => {
    expect(valueIn('fluid-increase-advised', { 'care-plan': 'Increase fluids' })).toBe(true);
    expect(valueIn('fluid-increase-advised', { 'care-plan': 'Daily walk' })).toBe('unknown');
    expect(valueIn('fluid-restriction-recorded', { 'care-plan': 'Fluid restriction' })).toBe(true);
  });
});
