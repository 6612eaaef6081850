/**
 * Whose is a resource that its notice did not tell of: the server is asked.
 *
 * A subject that can not be told for certain is never guessed. The events are parked with the reason in words,
 * which `/statusz` counts and `redrive --reason` tries again.
 */
import type { Identifier, Patient, Resource } from '@medplum/fhirtypes';
import type { Gate } from '../connections/gate.ts';
import { type RefusalReason, stopsConnection, type TryLater } from '../connections/outcomes.ts';
import { isMergedAway } from '../core/facts/patient-facts.ts';
import { whoseIs } from '../intake/whose.ts';
import type { PatientId } from '../vocabulary/ids.ts';
import { isObject, type JsonObject } from '../vocabulary/json.ts';

export type WhoseAtServer =
  | { readonly outcome: 'found'; readonly patientId: PatientId }
  | { readonly outcome: 'set-aside'; readonly as: 'done' | 'parked'; readonly reason: string }
  /** The resource is not there; `certain` when the server says deleted. */
  | { readonly outcome: 'gone'; readonly certain: boolean }
  | TryLater;

export async function whoseAtServer(
  gate: Gate,
  { type, id }: { readonly type: string; readonly id: string },
): Promise<WhoseAtServer> {
  const read = await gate.read(type as Resource['resourceType'], id);
  switch (read.outcome) {
    case 'found':
      return whoseSays(gate, read.resource as unknown as JsonObject);
    case 'gone':
      return read;
    case 'hidden':
      return parked('patient-unknown');
    case 'refused':
      return refused(read.reason);
    case 'try-later':
      return read;
  }
}

async function whoseSays(gate: Gate, resource: JsonObject): Promise<WhoseAtServer> {
  const whose = whoseIs(resource, gate.connection);
  if ('patientId' in whose) return { outcome: 'found', patientId: whose.patientId };
  if ('setAside' in whose) return { outcome: 'set-aside', as: whose.setAside, reason: whose.reason };
  const subject = [resource.subject, resource.patient].find(isObject);
  if (typeof subject?.type === 'string' && subject.type !== 'Patient')
    return { outcome: 'set-aside', as: 'done', reason: 'the subject is not a patient' };
  const identifier = isObject(subject?.identifier) ? subject.identifier : {};
  const { system, value } = identifier;
  if (typeof system !== 'string' || typeof value !== 'string' || system === '' || value === '')
    return parked('the subject is only named');
  return whoHas(gate, { system, value });
}

/** Without its system a number could be anybody's, so both are asked for; hits are checked, as servers ignore parameters. */
async function whoHas(gate: Gate, { system, value }: Identifier): Promise<WhoseAtServer> {
  const found = await gate.searchAll('Patient', { identifier: `${system}|${value}` });
  if (found.outcome === 'try-later') return found;
  if (found.outcome === 'refused') return refused(found.reason);
  if (found.outcome !== 'found') return parked('no patient has the identifier of the subject');
  const [patient, ...more] = found.resource.filter(
    (one): one is Patient & { id: string } =>
      one.resourceType === 'Patient' &&
      !isMergedAway(one) &&
      one.identifier?.some((each) => each.system === system && each.value === value) === true,
  );
  if (patient === undefined) return parked('no patient has the identifier of the subject');
  if (more.length > 0) return parked('several patients have the identifier of the subject');
  return { outcome: 'found', patientId: patient.id as PatientId };
}

function refused(reason: RefusalReason): WhoseAtServer {
  return stopsConnection(reason) ? { outcome: 'try-later', because: reason } : parked(reason);
}

function parked(reason: string): WhoseAtServer {
  return { outcome: 'set-aside', as: 'parked', reason };
}
