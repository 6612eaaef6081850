/**
 * The outbox: what we owe a target, committed with the decision that wants it.
 *
 * One row per identity holds the state we want at the target, not a list of steps: a newer wish
 * replaces an older one that was not yet written.
 */
import type { Generated, Selectable } from 'kysely';
import { sql } from 'kysely';
import type { ConnectionId, PatientId } from '../vocabulary/ids.ts';
import type { Db } from './tables.ts';

export type DeliveryState = 'owed' | 'done' | 'parked';

export interface DeliveryTable {
  connection_id: ConnectionId;
  id: Generated<string>;
  patient_id: PatientId;
  episode_key: string;
  episode_number: number;
  identity: string;
  what: unknown;
  revision: Generated<number>;
  state: DeliveryState;
  attempts: Generated<number>;
  next_at: Generated<Date>;
  last_error: string | null;
  owed_at: Generated<Date>;
  writes: Generated<number>;
  writes_since: Date | string | null;
}

/** One write owed to a target. `What` is the delivery part's own shape; the store keeps it as JSON. */
export interface Delivery<What = unknown> {
  readonly id: string;
  readonly connectionId: ConnectionId;
  readonly patientId: PatientId;
  readonly episodeKey: string;
  readonly episodeNumber: number;
  readonly identity: string;
  readonly what: What;
  /** Grows when a newer wish replaces this one. */
  readonly revision: number;
  readonly state: DeliveryState;
  readonly attempts: number;
  /** How often it was written since then, one over another's change counted several times; a new count begins when the old one is out of date. */
  readonly writes?: { readonly count: number; readonly since: Date };
  /** A short code, never the server's words. */
  readonly lastError?: string;
}

export interface NewDelivery {
  readonly connectionId: ConnectionId;
  readonly patientId: PatientId;
  readonly episodeKey: string;
  readonly episodeNumber: number;
  readonly identity: string;
  readonly what: object;
}

/** Owes a write, or replaces what is owed or was written under the same identity. */
export async function oweDelivery(db: Db, owed: NewDelivery): Promise<void> {
  const what = JSON.stringify(owed.what);
  await db
    .insertInto('delivery')
    .values({
      connection_id: owed.connectionId,
      patient_id: owed.patientId,
      episode_key: owed.episodeKey,
      episode_number: owed.episodeNumber,
      identity: owed.identity,
      what,
      state: 'owed',
    })
    .onConflict((conflict) =>
      conflict.columns(['connection_id', 'identity']).doUpdateSet({
        what,
        revision: sql`delivery.revision + 1`,
        state: 'owed',
        attempts: 0,
        next_at: sql`now()`,
        last_error: null,
        owed_at: sql`now()`,
      }),
    )
    .execute();
}

/** What is owed about a patient, oldest first. */
export async function owedDeliveries<What = unknown>(
  db: Db,
  connectionId: ConnectionId,
  patientId: PatientId,
): Promise<Delivery<What>[]> {
  const rows = await db
    .selectFrom('delivery')
    .selectAll()
    .where('connection_id', '=', connectionId)
    .where('patient_id', '=', patientId)
    .where('state', '=', 'owed')
    .orderBy('owed_at')
    .orderBy('identity')
    .execute();
  return rows.map((row) => deliveryOf<What>(row));
}

/**
 * Ends a delivery: written, or given up with a code.
 *
 * @returns false when a newer wish came meanwhile; then it is still owed.
 */
export async function endDelivery(
  db: Db,
  delivery: Delivery,
  state: 'done' | 'parked',
  code?: string,
): Promise<boolean> {
  const { numUpdatedRows } = await unchanged(db, delivery)
    .set({ state, last_error: code ?? null, attempts: sql`attempts + 1` })
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/**
 * Counts writes of the identity.
 *
 * @param by what the write counts for
 * @param lastsMs a count that began longer ago is begun anew
 */
export async function countWrites(
  db: Db,
  delivery: Delivery,
  by: number,
  now: Date,
  lastsMs: number,
): Promise<void> {
  const oldest = new Date(now.getTime() - lastsMs).toISOString();
  const goesOn = sql`delivery.writes_since > ${oldest}::timestamptz`;
  await db
    .updateTable('delivery')
    .set({
      writes: sql`case when ${goesOn} then delivery.writes + ${by}::integer else ${by}::integer end`,
      writes_since: sql`case when ${goesOn} then delivery.writes_since else ${now.toISOString()}::timestamptz end`,
    })
    .where('connection_id', '=', delivery.connectionId)
    .where('id', '=', delivery.id)
    .execute();
}

/** Notes a failed attempt; the `deliver` job comes back for it by itself. */
export async function noteAttempt(db: Db, delivery: Delivery, code: string): Promise<void> {
  await unchanged(db, delivery).set({ last_error: code, attempts: sql`attempts + 1` }).execute();
}

/** Gives up everything owed about a patient. */
export async function parkDeliveries(
  db: Db,
  connectionId: ConnectionId,
  patientId: PatientId,
  code: string,
): Promise<void> {
  await db
    .updateTable('delivery')
    .set({ state: 'parked', last_error: code })
    .where('connection_id', '=', connectionId)
    .where('patient_id', '=', patientId)
    .where('state', '=', 'owed')
    .execute();
}

/** How many deliveries are in each state. */
export async function countDeliveries(db: Db): Promise<Record<DeliveryState, number>> {
  const { rows } = await sql<{ state: DeliveryState; n: number }>`
    select state, count(*)::int as n from delivery group by state`.execute(db);
  const counts: Record<DeliveryState, number> = { owed: 0, done: 0, parked: 0 };
  for (const { state, n } of rows) counts[state] = n;
  return counts;
}

function unchanged(db: Db, delivery: Delivery) {
  return db
    .updateTable('delivery')
    .where('connection_id', '=', delivery.connectionId)
    .where('id', '=', delivery.id)
    .where('revision', '=', delivery.revision)
    .where('state', '=', 'owed');
}

function deliveryOf<What>(row: Selectable<DeliveryTable>): Delivery<What> {
  return {
    id: row.id,
    connectionId: row.connection_id,
    patientId: row.patient_id,
    episodeKey: row.episode_key,
    episodeNumber: row.episode_number,
    identity: row.identity,
    what: row.what as What,
    revision: row.revision,
    state: row.state,
    attempts: row.attempts,
    ...(row.writes_since === null
      ? {}
      : { writes: { count: row.writes, since: new Date(row.writes_since) } }),
    ...(row.last_error === null ? {} : { lastError: row.last_error }),
  };
}
