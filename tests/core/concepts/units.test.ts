import { describe, expect, it } from '@jest/globals';
import { readConcepts } from '../../../src/rule-files/read-concepts.ts';

const { concepts } = readConcepts('rules/concepts');
const UCUM = 'http://unitsofmeasure.org';

function read(concept: string, value: number, unit: string): number | undefined {
  return concepts.toCanonical(concept, value, { unit });
}

describe('units, analyte first', () => {
  it('reads magnesium 1.4 mEq/L as 0.70 mmol/L and 1.7 mg/dL as 0.6994', () => {
    expect(read('magnesium-serum', 1.4, 'mEq/L')).toBeCloseTo(0.7, 10);
    expect(read('magnesium-serum', 1.7, 'mg/dL')).toBeCloseTo(0.6994, 4);
    expect(read('magnesium-serum', 1.7, 'mmol/L')).toBe(1.7);
  });

  it('reads one mEq/L of potassium as one mmol/L, and of calcium as half of it', () => {
    expect(read('potassium-serum', 3.4, 'mEq/L')).toBe(3.4);
    expect(read('calcium-total-serum', 4.2, 'mEq/L')).toBeCloseTo(2.1, 10);
    expect(read('calcium-total-serum', 8.4, 'mg/dL')).toBeCloseTo(2.1, 2);
  });

  it('gives one and the same number for MG/DL, Mg/dL and mg/dl', () => {
    const numbers = ['mg/dL', 'MG/DL', 'Mg/dL', 'mg/dl'].map((unit) => read('magnesium-serum', 1.7, unit));
    expect(new Set(numbers).size).toBe(1);
  });

  it('reads creatinine 1.2 mg/dL as 106.08 umol/L and 0.12 mmol/L as 120, with either micro sign', () => {
    expect(read('creatinine-serum', 1.2, 'mg/dL')).toBeCloseTo(106.08, 2);
    expect(read('creatinine-serum', 0.12, 'mmol/L')).toBeCloseTo(120, 10);
    expect(read('creatinine-serum', 120, '\u00b5mol/L')).toBe(120);
    expect(read('creatinine-serum', 120, '\u03bcmol/L')).toBe(120);
  });

  it('tells urea from urea nitrogen, which differ in mg/dL and agree in mmol/L', () => {
    expect(read('urea-nitrogen-serum', 40.1, 'mg/dL')).toBeCloseTo(14.31, 2);
    expect(read('urea-serum', 40.1, 'mg/dL')).toBeCloseTo(6.68, 2);
    expect(read('urea-serum', 14.3, 'mmol/L')).toBe(read('urea-nitrogen-serum', 14.3, 'mmol/L'));
  });

  it('reads 100.4 degrees Fahrenheit as 38.00, and F or C only where a temperature is meant', () => {
    expect(concepts.toCanonical('body-temperature', 100.4, { code: '[degF]', system: UCUM })).toBeCloseTo(
      38,
      10,
    );
    expect(read('body-temperature', 100.4, 'F')).toBeCloseTo(38, 10);
    expect(read('body-temperature', 38, 'C')).toBe(38);
    const others = [...concepts.byId.keys()].filter((id) => id !== 'body-temperature');
    expect(
      others.filter((id) => read(id, 100, 'F') !== undefined || read(id, 100, 'C') !== undefined),
    ).toEqual([]);
  });

  it('reads HbA1c 7 % as 53 mmol/mol and never as 70', () => {
    expect(read('hba1c', 7, '%')).toBeCloseTo(53, 1);
    expect(read('hba1c', 53, 'mmol/mol')).toBe(53);
  });

  it('refuses an eGFR in plain mL/min and a D-dimer in DDU', () => {
    expect(read('egfr-reported', 45, 'mL/min/{1.73_m2}')).toBe(45);
    expect(concepts.toCanonical('egfr-reported', 45, { code: 'mL/min', system: UCUM })).toBeUndefined();
    expect(
      concepts.toCanonical('egfr-reported', 45, { code: 'mL/min', unit: 'mL/min/1.73m2', system: UCUM }),
    ).toBeUndefined();
    expect(read('d-dimer', 500, 'ng/mL DDU')).toBeUndefined();
    expect(read('d-dimer', 500, 'ng/mL FEU')).toBe(500);
  });

  it('gives nothing without a unit, with an unknown one, or for a concept that is not measured', () => {
    expect(concepts.toCanonical('potassium-serum', 3.2, {})).toBeUndefined();
    expect(read('potassium-serum', 3.2, '')).toBeUndefined();
    expect(read('potassium-serum', 3.2, 'g/L')).toBeUndefined();
    expect(read('leg-cramp', 3, 'mmol/L')).toBeUndefined();
    expect(read('oxygen-saturation', 0.97, '')).toBeUndefined();
    expect(read('potassium-serum', Number.NaN, 'mmol/L')).toBeUndefined();
  });

  it('gives the value that was written, without the noise of the division', () => {
    expect(read('ck-serum', 800 / 60, 'ukat/L')).toBe(800);
    expect(read('ck-serum', 5200 / 60, 'ukat/L')).toBe(5200);
  });

  it('takes a pressure index without a unit, because it is a plain ratio', () => {
    expect(concepts.toCanonical('ankle-brachial-index', 0.68, {})).toBe(0.68);
    expect(concepts.toCanonical('ankle-brachial-index', 0.68, { unit: 'mmHg' })).toBeUndefined();
    expect(
      concepts.toCanonical('ankle-brachial-index', 0.68, { code: 'furlong', system: UCUM }),
    ).toBeUndefined();
  });

  it('believes the code before the text, under every spelling of UCUM, and the text where the code is of another system', () => {
    for (const system of [undefined, UCUM, `${UCUM}/`, 'https://ucum.org', 'urn:iso:std:iso:3986']) {
      expect(
        concepts.toCanonical('magnesium-serum', 1.7, { code: 'mg/dL', unit: 'mmol/L', system }),
      ).toBeCloseTo(0.6994, 4);
    }
    expect(
      concepts.toCanonical('magnesium-serum', 1.7, { code: '258797006', unit: 'mg/dL', system: UCUM }),
    ).toBeCloseTo(0.6994, 4);
    expect(
      concepts.toCanonical('magnesium-serum', 1.7, {
        code: 'mg/dL',
        unit: 'mmol/L',
        system: 'http://snomed.info/sct',
      }),
    ).toBe(1.7);
  });

  it('has systolic and diastolic pressure apart, each with its own plausible range', () => {
    expect(concepts.byId.get('systolic-blood-pressure')?.plausible).toEqual([40, 300]);
    expect(concepts.byId.get('diastolic-blood-pressure')?.plausible).toEqual([15, 200]);
    expect(read('systolic-blood-pressure', 99, 'mmHg')).toBe(99);
    expect(read('blood-pressure', 99, 'mmHg')).toBeUndefined();
  });
});
