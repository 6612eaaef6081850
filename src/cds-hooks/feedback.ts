/**
 * What clinicians did with cards, as their EHR reports it. Kept, and applied to the alerts they were about.
 *
 * Silence is never counted as an override. A card nobody here knows is accepted and kept apart: the caller
 * must not learn which ids exist. Source: care-team 8.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { GivenAnswer, RecordedAnswer } from '../answers/record-answer.ts';
import { type CardAnswer, type CardRecord, findCard, keepCardAnswer } from '../store/card.ts';
import type { Db } from '../store/tables.ts';
import { canonicalJson } from '../vocabulary/canonical-json.ts';
import type { ConnectionId } from '../vocabulary/ids.ts';
import { readInstant } from '../vocabulary/instant.ts';
import { HookRefusal } from './refusal.ts';

export interface FeedbackParts {
  readonly db: Db;
  readonly answer: (given: GivenAnswer) => Promise<RecordedAnswer>;
  /** Seals a comment for the card or alert it belongs to. */
  readonly seal: (comment: string, of: string) => string;
}

/** Counted by whoever calls. */
export interface FeedbackTaken {
  readonly taken: number;
  readonly orphans: number;
}

const LONGEST_COMMENT = 2000; // characters
const CLOCK_MAY_BE_AHEAD_MS = 10 * 60_000;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const Text = z.string().min(1).max(400);
const Entry = z.object({
  card: Text,
  outcomeTimestamp: z.string().refine((text) => readInstant(text, 'UTC') !== undefined),
});
const Reason = z
  .object({
    reason: z.object({ code: Text, system: Text }).optional(),
    userComment: z.string().optional(),
  })
  .refine(({ reason, userComment }) => reason !== undefined || userComment !== undefined);
const Feedback = z.object({
  feedback: z
    .array(
      z.discriminatedUnion('outcome', [
        Entry.extend({
          outcome: z.literal('accepted'),
          acceptedSuggestions: z.array(z.object({ id: Text })),
        }),
        Entry.extend({ outcome: z.literal('overridden'), overrideReason: Reason.optional() }),
      ]),
    )
    .min(1)
    .max(500),
});
type FeedbackEntry = z.infer<typeof Feedback>['feedback'][number];

/** @throws HookRefusal when one entry breaks the shape; then nothing is kept. */
export function readFeedback(body: unknown): readonly FeedbackEntry[] {
  const read = Feedback.safeParse(body);
  if (read.success) return read.data.feedback;
  const where = [...new Set(read.error.issues.map(({ path }) => path.join('.') || 'body'))].slice(0, 5);
  throw new HookRefusal('malformed', 'the feedback has not the shape of CDS Hooks 2.0', {
    diagnostics: where.join(', '),
  });
}

/** Keeps and applies every entry; one that was kept before changes nothing. */
export async function takeFeedback(
  entries: readonly FeedbackEntry[],
  connectionId: ConnectionId,
  receivedAt: Date,
  parts: FeedbackParts,
): Promise<FeedbackTaken> {
  let orphans = 0;
  for (const entry of entries) {
    const cardId = entry.card.toLowerCase();
    const card = UUID.test(cardId) ? await findCard(parts.db, connectionId, cardId) : undefined;
    if (card === undefined) orphans += 1;
    else await answerAlerts(entry, card, receivedAt, parts);
    const fingerprint = createHash('sha256')
      .update(canonicalJson({ ...entry, card: cardId }))
      .digest('hex');
    const answer = cardAnswer(entry, card, receivedAt, parts);
    await keepCardAnswer(parts.db, connectionId, cardId, answer, { orphan: card === undefined, fingerprint });
  }
  return { taken: entries.length, orphans };
}

/** A card may show several alerts: the answer is to each of them. */
async function answerAlerts(
  entry: FeedbackEntry,
  card: CardRecord,
  receivedAt: Date,
  { answer }: FeedbackParts,
): Promise<void> {
  const { userReference: reference, userHash, connectionId } = card;
  const by = { ...(reference && { reference }), ...(userHash && { userHash }) };
  for (const { alertId } of card.problems) {
    if (alertId === undefined) continue;
    await answer({
      connectionId,
      alertId,
      channel: 'card',
      at: timeOf(entry),
      receivedAt,
      shownAt: card.shownAt,
      answer: said(entry, card),
      by,
      cardId: card.id,
    });
  }
}

function said(entry: FeedbackEntry, card: CardRecord): GivenAnswer['answer'] {
  if (entry.outcome === 'accepted')
    return {
      outcome: 'accepted',
      options: [
        ...new Set(entry.acceptedSuggestions.flatMap(({ id }) => card.advice[id.toLowerCase()] ?? [])),
      ],
    };
  const comment = entry.overrideReason?.userComment?.slice(0, LONGEST_COMMENT);
  const reason = entry.overrideReason?.reason;
  return { outcome: 'overridden', ...(reason && { reason }), ...(comment ? { comment } : {}) };
}

function cardAnswer(
  entry: FeedbackEntry,
  card: CardRecord | undefined,
  receivedAt: Date,
  { seal }: FeedbackParts,
): CardAnswer {
  const at = timeOf(entry);
  const clockSuspect =
    at.getTime() > receivedAt.getTime() + CLOCK_MAY_BE_AHEAD_MS || (card !== undefined && at < card.shownAt);
  const reason = entry.outcome === 'overridden' ? entry.overrideReason?.reason : undefined;
  const comment = entry.outcome === 'overridden' ? entry.overrideReason?.userComment : undefined;
  // Of a card with an alert the comment is kept with the alert's answer.
  const isOwn = card?.problems.every(({ alertId }) => alertId === undefined) !== false;
  return {
    outcome: entry.outcome,
    suggestions: entry.outcome === 'accepted' ? entry.acceptedSuggestions.map(({ id }) => id) : [],
    ...(reason && { reason }),
    ...(comment && isOwn
      ? { comment: seal(comment.slice(0, LONGEST_COMMENT), entry.card.toLowerCase()) }
      : {}),
    at: clockSuspect ? receivedAt : at,
    receivedAt,
    clockSuspect,
  };
}

function timeOf({ outcomeTimestamp }: FeedbackEntry): Date {
  return readInstant(outcomeTimestamp, 'UTC')?.at ?? new Date(Number.NaN);
}
