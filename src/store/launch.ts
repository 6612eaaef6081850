/**
 * Launches of the alert page that wait for the FHIR server's authorization. One use, ten minutes.
 */
import type { ConnectionId } from '../vocabulary/ids.ts';
import type { Db } from './tables.ts';

export interface LaunchTable {
  state_hash: string;
  connection_id: ConnectionId;
  browser_hash: string;
  verifier: string;
  alert_id: string | null;
  begun_at: Date | string;
}

export interface Launch {
  /** Of the random `state` that comes back. */
  readonly stateHash: string;
  readonly connectionId: ConnectionId;
  /** Of the cookie of the browser that began it. */
  readonly browserHash: string;
  /** PKCE. */
  readonly verifier: string;
  /** Where the reader wants to go: a hint, checked against the patient afterwards. */
  readonly alertId?: string;
  readonly begunAt: Date;
}

export async function keepLaunch(db: Db, launch: Launch): Promise<void> {
  await db
    .insertInto('launch')
    .values({
      state_hash: launch.stateHash,
      connection_id: launch.connectionId,
      browser_hash: launch.browserHash,
      verifier: launch.verifier,
      alert_id: launch.alertId ?? null,
      begun_at: launch.begunAt.toISOString(),
    })
    .execute();
}

/** Takes a launch away, so that its state is used once; older ones than `since` are forgotten. */
export async function takeLaunch(db: Db, stateHash: string, since: Date): Promise<Launch | undefined> {
  await db.deleteFrom('launch').where('begun_at', '<', since.toISOString()).execute();
  const row = await db
    .deleteFrom('launch')
    .where('state_hash', '=', stateHash)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    stateHash: row.state_hash,
    connectionId: row.connection_id,
    browserHash: row.browser_hash,
    verifier: row.verifier,
    ...(row.alert_id === null ? {} : { alertId: row.alert_id }),
    begunAt: new Date(row.begun_at),
  };
}
