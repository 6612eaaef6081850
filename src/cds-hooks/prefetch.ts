/**
 * What a client sent along, key by key: data, no data, only a part, or nothing to rely on.
 *
 * Why so many states: `null` means "searched, nothing there", an absent key means "did not look", and a
 * first page means that more exists. Taken for each other they turn into a false "nothing found".
 * Source: care-team 5.
 */
import type { Bundle, OperationOutcome, Resource } from '@medplum/fhirtypes';
import { isObject, type JsonObject } from '../vocabulary/json.ts';
import { resourcesIn } from './read-call.ts';
import type { Template } from './services.ts';
import { wellFormed } from './well-formed.ts';

export type PrefetchState =
  | { readonly state: 'missing' | 'empty' | 'failed' }
  | { readonly state: 'ok'; readonly resources: readonly Resource[] }
  /** `page`: the Bundle whose next pages may be asked for. */
  | { readonly state: 'partial'; readonly resources: readonly Resource[]; readonly page?: Bundle };

/** @param value what the key holds; undefined when the key is absent */
export function prefetchState(value: unknown, { type, search }: Template): PrefetchState {
  if (value === undefined) return { state: 'missing' };
  if (value === null) return { state: 'empty' };
  if (!isObject(value)) return { state: 'failed' };
  return search === undefined ? instanceState(value, type) : bundleState(value, type);
}

function instanceState(value: JsonObject, type: string): PrefetchState {
  if (value.resourceType !== type) return { state: 'failed' };
  return { state: 'ok', resources: [wellFormed(value) as unknown as Resource] };
}

function bundleState(value: JsonObject, type: string): PrefetchState {
  if (value.resourceType !== 'Bundle') return { state: 'failed' };
  const resources = resourcesIn(value);
  if (resources.some(isFailure)) return { state: 'failed' };
  const data = resources.filter(({ resourceType }) => resourceType !== 'OperationOutcome');
  const asked = data.filter(({ resourceType }) => resourceType === type || resourceType === 'Medication');
  if (data.length > 0 && asked.length === 0) return { state: 'failed' };
  if (hasNext(value)) return { state: 'partial', resources: asked, page: value as unknown as Bundle };
  return asked.length === 0 ? { state: 'empty' } : { state: 'ok', resources: asked };
}

function isFailure(resource: Resource): boolean {
  if (resource.resourceType !== 'OperationOutcome') return false;
  const { issue } = resource as Partial<OperationOutcome>;
  return Array.isArray(issue) && issue.some((one) => one?.severity === 'error' || one?.severity === 'fatal');
}

function hasNext({ link }: JsonObject): boolean {
  return (
    Array.isArray(link) &&
    link.some((one) => isObject(one) && one.relation === 'next' && typeof one.url === 'string')
  );
}
