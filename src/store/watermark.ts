/**
 * Watermarks: up to which time a sweep of one type is complete.
 */
import type { ConnectionId } from '../vocabulary/ids.ts';
import type { Db } from './tables.ts';

export interface WatermarkTable {
  connection_id: ConnectionId;
  type: string;
  /** `meta.lastUpdated` of the server, its own clock. */
  complete_to: Date | string;
}

/** Undefined when this type was never swept. */
export async function findWatermark(
  db: Db,
  connectionId: ConnectionId,
  type: string,
): Promise<Date | undefined> {
  const row = await db
    .selectFrom('watermark')
    .select('complete_to')
    .where('connection_id', '=', connectionId)
    .where('type', '=', type)
    .executeTakeFirst();
  return row === undefined ? undefined : new Date(row.complete_to);
}

/** Moves a watermark; only forward. */
export async function advanceWatermark(
  db: Db,
  connectionId: ConnectionId,
  type: string,
  to: Date,
): Promise<void> {
  const complete_to = to.toISOString();
  await db
    .insertInto('watermark')
    .values({ connection_id: connectionId, type, complete_to })
    .onConflict((conflict) =>
      conflict
        .columns(['connection_id', 'type'])
        .doUpdateSet({ complete_to })
        .where('watermark.complete_to', '<', complete_to as never),
    )
    .execute();
}
