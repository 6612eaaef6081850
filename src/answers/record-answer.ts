/**
 * Takes a clinician's answer to an alert: one way for cards and for the alert page.
 *
 * The answer is kept, the alert changed and the delivery owed in one commit. Every answer is kept; which of
 * several stands is decided by the time it was given. Source: care-team 8, clinical foundations 6.
 */
import { createHash } from 'node:crypto';
import type { Episode, EpisodeChange, Mitigation } from '../core/decision.ts';
import { accept, suppress } from '../core/episodes/suppression.ts';
import { owedFor } from '../delivery/deliver-owed.ts';
import {
  type Answer,
  answersTo,
  findAnswer,
  keepAnswer,
  putOffSince,
  type Standing,
} from '../store/answer.ts';
import { oweDelivery } from '../store/delivery.ts';
import { applyChanges, holdAlert, type StoredEpisode } from '../store/episode.ts';
import { dueNow, type Store } from '../store/store.ts';
import type { Db, Trx } from '../store/tables.ts';
import { canonicalJson } from '../vocabulary/canonical-json.ts';
import type { ConnectionId } from '../vocabulary/ids.ts';
import { HOUR } from '../vocabulary/instant.ts';
import type { CommentSeal } from './comment.ts';
import { type CodedReason, catalogueReason, MITIGATIONS, offeredReason } from './override-reasons.ts';

export interface GivenAnswer {
  readonly connectionId: ConnectionId;
  readonly alertId: string;
  readonly channel: 'card' | 'page';
  /** When it was given, as the client says. */
  readonly at: Date;
  readonly receivedAt: Date;
  /** When the card was shown; an answer from before it has a wrong clock. */
  readonly shownAt?: Date;
  readonly answer:
    | { readonly outcome: 'accepted'; readonly options: readonly string[] }
    | { readonly outcome: 'overridden'; readonly reason?: CodedReason; readonly comment?: string }
    | { readonly outcome: 'not-now' }
    | { readonly outcome: 'undone'; readonly of: string };
  readonly by?: {
    /** `Practitioner/id` or `PractitionerRole/id`; only then a mitigation is written. */
    readonly reference?: string;
    /** Keyed hash of who it was. */
    readonly userHash?: string;
    readonly role?: string;
  };
  readonly cardId?: string;
  /** The version that the reader saw; any other is a conflict. */
  readonly alertVersion?: number;
}

export type RecordedAnswer =
  | { readonly outcome: 'recorded' | 'repeat'; readonly answerId: string }
  /** The alert has changed since the reader saw it; nothing was kept. */
  | { readonly outcome: 'conflict'; readonly now: StoredEpisode }
  /** An undo that came too late or of an answer that no longer stands; nothing was kept. */
  | { readonly outcome: 'too-late' }
  | { readonly outcome: 'unknown-alert' };

export interface AnswerParts {
  readonly store: Store;
  readonly seal: CommentSeal;
  /** Version of a rule of the rule set in use. */
  readonly ruleVersion: (rule: string) => string | undefined;
  /** Hears of every answer that was kept for the first time, for people who watch; must not throw. */
  readonly onAnswered?: (given: GivenAnswer) => void;
}

/** An answer on the page can be taken back for so long; until then nothing of it is written to the target. */
export const UNDO_WITHIN_MS = 60_000;
/** "Not now" holds for this reader so long. Source: care-team 7.6. */
export const PUT_OFF_MS = 8 * HOUR;
const CLOCK_MAY_BE_AHEAD_MS = 10 * 60_000;
/** Accept, then dismiss: what some clients send for one click; it counts as accepting. Source: care-team 8. */
export const SAME_CLICK_MS = 60_000;

/** Alerts that this reader does not want to see for now. */
export function alertsPutOff(
  db: Db,
  connectionId: ConnectionId,
  userHash: string,
  now: Date,
): Promise<Set<string>> {
  return putOffSince(db, connectionId, userHash, new Date(now.getTime() - PUT_OFF_MS));
}

export async function recordAnswer(given: GivenAnswer, parts: AnswerParts): Promise<RecordedAnswer> {
  const recorded = await keepAndApply(given, parts);
  if (recorded.outcome === 'recorded') parts.onAnswered?.(given);
  return recorded;
}

function keepAndApply(given: GivenAnswer, parts: AnswerParts): Promise<RecordedAnswer> {
  return parts.store.transaction(async (trx) => {
    const stored = await holdAlert(trx, given.connectionId, given.alertId);
    if (stored === undefined) return { outcome: 'unknown-alert' };
    const fingerprint = fingerprintOf(given);
    const kept = await findAnswer(trx, given.connectionId, fingerprint);
    if (kept !== undefined) return { outcome: 'repeat', answerId: kept.id };
    if (given.alertVersion !== undefined && given.alertVersion !== stored.version)
      return { outcome: 'conflict', now: stored };
    const earlier = await answersTo(trx, given.connectionId, given.alertId);
    if (given.answer.outcome === 'undone' && undoable(given.answer.of, given, earlier) === undefined)
      return { outcome: 'too-late' };
    const answer = answerOf(given, stored, parts);
    const change = stands(answer, stored, earlier)
      ? changeBy(given, answer, stored.episode, earlier)
      : undefined;
    const answerId = await keepAnswer(trx, { ...answer, applied: change !== undefined }, fingerprint);
    if (answerId === undefined) throw new Error('an answer could not be kept although its alert was held');
    if (change !== undefined) await apply(trx, change, given, stored, parts);
    return { outcome: 'recorded', answerId };
  });
}

/** The same click reported again is the same answer. */
function fingerprintOf({ alertId, cardId, answer, at, by }: GivenAnswer): string {
  const comment = answer.outcome === 'overridden' ? (answer.comment ?? '') : '';
  const said = { ...answer, comment: undefined };
  return createHash('sha256')
    .update(canonicalJson([alertId, cardId ?? '', said, at.toISOString(), by ?? {}]))
    .update(comment)
    .digest('hex');
}

function answerOf(
  given: GivenAnswer,
  { patientId, episode }: StoredEpisode,
  parts: AnswerParts,
): Omit<Answer, 'id'> {
  const { answer } = given;
  const clockSuspect =
    given.at.getTime() > given.receivedAt.getTime() + CLOCK_MAY_BE_AHEAD_MS ||
    (given.shownAt !== undefined && given.at < given.shownAt);
  const ruleVersion = parts.ruleVersion(episode.rule);
  const { acceptedAt, suppression, mitigation } = episode;
  return {
    connectionId: given.connectionId,
    alertId: given.alertId,
    patientId,
    channel: given.channel,
    ...(given.cardId === undefined ? {} : { cardId: given.cardId }),
    outcome: answer.outcome,
    options: answer.outcome === 'accepted' ? answer.options : [],
    ...(answer.outcome === 'overridden' && answer.reason !== undefined ? { reason: answer.reason } : {}),
    ...(answer.outcome === 'overridden' && answer.comment
      ? { comment: parts.seal.seal(answer.comment, given.alertId) }
      : {}),
    ...(answer.outcome === 'undone' ? { undoes: answer.of } : {}),
    by: given.by ?? {},
    at: clockSuspect ? given.receivedAt : given.at,
    receivedAt: given.receivedAt,
    clockSuspect,
    applied: false,
    rule: episode.rule,
    ...(ruleVersion === undefined ? {} : { ruleVersion }),
    tier: episode.tier,
    before: {
      ...(acceptedAt && { acceptedAt }),
      ...(suppression && { suppression }),
      ...(mitigation && { mitigation }),
    },
  };
}

/** Does it decide how the alert stands? Not when it is closed, and not when a later answer came first. */
function stands(answer: Omit<Answer, 'id'>, stored: StoredEpisode, earlier: readonly Answer[]): boolean {
  if (stored.state !== 'open') return false;
  if (answer.outcome === 'undone') return true;
  const undone = new Set(earlier.map(({ undoes }) => undoes));
  const standing = earlier.filter(({ applied, id }) => applied && !undone.has(id)).at(-1);
  if (standing === undefined) return true;
  if (answer.at < standing.at) return false;
  const sameClick =
    standing.outcome === 'accepted' &&
    answer.outcome === 'overridden' &&
    answer.cardId !== undefined &&
    answer.cardId === standing.cardId &&
    answer.at.getTime() - standing.at.getTime() < SAME_CLICK_MS;
  return !sameClick;
}

function changeBy(
  { answer, by }: GivenAnswer,
  { at }: Omit<Answer, 'id'>,
  episode: Episode,
  earlier: readonly Answer[],
): EpisodeChange | undefined {
  const { mitigation: replaced, ...bare } = episode;
  const mitigation = mitigationFor(answer, episode, at, by?.reference);
  const earlierMitigations = [...(episode.earlierMitigations ?? []), ...(replaced ? [replaced] : [])];
  const answered: Episode = {
    ...bare,
    ...(mitigation && { mitigation }),
    ...(earlierMitigations.length > 0 && { earlierMitigations }),
  };
  switch (answer.outcome) {
    case 'accepted': {
      const { suppression: __, ...shown } = answered;
      return accept(shown, at);
    }
    case 'overridden': {
      const reason = catalogueReason(answer.reason);
      return reason === undefined ? undefined : suppress(answered, { reason, at });
    }
    case 'not-now':
      return undefined;
    case 'undone': {
      const undone = earlier.find(({ id }) => id === answer.of);
      return undone?.applied ? restored(episode, undone.before ?? {}) : undefined;
    }
  }
}

/** What the undone answer wrote to the target may be there already: it is remembered, to be taken back. */
function restored(episode: Episode, before: Standing): EpisodeChange {
  const { acceptedAt: _, suppression: __, mitigation: undone, earlierMitigations = [], ...bare } = episode;
  const stands = (one: Mitigation) => canonicalJson(one) === canonicalJson(before.mitigation ?? null);
  const takenBack = undone !== undefined && !stands(undone) ? [{ ...undone, undone: true } as const] : [];
  const earlier = [...earlierMitigations.filter((one) => !stands(one)), ...takenBack];
  const restored = { ...bare, ...before, ...(earlier.length > 0 && { earlierMitigations: earlier }) };
  return { change: 'update', key: episode.key, episode: restored, notify: false };
}

/** The answer that an undo may take back: the last one, given on the page, not long ago. */
function undoable(of: string, given: GivenAnswer, earlier: readonly Answer[]): Answer | undefined {
  const last = earlier.filter(({ outcome }) => outcome !== 'undone').at(-1);
  if (last?.id !== of || last.channel !== 'page' || earlier.some(({ undoes }) => undoes === of))
    return undefined;
  const age = given.receivedAt.getTime() - last.receivedAt.getTime();
  return age <= UNDO_WITHIN_MS ? last : undefined;
}

/** What a known clinician did, in the codes of the target; most answers are none. */
function mitigationFor(
  answer: GivenAnswer['answer'],
  { finding }: Episode,
  at: Date,
  author: string | undefined,
): Mitigation | undefined {
  if (author === undefined) return undefined;
  const code =
    answer.outcome === 'overridden'
      ? offeredReason(answer.reason)?.mitigation
      : answer.outcome === 'accepted' && asksForTest(answer.options, finding)
        ? '9'
        : undefined;
  return code && { code, display: MITIGATIONS[code], at: at.toISOString(), author };
}

function asksForTest(options: readonly string[], { advice }: Episode['finding']): boolean {
  return advice.some(({ advice: id, kind }) => kind === 'ServiceRequest' && options.includes(id));
}

async function apply(
  trx: Trx,
  change: EpisodeChange,
  { connectionId, channel, answer, receivedAt }: GivenAnswer,
  { patientId, episode }: StoredEpisode,
  { store, ruleVersion }: AnswerParts,
): Promise<void> {
  const due = { connectionId, patientId };
  const at = receivedAt.toISOString();
  await applyChanges(trx, connectionId, patientId, [change], at);
  const version = ruleVersion(change.episode.rule);
  const verdicts = version === undefined ? [] : [{ rule: change.episode.rule, version }];
  // Of an answer the target shows its mitigation, and that one being taken back.
  if (change.episode.mitigation !== undefined || episode.mitigation !== undefined) {
    await oweDelivery(trx, owedFor({ connectionId, patientId, change, decision: { at, verdicts } }));
    // What a reader may still take back is not written yet.
    const afterMs = channel === 'page' && answer.outcome !== 'undone' ? UNDO_WITHIN_MS : 0;
    await store.deliver.mark(trx, [{ ...dueNow(due), afterMs }]);
  }
  // Evaluated once more: the answer sets when the patient is looked at next.
  await store.due.mark(trx, [dueNow(due)]);
}
