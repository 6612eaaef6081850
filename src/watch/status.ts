/**
 * `/statusz`: how each connection is doing, without a word about a patient.
 */
import { type Request, type Response, Router } from 'express';
import { countSweptOnly } from '../store/event.ts';
import { listSetAside } from '../store/set-aside.ts';
import type { Store } from '../store/store.ts';
import { type SubscriptionState, subscriptionStates } from '../store/subscription-state.ts';
import { type Workload, workloadOf } from '../store/workload.ts';
import type { ConnectionId } from '../vocabulary/ids.ts';
import { DAY } from '../vocabulary/instant.ts';

export interface ConnectionStatus extends LaneState, Workload {
  readonly setAside: readonly { readonly what: string; readonly reason: string; readonly count: number }[];
  /** Events of the last day that no push has told. */
  readonly sweptOnly: number;
  /** As far as the server has told. */
  readonly subscriptions: readonly Omit<SubscriptionState, 'connectionId'>[];
}

/** What this process knows of a connection. */
export interface LaneState {
  readonly connection: ConnectionId;
  /** `open`: the server is left alone for a while. */
  readonly breaker: 'closed' | 'open';
  /** Calls at once that are allowed now. */
  readonly callsAllowed: number;
  /** Why the server is asked nothing now: `asked-to-wait`, `left-alone` or `quota`. */
  readonly waits?: { readonly because: string; readonly seconds: number };
  /** When its last push was taken here; undefined when none was since the start. */
  readonly lastPushAt?: Date;
}

/** Asked at each request; nothing is kept. */
export async function connectionStatus(store: Store, lane: LaneState, now: Date): Promise<ConnectionStatus> {
  const { connection } = lane;
  const setAside = await listSetAside(store.db, { connectionId: connection });
  return {
    ...lane,
    ...(await workloadOf(store.db, connection)),
    setAside: setAside.map(({ what, reason, count }) => ({ what, reason, count })),
    sweptOnly: await countSweptOnly(store.db, connection, new Date(now.getTime() - DAY)),
    subscriptions: (await subscriptionStates(store.db, connection, now)).map(
      ({ connectionId: _of, ...state }) => state,
    ),
  };
}

/**
 * @param read the status of every connection
 * @param since when this process started
 */
export function status(read: () => Promise<readonly ConnectionStatus[]>, since: Date): Router {
  const router = Router();
  router.get('/statusz', async (_: Request, response: Response) => {
    response.set('cache-control', 'no-store').json({ since, connections: await read() });
  });
  return router;
}
