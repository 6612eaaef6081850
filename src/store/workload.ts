/**
 * What waits at a connection, and for how long; for status pages.
 */
import { sql } from 'kysely';
import type { ConnectionId } from '../vocabulary/ids.ts';
import type { Db } from './tables.ts';

export interface Workload {
  readonly events: { readonly waiting: number; readonly oldestWaitingSeconds: number };
  readonly deliveries: { readonly owed: number; readonly oldestOwedSeconds: number };
  /** ISO time up to which every subscribed type was swept; absent before the first sweep. */
  readonly sweptTo?: string;
}

/** Ages by the clock of the database, which dated the rows. */
export async function workloadOf(db: Db, connection: ConnectionId): Promise<Workload> {
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
      (select min(complete_to) from watermark where connection_id = ${connection}) as to`.execute(db);
  const [row] = rows;
  return {
    events: { waiting: row?.waiting ?? 0, oldestWaitingSeconds: row?.oldest ?? 0 },
    deliveries: { owed: row?.owed ?? 0, oldestOwedSeconds: row?.oldest_owed ?? 0 },
    ...(row?.to ? { sweptTo: new Date(row.to).toISOString() } : {}),
  };
}
