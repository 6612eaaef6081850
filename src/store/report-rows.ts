/**
 * What reports count: calls, cards, answers and alerts of one period, over all connections, slim.
 *
 * The only queries that cross connections: the key of a patient carries its connection, so that nobody is
 * counted as somebody else.
 */
import { sql } from 'kysely';
import type { Db } from './tables.ts';

export interface Period {
  readonly from: Date;
  /** Not included. */
  readonly to: Date;
}

/** Where a row belongs. What a row can not be split by is left out, and it then counts in every group. */
export interface Dimensions {
  /** Rule and version, so that a change can be compared before and after. */
  readonly rule?: string;
  readonly hook?: string;
  readonly tier?: string;
  readonly role?: string;
}

interface Row extends Dimensions {
  /** Connection and patient; counted, never shown. */
  readonly patient: string;
  readonly at: Date;
}

/** A CDS Hooks call. */
export interface CallRow extends Row {
  readonly ms: number;
  readonly notChecked: boolean;
}

/** A card that was shown. */
export interface CardRow extends Row {
  readonly id: string;
  /** Keyed hash of the reader. */
  readonly user?: string;
  /** About a finding: not a notice that something was not checked, nor that there is more. */
  readonly finding: boolean;
  /** The same finding had been shown to somebody before. */
  readonly repeat: boolean;
}

/** Something that a clinician said; of several to one card one counts. */
export interface AnswerRow extends Row {
  readonly id: string;
  /** The card; on the alert page the alert and its reader. */
  readonly to: string;
  readonly outcome: 'accepted' | 'overridden' | 'not-now' | 'undone';
  readonly undoes?: string;
  /** Code of an override reason. */
  readonly reason?: string;
  readonly receivedAt: Date;
}

/** An alert that was raised in the period. */
export interface AlertRow extends Row {
  readonly id: string;
  /** First showing as a card, where there was one. */
  readonly shownAt?: Date;
  readonly acceptedAt?: Date;
  /** Closed because newer data are clear. */
  readonly resolvedAt?: Date;
  /** First override. */
  readonly overriddenAt?: Date;
  /** Times at which its tier rose, within seven days after the first override. */
  readonly roseAt: readonly Date[];
}

export interface ReportRows {
  readonly calls: readonly CallRow[];
  readonly cards: readonly CardRow[];
  readonly answers: readonly AnswerRow[];
  readonly alerts: readonly AlertRow[];
}

/** Where a row has no rule, tier or role, because it is no finding or nobody said. */
const NONE = 'none';
const NOT_KNOWN = 'not known';
/** Where an answer or alert that belongs to no hook came about. */
const PAGE = 'alert page';
const RECORD = 'record';

export async function reportRows(db: Db, period: Period): Promise<ReportRows> {
  const [calls, cards, answers, alerts] = await Promise.all([
    callRows(db, period),
    cardRows(db, period),
    answerRows(db, period),
    alertRows(db, period),
  ]);
  return { calls, cards, answers, alerts };
}

async function callRows(db: Db, { from, to }: Period): Promise<CallRow[]> {
  const { rows } = await sql<{ patient: string; hook: string; at: Date; ms: number; not_checked: boolean }>`
    select connection_id || '|' || patient_id as patient, hook, at, ms, not_checked from hook_call
    where at >= ${from.toISOString()}::timestamptz and at < ${to.toISOString()}::timestamptz`.execute(db);
  return rows.map(({ at, not_checked, ...row }) => ({ ...row, at: new Date(at), notChecked: not_checked }));
}

interface CardSelected {
  patient: string;
  id: string;
  hook: string;
  kind: string;
  tier: string | null;
  rule: string | null;
  rule_version: string | null;
  user_hash: string | null;
  shown_at: Date;
  repeat: boolean;
}

async function cardRows(db: Db, { from, to }: Period): Promise<CardRow[]> {
  const { rows } = await sql<CardSelected>`
    select connection_id || '|' || patient_id as patient, id, hook, kind, tier, rule, rule_version, user_hash,
      shown_at, repeat from card
    where shown_at >= ${from.toISOString()}::timestamptz and shown_at < ${to.toISOString()}::timestamptz`.execute(
    db,
  );
  return rows.map((row) => ({
    patient: row.patient,
    id: row.id,
    at: new Date(row.shown_at),
    hook: row.hook,
    finding: row.kind === 'finding',
    repeat: row.repeat,
    role: NOT_KNOWN,
    rule: versioned(row.rule, row.rule_version),
    tier: row.tier ?? NONE,
    ...(row.user_hash === null ? {} : { user: row.user_hash }),
  }));
}

interface AnswerSelected {
  patient: string;
  id: string;
  to: string;
  hook: string;
  outcome: AnswerRow['outcome'];
  undoes: string | null;
  reason_code: string | null;
  rule: string | null;
  rule_version: string | null;
  tier: string | null;
  role: string | null;
  at: Date;
  received_at: Date;
}

/** Reports of clients on their cards, and answers given on the alert page. */
async function answerRows(db: Db, { from, to }: Period): Promise<AnswerRow[]> {
  const { rows } = await sql<AnswerSelected>`
    select c.connection_id || '|' || c.patient_id as patient, a.id, c.id::text as to, c.hook, a.outcome,
      null as undoes, a.reason_code, c.rule, c.rule_version, c.tier, null as role, a.at, a.received_at
    from card_answer a join card c on c.connection_id = a.connection_id and c.id::text = a.card_id
    where not a.orphan
      and a.at >= ${from.toISOString()}::timestamptz and a.at < ${to.toISOString()}::timestamptz
    union all
    select connection_id || '|' || patient_id, id, alert_id || '|' || coalesce(by_user, ''), ${PAGE}, outcome,
      undoes, reason_code, rule, rule_version, tier, by_role, at, received_at
    from answer where channel = 'page'
      and at >= ${from.toISOString()}::timestamptz and at < ${to.toISOString()}::timestamptz`.execute(db);
  return rows.map((row) => ({
    patient: row.patient,
    id: row.id,
    to: row.to,
    hook: row.hook,
    outcome: row.outcome,
    at: new Date(row.at),
    receivedAt: new Date(row.received_at),
    role: row.role ?? NOT_KNOWN,
    rule: versioned(row.rule, row.rule_version),
    tier: row.tier ?? NONE,
    ...(row.undoes === null ? {} : { undoes: row.undoes }),
    ...(row.reason_code === null ? {} : { reason: row.reason_code }),
  }));
}

interface AlertSelected {
  patient: string;
  id: string;
  at: Date;
  rule: string;
  rule_version: string | null;
  tier: string;
  shown_at: Date | null;
  accepted_at: Date | null;
  resolved_at: Date | null;
  overridden_at: Date | null;
  rose_at: string[] | null;
}

/** Each alert with what came of it. The version is that of the decision which raised it. */
async function alertRows(db: Db, { from, to }: Period): Promise<AlertRow[]> {
  const { rows } = await sql<AlertSelected>`
    select e.connection_id || '|' || e.patient_id as patient, e.alert_id as id, e.raised_at as at,
      e.body->>'rule' as rule, e.body->>'tier' as tier,
      case when e.state = 'resolved' then e.closed_at end as resolved_at,
      said.accepted_at, said.overridden_at, shown.shown_at, raised.rule_version, rose.rose_at
    from episode e
    left join lateral (
      select min(a.at) filter (where a.outcome = 'accepted') as accepted_at,
        min(a.at) filter (where a.outcome = 'overridden') as overridden_at
      from answer a where a.connection_id = e.connection_id and a.alert_id = e.alert_id
        and not exists (select 1 from answer u where u.connection_id = a.connection_id and u.undoes = a.id)
    ) said on true
    left join lateral (
      select min(c.shown_at) as shown_at from card c
      where c.connection_id = e.connection_id and c.patient_id = e.patient_id
        and c.body->'problems' @> jsonb_build_array(jsonb_build_object('alertId', e.alert_id))
    ) shown on true
    left join lateral (
      select v->>'version' as rule_version from decision d, json_array_elements(d.body->'verdicts') v
      where d.connection_id = e.connection_id and d.patient_id = e.patient_id and d.at = e.raised_at
        and v->>'rule' = e.body->>'rule' limit 1
    ) raised on true
    left join lateral (
      select json_agg(d.at) as rose_at from decision d, json_array_elements(d.body->'episodeChanges') c
      where said.overridden_at is not null and d.connection_id = e.connection_id
        and d.patient_id = e.patient_id and d.at > said.overridden_at
        and d.at <= said.overridden_at + interval '7 days' and c->>'change' = 'escalate'
        and c->>'key' = e.key and (c->'episode'->>'number')::integer = e.number
    ) rose on true
    where e.raised_at >= ${from.toISOString()}::timestamptz and e.raised_at < ${to.toISOString()}::timestamptz`.execute(
    db,
  );
  return rows.map((row) => ({
    patient: row.patient,
    id: row.id,
    at: new Date(row.at),
    hook: RECORD,
    role: NOT_KNOWN,
    rule: versioned(row.rule, row.rule_version),
    tier: row.tier,
    roseAt: (row.rose_at ?? []).map((at) => new Date(at)),
    ...(row.shown_at === null ? {} : { shownAt: new Date(row.shown_at) }),
    ...(row.accepted_at === null ? {} : { acceptedAt: new Date(row.accepted_at) }),
    ...(row.resolved_at === null ? {} : { resolvedAt: new Date(row.resolved_at) }),
    ...(row.overridden_at === null ? {} : { overriddenAt: new Date(row.overridden_at) }),
  }));
}

function versioned(rule: string | null, version: string | null): string {
  return rule === null ? NONE : `${rule} ${version ?? NOT_KNOWN}`;
}

/** Since when patients are evaluated, and when each rule last held; one that still holds did so at `to`. */
export async function ruleUse(
  db: Db,
  to: Date,
): Promise<{ readonly since: Date | undefined; readonly lastFired: Map<string, Date> }> {
  const first = await sql<{ at: Date | null }>`select min(at) as at from decision`.execute(db);
  const { rows } = await sql<{ rule: string; at: Date }>`
    select rule, max(at) as at from (
      select jsonb_array_elements_text((e.body->'members') || (e.body->'finding'->'absorbed')) as rule,
        coalesce(e.closed_at, ${to.toISOString()}::timestamptz) as at
      from episode e where e.raised_at < ${to.toISOString()}::timestamptz
      union all
      select rule, shown_at from card where rule is not null and shown_at < ${to.toISOString()}::timestamptz
    ) fired group by rule`.execute(db);
  const since = first.rows[0]?.at ?? undefined;
  return {
    since: since && new Date(since),
    lastFired: new Map(rows.map(({ rule, at }) => [rule, new Date(at)])),
  };
}
