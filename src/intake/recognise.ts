/**
 * What arrived? Senders agree on little: the method, the path, a header or the body tells.
 *
 * An ordered list of forms; the first that recognises a push reads it. The rest of the forms are added by
 * adding functions. Numbers as in the reference of senders.
 */

import type { Notice } from '../store/inbox.ts';
import { type ConnectionId, isFhirId, parseReference, type ResourceReference } from '../vocabulary/ids.ts';
import { isResourceType } from '../vocabulary/resource-types.ts';
import { changeOf, deletionOf, hintOf, type Trust } from './change.ts';
import { isObject, type JsonObject } from './read-json.ts';
import { Refusal } from './refusal.ts';
import type { Bases } from './whose.ts';

/** The connection a push came from, as far as its events need it. */
export interface Source extends Bases {
  readonly connectionId: ConnectionId;
  readonly trust: Trust;
}

/** A push whose sender is proven. */
export interface Push {
  readonly method: string;
  /** `Type/id` and version that the path names after the connection, if any. */
  readonly named?: ResourceReference;
  readonly header: (name: string) => string | undefined;
  /** The body as JSON; undefined when there is none. */
  readonly json?: unknown;
}

export interface Recognised {
  /** For the log: `put`, `bundle`. */
  readonly form: string;
  readonly notices: readonly Notice[];
}

type Form = (push: Push, source: Source) => readonly Notice[] | undefined;

const MOST_ENTRIES = 5000;

/** In the order of the tests; the first that answers wins. */
const FORMS = {
  put: (push, source) => {
    if (push.method !== 'PUT' || push.named === undefined || push.json === undefined) return undefined;
    return [changed(push.json, source)];
  },
  'put-empty': (push, source) => {
    if (push.method !== 'PUT' || push.named === undefined) return undefined;
    return [{ event: hintOf(push.named, source.connectionId) }];
  },
  delete: (push, source) => {
    if (push.method !== 'DELETE' || push.named === undefined) return undefined;
    return [{ event: deletionOf(push.named, source.connectionId) }];
  },
  empty: (push, source) => {
    if (push.method !== 'POST' || push.json !== undefined) return undefined;
    return push.named === undefined
      ? [{ sweep: source.connectionId }]
      : [{ event: hintOf(push.named, source.connectionId) }];
  },
  'medplum-delete': (push, source) => {
    if (push.header('x-medplum-interaction') !== 'delete') return undefined;
    const reference = referenceFrom(push.header('x-medplum-deleted-resource'), 'a header');
    return [{ event: deletionOf(reference, source.connectionId) }];
  },
  topic: (push) => {
    if (!isTopicNotice(push.json)) return undefined;
    throw new Refusal('malformed', 'topic notifications are not read here; use a subscription by criteria');
  },
  bundle: (push, source) => {
    if (!isObject(push.json) || push.json.resourceType !== 'Bundle') return undefined;
    return noticesOf(entriesOf(push.json), source);
  },
  resource: (push, source) => {
    if (!isObject(push.json) || !('resourceType' in push.json)) return undefined;
    return [changed(push.json, source)];
  },
} as const satisfies Record<string, Form>;

/** @throws Refusal `malformed` for what no form recognises, and where path and body disagree. */
export function recognise(push: Push, source: Source): Recognised {
  for (const [form, read] of Object.entries<Form>(FORMS)) {
    const notices = read(push, source);
    if (notices === undefined) continue;
    if (push.named !== undefined) checkAgreement(push.named, notices);
    return { form, notices };
  }
  throw new Refusal('malformed', 'the push is in no form that this server knows');
}

/**
 * The resource that a path names after the connection; undefined for an empty path.
 *
 * @throws Refusal when it names something else.
 */
export function namedByPath(segments: readonly string[]): ResourceReference | undefined {
  const path = segments.filter((segment) => segment !== '').join('/');
  return path === '' ? undefined : referenceFrom(path, 'the path');
}

function checkAgreement(named: ResourceReference, notices: readonly Notice[]): void {
  for (const notice of notices) {
    if ('event' in notice && notice.event.type === named.type && notice.event.resourceId === named.id)
      continue;
    throw new Refusal('malformed', 'the path and the body name different resources');
  }
}

function noticesOf(entries: readonly JsonObject[], source: Source): Notice[] {
  const fullUrls = new Map<string, string>();
  for (const { fullUrl, resource } of entries) {
    if (typeof fullUrl === 'string' && isObject(resource)) {
      fullUrls.set(fullUrl, `${String(resource.resourceType)}/${String(resource.id)}`);
    }
  }
  return entries.map((entry) => noticeOf(entry, { ...source, fullUrls }));
}

function noticeOf({ resource, request, fullUrl }: JsonObject, source: Source): Notice {
  const { method, url } = isObject(request) ? request : ({} as JsonObject);
  if (method === 'DELETE') return { event: deletionOf(referenceFrom(url, 'a request'), source.connectionId) };
  if (resource !== undefined) return changed(resource, source);
  return { event: hintOf(referenceFrom(url ?? fullUrl, 'an entry'), source.connectionId) };
}

function entriesOf({ entry }: JsonObject): JsonObject[] {
  if (!Array.isArray(entry) || entry.length === 0) throw new Refusal('malformed', 'the bundle has no entry');
  if (entry.length > MOST_ENTRIES)
    throw new Refusal('malformed', `the bundle has more than ${MOST_ENTRIES} entries`);
  if (!entry.every(isObject)) throw new Refusal('malformed', 'the bundle has an entry that is no object');
  return entry;
}

/** A topic notification tells by its first entry, never by `Bundle.type`. */
function isTopicNotice(json: unknown): boolean {
  if (!isObject(json) || json.resourceType !== 'Bundle' || !Array.isArray(json.entry)) return false;
  const first: unknown = (json.entry[0] as { resource?: unknown } | undefined)?.resource;
  if (!isObject(first)) return false;
  if (String(first.resourceType).endsWith('SubscriptionStatus')) return true;
  const parameters: readonly unknown[] = Array.isArray(first.parameter) ? first.parameter : [];
  return (
    first.resourceType === 'Parameters' &&
    parameters.some((one) => isObject(one) && one.name === 'subscription')
  );
}

function changed(json: unknown, source: Source): Notice {
  return { event: changeOf(resourceOf(json), source.connectionId, source.trust, source) };
}

function resourceOf(json: unknown): JsonObject {
  if (!isObject(json)) throw new Refusal('malformed', 'a resource is no JSON object');
  if (!isResourceType(json.resourceType))
    throw new Refusal('malformed', 'a resource is of no type of FHIR R4');
  if (!isFhirId(json.id)) throw new Refusal('malformed', 'a resource has no valid id');
  return json;
}

function referenceFrom(text: unknown, where: string): ResourceReference {
  const reference = typeof text === 'string' ? parseReference(text) : undefined;
  if (reference === undefined || !isResourceType(reference.type)) {
    throw new Refusal('malformed', `${where} names no resource of FHIR R4`);
  }
  return reference;
}
