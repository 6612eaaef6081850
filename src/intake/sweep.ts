/**
 * The sweep: reads what the pushes missed.
 *
 * A server that could not reach us gives up after a minute, and tells nobody. So at every start, and on a
 * notice that names nothing, each subscribed type is read from its watermark on and becomes events like
 * any push; what was pushed already is known by its version.
 */
import type { Resource } from '@medplum/fhirtypes';
import type { LiveConnection } from '../connections/live-connection.ts';
import type { Inbox } from '../store/inbox.ts';
import { TryLater } from '../store/job-worker.ts';
import type { Store } from '../store/store.ts';
import { advanceWatermark, findWatermark } from '../store/watermark.ts';
import { HOUR } from '../vocabulary/instant.ts';
import { changeOf } from './change.ts';

const OVERLAP = HOUR / 4; // a long transaction may commit with an earlier time; R7
const PAGE = 100;

export interface Swept {
  readonly type: string;
  readonly found: number;
}

/**
 * One pass over every subscribed type of a connection.
 *
 * @throws TryLater when a page could not be read; the watermark of that type stays where it was.
 */
export async function sweep(live: LiveConnection, store: Store, inbox: Inbox): Promise<Swept[]> {
  const types = new Set(
    live.connection.criteria.map((criteria) => criteria.split('?')[0] as Resource['resourceType']),
  );
  const swept: Swept[] = [];
  for (const type of types) swept.push({ type, found: await sweepType(type, live, store, inbox) });
  return swept;
}

async function sweepType(
  type: Resource['resourceType'],
  live: LiveConnection,
  store: Store,
  inbox: Inbox,
): Promise<number> {
  const { id } = live.connection;
  const watermark = await findWatermark(store.db, id, type);
  const since =
    watermark === undefined
      ? {}
      : { _lastUpdated: `ge${new Date(watermark.getTime() - OVERLAP).toISOString()}` };
  let latest = watermark;
  let found = 0;
  for await (const page of live.gate.search(type, {
    ...since,
    _sort: '_lastUpdated',
    _count: String(PAGE),
  })) {
    if (page.outcome === 'try-later') throw new TryLater(page.because, page.afterMs);
    if (page.outcome !== 'found') return found; // the server does not serve this type
    const resources = page.resource.filter((resource) => resource.resourceType === type);
    found += resources.length;
    await inbox.commit(
      resources.map((resource) => ({ event: changeOf(resource, id, 'hint', live.connection) })),
    );
    latest = resources.reduce(later, latest);
  }
  if (latest !== undefined) await advanceWatermark(store.db, id, type, latest);
  return found;
}

function later(latest: Date | undefined, resource: Resource): Date | undefined {
  const at = new Date(resource.meta?.lastUpdated ?? Number.NaN);
  return Number.isNaN(at.getTime()) || (latest !== undefined && at <= latest) ? latest : at;
}
