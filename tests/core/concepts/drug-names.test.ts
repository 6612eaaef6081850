import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readConcepts } from '../../../src/rule-files/read-concepts.ts';

const { concepts } = readConcepts('rules/concepts');

function named(text: string): string[] {
  return concepts.namedInText(text).map(({ concept, ingredient }) => `${concept} ${ingredient}`);
}

function classes(text: string): string[] {
  return [...new Set(concepts.namedInText(text).map(({ concept }) => concept))].sort();
}

describe('a medicine named in free text', () => {
  it('counts by its ingredient, its other spelling or its fixed brand name, as a whole word in any case', () => {
    for (const text of ['Furosemide 40 mg tablet', 'FRUSEMIDE', 'lasix (daily)', 'tab. Lasix, 40mg']) {
      expect(classes(text)).toContain('loop-diuretic');
    }
    expect(named('Lasix')).toContain('loop-diuretic furosemide');
    expect(classes('Lasixol')).toEqual([]);
  });

  it('is not found inside another: moxi in amoxicillin, estradiol in ethinyl estradiol', () => {
    expect(classes('moxi')).toEqual([]);
    expect(classes('amoxicillin 500 mg')).not.toContain('fluoroquinolone-systemic');
    expect(classes('Moxifloxacin 400 mg')).toContain('fluoroquinolone-systemic');
    expect(classes('ethinyl estradiol 30 mcg')).not.toContain('estrogen-or-raloxifene');
  });

  it('is no supplement because of its salt', () => {
    expect(classes('Losartan potassium 50 mg')).not.toContain('potassium-supplement');
    expect(classes('penicillin V potassium')).not.toContain('potassium-supplement');
    expect(classes('Esomeprazole magnesium 20 mg')).toEqual(['proton-pump-inhibitor']);
    expect(classes('atorvastatin calcium')).not.toContain('calcium-oral');
    expect(classes('losartan potassium / potassium chloride')).toContain('potassium-supplement');
  });

  it('is a mineral only as the first word of a component', () => {
    for (const text of [
      'potassium chloride 600 mg',
      '24 HR Potassium Chloride 10 MEQ Oral Tablet',
      'furosemide 20 mg + potassium chloride',
    ]) {
      expect(classes(text)).toContain('potassium-supplement');
    }
    expect(classes('calcium and vitamin D')).toEqual(
      expect.arrayContaining(['calcium-oral', 'vitamin-d-product']),
    );
    expect(classes('magnesium, zinc')).toEqual(expect.arrayContaining(['magnesium-oral', 'zinc-oral']));
    expect(classes('Iron tablets')).toContain('iron-oral');
  });

  it('is not a bare mineral when another word makes it another substance', () => {
    for (const text of [
      'iron sucrose 100 mg',
      'zinc oxide ointment',
      'calcium channel blocker',
      'calcium folinate',
    ]) {
      expect(classes(text)).toEqual([]);
    }
    expect(classes('magnesium sulfate 2 g')).toEqual(['magnesium-iv']);
  });

  it('feeds the class of every ingredient of a combination, parents included', () => {
    expect(classes('Lisinopril 20 mg / hydrochlorothiazide 12.5 mg')).toEqual([
      'ace-inhibitor',
      'antihypertensive-any',
      'diuretic-any',
      'potassium-wasting-diuretic',
      'thiazide-diuretic',
    ]);
    expect(classes('Dyazide')).toEqual(
      expect.arrayContaining(['thiazide-diuretic', 'potassium-sparing-diuretic']),
    );
    expect(classes('sulfamethoxazole-trimethoprim DS')).toContain('trimethoprim-systemic');
  });

  it('tells what to assume when no route is given', () => {
    const route = (text: string, concept: string) =>
      concepts.namedInText(text).find((each) => each.concept === concept)?.usualRoute;
    expect(route('ciprofloxacin', 'fluoroquinolone-systemic')).toBe('systemic');
    expect(route('salbutamol', 'beta-agonist-inhaled')).toBe('inhaled');
    expect(route('hydrocortisone', 'corticosteroid-systemic')).toBe('none');
  });

  it('is not guessed from words that name no medicine', () => {
    expect(classes('')).toEqual([]);
    expect(classes('water tablet')).toEqual([]);
    fc.assert(
      fc.property(fc.stringMatching(/^[xyz ]{0,40}$/), (text) => {
        expect(concepts.namedInText(text)).toEqual([]);
      }),
    );
  });

  it('is found in time that grows with the text, not faster', () => {
    const long = 'potassium '.repeat(100_000);
    const started = performance.now();
    concepts.namedInText(long);
    concepts.namedInText('insulin, '.repeat(50_000));
    expect(performance.now() - started).toBeLessThan(3_000);
  });
});
