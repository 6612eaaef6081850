/**
 * Whose resource is it? Learnt from charts and pushes, so that a delete or a notice that carries only
 * an id finds its patient when the resource can no longer be read.
 */
import { sql } from 'kysely';
import type { ConnectionId, PatientId } from '../vocabulary/ids.ts';
import type { Db } from './tables.ts';

export interface ResourcePatientTable {
  connection_id: ConnectionId;
  type: string;
  resource_id: string;
  patient_id: PatientId;
}

/** Remembers whose these resources are: `Type/id` of a chart. A later owner replaces an earlier one. */
export async function learnPatient(
  db: Db,
  connectionId: ConnectionId,
  patientId: PatientId,
  references: Iterable<string>,
): Promise<void> {
  const rows = [...new Set(references)].sort().map((reference) => {
    const slash = reference.indexOf('/');
    return { type: reference.slice(0, slash), id: reference.slice(slash + 1) };
  });
  if (rows.length === 0) return;
  await sql`
    insert into resource_patient (connection_id, type, resource_id, patient_id)
    select ${connectionId}::text, r.type, r.id, ${patientId}::text
    from json_to_recordset(${JSON.stringify(rows)}::text::json) as r(type text, id text)
    on conflict (connection_id, type, resource_id) do update set patient_id = excluded.patient_id
      where resource_patient.patient_id <> excluded.patient_id`.execute(db);
}

/** The patient of a resource, from a chart it was in or from an earlier push. */
export async function findPatient(
  db: Db,
  connectionId: ConnectionId,
  reference: { readonly type: string; readonly id: string },
): Promise<PatientId | undefined> {
  const learnt = await db
    .selectFrom('resource_patient')
    .select('patient_id')
    .where('connection_id', '=', connectionId)
    .where('type', '=', reference.type)
    .where('resource_id', '=', reference.id)
    .executeTakeFirst();
  if (learnt !== undefined) return learnt.patient_id;
  const pushed = await db
    .selectFrom('event')
    .select('patient_id')
    .where('connection_id', '=', connectionId)
    .where('type', '=', reference.type)
    .where('resource_id', '=', reference.id)
    .where('patient_id', 'is not', null)
    .orderBy('received_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return pushed?.patient_id ?? undefined;
}
