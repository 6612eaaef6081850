/**
 * When a patient is to be looked at again although nothing is pushed: an answer runs out, a result grows old.
 *
 * A table and not a delayed job: the time is that of the service's clock, which tests and replays set.
 */
import { sql } from 'kysely';
import type { ConnectionId, PatientId } from '../vocabulary/ids.ts';
import type { Db, Trx } from './tables.ts';

export interface LookAgainTable {
  connection_id: ConnectionId;
  patient_id: PatientId;
  at: Date | string;
}

/** At most one time per patient; undefined when time alone changes nothing. */
export async function setLookAgain(
  trx: Trx,
  connectionId: ConnectionId,
  patientId: PatientId,
  at: Date | undefined,
): Promise<void> {
  if (at === undefined) {
    await trx
      .deleteFrom('look_again')
      .where('connection_id', '=', connectionId)
      .where('patient_id', '=', patientId)
      .execute();
    return;
  }
  await trx
    .insertInto('look_again')
    .values({ connection_id: connectionId, patient_id: patientId, at: at.toISOString() })
    .onConflict((conflict) =>
      conflict.columns(['connection_id', 'patient_id']).doUpdateSet({ at: at.toISOString() }),
    )
    .execute();
}

/** Sets another time, unless the one we know was taken or replaced meanwhile. */
export async function moveLookAgain(
  db: Db,
  { connectionId, patientId }: { connectionId: ConnectionId; patientId: PatientId },
  from: Date,
  to: Date | undefined,
): Promise<void> {
  const ours = sql<boolean>`connection_id = ${connectionId} and patient_id = ${patientId}
    and at = ${from.toISOString()}::timestamptz`;
  if (to === undefined) await db.deleteFrom('look_again').where(ours).execute();
  else await db.updateTable('look_again').set({ at: to.toISOString() }).where(ours).execute();
}

/** Takes patients whose time has come, oldest first; what another process is taking is left to it. */
export async function takeLooksDue(
  trx: Trx,
  now: Date,
  most: number,
): Promise<{ connectionId: ConnectionId; patientId: PatientId }[]> {
  const { rows } = await sql<{ connection_id: ConnectionId; patient_id: PatientId }>`
    delete from look_again l using (
      select connection_id, patient_id from look_again where at <= ${now.toISOString()}::timestamptz
      order by at limit ${most} for update skip locked
    ) due where l.connection_id = due.connection_id and l.patient_id = due.patient_id
    returning l.connection_id, l.patient_id`.execute(trx);
  return rows.map((row) => ({ connectionId: row.connection_id, patientId: row.patient_id }));
}

/** When a patient is looked at again; undefined when time alone changes nothing. */
export async function lookAgainAt(
  db: Db,
  connectionId: ConnectionId,
  patientId: PatientId,
): Promise<Date | undefined> {
  const row = await db
    .selectFrom('look_again')
    .select('at')
    .where('connection_id', '=', connectionId)
    .where('patient_id', '=', patientId)
    .executeTakeFirst();
  return row === undefined ? undefined : new Date(row.at);
}
