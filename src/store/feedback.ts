/**
 * What clinicians said, for export: one row per answer, as it was given.
 */
import { sql } from 'kysely';
import type { Period } from './report-rows.ts';
import type { Db } from './tables.ts';

export interface FeedbackRow {
  readonly rule: string | null;
  readonly ruleVersion: string | null;
  readonly outcome: string;
  /** Advice or suggestions that were accepted. */
  readonly options: readonly string[];
  readonly reasonSystem: string | null;
  readonly reasonCode: string | null;
  /** Sealed, for `sealedTo`. */
  readonly comment: string | null;
  readonly sealedTo: string;
  readonly userHash: string | null;
  readonly userReference: string | null;
  readonly role: string | null;
  readonly at: Date;
  readonly connectionId: string;
  /** A hook, or the alert page. */
  readonly where: string;
}

/** Answers given in a period, oldest first. */
export async function feedbackRows(db: Db, { from, to }: Period): Promise<FeedbackRow[]> {
  const { rows } = await sql<FeedbackRow>`
    select * from (
      select c.rule, c.rule_version as "ruleVersion", a.outcome, a.suggestions as options,
        a.reason_system as "reasonSystem", a.reason_code as "reasonCode", a.comment, c.id::text as "sealedTo",
        c.user_hash as "userHash", c.user_reference as "userReference", null as role, a.at,
        a.connection_id as "connectionId", c.hook as "where"
      from card_answer a join card c on c.connection_id = a.connection_id and c.id::text = a.card_id
      where not a.orphan
      union all
      select rule, rule_version, outcome, options, reason_system, reason_code, comment, alert_id::text,
        by_user, by_reference, by_role, at, connection_id, 'alert page'
      from answer where channel = 'page'
    ) said
    where at >= ${from.toISOString()}::timestamptz and at < ${to.toISOString()}::timestamptz
    order by at`.execute(db);
  return rows.map((row) => ({ ...row, at: new Date(row.at) }));
}
