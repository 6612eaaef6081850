/**
 * Pages of a search.
 */
import type { Bundle, Resource } from '@medplum/fhirtypes';
import type { JsonObject } from '../vocabulary/json.ts';
import { withoutDocuments } from '../vocabulary/presented-form.ts';
import type { ReadOutcome } from './outcomes.ts';
import type { SearchParams } from './requests.ts';

/** A page of a search, or why there is none; after trouble nothing follows. */
export type Page = Exclude<ReadOutcome<readonly Resource[]>, { outcome: 'gone' }>;

export type NoPage = Exclude<Page, { outcome: 'found' }>;

/** All pages as one answer. */
export async function gatherPages(pages: AsyncIterable<Page>): Promise<Page> {
  const all: Resource[] = [];
  for await (const page of pages) {
    if (page.outcome !== 'found') return page;
    all.push(...page.resource);
  }
  return { outcome: 'found', resource: all };
}

/** What a page holds, without documents: a hundred reports can carry more of them than memory should hold. */
export function resourcesOf(bundle: Bundle): Resource[] {
  return (bundle.entry ?? []).flatMap(({ resource, search }) =>
    resource === undefined || search?.mode === 'outcome' || resource.resourceType === 'OperationOutcome'
      ? []
      : [withoutDocuments(resource as unknown as JsonObject) as unknown as Resource],
  );
}

/** A search has no 404 of its own: the type is not served. */
export function missing(outcome: Exclude<ReadOutcome<Bundle>, { outcome: 'found' }>): NoPage {
  return outcome.outcome === 'gone' ? { outcome: 'refused', reason: 'rejected' } : outcome;
}

const SMALLER_PAGES = [50, 5]; // resources

/** The same search for those who got a page that was too large: to be asked from the beginning, one after the other. */
export function smallerPages(params: SearchParams): SearchParams[] {
  const asked = Number(params._count ?? Number.POSITIVE_INFINITY);
  return SMALLER_PAGES.filter((size) => size < asked).map((size) => ({ ...params, _count: String(size) }));
}
