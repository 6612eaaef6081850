/**
 * Decisions: one immutable record per evaluation.
 *
 * Kept as `json`, not `jsonb`: the order of members stays, so a replay can be compared byte by byte.
 */
import type { Generated } from 'kysely';
import type { Decision } from '../core/decision.ts';
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
