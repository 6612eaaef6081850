/**
 * Patient records that were merged into others, so that what was answered about them is not lost.
 */
import { sql } from 'kysely';
import type { Episode } from '../core/decision.ts';
import type { ConnectionId, PatientId } from '../vocabulary/ids.ts';
import type { Db, Trx } from './tables.ts';

export interface MergedPatientTable {
  connection_id: ConnectionId;
  patient_id: PatientId;
  into_id: PatientId;
  at: Date | string;
}

/**
 * Held until the transaction ends by who merges into a patient and by who raises an alert of that patient: each
 * sees what the other did. Take it before any row of the patient.
 */
export async function holdMerges(trx: Trx, connectionId: ConnectionId, into: PatientId): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`merge ${connectionId}|${into}`}, 0))`.execute(
    trx,
  );
}

/** Remembers a merge; what was merged into the retired record before is merged into the one that stays. */
export async function rememberMerge(
  trx: Trx,
  connectionId: ConnectionId,
  { retired, into, at }: { readonly retired: PatientId; readonly into: PatientId; readonly at: string },
): Promise<void> {
  await trx
    .updateTable('merged_patient')
    .set({ into_id: into })
    .where('connection_id', '=', connectionId)
    .where('into_id', '=', retired)
    .execute();
  await trx
    .insertInto('merged_patient')
    .values({ connection_id: connectionId, patient_id: retired, into_id: into, at })
    .onConflict((conflict) =>
      conflict.columns(['connection_id', 'patient_id']).doUpdateSet({ into_id: into }),
    )
    .execute();
  await trx
    .updateTable('resource_patient')
    .set({ patient_id: into })
    .where('connection_id', '=', connectionId)
    .where('patient_id', '=', retired)
    .execute();
}

/** A record that is in use again was not merged, or is no longer. */
export async function forgetMerge(trx: Trx, connectionId: ConnectionId, patientId: PatientId): Promise<void> {
  await trx
    .deleteFrom('merged_patient')
    .where('connection_id', '=', connectionId)
    .where('patient_id', '=', patientId)
    .execute();
}

/** Episodes that a merge into this patient closed, the last one first. */
export async function episodesMergedInto(
  db: Db,
  connectionId: ConnectionId,
  into: PatientId,
): Promise<{ readonly episode: Episode; readonly mergedAt: Date }[]> {
  const { rows } = await sql<{ body: Episode; at: Date | string }>`
    select e.body, e.closed_at as at from merged_patient m join episode e
      on e.connection_id = m.connection_id and e.patient_id = m.patient_id
      and e.state = 'superseded' and e.closed_at >= m.at
    where m.connection_id = ${connectionId} and m.into_id = ${into}
    order by e.closed_at desc, e.key`.execute(db);
  return rows.map(({ body, at }) => ({ episode: body, mergedAt: new Date(at) }));
}
