/**
 * What we wrote, and where: identity -> id and version on the target.
 *
 * Why: updates go by id with the version we know, and a notice about a version that is our own write
 * is an echo.
 */
import { type Generated, type Selectable, sql } from 'kysely';
import type { ConnectionId } from '../vocabulary/ids.ts';
import type { Db } from './tables.ts';

export interface TargetResourceTable {
  connection_id: ConnectionId;
  type: string;
  identity: string;
  server_id: string;
  version_id: string | null;
  content_hash: string;
  written_at: Generated<Date>;
}

export interface TargetResource {
  readonly connectionId: ConnectionId;
  readonly type: string;
  /** Deterministic identity of the alert or of a part of it. */
  readonly identity: string;
  readonly serverId: string;
  readonly versionId?: string;
  /** Hash of the members that are ours, as last written. */
  readonly contentHash: string;
}

/** Remembers a write; a later one of the same type and identity replaces it. */
export async function rememberWrite(db: Db, written: TargetResource): Promise<void> {
  const now = {
    server_id: written.serverId,
    version_id: written.versionId ?? null,
    content_hash: written.contentHash,
    written_at: sql<Date>`now()`,
  };
  await db
    .insertInto('target_resource')
    .values({ connection_id: written.connectionId, type: written.type, identity: written.identity, ...now })
    .onConflict((conflict) => conflict.columns(['connection_id', 'type', 'identity']).doUpdateSet(now))
    .execute();
}

/** What was written is believed to be shown by then, also where a server reads from a copy. Source: fhir-integration 4.5 */
export const SHOWN_WITHIN_MS = 60_000;

/** What we wrote under an identity, one of each type. `fresh`: so lately that the server may not show it yet. */
export async function findWrites(
  db: Db,
  connectionId: ConnectionId,
  identity: string,
): Promise<(TargetResource & { readonly fresh: boolean })[]> {
  const rows = await db
    .selectFrom('target_resource')
    .selectAll()
    .select(sql<boolean>`written_at > now() - ${SHOWN_WITHIN_MS}::float8 * interval '1 ms'`.as('fresh'))
    .where('connection_id', '=', connectionId)
    .where('identity', '=', identity)
    .execute();
  return rows.map((row) => ({ ...writtenOf(row), fresh: row.fresh }));
}

/** A version of a resource of a connection. */
export interface SeenVersion {
  readonly connectionId: ConnectionId;
  readonly type: string;
  readonly id: string;
  readonly versionId: string;
}

/** Which of these versions are our own writes. */
export async function ownWrites<Seen extends SeenVersion>(db: Db, seen: readonly Seen[]): Promise<Set<Seen>> {
  if (seen.length === 0) return new Set();
  const asked = seen.map(({ connectionId, type, id, versionId }, n) => ({
    n,
    connectionId,
    type,
    id,
    versionId,
  }));
  const { rows } = await sql<{ n: number }>`
    select s.n from json_to_recordset(${JSON.stringify(asked)}::text::json)
      as s(n integer, "connectionId" text, type text, id text, "versionId" text)
    join target_resource t on t.connection_id = s."connectionId" and t.type = s.type
      and t.server_id = s.id and t.version_id = s."versionId"`.execute(db);
  return new Set(rows.map(({ n }) => seen[n]).filter((found) => found !== undefined));
}

function writtenOf(row: Selectable<TargetResourceTable>): TargetResource {
  return {
    connectionId: row.connection_id,
    type: row.type,
    identity: row.identity,
    serverId: row.server_id,
    ...(row.version_id === null ? {} : { versionId: row.version_id }),
    contentHash: row.content_hash,
  };
}
