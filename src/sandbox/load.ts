/**
 * What `Sandbox.load` accepts, made into plain resources with ids.
 *
 * Why: collections written by hand bring ids; generated cohorts are transactions whose entries point at
 * each other by `urn:uuid:`.
 */
import { randomUUID } from 'node:crypto';
import type { Bundle, Resource } from '@medplum/fhirtypes';

/** @returns the resources, each with an id, `urn:uuid:` references replaced by `Type/id`. */
export function resourcesOf(input: Bundle | readonly Resource[]): Resource[] {
  if (!('resourceType' in input)) return input.map(withId);
  const entries = (input.entry ?? []).flatMap(({ fullUrl, resource }) =>
    resource === undefined ? [] : [{ fullUrl, resource: withId(resource) }],
  );
  const addresses = new Map(
    entries.map(({ fullUrl, resource }) => [fullUrl, `${resource.resourceType}/${resource.id}`]),
  );
  return entries.map(({ resource }) =>
    JSON.parse(JSON.stringify(resource), (key, value) =>
      key === 'reference' && typeof value === 'string' ? (addresses.get(value) ?? value) : value,
    ),
  );
}

function withId(resource: Resource): Resource {
  return { ...resource, id: resource.id ?? randomUUID() };
}
