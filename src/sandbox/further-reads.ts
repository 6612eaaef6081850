/**
 * Reads that the router underneath does not know: the history of a type, and what a Subscription by topic
 * says of itself.
 */
import type { Resource } from '@medplum/fhirtypes';
import { DIALECTS, type DialectName } from './dialect.ts';
import { topicShapeOf } from './notification.ts';
import type { Store } from './store.ts';
import type { SubscriptionBook } from './subscription-book.ts';
import { topicBundle } from './topic-notification.ts';

export interface FurtherReadParts {
  readonly dialect: DialectName;
  readonly base: string;
  readonly now: () => Date;
  readonly store: Store;
  readonly book: SubscriptionBook;
}

const LATEST = 20; // events that are told when no range is asked for, as Aidbox does

/** @returns undefined when the router is to answer. */
export function furtherRead(
  path: string,
  query: URLSearchParams,
  parts: FurtherReadParts,
): object | undefined {
  const [, type = '', id = '', operation = ''] =
    /^\/([A-Z][A-Za-z]+)\/([^/]+)(?:\/(\$\w+))?$/.exec(path) ?? [];
  if (id === '_history' && DIALECTS[parts.dialect].typeHistory)
    return parts.store.typeHistory(type, new Date(query.get('_since') ?? 0));
  return type === 'Subscription' ? ofSubscription(id, operation, query, parts) : undefined;
}

function ofSubscription(
  id: string,
  operation: string,
  query: URLSearchParams,
  { dialect, base, now, book }: FurtherReadParts,
): object | undefined {
  const shape = topicShapeOf(dialect);
  const subscription = book.get(id);
  if (shape === undefined || subscription === undefined) return undefined;
  const total = book.total(id);
  const of = { subscription, total, base, at: now() };
  if (operation === '$status') return topicBundle(shape, { ...of, kind: 'query-status', events: [] });
  if (operation !== '$events') return undefined;
  const from = Number(query.get('eventsSinceNumber') ?? total - LATEST + 1);
  const events = book.events(id, from, Number(query.get('eventsUntilNumber') ?? total));
  return topicBundle(shape, { ...of, kind: 'query-event', events });
}

/** Types that a server of this kind does not serve. */
export function unservedBy(dialect: DialectName): ReadonlySet<Resource['resourceType']> {
  return new Set(DIALECTS[dialect].requested === 'none' ? (['Subscription'] as const) : []);
}
