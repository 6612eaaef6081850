/**
 * Cards shown in EHRs, the calls they answered, and what clients reported of them.
 *
 * Written after the answer has been sent, and kept for a time that the site sets.
 */
import { type Generated, sql } from 'kysely';
import type { Episode, Tier } from '../core/decision.ts';
import type { ConnectionId, PatientId } from '../vocabulary/ids.ts';
import type { Db, Trx } from './tables.ts';

export interface HookCallTable {
  connection_id: ConnectionId;
  id: Generated<string>;
  hook: string;
  patient_id: PatientId;
  user_hash: string | null;
  at: Date | string;
  ms: number;
  cards: number;
  not_checked: boolean;
  /** Prefetch key -> state. */
  prefetch: Record<string, string> | string;
}

export interface CardTable {
  connection_id: ConnectionId;
  id: string;
  patient_id: PatientId;
  hook: string;
  hook_instance: string;
  kind: CardKind;
  tier: Tier | null;
  rule: string | null;
  rule_version: string | null;
  user_hash: string | null;
  user_reference: string | null;
  shown_at: Date | string;
  repeat: boolean;
  body: CardBody | string;
}

export interface CardAnswerTable {
  connection_id: ConnectionId;
  id: Generated<string>;
  fingerprint: string;
  card_id: string;
  /** No card of this connection has this id. */
  orphan: boolean;
  outcome: 'accepted' | 'overridden';
  suggestions: string[] | string;
  reason_system: string | null;
  reason_code: string | null;
  comment: string | null;
  at: Date | string;
  received_at: Date | string;
  clock_suspect: boolean;
}

export type CardKind = 'finding' | 'more' | 'not-checked';

/** What is kept of one problem on a card. */
export interface CardProblem {
  readonly key: string;
  readonly tier: Tier;
  readonly rule: string;
  readonly ruleVersion: string;
  readonly alertId?: string;
  /** Products of the orders that take part in it. */
  readonly medicines: readonly string[];
  /** Kept where there is no alert: an answer to the card is all that can hold it back. */
  readonly episode?: Episode;
}

interface CardBody {
  readonly problems: readonly CardProblem[];
  /** Suggestion uuid -> advice behind it. */
  readonly advice: Readonly<Record<string, readonly string[]>>;
}

export interface CardRecord extends CardBody {
  readonly connectionId: ConnectionId;
  readonly id: string;
  readonly patientId: PatientId;
  readonly hook: string;
  readonly hookInstance: string;
  readonly kind: CardKind;
  /** Keyed hash of the reader; undefined when the client did not say who it was. */
  readonly userHash?: string;
  /** `Practitioner/id` or `PractitionerRole/id`. */
  readonly userReference?: string;
  readonly shownAt: Date;
}

export interface HookCallRecord {
  readonly connectionId: ConnectionId;
  readonly hook: string;
  readonly patientId: PatientId;
  readonly userHash?: string;
  readonly at: Date;
  readonly ms: number;
  readonly cards: number;
  readonly notChecked: boolean;
  readonly prefetch: Readonly<Record<string, string>>;
}

export interface CardAnswer {
  readonly outcome: 'accepted' | 'overridden';
  /** Suggestion uuids. */
  readonly suggestions: readonly string[];
  readonly reason?: { readonly system?: string; readonly code: string };
  /** Sealed. */
  readonly comment?: string;
  readonly at: Date;
  readonly receivedAt: Date;
  readonly clockSuspect: boolean;
}

/** Keeps calls and their cards, in two statements. The same card of a repeated call is kept once. */
export async function keepCalls(
  trx: Trx,
  calls: readonly HookCallRecord[],
  cards: readonly CardRecord[],
): Promise<void> {
  if (calls.length > 0) await trx.insertInto('hook_call').values(calls.map(callRow)).execute();
  if (cards.length === 0) return;
  await trx
    .insertInto('card')
    .values(cards.map(cardRow))
    .onConflict((conflict) => conflict.columns(['connection_id', 'id']).doNothing())
    .execute();
}

function callRow(call: HookCallRecord) {
  return {
    connection_id: call.connectionId,
    hook: call.hook,
    patient_id: call.patientId,
    user_hash: call.userHash ?? null,
    at: call.at.toISOString(),
    ms: call.ms,
    cards: call.cards,
    not_checked: call.notChecked,
    prefetch: JSON.stringify(call.prefetch),
  };
}

/** A repeat: the patient was shown a card of this rule before. */
function cardRow({ problems, advice, ...card }: CardRecord) {
  const [lead] = problems;
  const rule = lead?.rule ?? null;
  return {
    connection_id: card.connectionId,
    id: card.id,
    patient_id: card.patientId,
    hook: card.hook,
    hook_instance: card.hookInstance,
    kind: card.kind,
    tier: lead?.tier ?? null,
    rule,
    rule_version: lead?.ruleVersion ?? null,
    user_hash: card.userHash ?? null,
    user_reference: card.userReference ?? null,
    shown_at: card.shownAt.toISOString(),
    repeat: sql<boolean>`exists (select 1 from card e where e.connection_id = ${card.connectionId}
      and e.patient_id = ${card.patientId} and e.kind = ${card.kind} and e.rule is not distinct from ${rule})`,
    body: JSON.stringify({ problems, advice }),
  };
}

/** A card by its id, within its connection. */
export async function findCard(
  db: Db,
  connectionId: ConnectionId,
  id: string,
): Promise<CardRecord | undefined> {
  const row = await db
    .selectFrom('card')
    .selectAll()
    .where('connection_id', '=', connectionId)
    .where('id', '=', id)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    connectionId,
    id: row.id,
    patientId: row.patient_id,
    hook: row.hook,
    hookInstance: row.hook_instance,
    kind: row.kind,
    ...(row.user_hash === null ? {} : { userHash: row.user_hash }),
    ...(row.user_reference === null ? {} : { userReference: row.user_reference }),
    shownAt: new Date(row.shown_at),
    ...(row.body as CardBody),
  };
}

/** An answered card of a patient, with all its answers, oldest first. */
export interface AnsweredCard {
  readonly userHash?: string;
  readonly hook: string;
  readonly problems: readonly CardProblem[];
  readonly answers: readonly CardAnswer[];
}

/** Cards of a patient that somebody answered. */
export async function answeredCards(
  db: Db,
  connectionId: ConnectionId,
  patientId: PatientId,
): Promise<AnsweredCard[]> {
  const rows = await db
    .selectFrom('card')
    .innerJoin('card_answer', (join) =>
      join
        .onRef('card_answer.connection_id', '=', 'card.connection_id')
        .on(sql<boolean>`card_answer.card_id = card.id::text`),
    )
    .select(['card.id', 'card.user_hash', 'card.hook', 'card.body'])
    .select(['outcome', 'suggestions', 'reason_system', 'reason_code', 'at', 'received_at', 'clock_suspect'])
    .where('card.connection_id', '=', connectionId)
    .where('card.patient_id', '=', patientId)
    .orderBy('at')
    .orderBy('received_at')
    .execute();
  return [...Map.groupBy(rows, ({ id }) => id).values()].map((answers) => {
    const [first] = answers as [(typeof rows)[number]];
    return {
      hook: first.hook,
      ...(first.user_hash === null ? {} : { userHash: first.user_hash }),
      problems: (first.body as CardBody).problems,
      answers: answers.map((row) => ({
        outcome: row.outcome,
        suggestions: row.suggestions as string[],
        ...(row.reason_code === null
          ? {}
          : {
              reason: {
                code: row.reason_code,
                ...(row.reason_system === null ? {} : { system: row.reason_system }),
              },
            }),
        at: new Date(row.at),
        receivedAt: new Date(row.received_at),
        clockSuspect: row.clock_suspect,
      })),
    };
  });
}

/** Has this reader seen a "not checked" card of this patient since then? */
export async function sawNotChecked(
  db: Db,
  connectionId: ConnectionId,
  patientId: PatientId,
  userHash: string | undefined,
  since: Date,
): Promise<boolean> {
  const row = await db
    .selectFrom('card')
    .select('id')
    .where('connection_id', '=', connectionId)
    .where('patient_id', '=', patientId)
    .where('kind', '=', 'not-checked')
    .where('shown_at', '>=', since.toISOString())
    .where('user_hash', userHash === undefined ? 'is' : '=', userHash ?? null)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Keeps what a client reported. @returns false when the same was kept before */
export async function keepCardAnswer(
  db: Db,
  connectionId: ConnectionId,
  cardId: string,
  answer: CardAnswer,
  { orphan, fingerprint }: { readonly orphan: boolean; readonly fingerprint: string },
): Promise<boolean> {
  const row = await db
    .insertInto('card_answer')
    .values({
      connection_id: connectionId,
      fingerprint,
      card_id: cardId,
      orphan,
      outcome: answer.outcome,
      suggestions: JSON.stringify(answer.suggestions),
      reason_system: answer.reason?.system ?? null,
      reason_code: answer.reason?.code ?? null,
      comment: answer.comment ?? null,
      at: answer.at.toISOString(),
      received_at: answer.receivedAt.toISOString(),
      clock_suspect: answer.clockSuspect,
    })
    .onConflict((conflict) => conflict.columns(['connection_id', 'fingerprint']).doNothing())
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/** Forgets cards, calls and answers from before a time. */
export async function forgetCards(db: Db, before: Date): Promise<void> {
  const at = before.toISOString();
  await db.deleteFrom('card_answer').where('received_at', '<', at).execute();
  await db.deleteFrom('card').where('shown_at', '<', at).execute();
  await db.deleteFrom('hook_call').where('at', '<', at).execute();
}

export interface UsedTokenTable {
  connection_id: ConnectionId;
  issuer: string;
  token_id: string;
  until: Date | string;
}

/** Remembers a token until it could not be used anyway. @returns false when it was used before */
export async function useToken(
  db: Db,
  connectionId: ConnectionId,
  { issuer, tokenId, until }: { readonly issuer: string; readonly tokenId: string; readonly until: Date },
): Promise<boolean> {
  const { rows } = await sql`
    insert into used_token (connection_id, issuer, token_id, until)
    values (${connectionId}, ${issuer}, ${tokenId}, ${until.toISOString()}::timestamptz)
    on conflict do nothing returning token_id`.execute(db);
  return rows.length === 1;
}

export async function forgetTokens(db: Db, now: Date): Promise<void> {
  await db.deleteFrom('used_token').where('until', '<', now.toISOString()).execute();
}
