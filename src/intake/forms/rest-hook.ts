/**
 * Plain R4 rest-hooks: HAPI, Smile CDR, Medplum, FHIR Works, and all that send a resource or nothing at all.
 */
import type { Notice } from '../../store/inbox.ts';
import { isObject, type JsonObject } from '../../vocabulary/json.ts';
import { deletionOf, hintOf } from '../change.ts';
import { changed, type Form, referenceFrom, type Source } from '../form.ts';
import { Refusal } from '../refusal.ts';

const MOST_ENTRIES = 5000;

/** PUT of a resource to its path: HAPI and Smile CDR take our address for a FHIR base. */
export const put: Form = (push, source) => {
  if (push.method !== 'PUT' || push.named === undefined || push.json === undefined) return undefined;
  return [changed(push.json, source)];
};

/** PUT without a body: FHIR Works says only which resource changed. */
export const putEmpty: Form = (push, source) => {
  if (push.method !== 'PUT' || push.named === undefined) return undefined;
  return [{ event: hintOf(push.named, source.connectionId) }];
};

/** DELETE of a path: HAPI with the delete extension. */
export const deletion: Form = (push, source) => {
  if (push.method !== 'DELETE' || push.named === undefined) return undefined;
  return [{ event: deletionOf(push.named, source.connectionId) }];
};

/** POST of nothing: something matched, nobody says what. */
export const empty: Form = (push, source) => {
  if (push.method !== 'POST' || push.json !== undefined) return undefined;
  return push.named === undefined
    ? [{ sweep: source.connectionId }]
    : [{ event: hintOf(push.named, source.connectionId) }];
};

/** Medplum says in headers what was deleted; the body is the same for every deletion, and so is its signature. */
export const medplumDeletion: Form = (push, source) => {
  if (push.header('x-medplum-interaction') !== 'delete') return undefined;
  const reference = referenceFrom(push.header('x-medplum-deleted-resource'), 'a header');
  return [{ event: deletionOf(reference, source.connectionId) }];
};

/** Any Bundle: each entry is a change. */
export const bundle: Form = (push, source) => {
  if (!isObject(push.json) || push.json.resourceType !== 'Bundle') return undefined;
  return changesOf(entriesOf(push.json), source);
};

/** Any other resource: a change of it. */
export const resource: Form = (push, source) => {
  if (!isObject(push.json) || !('resourceType' in push.json)) return undefined;
  return [changed(push.json, source)];
};

/** Entries as changes, deletions and hints; references within the Bundle are resolved. */
export function changesOf(entries: readonly JsonObject[], source: Source): Notice[] {
  const fullUrls = fullUrlsOf(entries);
  return entries.map((entry) => changeOfEntry(entry, { ...source, fullUrls }));
}

/** What the full URLs of a Bundle stand for. */
export function fullUrlsOf(entries: readonly JsonObject[]): Map<string, string> {
  const fullUrls = new Map<string, string>();
  for (const { fullUrl, resource: of } of entries) {
    if (typeof fullUrl === 'string' && isObject(of))
      fullUrls.set(fullUrl, `${String(of.resourceType)}/${String(of.id)}`);
  }
  return fullUrls;
}

function changeOfEntry({ resource: of, request, fullUrl }: JsonObject, source: Source): Notice {
  const { method, url } = isObject(request) ? request : ({} as JsonObject);
  if (method === 'DELETE') return { event: deletionOf(referenceFrom(url, 'a request'), source.connectionId) };
  if (of !== undefined) return changed(of, source);
  return { event: hintOf(referenceFrom(url ?? fullUrl, 'an entry'), source.connectionId) };
}

/** @throws Refusal when the Bundle has none, too many, or one that is no object. */
export function entriesOf({ entry }: JsonObject): JsonObject[] {
  if (!Array.isArray(entry) || entry.length === 0) throw new Refusal('malformed', 'the bundle has no entry');
  if (entry.length > MOST_ENTRIES)
    throw new Refusal('malformed', `the bundle has more than ${MOST_ENTRIES} entries`);
  if (!entry.every(isObject)) throw new Refusal('malformed', 'the bundle has an entry that is no object');
  return entry;
}
