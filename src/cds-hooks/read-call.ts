/**
 * Reads a hook call: lenient where real clients slip, strict where a slip could mix up patients.
 *
 * Source: care-team 4. Unknown members are ignored.
 */
import type { BundleEntry, Resource } from '@medplum/fhirtypes';
import { resourcesOfBundle } from '../core/chart/bundle.ts';
import { isFhirId, type PatientId, parseReference } from '../vocabulary/ids.ts';
import { isObject, type JsonObject } from '../vocabulary/json.ts';
import { patientOf } from './patient-of.ts';
import { HookRefusal } from './refusal.ts';
import type { Hook, Service } from './services.ts';
import { wellFormed } from './well-formed.ts';

export interface HookCall {
  readonly hook: Hook;
  readonly hookInstance: string;
  readonly patientId: PatientId;
  /** `Practitioner/7`; undefined when the client did not say. */
  readonly userId?: string;
  readonly draftOrders: readonly Resource[];
  /** `Type/id` of the orders just chosen, on order-select. */
  readonly selections: readonly string[];
  readonly prefetch: JsonObject;
  readonly fhirServer?: string;
  /** Lives in the memory of this call only. */
  readonly accessToken?: string;
}

const LONGEST_INSTANCE = 128; // characters; the standard says UUID, clients say otherwise

/** @throws HookRefusal */
export function readCall(body: unknown, { hook }: Service): HookCall {
  if (!isObject(body)) throw new HookRefusal('malformed', 'the body is not a JSON object');
  if (body.hook !== hook)
    throw new HookRefusal('malformed', `this service answers the hook ${hook}`, { diagnostics: 'hook' });
  const instance = body.hookInstance;
  if (typeof instance !== 'string' || instance === '' || instance.length > LONGEST_INSTANCE)
    throw missing('hookInstance');
  const { context } = body;
  if (!isObject(context)) throw missing('context');
  const patientId = patientIn(context);
  const prefetch = isObject(body.prefetch) ? body.prefetch : {};
  const draftOrders = resourcesIn(context.draftOrders);
  refuseOtherPatients(patientId, prefetch, draftOrders);
  const { userId, selections } = context;
  return {
    hook,
    hookInstance: instance,
    patientId,
    ...(typeof userId === 'string' && userId !== '' ? { userId } : {}),
    draftOrders,
    selections: Array.isArray(selections) ? selections.filter((one) => typeof one === 'string') : [],
    prefetch,
    ...fhirAccess(body, patientId),
  };
}

/** Cards are for professionals: a patient or a proxy gets none. */
export function isProfessional(userId: string | undefined): boolean {
  const type = parseReference(userId)?.type;
  return type !== 'Patient' && type !== 'RelatedPerson';
}

function missing(member: string): HookRefusal {
  return new HookRefusal('required', `the call has no usable ${member}`, { diagnostics: member });
}

/** Some clients send a reference where the standard wants an id. */
function patientIn(context: JsonObject): PatientId {
  const said = context.patientId;
  const id = typeof said === 'string' && said.startsWith('Patient/') ? said.slice('Patient/'.length) : said;
  if (!isFhirId(id)) throw missing('context.patientId');
  return id as PatientId;
}

function fhirAccess(body: JsonObject, patientId: PatientId): Pick<HookCall, 'fhirServer' | 'accessToken'> {
  const { fhirServer, fhirAuthorization } = body;
  const server = typeof fhirServer === 'string' && fhirServer !== '' ? { fhirServer } : {};
  if (!isObject(fhirAuthorization)) return server;
  const { patient, access_token, token_type } = fhirAuthorization;
  if (typeof patient === 'string' && bareId(patient) !== patientId)
    throw wrongPatient('fhirAuthorization.patient');
  if (typeof access_token !== 'string' || access_token === '') return server;
  const isBearer = token_type === undefined || /^bearer$/i.test(String(token_type));
  return isBearer ? { ...server, accessToken: access_token } : server;
}

function bareId(reference: string): string {
  return parseReference(reference)?.id ?? reference;
}

/** Resources of a Bundle that may lack `type`, `entry`, or a sound entry here and there; each with an id. */
export function resourcesIn(bundle: unknown): Resource[] {
  const entries = isObject(bundle) && Array.isArray(bundle.entry) ? bundle.entry : [];
  const sound = entries.flatMap((entry: unknown, index): BundleEntry[] => {
    if (!isObject(entry) || !isObject(entry.resource) || typeof entry.resource.resourceType !== 'string')
      return [];
    const { fullUrl } = entry;
    const named = typeof fullUrl === 'string' ? { fullUrl } : {};
    const id = [entry.resource.id, named.fullUrl?.split(/[/:]/).at(-1)].find(isFhirId) ?? `entry-${index}`;
    return [{ ...named, resource: wellFormed({ ...entry.resource, id }) as unknown as Resource }];
  });
  return resourcesOfBundle({ entry: sound });
}

/** A resource about somebody else means that the client mixed up patients: nothing of the call can be trusted. */
function refuseOtherPatients(patientId: PatientId, prefetch: JsonObject, drafts: readonly Resource[]): void {
  for (const [key, value] of Object.entries(prefetch)) {
    const entries = isObject(value) && Array.isArray(value.entry) ? value.entry : [];
    const resources = [value, ...entries.map((entry: unknown) => isObject(entry) && entry.resource)];
    if (resources.some((resource) => isAboutAnother(resource, patientId)))
      throw wrongPatient(`prefetch.${key}`);
  }
  if (drafts.some((draft) => isAboutAnother(draft, patientId))) throw wrongPatient('context.draftOrders');
}

function isAboutAnother(resource: unknown, patientId: PatientId): boolean {
  if (!isObject(resource) || typeof resource.resourceType !== 'string') return false;
  if (resource.resourceType === 'Patient') return resource.id !== patientId;
  const whose = patientOf(resource as unknown as Resource);
  return whose !== undefined && whose !== patientId;
}

function wrongPatient(member: string): HookRefusal {
  return new HookRefusal('wrong-patient', 'the call holds data of a patient other than context.patientId', {
    diagnostics: member,
  });
}
