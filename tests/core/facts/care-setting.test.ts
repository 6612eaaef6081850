import { describe, expect, it } from '@jest/globals';
import type { Encounter, Location } from '@medplum/fhirtypes';
import { ago, factFrom, valueFrom } from './given.ts';
import { valueIn } from './in-words.ts';

const ROLE = 'http://terminology.hl7.org/CodeSystem/v3-RoleCode';
const SNOMED = 'http://snomed.info/sct';

const UNIT: Location = {
  resourceType: 'Location',
  id: 'unit',
  type: [{ coding: [{ system: ROLE, code: 'ICU' }] }],
};

function stay(rest: Partial<Encounter> = {}): Encounter {
  return {
    resourceType: 'Encounter',
    id: 'stay',
    status: 'in-progress',
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'IMP' },
    subject: { reference: 'Patient/p' },
    location: [{ location: { reference: 'Location/unit' } }],
    ...rest,
  };
}

const inUnit = (place: Partial<NonNullable<Encounter['location']>[number]>, rest: Partial<Encounter> = {}) =>
  valueFrom(
    'critical-care',
    stay({ location: [{ location: { reference: 'Location/unit' }, ...place }], ...rest }),
    UNIT,
  );

describe('critical care', () => {
  it('is a stay in progress whose place is an intensive care unit, and cites the stay', () => {
    expect(factFrom('critical-care', stay(), UNIT)).toMatchObject({ value: true, from: ['Encounter/stay'] });
    expect(inUnit({ status: 'active', period: { start: ago(2) } })).toBe(true);
  });

  it('or whose kind or service is intensive care', () => {
    const kind = { coding: [{ system: SNOMED, code: '305351004' }] };
    expect(valueFrom('critical-care', stay({ location: [], type: [kind] }))).toBe(true);
    expect(valueFrom('critical-care', stay({ location: [], serviceType: kind }))).toBe(true);
  });

  it('is over once the patient has left the unit or the stay has ended', () => {
    for (const left of [
      inUnit({ status: 'completed' }),
      inUnit({ period: { start: ago(3), end: ago(1) } }),
      inUnit({}, { status: 'finished' }),
      inUnit({}, { period: { end: ago(1) } }),
    ])
      expect(left).toBe('unknown: no-record');
  });

  it('is not known where no place is recorded, and never denied', () => {
    expect(valueFrom('critical-care', stay())).toBe('unknown: no-record');
    expect(valueFrom('critical-care')).toBe('unknown: no-record');
  });
});

describe('the end of life', () => {
  it('is recorded as comfort care, as the category of an active care plan, or as a stay for hospice care', () => {
    const hospice = { coding: [{ system: SNOMED, code: '385763009' }] };
    expect(valueIn('end-of-life', { 'comfort-care': true })).toBe(true);
    const plan = {
      resourceType: 'CarePlan' as const,
      id: 'plan',
      status: 'active' as const,
      intent: 'plan' as const,
      subject: { reference: 'Patient/p' },
      category: [hospice],
    };
    expect(valueFrom('end-of-life', plan)).toBe(true);
    expect(valueFrom('end-of-life', { ...plan, period: { end: ago(1) } })).toBe('unknown: no-record');
    expect(valueFrom('end-of-life', stay({ location: [], type: [hospice] }))).toBe(true);
  });
});

describe('chemotherapy', () => {
  it('is a cytostatic medicine that is taken, or ended within 30 days', () => {
    expect(valueIn('chemotherapy-active', { carboplatin: 'active, 10 days' })).toBe(true);
    expect(valueIn('chemotherapy-active', { capecitabine: 'stopped 29 days ago' })).toBe(true);
    expect(valueIn('chemotherapy-active', { capecitabine: 'stopped 31 days ago' })).toBe('unknown');
    expect(valueIn('chemotherapy-active', { 'medicine in words': 'Docetaxel infusion' })).toBe(true);
  });

  it('or is recorded as a procedure or an encounter within 30 days', () => {
    expect(valueIn('chemotherapy-active', { chemotherapy: 'procedure completed, 29 days ago' })).toBe(true);
    expect(valueIn('chemotherapy-active', { chemotherapy: true })).toBe(true);
    expect(valueIn('chemotherapy-active', { chemotherapy: 'procedure completed, 31 days ago' })).toBe(
      'unknown',
    );
  });

  it('is not a weekly methotrexate for rheumatism', () => {
    expect(valueIn('chemotherapy-active', { 'medicine in words': 'Methotrexate 2.5 mg' })).toBe('unknown');
  });
});
