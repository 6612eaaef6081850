/**
 * Which record lives on when a hospital merged two records of one person?
 *
 * A link says it on the record that was retired, or only on the one that stays. Links are followed to the last
 * one; a circle, or an end that is not there, is a fault that a person must look at: nobody is evaluated instead.
 */
import type { Patient, PatientLink } from '@medplum/fhirtypes';
import type { Gate } from '../connections/gate.ts';
import { type ReadOutcome, stopsConnection, type TryLater } from '../connections/outcomes.ts';
import { mergedInto } from '../core/facts/patient-facts.ts';
import { whoseIs } from '../intake/whose.ts';
import type { PatientId } from '../vocabulary/ids.ts';

export type Survivor =
  | { readonly outcome: 'itself' }
  | { readonly outcome: 'other'; readonly patientId: PatientId }
  /** In a circle, on another server, deleted, or not to be seen. */
  | { readonly outcome: 'nowhere' }
  | TryLater;

const MOST_LINKS = 10; // merges of merges; more is a fault

export async function survivorOf(gate: Gate, patient: Patient): Promise<Survivor> {
  const seen = new Set([patient.id]);
  for (let current = patient; seen.size <= MOST_LINKS; ) {
    const next = await nextOf(gate, current);
    if (next === undefined) return end(patient, current);
    if (typeof next !== 'string') return next;
    if (seen.has(next)) return { outcome: 'nowhere' };
    seen.add(next);
    const read = await gate.read('Patient', next);
    if (read.outcome !== 'found') return unread(read);
    current = read.resource;
  }
  return { outcome: 'nowhere' };
}

/** Records that this one says it has replaced. */
export function replacedBy({ link = [] }: Patient, gate: Gate): PatientId[] {
  return link.flatMap((one) => (one.type === 'replaces' ? (patientAt(one, gate) ?? []) : []));
}

function end(first: Patient, last: Patient): Survivor {
  return last === first ? { outcome: 'itself' } : { outcome: 'other', patientId: last.id as PatientId };
}

/** The record that took this one's place; undefined when none did. */
async function nextOf(gate: Gate, patient: Patient): Promise<PatientId | undefined | Survivor> {
  const link = mergedInto(patient);
  if (link !== undefined) return patientAt(link, gate) ?? { outcome: 'nowhere' };
  return patient.active === false ? whoReplaced(gate, patient) : undefined;
}

/** Some servers tell a merge on the record that stays, and only put the other one out of use. */
async function whoReplaced(gate: Gate, patient: Patient): Promise<PatientId | undefined | Survivor> {
  const found = await gate.searchAll('Patient', { link: `Patient/${patient.id}` });
  if (found.outcome === 'try-later') return found;
  if (found.outcome !== 'found') return undefined; // a server that does not know the parameter
  const [first, ...more] = found.resource.filter(
    (one): one is Patient & { id: string } =>
      one.resourceType === 'Patient' && replacedBy(one, gate).includes(patient.id as PatientId),
  );
  return more.length > 0 ? { outcome: 'nowhere' } : (first?.id as PatientId | undefined);
}

function patientAt({ other }: PatientLink, gate: Gate): PatientId | undefined {
  const whose = whoseIs({ resourceType: 'Basic', subject: other as never }, gate.connection);
  return 'patientId' in whose ? whose.patientId : undefined;
}

function unread(read: Exclude<ReadOutcome<Patient>, { outcome: 'found' }>): Survivor {
  if (read.outcome === 'try-later') return read;
  if (read.outcome === 'refused' && stopsConnection(read.reason))
    return { outcome: 'try-later', because: read.reason };
  return { outcome: 'nowhere' };
}
