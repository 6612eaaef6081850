import { describe, expect, it } from '@jest/globals';
import { factIn, valueIn } from './told-in-words.ts';

const COURSE = { levofloxacin: 'active, 3 days' };
const ENDED = { levofloxacin: 'stopped 20 days ago' };

describe('a tendon record', () => {
  it('of this course is a symptom and no history', () => {
    const chart = { ...COURSE, 'tendon-pain': true };
    expect(valueIn('fq-tendon-symptom', chart)).toBe(true);
    expect(valueIn('tendon-history', chart)).toBe('unknown: no-record');
  });

  it('from before the first dose is history and no symptom', () => {
    const chart = { ...COURSE, 'tendon-disorder-history': 'true, 20 days ago' };
    expect(valueIn('fq-tendon-symptom', chart)).not.toBe(true);
    expect(valueIn('tendon-history', chart)).toBe(true);
  });

  it('recorded today with an older onset is history', () => {
    const chart = { ...COURSE, 'tendon-pain': 'true, since 100 days ago' };
    expect(valueIn('fq-tendon-symptom', chart)).not.toBe(true);
    expect(valueIn('tendon-history', chart)).toBe(true);
  });

  it('counts as a symptom when it is asserted again after the first dose', () => {
    const chart = { ...COURSE, 'tendon-pain': ['true, 20 days ago', 'true, 1 day ago'] };
    expect(valueIn('fq-tendon-symptom', chart)).toBe(true);
  });

  it('cites the medicine too, so that a withdrawn order withdraws the symptom', () => {
    const { from } = factIn('fq-tendon-symptom', { ...COURSE, 'tendon-pain': true });
    expect(from.map((reference) => reference.split('/')[0])).toEqual(['MedicationStatement', 'Observation']);
  });

  it('is a risk of this course only when it is history', () => {
    const history = { ...COURSE, 'tendon-disorder-history': 'true, 20 days ago' };
    expect(valueIn('fq-tendon-risks-known', history)).toBe(1);
    expect(valueIn('fq-tendon-risks-known', { ...COURSE, 'tendon-pain': true })).toBe(0);
  });
});

describe('a tendon disorder in the past', () => {
  it.each([
    ['60 days after a course', 440, true],
    ['90 days after a course', 410, true],
    ['91 days after a course', 409, false],
    ['before a course', 540, false],
  ])('%s', (_name, days, after) => {
    const chart = {
      ciprofloxacin: 'active, 3 days',
      levofloxacin: 'stopped 500 days ago',
      'tendon-disorder-history': `resolved, ${days} days ago`,
    };
    expect(valueIn('tendon-history-after-fq', chart)).toBe(after);
  });
});

describe('a refuted tendon disorder', () => {
  const history = ['true, 700 days ago', 'false, 5 days ago'];

  it('is no history any more', () => {
    expect(valueIn('tendon-history', { ...COURSE, 'tendon-disorder-history': history })).toBe(false);
  });

  it('is not what an answer "no tendon pain" means', () => {
    const chart = { ...COURSE, 'tendon-disorder-history': 'resolved, 700 days ago', 'tendon-pain': false };
    expect(valueIn('tendon-history', chart)).toBe(true);
  });
});

describe('denied tendon pain', () => {
  it('ends the symptom however old the answer is', () => {
    const chart = { ...ENDED, 'tendon-pain': ['true, 30 days ago', 'false, 15 days ago'] };
    expect(valueIn('tendon-symptom-denied', chart)).toBe(true);
  });

  it('does not while a rupture is on record', () => {
    const chart = { ...ENDED, 'tendon-pain': 'false', 'tendon-rupture': true };
    expect(valueIn('tendon-symptom-denied', chart)).toBe(false);
  });

  it('is not known when nobody asked', () => {
    expect(valueIn('tendon-symptom-denied', ENDED)).toBe('unknown: no-record');
  });
});

describe('a muscle, joint or nerve symptom', () => {
  it('of unknown onset counts during the course and not after it', () => {
    expect(valueIn('fq-muscle-pain', { ...COURSE, 'muscle-pain': true })).toBe(true);
    expect(valueIn('fq-muscle-pain', { ...ENDED, 'muscle-pain': true })).toBe('unknown: needs');
  });

  it('that began during an ended course counts', () => {
    expect(valueIn('fq-muscle-pain', { ...ENDED, 'muscle-pain': 'true, since 40 days ago' })).toBe(true);
  });

  it('that was there before the first dose is no effect of it', () => {
    const chart = { ...COURSE, 'muscle-pain': ['true, 20 days ago', 'true, 1 day ago'] };
    expect(valueIn('fq-muscle-pain', chart)).toBe(false);
  });

  it('counts groups, not symptoms', () => {
    expect(valueIn('fq-symptom-groups', { ...COURSE, 'leg-cramp': true, 'muscle-pain': true })).toEqual({
      low: 1,
      high: 3,
    });
    expect(valueIn('fq-symptom-groups', { ...COURSE, 'leg-cramp': true, numbness: true })).toEqual({
      low: 2,
      high: 3,
    });
  });

  it('is over when the newest word on each recorded one is no', () => {
    const denied = { ...COURSE, 'muscle-pain': ['true, 2 days ago', 'false, 1 day ago'] };
    expect(valueIn('fq-symptoms-absent', denied)).toBe(true);
    expect(valueIn('fq-symptoms-absent', { ...denied, 'joint-pain': true })).toBe(false);
    expect(valueIn('fq-symptoms-absent', COURSE)).toBe('unknown: no-record');
  });
});

describe('an intolerance of the class', () => {
  it('is read from the medicine, from another of the class and from words', () => {
    for (const allergy of ['ciprofloxacin', 'moxifloxacin', 'Fluoroquinolones', 'quinolone antibiotics'])
      expect(valueIn('fluoroquinolone-intolerance', { ...COURSE, allergy })).toBe(true);
  });

  it('is not read from another antibiotic', () => {
    expect(valueIn('fluoroquinolone-intolerance', { allergy: 'amoxicillin' })).toBe('unknown: no-record');
  });

  it('is no intolerance when refuted, and not known to be absent either', () => {
    expect(valueIn('fluoroquinolone-intolerance', { allergy: 'ciprofloxacin, refuted' })).toBe(
      'unknown: status',
    );
  });

  it('is of the gut only when every reaction is stated, mild and of the gut', () => {
    const gut = (allergy: string | string[]) => valueIn('fq-intolerance-gut-only', { allergy });
    expect(gut('ciprofloxacin, Nausea')).toBe(true);
    expect(gut('ciprofloxacin, Nausea, Diarrhoea')).toBe(true);
    expect(gut('ciprofloxacin, Nausea, severe')).toBe(false);
    expect(gut('ciprofloxacin, Rash')).toBe(false);
    expect(gut('ciprofloxacin')).toBe(false);
    expect(gut(['ciprofloxacin, Nausea', 'levofloxacin, Tendon pain'])).toBe(false);
  });

  it('of statins and quinine is read the same way', () => {
    expect(valueIn('statin-intolerance', { allergy: 'simvastatin' })).toBe(true);
    expect(valueIn('quinine-intolerance', { allergy: 'quinine, Thrombocytopenia' })).toBe(true);
  });
});
