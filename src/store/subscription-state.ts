/**
 * What we heard of each Subscription: its numbers, when it was last heard, and how the server says it is.
 *
 * One row per Subscription of a connection. Rows are changed in the transaction of the events they came
 * with, and taken under a lock by whoever looks after them, so that several processes do not look twice.
 */
import { type Selectable, sql } from 'kysely';
import type { ConnectionId } from '../vocabulary/ids.ts';
import { type EventNumbers, hear, holeOf, NOTHING_HEARD, settle, type Told } from './event-numbers.ts';
import type { Db, Trx } from './tables.ts';

export interface SubscriptionStateTable {
  connection_id: ConnectionId;
  subscription_id: string;
  criteria: string | null;
  numbers: EventNumbers;
  /** Since when a number is missing; moved on by whoever looks for it. */
  gap_since: Date | string | null;
  /** The Subscription is counted as silent from the later of these two on. */
  heard_at: Date | string;
  checked_at: Date | string | null;
  heartbeat_s: number | null;
  status: string | null;
  status_since: Date | string | null;
  acted_at: Date | string | null;
  /** It was switched on again; once it is active, what happened meanwhile is looked for. */
  awaits_active: boolean;
  gaps: number;
  restarts: number;
  silences: number;
  reactivations: number;
}

/** One notice of a Subscription, as far as it tells of the Subscription itself. */
export interface Heard extends Told {
  readonly connectionId: ConnectionId;
  readonly subscription: string;
  /** `answer`: we asked, so it is no sign that its pushes arrive. */
  readonly as: 'push' | 'answer';
  readonly status?: string;
  /** Our time. */
  readonly at: Date;
  /** False where the server's numbers mean nothing. */
  readonly numbersTrusted: boolean;
}

/** A Subscription as it was read from its server. */
export interface WatchedSubscription {
  readonly connectionId: ConnectionId;
  readonly subscription: string;
  readonly criteria: string;
  readonly status: string;
  /** Seconds. */
  readonly heartbeatS?: number;
  /** It was just made or switched on: when it is active, what happened meanwhile is looked for. */
  readonly awaitsActive: boolean;
  /** It had been active before. */
  readonly again: boolean;
}

/** One row, for status pages. */
export interface SubscriptionState {
  readonly connectionId: ConnectionId;
  readonly subscription: string;
  readonly criteria?: string;
  readonly status?: string;
  readonly statusSince?: Date;
  /** Asked for ten minutes ago or more, and still not active: nothing is pushed. */
  readonly neverActive: boolean;
  readonly heardAt: Date;
  /** Numbers that have not come. */
  readonly missing: number;
  readonly gaps: number;
  readonly restarts: number;
  readonly silences: number;
  readonly reactivations: number;
}

export const REQUESTED_TOO_LONG_MS = 600_000; // a server that pushes has checked us by then
/** Ids come from outside: a sender must not be able to fill the table. */
const MOST_PER_CONNECTION = 50;

/** Takes note of notices. @returns the connections of which all is to be looked at. */
export async function noteHeard(trx: Trx, notices: readonly Heard[]): Promise<Set<ConnectionId>> {
  const lookAtAll = new Set<ConnectionId>();
  const bySubscription = Map.groupBy(notices, (one) => `${one.connectionId}|${one.subscription}`);
  // Sorted, so that two processes that note the same subscriptions wait for each other and do not deadlock.
  for (const [, of] of [...bySubscription].sort(([a], [b]) => (a < b ? -1 : 1)))
    if (await noteOne(trx, of)) for (const { connectionId } of of) lookAtAll.add(connectionId);
  return lookAtAll;
}

async function noteOne(trx: Trx, notices: readonly Heard[]): Promise<boolean> {
  const [first] = notices;
  if (first === undefined) return false;
  const row = await held(trx, first.connectionId, first.subscription, first.at);
  if (row === undefined) return false;
  let lookAtAll = false;
  let next: Selectable<SubscriptionStateTable> = row;
  for (const heard of notices) {
    const after = rowAfter(next, heard);
    lookAtAll ||= after.lookAtAll;
    next = after.row;
  }
  await trx
    .updateTable('subscription_state')
    .set({
      numbers: JSON.stringify(next.numbers) as never,
      gap_since: next.gap_since,
      heard_at: next.heard_at,
      status: next.status,
      status_since: next.status_since,
      awaits_active: next.awaits_active,
      restarts: next.restarts,
    })
    .where('connection_id', '=', first.connectionId)
    .where('subscription_id', '=', first.subscription)
    .execute();
  return lookAtAll;
}

function rowAfter(
  row: Selectable<SubscriptionStateTable>,
  heard: Heard,
): { row: Selectable<SubscriptionStateTable>; lookAtAll: boolean } {
  const at = heard.at.toISOString();
  const { numbers, lookAtAll } = heard.numbersTrusted
    ? hear(row.numbers, heard)
    : { numbers: row.numbers, lookAtAll: false };
  const status = heard.status ?? row.status;
  const isActive = heard.handshake === true || heard.status === 'active';
  const woke = row.awaits_active && isActive;
  return {
    row: {
      ...row,
      numbers,
      gap_since: holeOf(numbers) === undefined ? null : (row.gap_since ?? at),
      ...(heard.as === 'push' && { heard_at: at }),
      status,
      status_since: status === row.status ? row.status_since : at,
      awaits_active: row.awaits_active && !woke,
      restarts: row.restarts + (lookAtAll ? 1 : 0),
    },
    lookAtAll: lookAtAll || woke,
  };
}

/** The row, made when it is new, and held until the transaction ends; undefined when there are too many. */
async function held(
  trx: Trx,
  connectionId: ConnectionId,
  subscription: string,
  at: Date,
): Promise<Selectable<SubscriptionStateTable> | undefined> {
  await sql`
    insert into subscription_state (connection_id, subscription_id, numbers, heard_at)
    select ${connectionId}, ${subscription}, ${JSON.stringify(NOTHING_HEARD)}::text::jsonb, ${at.toISOString()}::timestamptz
    where (select count(*) from subscription_state where connection_id = ${connectionId}) < ${MOST_PER_CONNECTION}
    on conflict do nothing`.execute(trx);
  return trx
    .selectFrom('subscription_state')
    .selectAll()
    .where('connection_id', '=', connectionId)
    .where('subscription_id', '=', subscription)
    .forUpdate()
    .executeTakeFirst();
}

/** Takes note of what a server says of its Subscription. @returns true when all is to be looked at. */
export async function noteWatched(trx: Trx, watched: WatchedSubscription, now: Date): Promise<boolean> {
  const { connectionId, subscription, awaitsActive, again, status } = watched;
  const row = await held(trx, connectionId, subscription, now);
  if (row === undefined) return false;
  const at = now.toISOString();
  const awaits = row.awaits_active || awaitsActive;
  const woke = awaits && status === 'active';
  await trx
    .updateTable('subscription_state')
    .set({
      criteria: watched.criteria,
      heartbeat_s: watched.heartbeatS ?? row.heartbeat_s,
      status,
      status_since: status === row.status && !awaitsActive ? row.status_since : at,
      awaits_active: awaits && !woke,
      reactivations: row.reactivations + (again ? 1 : 0),
      ...(again && { acted_at: at }),
    })
    .where('connection_id', '=', connectionId)
    .where('subscription_id', '=', subscription)
    .execute();
  return woke;
}

/** Subscriptions that stood for these criteria and are not on the server any more. */
export async function noteGone(
  trx: Trx,
  connectionId: ConnectionId,
  present: readonly { readonly subscription: string; readonly criteria: string }[],
  now: Date,
): Promise<void> {
  if (present.length === 0) return;
  await trx
    .updateTable('subscription_state')
    .set({ status: 'gone', status_since: now.toISOString(), heartbeat_s: null, gap_since: null })
    .where('connection_id', '=', connectionId)
    .where(
      'criteria',
      'in',
      present.map(({ criteria }) => criteria),
    )
    .where(
      'subscription_id',
      'not in',
      present.map(({ subscription }) => subscription),
    )
    .where('status', 'is distinct from', 'gone')
    .execute();
}

/** A Subscription with numbers missing. */
export interface Gap {
  readonly connectionId: ConnectionId;
  readonly subscription: string;
}

/** Takes Subscriptions that miss a number since `before`; they come again if nobody settles them. */
export async function takeGaps(trx: Trx, before: Date, now: Date): Promise<Gap[]> {
  const { rows } = await sql<{ connection_id: ConnectionId; subscription_id: string }>`
    update subscription_state s set gap_since = ${now.toISOString()}::timestamptz, gaps = gaps + 1
    from (select connection_id, subscription_id from subscription_state
          where gap_since <= ${before.toISOString()}::timestamptz for update skip locked) due
    where s.connection_id = due.connection_id and s.subscription_id = due.subscription_id
    returning s.connection_id, s.subscription_id`.execute(trx);
  return rows.map(gapOf);
}

/** Takes Subscriptions that were not heard for two and a half of their heartbeats; each again after as long. */
export async function takeSilences(trx: Trx, now: Date): Promise<Gap[]> {
  const { rows } = await sql<{ connection_id: ConnectionId; subscription_id: string }>`
    update subscription_state s set checked_at = ${now.toISOString()}::timestamptz, silences = silences + 1
    from (select connection_id, subscription_id from subscription_state
          where heartbeat_s is not null and status is distinct from 'off'
            and greatest(heard_at, checked_at) + heartbeat_s * interval '2.5 s' <= ${now.toISOString()}::timestamptz
          for update skip locked) due
    where s.connection_id = due.connection_id and s.subscription_id = due.subscription_id
    returning s.connection_id, s.subscription_id`.execute(trx);
  return rows.map(gapOf);
}

/** Takes connections with a Subscription that its server calls `error` or `off`, and of which nobody took care since `before`. */
export async function takeTroubled(trx: Trx, before: Date, now: Date): Promise<ConnectionId[]> {
  const { rows } = await sql<{ connection_id: ConnectionId }>`
    update subscription_state s set acted_at = ${now.toISOString()}::timestamptz
    from (select connection_id, subscription_id from subscription_state
          where status in ('error', 'off') and (acted_at is null or acted_at <= ${before.toISOString()}::timestamptz)
          for update skip locked) due
    where s.connection_id = due.connection_id and s.subscription_id = due.subscription_id
    returning s.connection_id`.execute(trx);
  return [...new Set(rows.map((row) => row.connection_id))];
}

/** What is missing of a Subscription. */
export async function findNumbers(db: Db, { connectionId, subscription }: Gap): Promise<EventNumbers> {
  const row = await db
    .selectFrom('subscription_state')
    .select('numbers')
    .where('connection_id', '=', connectionId)
    .where('subscription_id', '=', subscription)
    .executeTakeFirst();
  return row?.numbers ?? NOTHING_HEARD;
}

/** Numbers up to one count as come; a hole above it begins its time of grace now. */
export async function settleGap(
  trx: Trx,
  { connectionId, subscription }: Gap,
  until: number,
  now: Date,
): Promise<void> {
  const row = await held(trx, connectionId, subscription, now);
  if (row === undefined) return;
  const numbers = settle(row.numbers, until);
  await trx
    .updateTable('subscription_state')
    .set({
      numbers: JSON.stringify(numbers) as never,
      gap_since: holeOf(numbers) === undefined ? null : now.toISOString(),
    })
    .where('connection_id', '=', connectionId)
    .where('subscription_id', '=', subscription)
    .execute();
}

/** How the Subscriptions of a connection are, for status pages. */
export async function subscriptionStates(
  db: Db,
  connectionId: ConnectionId,
  now: Date,
): Promise<SubscriptionState[]> {
  const rows = await db
    .selectFrom('subscription_state')
    .selectAll()
    .where('connection_id', '=', connectionId)
    .orderBy('subscription_id')
    .execute();
  return rows.map((row) => {
    const hole = holeOf(row.numbers);
    const since = row.status_since === null ? now : new Date(row.status_since);
    return {
      connectionId: row.connection_id,
      subscription: row.subscription_id,
      ...(row.criteria !== null && { criteria: row.criteria }),
      ...(row.status !== null && { status: row.status }),
      ...(row.status_since !== null && { statusSince: new Date(row.status_since) }),
      neverActive: row.status === 'requested' && now.getTime() - since.getTime() > REQUESTED_TOO_LONG_MS,
      heardAt: new Date(row.heard_at),
      missing: hole === undefined ? 0 : hole.until - hole.from + 1 - row.numbers.above.length,
      gaps: row.gaps,
      restarts: row.restarts,
      silences: row.silences,
      reactivations: row.reactivations,
    };
  });
}

function gapOf(row: { connection_id: ConnectionId; subscription_id: string }): Gap {
  return { connectionId: row.connection_id, subscription: row.subscription_id };
}
