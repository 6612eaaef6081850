/**
 * The chart: the resources of one patient that the rules can use, as one evaluation saw them.
 *
 * Built from a live server, a CDS Hooks prefetch, a file or a test; order and duplicates do not matter.
 */
import type { Patient, Resource } from '@medplum/fhirtypes';

export interface Chart {
  readonly patient: Patient;
  /** One version of each resource, sorted by type and id. */
  readonly resources: readonly Resource[];
  /** The same by `Type/id`. */
  readonly byReference: ReadonlyMap<string, Resource>;
  /** `Type/id` of resources known to be deleted on the server. */
  readonly deleted: ReadonlySet<string>;
  /** `Type/id` of resources that were this patient's and are another's now. */
  readonly moved: ReadonlySet<string>;
  /** Types of which not everything could be seen: that there is no record of them means nothing. */
  readonly unseen: ReadonlySet<string>;
}

export class ChartError extends Error {}

/**
 * Makes a chart of resources seen anywhere.
 *
 * Of several versions of one resource the one with the latest `meta.lastUpdated` counts; on a tie the
 * one seen last.
 * @throws ChartError when there is no Patient, or more than one.
 */
export function chartOf(
  resources: Iterable<Resource>,
  deleted: Iterable<string> = [],
  unseen: Iterable<string> = [],
  moved: Iterable<string> = [],
): Chart {
  const newest = new Map<string, Resource>();
  let unnamed = 0;
  for (const resource of resources) {
    const key = resource.id
      ? `${resource.resourceType}/${resource.id}`
      : `${resource.resourceType}/#${unnamed++}`;
    const seen = newest.get(key);
    if (seen === undefined || lastUpdated(resource) >= lastUpdated(seen)) newest.set(key, resource);
  }
  const patients = [...newest.values()].filter((resource) => resource.resourceType === 'Patient');
  const [patient] = patients;
  if (patient === undefined) throw new ChartError('the chart has no Patient');
  if (patients.length > 1) throw new ChartError(`the chart has ${patients.length} Patients; one is wanted`);
  const byReference = new Map([...newest].sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    patient,
    resources: [...byReference.values()],
    byReference,
    deleted: new Set(deleted),
    moved: new Set(moved),
    unseen: new Set(unseen),
  };
}

function lastUpdated(resource: Resource): number {
  const time = Date.parse(resource.meta?.lastUpdated ?? '');
  return Number.isNaN(time) ? Number.NEGATIVE_INFINITY : time;
}
