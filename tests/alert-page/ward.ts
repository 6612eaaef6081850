/**
 * A ward with two people in the chart, at one fixed morning: for the tests of the alert page and its screenshots.
 */
import type { Condition, MedicationRequest, Observation, Patient, Resource } from '@medplum/fhirtypes';
import { allOpenEpisodes } from '../../src/store/episode.ts';
import type { ConnectionId } from '../../src/vocabulary/ids.ts';
import { Hospital, type HospitalOptions } from '../end-to-end/hospital.ts';

export const MORNING = new Date('2026-06-17T09:31:00Z');
const HOUR = 3_600_000;

/** A clock that tests move. */
export class Clock {
  #at = MORNING.getTime();
  readonly now = (): Date => new Date(this.#at);
  forward(ms: number): void {
    this.#at += ms;
  }
}

export const OKAFOR: Patient = {
  resourceType: 'Patient',
  id: 'okafor',
  identifier: [{ type: { coding: [{ code: 'MR' }] }, value: 'RN 20 4417' }],
  name: [{ use: 'official', family: 'Okafor', given: ['Ngozi'] }],
  gender: 'female',
  birthDate: '1957-03-02',
};
export const QUIET: Patient = {
  resourceType: 'Patient',
  id: 'quiet',
  name: [{ family: 'Lindqvist', given: ['Per'] }],
  gender: 'male',
  birthDate: '1971-11-30',
};

function ago(hours: number): string {
  return new Date(MORNING.getTime() - hours * HOUR).toISOString();
}

export function result(
  id: string,
  loinc: string,
  value: number,
  hoursAgo: number,
  range: readonly [number, number] | undefined,
  rest: Partial<Observation> = {},
): Observation {
  return {
    resourceType: 'Observation',
    id,
    status: 'final',
    category: [
      {
        coding: [
          { system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' },
        ],
      },
    ],
    code: { coding: [{ system: 'http://loinc.org', code: loinc }] },
    subject: { reference: 'Patient/okafor' },
    effectiveDateTime: ago(hoursAgo),
    valueQuantity: { value, unit: 'mmol/L', system: 'http://unitsofmeasure.org', code: 'mmol/L' },
    ...(range && { referenceRange: [{ low: { value: range[0] }, high: { value: range[1] } }] }),
    ...rest,
  };
}

const K = '2823-3';
const MG = '2601-3';
const K_RANGE = [3.5, 5.1] as const;

export function potassium(
  id: string,
  value: number,
  hoursAgo: number,
  rest: Partial<Observation> = {},
): Observation {
  return result(id, K, value, hoursAgo, K_RANGE, rest);
}

function medicine(id: string, rxnorm: string, text: string, days: number, dose: string): MedicationRequest {
  return {
    resourceType: 'MedicationRequest',
    id,
    status: 'active',
    intent: 'order',
    medicationCodeableConcept: {
      coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: rxnorm }],
      text,
    },
    subject: { reference: 'Patient/okafor' },
    authoredOn: ago(days * 24),
    dosageInstruction: [
      { text: dose, route: { coding: [{ system: 'http://snomed.info/sct', code: '26643006' }] } },
    ],
  };
}

function problem(id: string, snomed: string, text: string, days: number): Condition {
  return {
    resourceType: 'Condition',
    id,
    clinicalStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'active' }],
    },
    verificationStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status', code: 'confirmed' }],
    },
    code: { coding: [{ system: 'http://snomed.info/sct', code: snomed }], text },
    subject: { reference: 'Patient/okafor' },
    onsetDateTime: ago(days * 24),
    recordedDate: ago(days * 24),
  };
}

/** Sixty-nine, on furosemide, potassium falling over two weeks, cramps at night; ciprofloxacin since yesterday. */
export const OKAFORS_CHART: readonly Resource[] = [
  OKAFOR,
  problem('okafor-hf', '84114007', 'Heart failure', 700),
  problem('okafor-cramps', '449917004', 'Leg cramps', 9),
  medicine('okafor-furosemide', '313988', 'Furosemide 40 mg tablet', 18, '1 tablet in the morning'),
  medicine('okafor-cipro', '309309', 'Ciprofloxacin 500 mg tablet', 1, '1 tablet twice a day, 7 days'),
  potassium('okafor-k0', 4.0, 24 * 40),
  potassium('okafor-k1', 3.9, 24 * 14),
  potassium('okafor-k2', 3.3, 24 * 4),
  result('okafor-mg1', MG, 0.71, 24 * 14, [0.7, 1.0]),
  result('okafor-mg2', MG, 0.58, 1, [0.7, 1.0]),
  result('okafor-na', '2951-2', 138, 24 * 4, [135, 145]),
  result('okafor-cr', '14682-9', 84, 24 * 4, [45, 90], {
    valueQuantity: { value: 84, unit: 'umol/L', system: 'http://unitsofmeasure.org', code: 'umol/L' },
  }),
  potassium('okafor-k3', 2.8, 0.35),
];

export interface Ward extends AsyncDisposable {
  readonly hospital: Hospital;
  readonly clock: Clock;
  /** Where the page is. */
  readonly url: string;
  /** The ids of a patient's open alerts by their rule; Okafor's when none is named. */
  alerts(patient?: string): Promise<ReadonlyMap<string, string>>;
}

export async function openWard(options: HospitalOptions = {}): Promise<Ward> {
  const clock = new Clock();
  const hospital = await Hospital.open({ now: clock.now, ...options });
  await hospital.put(...OKAFORS_CHART.slice(0, -1), QUIET, {
    ...result('quiet-k', K, 4.3, 30, K_RANGE),
    subject: { reference: 'Patient/quiet' },
  });
  await hospital.settled();
  await hospital.put(potassium('okafor-k3', 2.8, 0.35));
  await hospital.settled();
  return {
    hospital,
    clock,
    url: hospital.running.url,
    async alerts(patient = 'okafor') {
      const open = await allOpenEpisodes(hospital.running.store.db, 'ward' as ConnectionId);
      const theirs = open.filter(({ patientId }) => patientId === patient);
      return new Map(theirs.map(({ alertId, episode }) => [episode.rule, alertId]));
    },
    [Symbol.asyncDispose]: () => hospital[Symbol.asyncDispose](),
  };
}
