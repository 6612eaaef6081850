/**
 * Two senders with an envelope of their own: LinuxForHealth events that a bridge posts, and Aidbox's first
 * generation of subscriptions.
 */
import type { Notice } from '../../store/inbox.ts';
import { isObject } from '../../vocabulary/json.ts';
import { deletionOf, hintOf } from '../change.ts';
import { changed, type Form, referenceFrom, referenceOf, requireSameSite } from '../form.ts';
import { Refusal } from '../refusal.ts';

const SITE = 'tenantId'; // as that server calls it

/** `{operationType, location, resource?}`; a resource that was too large is cut down or left out. */
export const linuxForHealth: Form = ({ json }, source) => {
  if (!isObject(json) || !('operationType' in json) || !('location' in json)) return undefined;
  requireSameSite(json[SITE], source.reportedSite);
  const reference = referenceFrom(json.location, 'the location');
  if (json.operationType === 'delete') return [{ event: deletionOf(reference, source.connectionId) }];
  if (!isObject(json.resource)) return [{ event: hintOf(reference, source.connectionId) }];
  const { type, id } = reference;
  if (json.resource.resourceType !== type || json.resource.id !== id)
    throw new Refusal('malformed', 'the location and the resource are not the same');
  // A resource that was cut down says so in its tags; what it lacks must not be taken for absent.
  const whole = !isSubsetted(json.resource.meta);
  return [whole ? changed(json.resource, source) : { event: hintOf(reference, source.connectionId) }];
};

/**
 * `{type: handshake | notification, event, resource}`. The resource is in Aidbox's own format, where values
 * and references look otherwise than in FHIR: it only names what to read.
 */
export const aidbox: Form = ({ json }, source) => {
  if (!isObject(json) || 'resourceType' in json) return undefined;
  if (json.type === 'handshake') return [];
  if (json.type !== 'notification') return undefined;
  const { resource, event } = json;
  const { versionId } =
    isObject(resource) && isObject(resource.meta) ? resource.meta : { versionId: undefined };
  const reference = isObject(resource)
    ? referenceOf(resource.resourceType, resource.id, versionId)
    : undefined;
  if (reference === undefined) return [{ sweep: source.connectionId }];
  const notice: Notice = /delete/i.test(JSON.stringify(event ?? ''))
    ? { event: deletionOf(reference, source.connectionId) }
    : { event: hintOf(reference, source.connectionId) };
  return [notice];
};

function isSubsetted(meta: unknown): boolean {
  const tags: unknown = isObject(meta) ? meta.tag : undefined;
  return Array.isArray(tags) && tags.some((tag) => isObject(tag) && tag.code === 'SUBSETTED');
}
