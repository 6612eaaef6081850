/**
 * The sweep: reads what the pushes missed.
 *
 * A server that could not reach us gives up after a minute, and tells nobody; some writes never push at all.
 * So at every start, on a timer, and on a notice that names nothing, each subscribed type is read from its
 * watermark on and becomes events like any push; what was pushed already is known by its version. A server
 * that pushes nothing is served by the same passes alone.
 */
import type { Resource } from '@medplum/fhirtypes';
import type { LiveConnection } from '../connections/live-connection.ts';
import { isNotUnderstood, isRefusedAs } from '../connections/outcomes.ts';
import { type Page, smallerPages } from '../connections/pages.ts';
import type { SearchParams } from '../connections/requests.ts';
import { allOpenEpisodes } from '../store/episode.ts';
import type { NewEvent } from '../store/event.ts';
import type { Inbox } from '../store/inbox.ts';
import { TryLater } from '../store/job-worker.ts';
import { dueNow, type Store } from '../store/store.ts';
import { advanceWatermark, findWatermark } from '../store/watermark.ts';
import { HOUR } from '../vocabulary/instant.ts';
import { changeOf, deletionOf } from './change.ts';

const OVERLAP = HOUR / 4; // a long transaction may commit with an earlier time; R7
/** What is older at the first pass over a new connection is for the screening of exports, not for alerts. */
const FIRST_LOOK_BACK = 25 * HOUR; // trust R7
const PAGE = 100;
const SHORTEST_SPAN = 1000; // ms

export interface Swept {
  readonly type: string;
  readonly found: number;
  /** Only a first part was read, because the whole was too long for one pass: go on at once. */
  readonly more: boolean;
  /** The server does not understand the question what changed since a time: patients with open alerts are looked at instead. */
  readonly notUnderstood?: true;
}

interface Pass {
  readonly live: LiveConnection;
  readonly store: Store;
  readonly inbox: Inbox;
  readonly now: Date;
}

/**
 * One pass over every subscribed type of a connection.
 *
 * @throws TryLater when a page could not be read; the watermark of that type stays before it.
 */
export async function sweep(pass: Pass): Promise<Swept[]> {
  const types = new Set(
    pass.live.connection.criteria.map((criteria) => criteria.split('?')[0] as Resource['resourceType']),
  );
  const swept: Swept[] = [];
  for (const type of types) swept.push(await sweepType(type, pass));
  if (swept.some(({ notUnderstood }) => notUnderstood)) await lookAtOpen(pass);
  return swept;
}

/** A server that can not tell what changed is asked about those whose alert is open. */
async function lookAtOpen({ live: { connection }, store }: Pass): Promise<void> {
  const open = await allOpenEpisodes(store.db, connection.id);
  const due = open.map(({ connectionId, patientId }) => dueNow({ connectionId, patientId }));
  await store.transaction((trx) => store.due.mark(trx, due));
}

async function sweepType(type: Resource['resourceType'], pass: Pass): Promise<Swept> {
  const { live, store, now } = pass;
  const { id } = live.connection;
  const complete = (await findWatermark(store.db, id, type)) ?? new Date(now.getTime() - FIRST_LOOK_BACK);
  const since = new Date(complete.getTime() - OVERLAP);
  await sweepDeletions(type, since, pass);
  let until: Date | undefined;
  for (;;) {
    const read = await readSpan(type, { since, until }, pass);
    if (read === 'not-understood') return { type, found: 0, more: false, notUnderstood: true };
    if (read !== 'too-many') {
      await advanceWatermark(store.db, id, type, until ?? latestOf(read.latest, complete));
      return { type, found: read.found, more: until !== undefined };
    }
    // Half the time at a time: a server that does not sort would otherwise never be read to an end.
    until = middle(since, until ?? now);
    if (until.getTime() - since.getTime() < SHORTEST_SPAN) throw new TryLater('too-many-changes');
  }
}

interface Span {
  readonly since: Date;
  /** Not included; open when absent. */
  readonly until: Date | undefined;
}

type Read = { readonly found: number; readonly latest: Date } | 'too-many' | 'not-understood';

/** Sorted where the server sorts. */
async function readSpan(type: Resource['resourceType'], span: Span, pass: Pass): Promise<Read> {
  const sorted = await readSpanBy({ _sort: '_lastUpdated' }, type, span, pass);
  return sorted === 'not-understood' ? readSpanBy({}, type, span, pass) : sorted;
}

/** In smaller pages where one is too large. @throws TryLater when five resources are */
async function readSpanBy(
  order: SearchParams,
  type: Resource['resourceType'],
  span: Span,
  pass: Pass,
): Promise<Read> {
  const { since, until } = span;
  const params = {
    _lastUpdated: [`ge${since.toISOString()}`, ...(until === undefined ? [] : [`lt${until.toISOString()}`])],
    ...order,
    _count: String(PAGE),
  };
  for (const query of [params, ...smallerPages(params)]) {
    const read = await readPages(type, query, span, pass);
    if (read !== 'too-large') return read;
  }
  throw new TryLater('too-large');
}

/** Every change of a type in a span of time; what is read is kept, also when the span is too long to read whole. */
async function readPages(
  type: Resource['resourceType'],
  query: SearchParams,
  { since, until }: Span,
  { live, inbox }: Pass,
): Promise<Read | 'too-large'> {
  const { id } = live.connection;
  let latest = since;
  let found = 0;
  let pagesRead = 0;
  for await (const page of live.gate.search(type, query)) {
    if (isRefusedAs('too-large', page)) return 'too-large';
    const resources = pageOf(page);
    if (resources === 'too-many') return resources;
    if (resources === 'not-understood' || resources === 'not-served') {
      if (pagesRead > 0) throw new TryLater('page-lost'); // what follows it is not known
      if (resources === 'not-understood') return resources;
      if (until !== undefined) throw new TryLater('page-lost'); // it was served a moment ago
      break;
    }
    pagesRead += 1;
    const ofType = resources.filter((resource) => resource.resourceType === type);
    found += ofType.length;
    await inbox.commit(ofType.map((resource) => swept(changeOf(resource, id, 'hint', live.connection))));
    latest = ofType.reduce(later, latest);
  }
  return { found, latest };
}

function latestOf(a: Date, b: Date): Date {
  return new Date(Math.max(a.getTime(), b.getTime()));
}

function middle(from: Date, to: Date): Date {
  return new Date((from.getTime() + to.getTime()) / 2);
}

/** Searches return no deletions; a history of the type does, where the server has one. */
async function sweepDeletions(
  type: Resource['resourceType'],
  since: Date,
  { live, inbox }: Pass,
): Promise<void> {
  const { tellsDeletions } = await live.capability();
  if (!tellsDeletions.has(type)) return;
  for await (const page of live.gate.deletions(type, since)) {
    if (page.outcome === 'try-later') throw new TryLater(page.because, page.afterMs);
    if (page.outcome !== 'found') return;
    const { id } = live.connection;
    await inbox.commit(page.resource.map((reference) => swept(deletionOf(reference, id))));
  }
}

function swept(event: NewEvent): { event: NewEvent } {
  return { event: { ...event, via: 'sweep' } };
}

/** @throws TryLater */
function pageOf(page: Page): readonly Resource[] | 'too-many' | 'not-understood' | 'not-served' {
  if (page.outcome === 'found') return page.resource;
  if (page.outcome === 'try-later') throw new TryLater(page.because, page.afterMs);
  if (isNotUnderstood(page)) return 'not-understood';
  return isRefusedAs('too-many', page) ? 'too-many' : 'not-served';
}

function later(latest: Date, { meta }: Resource): Date {
  const at = new Date(meta?.lastUpdated ?? Number.NaN);
  return Number.isNaN(at.getTime()) || at <= latest ? latest : at;
}
