/**
 * Small charts for fact tests: one resource per call, dated against a fixed noon.
 */
import { fileURLToPath } from 'node:url';
import type {
  Condition,
  MedicationRequest,
  MedicationStatement,
  Observation,
  Patient,
  Resource,
} from '@medplum/fhirtypes';
import { chartOf } from '../../../src/core/chart/chart.ts';
import { type Fact, type Facts, factOf } from '../../../src/core/facts/fact.ts';
import { formFacts } from '../../../src/core/facts/form-facts.ts';
import { DEFAULT_FACT_SETTINGS } from '../../../src/core/facts/settings.ts';
import { readConcepts } from '../../../src/rule-files/read-concepts.ts';

export const NOON = new Date('2026-05-12T12:00:00Z');
export const LONDON = { ...DEFAULT_FACT_SETTINGS, homeTimeZone: 'Europe/London' };
export const { concepts } = readConcepts(fileURLToPath(new URL('../../../rules/concepts', import.meta.url)));

export function ago(amount: number, unit: 'd' | 'h' | 'min' = 'd'): string {
  const ms = { d: 86_400_000, h: 3_600_000, min: 60_000 }[unit];
  return new Date(NOON.getTime() - amount * ms).toISOString();
}

export function patient(rest: Partial<Patient> = {}): Patient {
  return { resourceType: 'Patient', id: 'p', gender: 'male', birthDate: '1971-01-01', ...rest };
}

const LOINC = {
  potassium: '2823-3',
  'potassium-blood': '6298-4',
  magnesium: '19123-9',
  calcium: '17861-6',
  'ionised calcium': '1994-3',
  albumin: '1751-7',
  creatinine: '2160-0',
  egfr: '98979-8',
  temperature: '8310-5',
  sodium: '2951-2',
  phosphate: '14879-1',
  glucose: '14749-6',
  urea: '22664-7',
  weight: '29463-7',
  acr: '32294-1',
  systolic: '8480-6',
  diastolic: '8462-4',
  'heart rate': '8867-4',
  'vitamin d': '14635-7',
  ck: '2157-6',
} as const;

let counter = 0;

/** A final result one day old. */
export function result(
  what: keyof typeof LOINC,
  value: number,
  unit?: string,
  rest: Partial<Observation> = {},
): Observation {
  counter += 1;
  const quantity =
    unit === undefined ? { value } : { value, unit, code: unit, system: 'http://unitsofmeasure.org' };
  return {
    resourceType: 'Observation',
    id: `o${counter}`,
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: LOINC[what] }] },
    subject: { reference: 'Patient/p' },
    effectiveDateTime: ago(1),
    valueQuantity: quantity,
    ...rest,
  };
}

export function potassium(value: number, rest: Partial<Observation> = {}): Observation {
  return result('potassium', value, 'mmol/L', rest);
}

export const HAEMOLYSED: Partial<Observation> = {
  interpretation: [{ coding: [{ system: 'http://snomed.info/sct', code: '118128002' }] }],
};

export function symptom(code: string, answer: 'yes' | 'no', effectiveDateTime = ago(1)): Observation {
  counter += 1;
  return {
    resourceType: 'Observation',
    id: `s${counter}`,
    status: 'final',
    code: { coding: [{ system: 'http://snomed.info/sct', code }] },
    subject: { reference: 'Patient/p' },
    effectiveDateTime,
    valueCodeableConcept: {
      coding: [{ system: 'http://snomed.info/sct', code: answer === 'yes' ? '373066001' : '373067005' }],
    },
  };
}

const RXNORM = {
  hydrochlorothiazide: '5487',
  ciprofloxacin: '2551',
  ofloxacin: '7623',
  furosemide: '4603',
  lisinopril: '29046',
  prednisone: '8640',
  cholecalciferol: '2418',
  calcitriol: '1894',
  omeprazole: '7646',
} as const;

export function statement(
  drug: keyof typeof RXNORM,
  rest: Partial<MedicationStatement>,
): MedicationStatement {
  counter += 1;
  return {
    resourceType: 'MedicationStatement',
    id: `m${counter}`,
    status: 'active',
    subject: { reference: 'Patient/p' },
    medicationCodeableConcept: {
      coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: RXNORM[drug] }],
    },
    ...rest,
  };
}

export function order(drug: keyof typeof RXNORM, rest: Partial<MedicationRequest>): MedicationRequest {
  counter += 1;
  return {
    resourceType: 'MedicationRequest',
    id: `r${counter}`,
    status: 'active',
    intent: 'order',
    subject: { reference: 'Patient/p' },
    medicationCodeableConcept: {
      coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: RXNORM[drug] }],
    },
    ...rest,
  };
}

export function condition(code: string, rest: Partial<Condition> = {}): Condition {
  counter += 1;
  return {
    resourceType: 'Condition',
    id: `c${counter}`,
    clinicalStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'active' }],
    },
    code: { coding: [{ system: 'http://snomed.info/sct', code }] },
    subject: { reference: 'Patient/p' },
    recordedDate: ago(5),
    ...rest,
  };
}

export function factsOf(...resources: Resource[]): Facts {
  const hasPatient = resources.some((resource) => resource.resourceType === 'Patient');
  const chart = chartOf(hasPatient ? resources : [patient(), ...resources]);
  return formFacts(chart, { concepts, settings: LONDON }, NOON).facts;
}

export function factFrom(id: string, ...resources: Resource[]): Fact {
  return factOf(factsOf(...resources), id);
}

export function valueFrom(id: string, ...resources: Resource[]): unknown {
  const fact = factFrom(id, ...resources);
  return fact.state === 'known'
    ? fact.value
    : fact.state === 'bounded'
      ? { low: fact.low, high: fact.high }
      : `unknown: ${fact.why}`;
}
