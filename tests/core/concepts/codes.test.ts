import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CODE_SYSTEMS } from '../../../src/core/concepts/code-systems.ts';
import type { Membership } from '../../../src/core/concepts/concept.ts';
import { conceptsOf } from '../../../src/core/concepts/concept-index.ts';
import { readConcepts } from '../../../src/rule-files/read-concepts.ts';

const { concepts } = readConcepts('rules/concepts');
const LOINC = CODE_SYSTEMS.loinc.uri;
const SNOMED = CODE_SYSTEMS.snomed.uri;
const RXNORM = CODE_SYSTEMS.rxnorm.uri;
const ATC = CODE_SYSTEMS.atc.uri;
const ICD = CODE_SYSTEMS.icd10cm.uri;

function ids(found: readonly Membership[]): string[] {
  return [
    ...new Set(found.filter(({ refused }) => refused === undefined).map(({ concept }) => concept)),
  ].sort();
}

function classes(system: string, code: string): string[] {
  return ids(concepts.memberships(system, code));
}

describe('a laboratory code', () => {
  it('2823-3 is potassium, whatever a display beside it says', () => {
    expect(classes(LOINC, '2823-3')).toEqual(['potassium-serum']);
  });

  it('is refused with its reason when it is of another specimen or moment', () => {
    expect(concepts.memberships(LOINC, '2828-2')).toEqual([
      { concept: 'other-specimen-refused', refused: 'urine potassium' },
    ]);
    for (const code of ['29349-8', '98663-8', '48643-1', '88294-4', '8634-8', '11041-1']) {
      const found = concepts.memberships(LOINC, code);
      expect(found.length).toBeGreaterThan(0);
      expect(found.every(({ refused }) => refused !== undefined)).toBe(true);
    }
  });

  it('is found under every spelling of its system, and under no other system', () => {
    const spellings = [
      'http://loinc.org',
      'http://loinc.org/',
      'https://loinc.org',
      'HTTP://LOINC.ORG',
      'urn:oid:2.16.840.1.113883.6.1',
    ];
    for (const system of spellings) expect(classes(system, ' 2823-3 ')).toEqual(['potassium-serum']);
    expect(classes(SNOMED, '2823-3')).toEqual([]);
    expect(concepts.memberships(undefined, '2823-3')).toEqual([]);
    expect(concepts.memberships(LOINC, undefined)).toEqual([]);
  });

  it('seen in one source only counts when a site asks for such codes, and is marked', () => {
    expect(concepts.memberships(LOINC, '42569-4')).toEqual([]);
    const { concepts: more } = readConcepts('rules/concepts', { unconfirmedCodes: true });
    expect(more.memberships(LOINC, '42569-4')).toEqual([{ concept: 'potassium-serum', unconfirmed: true }]);
  });

  it('of an ordinal answer says what it means', () => {
    expect(concepts.memberships(SNOMED, '260385009')).toEqual([
      { concept: 'ordinal-result', value: 'negative' },
    ]);
    expect(concepts.memberships(LOINC, 'LA26683-5')).toEqual([
      { concept: 'pregnancy-status', value: 'not-pregnant' },
    ]);
  });
});

describe('a diagnosis code', () => {
  it('of ICD-10-CM counts with or without its dot, and below a listed branch', () => {
    for (const code of ['N30.00', 'N3000', 'n30.00', 'N30.01'])
      expect(classes(ICD, code)).toContain('urinary-tract-infection');
    expect(classes(ICD, 'E86.0')).toContain('dehydration');
    expect(classes(ICD, 'C50.911')).toEqual(['active-cancer']);
    expect(classes(ICD, 'N30.10')).toEqual([]);
  });

  it('that its own notes rule out is refused: bacteriuria, gestational diabetes, high phosphate', () => {
    for (const [system, code] of [
      [SNOMED, '61373006'],
      [SNOMED, '11687002'],
      [SNOMED, '20165001'],
      [ICD, 'O24.410'],
    ] as const) {
      const found = concepts.memberships(system, code);
      expect(found.filter(({ refused }) => refused !== undefined).length).toBeGreaterThan(0);
      expect(ids(found)).not.toContain('urinary-tract-infection');
      expect(ids(found)).not.toContain('diabetes-mellitus');
    }
  });

  it('of a child is a member of its parents at every distance', () => {
    expect(classes(ICD, 'G47.62')).toEqual(['leg-cramp', 'nocturnal-leg-cramp']);
    expect(classes(ICD, 'N18.6')).toEqual([
      'chronic-kidney-disease',
      'ckd-stage-4-or-5',
      'end-stage-kidney-disease',
    ]);
    expect(classes(SNOMED, '161665007')).toContain('solid-organ-transplant');
  });
});

describe('a medicine code', () => {
  it('ciprofloxacin: tablet systemic, eye drops topical, ingredient systemic unless the dosage says otherwise', () => {
    const tablet = concepts.memberships(RXNORM, '197511');
    expect(tablet).toContainEqual({
      concept: 'fluoroquinolone-systemic',
      ingredient: 'ciprofloxacin',
      route: 'oral',
      usualRoute: 'systemic',
    });
    const [drops] = concepts.memberships(RXNORM, '309307');
    expect(drops).toMatchObject({ concept: 'fluoroquinolone-topical', route: 'ophthalmic' });
    const ingredient = concepts
      .memberships(RXNORM, '2551')
      .find(({ concept }) => concept === 'fluoroquinolone-systemic');
    expect(ingredient).toEqual({
      concept: 'fluoroquinolone-systemic',
      ingredient: 'ciprofloxacin',
      usualRoute: 'systemic',
    });
  });

  it('ATC C09BA03, lisinopril with a diuretic, is both ACE inhibitor and thiazide', () => {
    expect(classes(ATC, 'C09BA03')).toEqual(
      expect.arrayContaining([
        'ace-inhibitor',
        'thiazide-diuretic',
        'potassium-wasting-diuretic',
        'diuretic-any',
        'antihypertensive-any',
      ]),
    );
    expect(classes(ATC, 'C09DA01')).toEqual(
      expect.arrayContaining(['angiotensin-receptor-blocker', 'potassium-wasting-diuretic', 'diuretic-any']),
    );
    expect(classes(ATC, 'C09AA03')).toEqual(['ace-inhibitor', 'antihypertensive-any']);
  });

  it('of a fixed combination belongs to the class of each ingredient, and names both in a shared parent', () => {
    const found = concepts.memberships(RXNORM, '197885');
    expect(ids(found)).toEqual(expect.arrayContaining(['ace-inhibitor', 'thiazide-diuretic']));
    const parent = found
      .filter(({ concept }) => concept === 'antihypertensive-any')
      .map(({ ingredient }) => ingredient);
    expect(parent.sort()).toEqual(['hydrochlorothiazide', 'lisinopril']);
  });

  it('furosemide is a loop diuretic, wastes potassium and is a diuretic, each said once', () => {
    const found = concepts.memberships(RXNORM, '4603').map(({ concept }) => concept);
    expect([...found].sort()).toEqual([
      'antihypertensive-any',
      'diuretic-any',
      'loop-diuretic',
      'potassium-wasting-diuretic',
    ]);
    expect(classes(ATC, 'C03CA01')).toEqual([
      'antihypertensive-any',
      'diuretic-any',
      'loop-diuretic',
      'potassium-wasting-diuretic',
    ]);
  });

  it('spironolactone is a diuretic and does not waste potassium', () => {
    expect(classes(RXNORM, '9997')).toContain('diuretic-any');
    expect(classes(RXNORM, '9997')).not.toContain('potassium-wasting-diuretic');
  });

  it('of a steroid implant in the eye is no systemic corticosteroid', () => {
    expect(ids(concepts.memberships(RXNORM, '854181'))).toEqual([]);
  });

  it('of a route says the route', () => {
    expect(concepts.memberships(SNOMED, '54485002')).toEqual([
      { concept: 'route-ophthalmic', route: 'ophthalmic' },
    ]);
    expect(concepts.memberships(CODE_SYSTEMS['act-route'].uri, 'PO')).toEqual([
      { concept: 'route-oral', route: 'oral' },
    ]);
  });

  it('that is in no concept is in none', () => {
    expect(concepts.memberships(RXNORM, '999999999')).toEqual([]);
    expect(concepts.memberships('http://hospital.example/drugs', '2551')).toEqual([]);
  });
});

describe('the index', () => {
  it('never depends on a display', () => {
    const systems = ['loinc', 'rxnorm', 'atc'] as const;
    const example = fc.record({
      system: fc.constantFrom(...systems),
      code: fc.stringMatching(/^[A-Z0-9]{1,7}$/),
      displays: fc.tuple(fc.string({ minLength: 1 }), fc.string({ minLength: 1 })),
    });
    fc.assert(
      fc.property(example, ({ system, code, displays }) => {
        const [one, other] = displays.map((display) =>
          conceptsOf([{ id: 'anything', kind: 'medication', codes: [{ system, code, display }] }]),
        );
        const { uri } = CODE_SYSTEMS[system];
        expect(one?.memberships(uri, code)).toEqual(other?.memberships(uri, code));
        expect(one?.memberships(uri, code)).toEqual([{ concept: 'anything' }]);
        expect(one?.memberships(uri, displays[0] === code ? '' : displays[0])).toEqual([]);
      }),
    );
  });

  it('answers the same when asked again, after any other question', () => {
    const codes = fc.array(fc.constantFrom('2551', '4603', '9997', '854181', 'none'), { maxLength: 20 });
    fc.assert(
      fc.property(codes, (asked) => {
        const fresh = readOnce();
        for (const code of asked)
          expect(fresh.memberships(RXNORM, code)).toEqual(concepts.memberships(RXNORM, code));
      }),
      { numRuns: 5 },
    );
  });

  it('survives names that JavaScript objects know', () => {
    for (const word of ['__proto__', 'constructor', 'toString']) {
      expect(concepts.memberships(word, word)).toEqual([]);
      expect(concepts.memberships(RXNORM, word)).toEqual([]);
      expect(concepts.namedInText(word)).toEqual([]);
      expect(concepts.toCanonical('potassium-serum', 3, { unit: word })).toBeUndefined();
      expect(concepts.toCanonical(word, 3, { unit: 'mmol/L' })).toBeUndefined();
    }
  });
});

function readOnce() {
  return readConcepts('rules/concepts').concepts;
}
