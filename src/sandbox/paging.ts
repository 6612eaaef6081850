/**
 * Pages of a search: a default size, and a link to the next page on our own base.
 *
 * Why: the repository underneath answers everything at once and has no links, so a client that forgot
 * to page would pass every test.
 */
import { formatSearchQuery, type SearchRequest, type WithId } from '@medplum/core';
import type { Bundle, Resource } from '@medplum/fhirtypes';

const DEFAULT_COUNT = 20; // as Medplum's server
const MAX_COUNT = 1000; // as Medplum's server

/** The search with its page made explicit. Sorts apply last to first, because each one sorts stably. */
export function requestedPage<T extends Resource>(search: SearchRequest<T>): SearchRequest<T> {
  const count = Math.min(search.count ?? DEFAULT_COUNT, MAX_COUNT);
  const sortRules = search.sortRules?.toReversed();
  return { ...search, count, offset: search.offset ?? 0, ...(sortRules && { sortRules }) };
}

/** Adds the links and the address of each entry to a page. */
export function pageOf<T extends Resource>(
  bundle: Bundle<WithId<T>>,
  page: SearchRequest<T>,
  base: string,
): Bundle<WithId<T>> {
  const { count = DEFAULT_COUNT, offset = 0 } = page;
  const asSent = { ...page, sortRules: page.sortRules?.toReversed() } as SearchRequest<T>;
  const urlFrom = (from: number): string =>
    `${base}/${page.resourceType}${formatSearchQuery({ ...asSent, offset: from })}`;
  const link = [{ relation: 'self', url: urlFrom(offset) }];
  if (count > 0 && offset + count < (bundle.total ?? 0)) {
    link.push({ relation: 'next', url: urlFrom(offset + count) });
  }
  const entry = bundle.entry?.map((one) =>
    one.resource ? { fullUrl: `${base}/${one.resource.resourceType}/${one.resource.id}`, ...one } : one,
  );
  const { entry: _, ...rest } = bundle;
  return { ...rest, link, ...(entry && { entry }) };
}
