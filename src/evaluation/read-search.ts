/**
 * All that a search of a chart brings, however much it is.
 */
import type { Bundle, Observation, Resource } from '@medplum/fhirtypes';
import type { Gate } from '../connections/gate.ts';
import { isRefusedAs, type ReadOutcome, type Refused } from '../connections/outcomes.ts';
import { gatherPages } from '../connections/pages.ts';
import type { SearchParams } from '../connections/requests.ts';

export type Found =
  /** `isPart`: the newest of more than can be read. */
  | { readonly outcome: 'found'; readonly resource: readonly Resource[]; readonly isPart?: true }
  | Exclude<ReadOutcome<unknown>, { outcome: 'found' }>;

const TOO_MANY: Refused = { outcome: 'refused', reason: 'too-many' };

/**
 * @param request relative, `Observation?patient=Patient/7`
 * @param first its answer, perhaps of a batch: a Bundle that may have further pages
 */
export async function readSearch(gate: Gate, request: string, first: ReadOutcome<Resource>): Promise<Found> {
  const [type, params] = searchOf(request);
  const pages = first.outcome === 'found' ? await gatherPages(gate.pagesOf(first.resource as Bundle)) : first;
  const all: Found = isRefusedAs('too-large', pages) ? await gate.searchAll(type, params) : pages;
  return isRefusedAs('too-many', all) && type === 'Observation' ? newestObservations(gate, params) : all;
}

/** Type and parameters of a relative search. */
export function searchOf(request: string): [Resource['resourceType'], SearchParams] {
  const [type, query] = request.split('?') as [Resource['resourceType'], string?];
  return [type, Object.fromEntries(new URLSearchParams(query))];
}

/** A monitor writes more than can be read. The newest will do, where the server really gives them first. */
async function newestObservations(gate: Gate, params: SearchParams): Promise<Found> {
  const newest: Resource[] = [];
  for await (const page of gate.search('Observation', { ...params, _sort: '-date' })) {
    if (page.outcome === 'try-later') return page;
    if (page.outcome !== 'found')
      return isRefusedAs('too-many', page) && isNewestFirst(newest)
        ? { outcome: 'found', resource: newest, isPart: true }
        : TOO_MANY;
    newest.push(...page.resource);
  }
  return { outcome: 'found', resource: newest };
}

/** Judged by those that have one time of day; servers do not agree on where a period or a mere day belongs. */
function isNewestFirst(resources: readonly Resource[]): boolean {
  const times = resources.flatMap((resource) => {
    const { effectiveDateTime, effectiveInstant } = resource as Observation;
    const time = effectiveInstant ?? effectiveDateTime;
    return time?.includes('T') ? [Date.parse(time)] : [];
  });
  const [first, last] = [times[0], times.at(-1)];
  if (first === undefined || last === undefined || first === last) return false; // nothing to judge by
  return times.every((time, n) => n === 0 || time <= (times[n - 1] as number));
}
