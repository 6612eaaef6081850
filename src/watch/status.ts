/**
 * `/statusz`: how each connection is doing, without a word about a patient.
 */
import { type Request, type Response, Router } from 'express';
import { sql } from 'kysely';
import { countSweptOnly } from '../store/event.ts';
import { listSetAside } from '../store/set-aside.ts';
import type { Store } from '../store/store.ts';
import { type SubscriptionState, subscriptionStates } from '../store/subscription-state.ts';
import type { ConnectionId } from '../vocabulary/ids.ts';
import { DAY } from '../vocabulary/instant.ts';

export interface ConnectionStatus {
  readonly connection: ConnectionId;
  /** `open`: the server is left alone for a while. */
  readonly breaker: 'closed' | 'open';
  /** Calls at once that are allowed now. */
  readonly callsAllowed: number;
  readonly events: { readonly waiting: number; readonly oldestWaitingSeconds: number };
  readonly deliveries: { readonly owed: number; readonly oldestOwedSeconds: number };
  readonly setAside: readonly { readonly what: string; readonly reason: string; readonly count: number }[];
  /** Events of the last day that no push has told. */
  readonly sweptOnly: number;
  /** ISO time up to which every subscribed type was swept. */
  readonly sweptTo?: string;
  /** As far as the server has told. */
  readonly subscriptions: readonly Omit<SubscriptionState, 'connectionId'>[];
}

/** What a connection's gate says of itself. */
export interface LaneState {
  readonly connection: ConnectionId;
  readonly breaker: 'closed' | 'open';
  readonly callsAllowed: number;
}

/** Asked at each request; nothing is kept. */
export async function connectionStatus(store: Store, lane: LaneState, now: Date): Promise<ConnectionStatus> {
  const { connection } = lane;
  const { rows } = await sql<{
    waiting: number;
    oldest: number;
    owed: number;
    oldest_owed: number;
    to: Date | null;
  }>`
    select
      (select count(*)::int from event where connection_id = ${connection} and state = 'waiting') as waiting,
      coalesce((select extract(epoch from now() - min(received_at)) from event
        where connection_id = ${connection} and state = 'waiting'), 0)::int as oldest,
      (select count(*)::int from delivery where connection_id = ${connection} and state = 'owed') as owed,
      coalesce((select extract(epoch from now() - min(owed_at)) from delivery
        where connection_id = ${connection} and state = 'owed'), 0)::int as oldest_owed,
      (select min(complete_to) from watermark where connection_id = ${connection}) as to`.execute(store.db);
  const [row] = rows;
  const setAside = await listSetAside(store.db, { connectionId: connection });
  return {
    ...lane,
    events: { waiting: row?.waiting ?? 0, oldestWaitingSeconds: row?.oldest ?? 0 },
    deliveries: { owed: row?.owed ?? 0, oldestOwedSeconds: row?.oldest_owed ?? 0 },
    setAside: setAside.map(({ what, reason, count }) => ({ what, reason, count })),
    sweptOnly: await countSweptOnly(store.db, connection, new Date(now.getTime() - DAY)),
    subscriptions: (await subscriptionStates(store.db, connection, now)).map(
      ({ connectionId: _of, ...state }) => state,
    ),
    ...(row?.to ? { sweptTo: new Date(row.to).toISOString() } : {}),
  };
}

/** @param read the status of every connection */
export function status(read: () => Promise<readonly ConnectionStatus[]>): Router {
  const router = Router();
  router.get('/statusz', async (_: Request, response: Response) => {
    response.set('cache-control', 'no-store').json({ connections: await read() });
  });
  return router;
}
