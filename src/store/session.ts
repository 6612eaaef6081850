/**
 * Sessions of people on the alert page. The browser holds a random id, the database only its hash.
 *
 * A session is looked up by that hash before its connection is known: the one key that does not start with
 * the connection.
 */
import type { Selectable } from 'kysely';
import type { ConnectionId, PatientId } from '../vocabulary/ids.ts';
import type { Db } from './tables.ts';

export type Role = 'viewer' | 'responder';

export interface SessionTable {
  id_hash: string;
  connection_id: ConnectionId;
  patient_id: PatientId | null;
  may_choose: boolean;
  user_reference: string | null;
  user_hash: string;
  role: Role;
  banner: boolean;
  theme: 'light' | 'dark' | null;
  token: string | null;
  token_until: Date | string | null;
  opened_at: Date | string;
  seen_at: Date | string;
  ends_at: Date | string;
}

/** Bound to one connection, patient, user and role until it ends. */
export interface Session {
  readonly idHash: string;
  readonly connectionId: ConnectionId;
  /** Absent until one is chosen, where the session may choose. */
  readonly patientId?: PatientId;
  /** May change its patient: only sessions of the sandbox. */
  readonly mayChoose: boolean;
  /** `Practitioner/id`, as the FHIR server says. */
  readonly userReference?: string;
  readonly userHash: string;
  readonly role: Role;
  /** The full patient banner is wanted; otherwise the EHR shows one. */
  readonly banner: boolean;
  readonly theme?: 'light' | 'dark';
  /** Access token for the FHIR server, sealed under the session's id. */
  readonly token?: string;
  readonly tokenUntil?: Date;
  readonly openedAt: Date;
  readonly seenAt: Date;
  /** Ends then, however busy it is. */
  readonly endsAt: Date;
}

export async function keepSession(db: Db, session: Session): Promise<void> {
  await db
    .insertInto('session')
    .values({
      id_hash: session.idHash,
      connection_id: session.connectionId,
      patient_id: session.patientId ?? null,
      may_choose: session.mayChoose,
      user_reference: session.userReference ?? null,
      user_hash: session.userHash,
      role: session.role,
      banner: session.banner,
      theme: session.theme ?? null,
      token: session.token ?? null,
      token_until: session.tokenUntil?.toISOString() ?? null,
      opened_at: session.openedAt.toISOString(),
      seen_at: session.seenAt.toISOString(),
      ends_at: session.endsAt.toISOString(),
    })
    .execute();
}

export async function findSession(db: Db, idHash: string): Promise<Session | undefined> {
  const row = await db.selectFrom('session').selectAll().where('id_hash', '=', idHash).executeTakeFirst();
  return row === undefined ? undefined : sessionOf(row);
}

/** The session is in use. */
export async function touchSession(db: Db, idHash: string, at: Date): Promise<void> {
  await db.updateTable('session').set({ seen_at: at.toISOString() }).where('id_hash', '=', idHash).execute();
}

export async function changeSession(
  db: Db,
  idHash: string,
  { patientId, theme }: { readonly patientId?: PatientId; readonly theme?: 'light' | 'dark' | null },
): Promise<void> {
  await db
    .updateTable('session')
    .set({
      ...(patientId === undefined ? {} : { patient_id: patientId }),
      ...(theme === undefined ? {} : { theme }),
    })
    .where('id_hash', '=', idHash)
    .execute();
}

export async function dropSession(db: Db, idHash: string): Promise<void> {
  await db.deleteFrom('session').where('id_hash', '=', idHash).execute();
}

/** Forgets sessions that ended, and their tokens with them. */
export async function dropEndedSessions(db: Db, now: Date, idleSince: Date): Promise<void> {
  await db
    .deleteFrom('session')
    .where((eb) =>
      eb.or([eb('ends_at', '<=', now.toISOString()), eb('seen_at', '<', idleSince.toISOString())]),
    )
    .execute();
}

function sessionOf(row: Selectable<SessionTable>): Session {
  return {
    idHash: row.id_hash,
    connectionId: row.connection_id,
    ...(row.patient_id === null ? {} : { patientId: row.patient_id }),
    mayChoose: row.may_choose,
    ...(row.user_reference === null ? {} : { userReference: row.user_reference }),
    userHash: row.user_hash,
    role: row.role,
    banner: row.banner,
    ...(row.theme === null ? {} : { theme: row.theme }),
    ...(row.token === null ? {} : { token: row.token }),
    ...(row.token_until === null ? {} : { tokenUntil: new Date(row.token_until) }),
    openedAt: new Date(row.opened_at),
    seenAt: new Date(row.seen_at),
    endsAt: new Date(row.ends_at),
  };
}
