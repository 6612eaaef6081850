/**
 * The history of one resource, or of a type, as a Bundle, newest first, deletions included.
 */
import type { Bundle, BundleEntry } from '@medplum/fhirtypes';
import type { Version } from './version.ts';

const STATUS = { POST: '201', PUT: '200', DELETE: '200' } as const satisfies Record<
  Version['method'],
  string
>;

/** @param versions oldest first. */
export function historyOf(versions: readonly Version[], base: string): Bundle {
  return {
    resourceType: 'Bundle',
    type: 'history',
    total: versions.length,
    entry: versions.toReversed().map((version) => entryOf(version, base)),
  };
}

function entryOf({ type, id, versionId, lastUpdated, method, resource }: Version, base: string): BundleEntry {
  const url = method === 'POST' ? type : `${type}/${id}`;
  return {
    fullUrl: `${base}/${type}/${id}`,
    ...(resource && { resource: structuredClone(resource) }),
    request: { method, url },
    response: { status: STATUS[method], etag: `W/"${versionId}"`, lastModified: lastUpdated },
  };
}
