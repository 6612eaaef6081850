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

/**
 * Remembers whose these resources are: `Type/id` of a chart. A later owner replaces an earlier one.
 *
 * @param asked not learnt, only compared
 * @returns those that were another patient's before
 */
export async function learnPatient(
  db: Db,
  connectionId: ConnectionId,
  patientId: PatientId,
  references: Iterable<string>,
  asked: Iterable<string> = [],
): Promise<{ readonly reference: string; readonly before: PatientId }[]> {
  const learns = new Set(references);
  const rows = [...new Set([...learns, ...asked])].sort().map((reference) => {
    const slash = reference.indexOf('/');
    const learnt = learns.has(reference);
    return { type: reference.slice(0, slash), id: reference.slice(slash + 1), learnt };
  });
  if (rows.length === 0) return [];
  const { rows: others } = await sql<{ type: string; resource_id: string; patient_id: PatientId }>`
    with r as (
      select * from json_to_recordset(${JSON.stringify(rows)}::text::json) as r(type text, id text, learnt boolean)
    ), others as (
      select p.type, p.resource_id, p.patient_id from resource_patient p join r on p.type = r.type and p.resource_id = r.id
      where p.connection_id = ${connectionId} and p.patient_id <> ${patientId}
    ), learnt as (
      insert into resource_patient (connection_id, type, resource_id, patient_id)
      select ${connectionId}::text, r.type, r.id, ${patientId}::text from r where r.learnt
      on conflict (connection_id, type, resource_id) do update set patient_id = excluded.patient_id
        where resource_patient.patient_id <> excluded.patient_id
    )
    select * from others order by type, resource_id`.execute(db);
  return others.map(({ type, resource_id, patient_id }) => ({
    reference: `${type}/${resource_id}`,
    before: patient_id,
  }));
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
