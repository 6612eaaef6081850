import { describe, expect, it } from '@jest/globals';
import type { MedicationAdministration, MedicationRequest, Observation, Resource } from '@medplum/fhirtypes';
import { ago, condition, factFrom, patient, result, symptom, valueFrom } from './given.ts';

const RXNORM = 'http://www.nlm.nih.gov/research/umls/rxnorm';
const NITROFURANTOIN = { coding: [{ system: RXNORM, code: '7454' }] };
const TRIMETHOPRIM = { coding: [{ system: RXNORM, code: '10829' }] };
const IBUPROFEN = { coding: [{ system: RXNORM, code: '5640' }] };
const DYSURIA = '49650001';
const VOMITING = '422400008';
const SUBJECT = { reference: 'Patient/p' };
let counter = 0;

function taking(code: { coding: object[] }, start: string, rest: object = {}): Resource {
  counter += 1;
  return {
    resourceType: 'MedicationStatement',
    id: `u${counter}`,
    status: 'active',
    subject: SUBJECT,
    medicationCodeableConcept: code,
    effectivePeriod: { start },
    dateAsserted: ago(0.1),
    ...rest,
  } as Resource;
}

function given(start: string): MedicationAdministration {
  counter += 1;
  return {
    resourceType: 'MedicationAdministration',
    id: `u${counter}`,
    status: 'completed',
    subject: SUBJECT,
    medicationCodeableConcept: NITROFURANTOIN,
    effectiveDateTime: start,
  };
}

function ordered(authoredOn: string): MedicationRequest {
  counter += 1;
  return {
    resourceType: 'MedicationRequest',
    id: `u${counter}`,
    status: 'active',
    intent: 'order',
    subject: SUBJECT,
    medicationCodeableConcept: NITROFURANTOIN,
    authoredOn,
  };
}

function strip(code: string, word: string, at = ago(1)): Observation {
  counter += 1;
  return {
    resourceType: 'Observation',
    id: `u${counter}`,
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code }] },
    subject: SUBJECT,
    effectiveDateTime: at,
    valueCodeableConcept: { text: word },
  };
}

function better(answer: 'yes' | 'no', authored: string): Resource {
  counter += 1;
  const item = [
    { linkId: 'c', item: [{ linkId: 'ur.abx-better', answer: [{ valueCoding: { code: answer } }] }] },
  ];
  return { resourceType: 'QuestionnaireResponse', id: `u${counter}`, status: 'completed', authored, item };
}

describe('fever', () => {
  const cold = result('temperature', 37.2, 'Cel', { effectiveDateTime: ago(2, 'h') });

  it('is known to be absent by a temperature of the last day', () => {
    expect(valueFrom('fever', cold)).toBe(false);
  });

  it('is not known while a medicine that lowers fever is taken, or for 8 hours after', () => {
    const fact = factFrom('fever', cold, taking(IBUPROFEN, ago(3)));
    expect(fact.state).toBe('unknown');
    expect(fact.notes).toEqual(['antipyretic']);
    const ended = (hours: number) =>
      taking(IBUPROFEN, ago(3), {
        status: 'completed',
        effectivePeriod: { start: ago(3), end: ago(hours, 'h') },
        dateAsserted: ago(hours, 'h'),
      });
    expect(valueFrom('fever', cold, ended(7.9))).toBe('unknown: needs');
    expect(valueFrom('fever', cold, ended(8.1))).toBe(false);
  });

  it('is there all the same when it was measured', () => {
    const hot = result('temperature', 38.0, 'Cel', { effectiveDateTime: ago(2, 'h') });
    expect(valueFrom('fever', hot, taking(IBUPROFEN, ago(3)))).toBe(true);
  });
});

describe('urine tests', () => {
  it('tell nothing with a word that is neither positive nor negative', () => {
    expect(valueFrom('urine-culture-positive', strip('630-4', 'Escherichia coli'))).toBe('unknown: no-value');
    expect(valueFrom('urine-culture-positive', strip('630-4', 'no growth'))).toBe(false);
  });

  it('are a positive culture of 7 days', () => {
    expect(valueFrom('urine-culture-positive', strip('630-4', 'positive', ago(6.9)))).toBe(true);
    expect(valueFrom('urine-culture-positive', strip('630-4', 'positive', ago(7.1)))).toBe(
      'unknown: no-record',
    );
  });

  it('with bacteria and no symptom are an infection in pregnancy only', () => {
    const culture = strip('630-4', 'positive');
    expect(valueFrom('uti-current', culture)).toBe('unknown: needs');
    const her = patient({ gender: 'female', birthDate: '1996-01-01' });
    const fact = factFrom('uti-current', her, condition('77386006'), culture);
    expect(fact).toMatchObject({ state: 'known', value: true, notes: ['bacteriuria-pregnancy'] });
  });
});

describe('hours on a urinary antibacterial', () => {
  it('count from the first dose', () => {
    expect(valueFrom('uti-antibiotic-hours', taking(NITROFURANTOIN, ago(60, 'h')))).toBe(60);
  });

  it('count a date alone from its day: known to be 48 h only after the end of the day plus 48 h', () => {
    const fact = factFrom('uti-antibiotic-hours', taking(NITROFURANTOIN, '2026-05-01'));
    // London: the day ends on 1 May 23:00 UTC; noon of 12 May is 253 h later.
    expect(fact).toMatchObject({ state: 'bounded', low: 253, high: 277, notes: ['date-only'] });
  });

  it('believe a given dose before a statement, and a statement before an order', () => {
    const statement = taking(NITROFURANTOIN, ago(60, 'h'));
    expect(valueFrom('uti-antibiotic-hours', statement, given(ago(50, 'h')))).toBe(50);
    expect(valueFrom('uti-antibiotic-hours', statement, ordered(ago(70, 'h')))).toBe(60);
    const byOrder = factFrom('uti-antibiotic-hours', ordered(ago(70, 'h')));
    expect(byOrder).toMatchObject({ value: 70, notes: ['start-assumed'] });
  });

  it('count given doses from the first of a run without a gap of two days', () => {
    const doses = [given(ago(20)), given(ago(60, 'h')), given(ago(36, 'h')), given(ago(12, 'h'))];
    expect(valueFrom('uti-antibiotic-hours', ...doses)).toBe(60);
  });

  it('begin again when the medicine is changed', () => {
    expect(
      valueFrom(
        'uti-antibiotic-hours',
        taking(NITROFURANTOIN, ago(90, 'h')),
        taking(TRIMETHOPRIM, ago(20, 'h')),
      ),
    ).toBe(20);
  });

  it('are not known without a current one', () => {
    expect(valueFrom('uti-antibiotic-hours')).toBe('unknown: no-record');
  });
});

describe('after 48 hours', () => {
  const course = taking(NITROFURANTOIN, ago(60, 'h'));

  it('a symptom counts from the exact hour on', () => {
    expect(valueFrom('uti-symptom-after-48h', course, symptom(DYSURIA, 'yes', ago(12, 'h')))).toBe(true);
    expect(valueFrom('uti-symptom-after-48h', course, symptom(DYSURIA, 'yes', ago(12.02, 'h')))).toBe(
      'unknown: needs',
    );
  });

  it('a symptom that was denied since is over', () => {
    const before = symptom(DYSURIA, 'yes', ago(10, 'h'));
    expect(valueFrom('uti-symptom-after-48h', course, before, symptom(DYSURIA, 'no', ago(1, 'h')))).toBe(
      false,
    );
  });

  it('a fever counts when it was measured after them', () => {
    const fever = (hours: number) =>
      result('temperature', 38.3, 'Cel', { effectiveDateTime: ago(hours, 'h') });
    expect(valueFrom('uti-fever-or-flank-after-48h', course, fever(5))).toBe(true);
    expect(valueFrom('uti-fever-or-flank-after-48h', course, fever(20))).toBe('unknown: needs');
  });

  it('"better" counts when it was said after them, and the newest answer counts', () => {
    expect(valueFrom('uti-better-after-48h', course, better('yes', ago(12, 'h')))).toBe(true);
    expect(valueFrom('uti-better-after-48h', course, better('yes', ago(13, 'h')))).toBe('unknown: no-record');
    expect(
      valueFrom('uti-better-after-48h', course, better('yes', ago(5, 'h')), better('no', ago(1, 'h'))),
    ).toBe(false);
  });
});

describe('what is over', () => {
  it('is a symptom that was reported and is denied; others need not be asked', () => {
    expect(
      valueFrom('uti-symptoms-gone', symptom(DYSURIA, 'yes', ago(3)), symptom(DYSURIA, 'no', ago(1))),
    ).toBe(true);
    expect(valueFrom('uti-symptoms-gone')).toBe('unknown: needs');
    expect(valueFrom('uti-symptoms-gone', symptom(DYSURIA, 'yes', ago(3)))).toBe(false);
  });

  it('is an infection with a recorded end, and none since', () => {
    const ended = condition('38822007', {
      clinicalStatus: { coding: [{ code: 'resolved' }] },
      abatementDateTime: ago(15),
    });
    expect(valueFrom('uti-ended-days', ended)).toBe(15);
    expect(valueFrom('uti-ended-days', ended, condition('38822007'))).toBe('unknown: not-applicable');
    expect(valueFrom('uti-ended-days')).toBe('unknown: no-record');
  });

  it('is vomiting nobody reported for 24 hours and the newest word denies', () => {
    const said = (answer: 'yes' | 'no', hours: number) => symptom(VOMITING, answer, ago(hours, 'h'));
    expect(valueFrom('vomiting-stopped-24h', said('yes', 25), said('no', 1))).toBe(true);
    expect(valueFrom('vomiting-stopped-24h', said('yes', 23), said('no', 1))).toBe(false);
    expect(valueFrom('vomiting-stopped-24h', said('yes', 25))).toBe(false);
    expect(valueFrom('vomiting-stopped-24h')).toBe('unknown: needs');
  });

  it('is a fever only with a newer normal temperature', () => {
    const at = (value: number, hours: number) =>
      result('temperature', value, 'Cel', { effectiveDateTime: ago(hours, 'h') });
    expect(valueFrom('uti-systemic-gone', at(38.6, 72), at(36.8, 2))).toBe(true);
    expect(valueFrom('uti-systemic-gone', at(38.6, 72))).toBe('unknown: needs');
    expect(valueFrom('uti-systemic-gone', at(38.6, 20), at(36.8, 2))).toBe(false);
  });
});

describe('tablets only', () => {
  const by = (code: string) => ({
    dosage: [{ route: { coding: [{ system: 'http://snomed.info/sct', code }] } }],
  });

  it('is known from the route of every current antibacterial', () => {
    expect(valueFrom('uti-antibacterial-oral-only', taking(NITROFURANTOIN, ago(1), by('26643006')))).toBe(
      true,
    );
    expect(valueFrom('uti-antibacterial-oral-only', taking(TRIMETHOPRIM, ago(1), by('47625008')))).toBe(
      false,
    );
    expect(valueFrom('uti-antibacterial-oral-only')).toBe('unknown: needs');
  });
});
