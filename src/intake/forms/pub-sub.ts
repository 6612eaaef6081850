/**
 * Pub/Sub push of Google Cloud Healthcare: the name of a resource, or the resource, in base64.
 *
 * A store that sends full resources falls back to names when busy, so the payload is asked and not the setting.
 */
import type { Notice } from '../../store/inbox.ts';
import type { ResourceReference } from '../../vocabulary/ids.ts';
import { isObject, type JsonObject } from '../../vocabulary/json.ts';
import { deletionOf, hintOf } from '../change.ts';
import {
  changed,
  type Form,
  referenceFrom,
  referenceOf,
  requireSameSite,
  type Source,
  senderEventId,
} from '../form.ts';
import { readJson } from '../read-json.ts';
import { Refusal } from '../refusal.ts';

export const message: Form = ({ json }, source) => {
  const sent = isObject(json) ? json.message : undefined;
  if (!isObject(sent) || !(isObject(sent.attributes) || typeof sent.data === 'string')) return undefined;
  return [noticeOf(sent, source)];
};

function noticeOf(sent: JsonObject, source: Source): Notice {
  const attributes = isObject(sent.attributes) ? sent.attributes : ({} as JsonObject);
  requireSameSite(attributes.storeName, storeOf(source.base));
  const payload = decoded(sent.data);
  if (payload.length === 0) return { sweep: source.connectionId };
  const isDeletion = /^delete/i.test(String(attributes.action ?? ''));
  if (payload[0] !== 0x7b) {
    const name = payload.toString('utf8').trim();
    const reference = referenceFrom(name, 'the message');
    requireSameSite(storeOf(name), storeOf(source.base));
    if (isDeletion) return { event: deletionOf(reference, source.connectionId) };
    const eventId = senderEventId(sent.messageId ?? sent.message_id);
    return { event: hintOf(versioned(reference, attributes), source.connectionId, eventId) };
  }
  const resource = readJson(payload);
  if (!isDeletion) return changed(resource, source);
  const deleted = isObject(resource) ? referenceOf(resource.resourceType, resource.id, undefined) : undefined;
  if (deleted === undefined) throw new Refusal('malformed', 'the message names no resource of FHIR R4');
  return { event: deletionOf(deleted, source.connectionId) };
}

function decoded(data: unknown): Buffer {
  if (data === undefined) return Buffer.alloc(0);
  if (typeof data !== 'string' || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(data))
    throw new Refusal('malformed', 'the data of the message is not base64');
  return Buffer.from(data, 'base64');
}

function versioned(reference: ResourceReference, { versionId }: JsonObject): ResourceReference {
  return referenceOf(reference.type, reference.id, reference.versionId ?? versionId) ?? reference;
}

/** `projects/../fhirStores/x` in an address or a name. */
function storeOf(text: string): string | undefined {
  return /projects\/[^/]+\/locations\/[^/]+\/datasets\/[^/]+\/fhirStores\/[^/]+/.exec(text)?.[0];
}
