/**
 * Whose resource is it, and does it matter to a patient at all?
 *
 * A subject that can not be told is never guessed: the event waits without a patient, and the evaluation
 * asks the server.
 */
import { type PatientId, parseReference } from '../vocabulary/ids.ts';
import { isObject, type JsonObject } from '../vocabulary/json.ts';
import { namesPatient } from '../vocabulary/resource-types.ts';

/** Where references of a connection may point and still mean that connection. */
export interface Bases {
  readonly base: string;
  readonly baseAliases?: readonly string[];
  /** `urn:uuid:` and other full URLs of the Bundle it came in -> `Type/id`. */
  readonly fullUrls?: ReadonlyMap<string, string>;
}

export type Whose =
  | { readonly patientId: PatientId }
  /** Not told here; the server may know. */
  | { readonly unknown: true }
  /** No evaluation follows; kept with the reason. */
  | { readonly setAside: 'done' | 'parked'; readonly reason: string };

export function whoseIs(resource: JsonObject, bases: Bases): Whose {
  const type = String(resource.resourceType);
  if (type === 'Patient') return { patientId: resource.id as PatientId };
  if (!namesPatient(type)) return { setAside: 'done', reason: 'not about a patient' };
  const written = referenceIn(resource.subject) ?? referenceIn(resource.patient);
  if (written === undefined) return { unknown: true };
  const local = bases.fullUrls?.get(written) ?? written;
  if (isForeign(local, bases)) return { setAside: 'parked', reason: 'the subject is on another server' };
  const reference = parseReference(local);
  if (reference === undefined) return { unknown: true };
  if (reference.type !== 'Patient') return { setAside: 'done', reason: 'the subject is not a patient' };
  return { patientId: reference.id as PatientId };
}

function referenceIn(element: unknown): string | undefined {
  const reference = isObject(element) ? element.reference : undefined;
  return typeof reference === 'string' ? reference : undefined;
}

function isForeign(reference: string, { base, baseAliases = [] }: Bases): boolean {
  if (!/^https?:/i.test(reference)) return false;
  return ![base, ...baseAliases].some((known) => reference.startsWith(`${known.replace(/\/+$/, '')}/`));
}
