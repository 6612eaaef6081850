/**
 * From a resource or a reference to the event that is committed.
 */
import type { Resource } from '@medplum/fhirtypes';
import type { NewEvent } from '../store/event.ts';
import type { ConnectionId, PatientId, ResourceReference } from '../vocabulary/ids.ts';
import { isObject, type JsonObject } from '../vocabulary/json.ts';
import { withoutDocuments } from '../vocabulary/presented-form.ts';
import { namesPatient } from '../vocabulary/resource-types.ts';
import { type Bases, whoseIs } from './whose.ts';

/** `body`: what a proven push says is data. `hint`: it only names what to read. */
export type Trust = 'body' | 'hint';

/** A resource was created or updated. Its type and id are known to be valid. */
export function changeOf(
  resource: JsonObject | Resource,
  connectionId: ConnectionId,
  trust: Trust,
  bases: Bases,
): NewEvent {
  const json = resource as JsonObject;
  const whose = whoseIs(json, bases);
  const versionId = versionOf(json);
  const reference = { type: String(json.resourceType), id: String(json.id), ...(versionId && { versionId }) };
  const keep = trust === 'body' && !('setAside' in whose);
  return {
    ...eventOf('change', reference, connectionId),
    ...dedupeKey(reference, json),
    ...('patientId' in whose ? { patientId: whose.patientId } : {}),
    ...('setAside' in whose ? { state: whose.setAside, reason: whose.reason } : {}),
    ...(keep ? { trust, resource: withPlainMeta(withoutDocuments(json)) as unknown as Resource } : {}),
  };
}

/** A resource was deleted, says the sender; a read decides. Never deduplicated: nothing in it is signed. */
export function deletionOf(reference: ResourceReference, connectionId: ConnectionId): NewEvent {
  return eventOf('delete', reference, connectionId);
}

/** Something is to be read. @param eventId the sender's own id of this notice, where it gives one */
export function hintOf(reference: ResourceReference, connectionId: ConnectionId, eventId?: string): NewEvent {
  const key = dedupeKey(reference);
  return {
    ...eventOf('hint', reference, connectionId),
    ...(key.dedupeKey === undefined && eventId !== undefined ? { dedupeKey: `sender ${eventId}` } : key),
  };
}

function eventOf(kind: NewEvent['kind'], of: ResourceReference, connectionId: ConnectionId): NewEvent {
  const { type, id, versionId } = of;
  return {
    connectionId,
    kind,
    type,
    resourceId: id,
    ...(versionId === undefined ? {} : { versionId }),
    ...(type === 'Patient' ? { patientId: id as PatientId } : {}),
    trust: 'hint',
    ...(namesPatient(type) ? { state: 'waiting' } : { state: 'done', reason: 'not about a patient' }),
  };
}

/** A version is the same wherever it came from; without one, its time; without both, nothing is a repeat. */
function dedupeKey(
  { type, id, versionId }: ResourceReference,
  resource?: JsonObject,
): { dedupeKey?: string } {
  if (versionId !== undefined) return { dedupeKey: `${type}/${id}|${versionId}` };
  const at = isObject(resource?.meta) ? resource.meta.lastUpdated : undefined;
  return typeof at === 'string' && at.length <= 40 ? { dedupeKey: `${type}/${id}|at ${at}` } : {};
}

function versionOf({ meta }: JsonObject): string | undefined {
  const version = isObject(meta) ? meta.versionId : undefined;
  return typeof version === 'string' && /^[^\s/|]{1,64}$/.test(version) ? version : undefined;
}

/** Servers put members of their own into `meta`, and not always of the right type. These four are read. */
function withPlainMeta(resource: JsonObject): JsonObject {
  const { meta, ...rest } = resource;
  if (meta === undefined) return resource;
  const { versionId, lastUpdated, tag, security } = isObject(meta) ? meta : ({} as JsonObject);
  return {
    ...rest,
    meta: {
      ...(typeof versionId === 'string' && { versionId }),
      ...(typeof lastUpdated === 'string' && { lastUpdated }),
      ...(Array.isArray(tag) && { tag: tag.filter(isObject) }),
      ...(Array.isArray(security) && { security: security.filter(isObject) }),
    },
  };
}
