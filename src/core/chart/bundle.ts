/**
 * The resources of a Bundle, ready for a chart.
 */
import type { Bundle, Resource } from '@medplum/fhirtypes';

/** Entries with an id each, and their references to each other by `fullUrl` made plain. */
export function resourcesOfBundle(bundle: Partial<Bundle>): Resource[] {
  const entries = (bundle.entry ?? []).flatMap(({ resource, fullUrl }) => {
    if (resource === undefined) return [];
    const id = resource.id ?? fullUrl?.split(/[/:]/).at(-1);
    return [{ resource: (id === undefined ? resource : { ...resource, id }) as Resource, fullUrl }];
  });
  const plain = new Map(
    entries.flatMap(({ resource, fullUrl }) =>
      fullUrl?.startsWith('urn:') ? [[fullUrl, `${resource.resourceType}/${resource.id}`] as const] : [],
    ),
  );
  if (plain.size === 0) return entries.map(({ resource }) => resource);
  return entries.map(({ resource }) =>
    JSON.parse(JSON.stringify(resource), (key, value) =>
      key === 'reference' ? (plain.get(value) ?? value) : value,
    ),
  );
}
