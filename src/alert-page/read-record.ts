/**
 * Reads from the FHIR server what the page shows beside the stored decision: who the patient is, the latest
 * results, the medicines in the words of their records.
 *
 * The decision holds only what its rules needed. What can not be read is said; nothing is guessed from it.
 */
import type { Observation, Patient, Resource } from '@medplum/fhirtypes';
import type { Gate } from '../connections/gate.ts';
import { type PatientId, parseReference } from '../vocabulary/ids.ts';
import { DAY } from '../vocabulary/instant.ts';

export type Read<T> = { readonly outcome: 'read'; readonly value: T } | { readonly outcome: 'not-readable' };

const RESULTS_SINCE_DAYS = 730;
const RESULTS_PER_PAGE = 200;
const PAGES = 3;

export async function readPatient(gate: Gate | undefined, patientId: PatientId): Promise<Read<Patient>> {
  const found = await gate?.read('Patient', patientId);
  return found?.outcome === 'found' ? { outcome: 'read', value: found.resource } : NOT_READABLE;
}

/** The newest results, some hundreds at most; trends look at the last twelve of an analyte. */
export async function readResults(
  gate: Gate | undefined,
  patientId: PatientId,
  now: Date,
): Promise<Read<readonly Observation[]>> {
  if (gate === undefined) return NOT_READABLE;
  const since = new Date(now.getTime() - RESULTS_SINCE_DAYS * DAY).toISOString().slice(0, 10);
  const found: Observation[] = [];
  let pages = 0;
  const search = {
    patient: `Patient/${patientId}`,
    date: `ge${since}`,
    _sort: '-date',
    _count: `${RESULTS_PER_PAGE}`,
  };
  for await (const page of gate.search('Observation', search)) {
    if (page.outcome !== 'found') return NOT_READABLE;
    found.push(...page.resource.filter((one): one is Observation => isOf(one, patientId)));
    pages += 1;
    if (pages >= PAGES) break;
  }
  return { outcome: 'read', value: found };
}

/** Those of the references that can be read; the others stay names. */
export async function readAll(
  gate: Gate | undefined,
  references: readonly string[],
): Promise<ReadonlyMap<string, Resource>> {
  const reads = references.map(async (reference): Promise<[string, Resource][]> => {
    const target = parseReference(reference);
    if (gate === undefined || target === undefined) return [];
    const found = await gate.read(target.type as Resource['resourceType'], target.id);
    return found.outcome === 'found' ? [[reference, found.resource]] : [];
  });
  return new Map((await Promise.all(reads)).flat());
}

const NOT_READABLE = { outcome: 'not-readable' } as const;

/** A server that ignores the patient parameter must not show us another patient. */
function isOf(resource: Resource, patientId: PatientId): boolean {
  if (resource.resourceType !== 'Observation') return false;
  const subject = parseReference(resource.subject?.reference);
  return subject?.type === 'Patient' && subject.id === patientId;
}
