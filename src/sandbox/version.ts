/**
 * One version of one resource as the sandbox keeps it, and the change that made it.
 */
import type { WithId } from '@medplum/core';
import type { Resource } from '@medplum/fhirtypes';

/** A version; a deletion is a version too, the one without a resource (a tombstone). */
export interface Version {
  readonly type: Resource['resourceType'];
  readonly id: string;
  readonly versionId: string;
  readonly lastUpdated: string;
  readonly method: 'POST' | 'PUT' | 'DELETE';
  readonly resource?: WithId<Resource>;
}

export type Interaction = 'create' | 'update' | 'delete';

/** What subscribers may be told. `resource` is the new version; for a delete, the last one there was. */
export interface Change {
  readonly interaction: Interaction;
  readonly resource: WithId<Resource>;
  readonly previous?: WithId<Resource>;
  readonly version: Version;
}
