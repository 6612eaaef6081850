/**
 * Who looked at what: one record for each view and each answer. Rows are added and never changed.
 */
import type { Generated } from 'kysely';
import type { ConnectionId, PatientId } from '../vocabulary/ids.ts';
import type { Session } from './session.ts';
import type { Db } from './tables.ts';

export type AuditAction = 'session-opened' | 'list-viewed' | 'alert-viewed' | 'answered' | 'alert-refused';

export interface AuditTable {
  connection_id: ConnectionId;
  id: Generated<string>;
  at: Date | string;
  action: AuditAction;
  patient_id: PatientId | null;
  alert_id: string | null;
  user_reference: string | null;
  user_hash: string;
  role: string;
}

export interface AuditRecord {
  readonly at: Date;
  readonly action: AuditAction;
  readonly patientId?: PatientId;
  readonly alertId?: string;
  readonly userReference?: string;
  readonly userHash: string;
  readonly role: string;
}

/** Keeps one record; what it is about is not shown when this throws. */
export async function keepAudit(
  db: Db,
  session: Session,
  what: { readonly action: AuditAction; readonly at: Date; readonly alertId?: string },
): Promise<void> {
  await db
    .insertInto('audit')
    .values({
      connection_id: session.connectionId,
      at: what.at.toISOString(),
      action: what.action,
      patient_id: session.patientId ?? null,
      alert_id: what.alertId ?? null,
      user_reference: session.userReference ?? null,
      user_hash: session.userHash,
      role: session.role,
    })
    .execute();
}

/** Everything about one patient, oldest first. */
export async function auditOf(
  db: Db,
  connectionId: ConnectionId,
  patientId: PatientId,
): Promise<AuditRecord[]> {
  const rows = await db
    .selectFrom('audit')
    .selectAll()
    .where('connection_id', '=', connectionId)
    .where('patient_id', '=', patientId)
    .orderBy('at')
    .execute();
  return rows.map((row) => ({
    at: new Date(row.at),
    action: row.action,
    ...(row.patient_id === null ? {} : { patientId: row.patient_id }),
    ...(row.alert_id === null ? {} : { alertId: row.alert_id }),
    ...(row.user_reference === null ? {} : { userReference: row.user_reference }),
    userHash: row.user_hash,
    role: row.role,
  }));
}
