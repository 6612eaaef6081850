/**
 * Answers: what clinicians said to alerts. Every one is kept, also one that changes nothing.
 */
import { type Generated, type Selectable, sql } from 'kysely';
import type { Episode, Tier } from '../core/decision.ts';
import type { ConnectionId, PatientId } from '../vocabulary/ids.ts';
import type { Db, Trx } from './tables.ts';

export const ANSWER_OUTCOMES = ['accepted', 'overridden', 'not-now', 'undone'] as const;
export type AnswerOutcome = (typeof ANSWER_OUTCOMES)[number];
export type AnswerChannel = 'card' | 'page';

/** The part of an episode that an answer sets, as it was before: what an undo brings back. */
export type Standing = Pick<Episode, 'acceptedAt' | 'suppression' | 'mitigation'>;

export interface AnswerTable {
  connection_id: ConnectionId;
  id: Generated<string>;
  fingerprint: string;
  alert_id: string;
  patient_id: PatientId;
  channel: AnswerChannel;
  card_id: string | null;
  outcome: AnswerOutcome;
  options: string[] | string;
  reason_system: string | null;
  reason_code: string | null;
  comment: string | null;
  undoes: string | null;
  by_reference: string | null;
  by_user: string | null;
  by_role: string | null;
  at: Date | string;
  received_at: Date | string;
  clock_suspect: Generated<boolean>;
  applied: Generated<boolean>;
  rule: string;
  rule_version: string | null;
  tier: Tier;
  before: Standing | string | null;
}

/** One answer of one person to one alert. */
export interface Answer {
  readonly id: string;
  readonly connectionId: ConnectionId;
  readonly alertId: string;
  readonly patientId: PatientId;
  readonly channel: AnswerChannel;
  /** uuid of the card that was answered. */
  readonly cardId?: string;
  readonly outcome: AnswerOutcome;
  /** Keys of accepted suggestions or options. */
  readonly options: readonly string[];
  readonly reason?: { readonly system?: string; readonly code: string };
  /** Sealed; see answers/comment.ts. */
  readonly comment?: string;
  /** The answer that this one takes back. */
  readonly undoes?: string;
  readonly by: { readonly reference?: string; readonly userHash?: string; readonly role?: string };
  readonly at: Date;
  readonly receivedAt: Date;
  /** Its time could not be true, so the time of arrival was taken. */
  readonly clockSuspect: boolean;
  /** It changed the alert. */
  readonly applied: boolean;
  /** Of the alert when it was answered. */
  readonly rule: string;
  readonly ruleVersion?: string;
  readonly tier: Tier;
  readonly before?: Standing;
}

/** Keeps an answer. @returns undefined when the same one is kept already. */
export async function keepAnswer(
  trx: Trx,
  answer: Omit<Answer, 'id'>,
  fingerprint: string,
): Promise<string | undefined> {
  const row = await trx
    .insertInto('answer')
    .values({
      connection_id: answer.connectionId,
      fingerprint,
      alert_id: answer.alertId,
      patient_id: answer.patientId,
      channel: answer.channel,
      card_id: answer.cardId ?? null,
      outcome: answer.outcome,
      options: JSON.stringify(answer.options),
      reason_system: answer.reason?.system ?? null,
      reason_code: answer.reason?.code ?? null,
      comment: answer.comment ?? null,
      undoes: answer.undoes ?? null,
      by_reference: answer.by.reference ?? null,
      by_user: answer.by.userHash ?? null,
      by_role: answer.by.role ?? null,
      at: answer.at.toISOString(),
      received_at: answer.receivedAt.toISOString(),
      clock_suspect: answer.clockSuspect,
      applied: answer.applied,
      rule: answer.rule,
      rule_version: answer.ruleVersion ?? null,
      tier: answer.tier,
      before: answer.before === undefined ? null : JSON.stringify(answer.before),
    })
    .onConflict((conflict) => conflict.columns(['connection_id', 'fingerprint']).doNothing())
    .returning('id')
    .executeTakeFirst();
  return row?.id;
}

/** The answer that is kept under this fingerprint. */
export async function findAnswer(
  db: Db,
  connectionId: ConnectionId,
  fingerprint: string,
): Promise<Answer | undefined> {
  const row = await ofConnection(db, connectionId).where('fingerprint', '=', fingerprint).executeTakeFirst();
  return row === undefined ? undefined : answerOf(row);
}

/** Answers to one alert, oldest first by the time they were given. */
export async function answersTo(db: Db, connectionId: ConnectionId, alertId: string): Promise<Answer[]> {
  const rows = await ofConnection(db, connectionId)
    .where('alert_id', '=', alertId)
    .orderBy('at')
    .orderBy('received_at')
    .execute();
  return rows.map(answerOf);
}

/** Answers given in a period, oldest first. @param to not included */
export async function answersIn(
  db: Db,
  connectionId: ConnectionId,
  { from, to }: { readonly from: Date; readonly to: Date },
): Promise<Answer[]> {
  const rows = await ofConnection(db, connectionId)
    .where('at', '>=', from.toISOString())
    .where('at', '<', to.toISOString())
    .orderBy('at')
    .execute();
  return rows.map(answerOf);
}

/** Alerts that this reader put off since then, and did not take back. */
export async function putOffSince(
  db: Db,
  connectionId: ConnectionId,
  userHash: string,
  since: Date,
): Promise<Set<string>> {
  const { rows } = await sql<{ alert_id: string }>`
    select alert_id from answer a
    where connection_id = ${connectionId} and by_user = ${userHash} and at >= ${since.toISOString()}::timestamptz
      and (outcome = 'not-now' or reason_code = 'cds-suboptimal-context')
      and not exists (select 1 from answer u where u.connection_id = a.connection_id and u.undoes = a.id)`.execute(
    db,
  );
  return new Set(rows.map(({ alert_id }) => alert_id));
}

function ofConnection(db: Db, connectionId: ConnectionId) {
  return db.selectFrom('answer').selectAll().where('connection_id', '=', connectionId);
}

function answerOf(row: Selectable<AnswerTable>): Answer {
  return {
    id: row.id,
    connectionId: row.connection_id,
    alertId: row.alert_id,
    patientId: row.patient_id,
    channel: row.channel,
    ...(row.card_id === null ? {} : { cardId: row.card_id }),
    outcome: row.outcome,
    options: row.options as string[],
    ...(row.reason_code === null
      ? {}
      : {
          reason: {
            code: row.reason_code,
            ...(row.reason_system === null ? {} : { system: row.reason_system }),
          },
        }),
    ...(row.comment === null ? {} : { comment: row.comment }),
    ...(row.undoes === null ? {} : { undoes: row.undoes }),
    by: {
      ...(row.by_reference === null ? {} : { reference: row.by_reference }),
      ...(row.by_user === null ? {} : { userHash: row.by_user }),
      ...(row.by_role === null ? {} : { role: row.by_role }),
    },
    at: new Date(row.at),
    receivedAt: new Date(row.received_at),
    clockSuspect: row.clock_suspect,
    applied: row.applied,
    rule: row.rule,
    ...(row.rule_version === null ? {} : { ruleVersion: row.rule_version }),
    tier: row.tier,
    ...(row.before === null ? {} : { before: row.before as Standing }),
  };
}
