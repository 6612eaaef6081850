/**
 * Decisions: one immutable record per evaluation.
 *
 * Kept as `json`, not `jsonb`: the order of members stays, so a replay can be compared byte by byte.
 */
import { type Generated, sql } from 'kysely';
import type { Decision, EpisodeChange, Tier } from '../core/decision.ts';
import type { ConnectionId, PatientId } from '../vocabulary/ids.ts';
import type { Db } from './tables.ts';

export interface DecisionTable {
  connection_id: ConnectionId;
  id: Generated<string>;
  patient_id: PatientId;
  at: Date | string;
  rule_set: string;
  body: Decision | string;
}

/** Keeps a decision. @returns its id. */
export async function keepDecision(
  db: Db,
  connectionId: ConnectionId,
  patientId: PatientId,
  decision: Decision,
): Promise<string> {
  const { id } = await db
    .insertInto('decision')
    .values({
      connection_id: connectionId,
      patient_id: patientId,
      at: decision.at,
      rule_set: decision.ruleSet,
      body: JSON.stringify(decision),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** The newest decision about a patient. */
export async function latestDecision(
  db: Db,
  connectionId: ConnectionId,
  patientId: PatientId,
): Promise<Decision | undefined> {
  const row = await db
    .selectFrom('decision')
    .select('body')
    .where('connection_id', '=', connectionId)
    .where('patient_id', '=', patientId)
    .orderBy('at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? undefined : (row.body as Decision);
}

/** The newest decision that has a finding of this key, up to a time. */
export async function decisionShowing(
  db: Db,
  connectionId: ConnectionId,
  patientId: PatientId,
  key: string,
  until?: Date,
): Promise<Decision | undefined> {
  const { rows } = await sql<{ body: Decision }>`
    select body from decision
    where connection_id = ${connectionId} and patient_id = ${patientId}
      and at <= ${until?.toISOString() ?? 'infinity'}::timestamptz
      and exists (select 1 from json_array_elements(body -> 'findings') f where f ->> 'key' = ${key})
    order by at desc limit 1`.execute(db);
  return rows[0]?.body;
}

/** What a decision did to one episode. */
export interface EpisodeEvent {
  /** ISO. */
  readonly at: string;
  readonly change: EpisodeChange['change'];
  readonly tier: Tier;
  readonly reason?: string;
}

/** What happened to one episode, oldest first. */
export async function episodeEvents(
  db: Db,
  connectionId: ConnectionId,
  patientId: PatientId,
  key: string,
  number: number,
): Promise<EpisodeEvent[]> {
  const { rows } = await sql<{
    at: Date | string;
    change: EpisodeChange['change'];
    tier: Tier;
    reason: string | null;
  }>`
    select d.at, c ->> 'change' as change, c -> 'episode' ->> 'tier' as tier, c ->> 'reason' as reason
    from decision d, json_array_elements(d.body -> 'episodeChanges') c
    where d.connection_id = ${connectionId} and d.patient_id = ${patientId}
      and c ->> 'key' = ${key} and c -> 'episode' ->> 'number' = ${String(number)}
    order by d.at`.execute(db);
  return rows.map(({ at, change, tier, reason }) => ({
    at: new Date(at).toISOString(),
    change,
    tier,
    ...(reason === null ? {} : { reason }),
  }));
}

/** How many decisions a patient has. */
export async function countDecisions(
  db: Db,
  connectionId: ConnectionId,
  patientId: PatientId,
): Promise<number> {
  const { n } = await db
    .selectFrom('decision')
    .select((eb) => eb.cast<number>(eb.fn.countAll(), 'integer').as('n'))
    .where('connection_id', '=', connectionId)
    .where('patient_id', '=', patientId)
    .executeTakeFirstOrThrow();
  return n;
}
