import { describe, expect, it } from '@jest/globals';
import { ago, factFrom, order, statement, valueFrom } from './given.ts';

const THIAZIDE = 'drug.thiazide-diuretic';
const FLUOROQUINOLONE = 'drug.fluoroquinolone-systemic';

describe('a long-term medicine', () => {
  it('is believed for a year after it was last confirmed, and then unknown', () => {
    expect(valueFrom(THIAZIDE, statement('hydrochlorothiazide', { dateAsserted: ago(365) }))).toBe('taking');
    expect(valueFrom(THIAZIDE, statement('hydrochlorothiazide', { dateAsserted: ago(366) }))).toBe(
      'unknown: stale',
    );
  });

  it('is not taken when a later statement says so, whatever an older order says', () => {
    const ordered = order('hydrochlorothiazide', { authoredOn: '2026-01-01' });
    expect(
      valueFrom(
        THIAZIDE,
        ordered,
        statement('hydrochlorothiazide', { status: 'not-taken', dateAsserted: '2026-05-01' }),
      ),
    ).toBe('not-taking');
  });

  it('is prescribed again by an order newer than the statement', () => {
    const said = statement('hydrochlorothiazide', { status: 'not-taken', dateAsserted: '2026-01-01' });
    expect(valueFrom(THIAZIDE, said, order('hydrochlorothiazide', { authoredOn: '2026-05-01' }))).toBe(
      'prescribed',
    );
  });

  it('feeds the classes above it', () => {
    const taken = statement('hydrochlorothiazide', { dateAsserted: ago(1) });
    expect(valueFrom('drug.diuretic-any', taken)).toBe('taking');
    expect(valueFrom('drug.potassium-wasting-diuretic', taken)).toBe('taking');
  });

  it('on hold is not active', () => {
    expect(
      valueFrom(THIAZIDE, statement('hydrochlorothiazide', { status: 'on-hold', dateAsserted: ago(1) })),
    ).toBe('on-hold');
  });
});

describe('a fluoroquinolone course', () => {
  it('ordered 31 days ago without supply is unknown, and still counts as exposure', () => {
    const ordered = order('ciprofloxacin', { authoredOn: ago(31) });
    expect(valueFrom('fq-active', ordered)).toBe('unknown: stale');
    expect(valueFrom('fq-exposed', ordered)).toBe(true);
  });

  it('supplied for 7 days 20 days ago has ended 13 days ago', () => {
    const dispensed = {
      resourceType: 'MedicationDispense',
      id: 'd1',
      status: 'completed',
      whenHandedOver: ago(20),
      daysSupply: { value: 7, unit: 'd' },
      medicationCodeableConcept: {
        coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: '2551' }],
      },
    } as const;
    expect(valueFrom(FLUOROQUINOLONE, dispensed as never)).toBe('recent');
    expect(valueFrom('fq-active', dispensed as never)).toBe(false);
    expect(valueFrom('fq-exposed', dispensed as never)).toBe(true);
  });

  it('as eye or ear drops is topical only', () => {
    const drops = statement('ofloxacin', {
      dateAsserted: ago(1),
      dosage: [
        {
          route: {
            coding: [
              { system: 'http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration', code: 'OPTHALTA' },
            ],
            text: 'ophthalmic',
          },
        },
      ],
    });
    expect(valueFrom(FLUOROQUINOLONE, drops)).toBe('unknown: no-record');
    expect(valueFrom('drug.fluoroquinolone-topical', drops)).toBe('taking');
    const named = statement('ciprofloxacin', {
      dateAsserted: ago(1),
      medicationCodeableConcept: { text: 'Ciprofloxacin 0.3 % ear drops' },
    });
    expect(valueFrom(FLUOROQUINOLONE, named)).toBe('unknown: no-record');
  });

  it('without any route counts as systemic, because the safe error is to warn', () => {
    const taken = factFrom(FLUOROQUINOLONE, statement('ciprofloxacin', { dateAsserted: ago(1) }));
    expect(taken).toMatchObject({ state: 'known', value: 'taking' });
    expect(taken.notes).toContain('route-assumed');
  });
});

describe('what is no exposure', () => {
  it('is a proposal, a plan of ours, an order not to give, an error', () => {
    for (const rest of [{ intent: 'proposal' }, { status: 'draft' }] as const) {
      expect(valueFrom(FLUOROQUINOLONE, order('ciprofloxacin', { authoredOn: ago(1), ...rest }))).toBe(
        'planned',
      );
    }
    for (const rest of [
      { doNotPerform: true },
      { status: 'entered-in-error' },
      { status: 'cancelled' },
    ] as const) {
      expect(valueFrom(FLUOROQUINOLONE, order('ciprofloxacin', { authoredOn: ago(1), ...rest }))).toBe(
        'unknown: no-record',
      );
    }
  });
});

describe('a medicine nobody recognises', () => {
  it('makes "takes no diuretic" unknown, and says so', () => {
    const strange = statement('furosemide', {
      dateAsserted: ago(1),
      medicationCodeableConcept: { coding: [{ system: 'urn:local', code: 'X1' }], text: 'Zorblaxin' },
    });
    expect(valueFrom(THIAZIDE, strange)).toBe('unknown: not-recognised');
  });

  it('is found by its exact ingredient name, and amoxicillin is no moxifloxacin', () => {
    const byText = (text: string) =>
      statement('furosemide', { dateAsserted: ago(1), medicationCodeableConcept: { text } });
    expect(factFrom('drug.loop-diuretic', byText('Furosemide 40 mg tablet'))).toMatchObject({
      value: 'taking',
      notes: ['text-match'],
    });
    expect(valueFrom('drug.moxifloxacin-systemic', byText('Amoxicillin 500 mg capsule'))).toMatch('unknown');
    expect(valueFrom('drug.potassium-supplement', byText('Losartan potassium 50 mg'))).toMatch('unknown');
  });
});
