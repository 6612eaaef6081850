/**
 * Answers one hook call with cards, in the time that the client waits.
 */
import { alertsPutOff } from '../answers/record-answer.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { answeredCards, type CardRecord, type HookCallRecord, sawNotChecked } from '../store/card.ts';
import { episodesOf } from '../store/episode.ts';
import type { Store } from '../store/store.ts';
import type { ConnectionId } from '../vocabulary/ids.ts';
import { DAY } from '../vocabulary/instant.ts';
import type { CdsCard } from './card.ts';
import type { CardBook } from './card-book.ts';
import type { CdsClient, CdsHooksSettings } from './client.ts';
import { evaluateCall } from './evaluate-call.ts';
import { fetchMissing, type Prefetched } from './fetch-missing.ts';
import { type FormedCard, formCards } from './form-cards.ts';
import { notCheckedIn } from './not-checked.ts';
import { prefetchState } from './prefetch.ts';
import { type Problem, problemsOf, withoutPutAside } from './problems.ts';
import { answeredBefore } from './put-aside.ts';
import { type HookCall, isProfessional } from './read-call.ts';
import { TEMPLATES } from './services.ts';

export interface CallParts {
  readonly settings: CdsHooksSettings;
  readonly ruleSet: RuleSet;
  readonly store: Store;
  readonly cardBook: CardBook;
  readonly publicUrl: string;
  /** Keyed hash of a user, the same wherever that user answers. */
  readonly userHash: (connectionId: ConnectionId, userId: string) => string;
}

/** What is kept of a call's timing and inputs, for reports. */
export type Answered = { readonly cards: readonly CdsCard[] };

/** @param begun `performance.now()` when the call came */
export async function answerCall(
  call: HookCall,
  client: CdsClient,
  { now, begun }: { readonly now: Date; readonly begun: number },
  parts: CallParts,
): Promise<Answered> {
  if (!isProfessional(call.userId)) return { cards: [] };
  const { ruleSet, settings, publicUrl, cardBook } = parts;
  const user = call.userId === undefined ? undefined : parts.userHash(client.connectionId, call.userId);
  const leftMs = client.deadlineMs - (performance.now() - begun);
  const { connectionId } = client;
  const { db } = parts.store;
  const [states, stored] = await Promise.all([
    fetchMissing(statesOf(call), call, client, { openFhir: settings.openFhir, leftMs }),
    episodesOf(db, connectionId, call.patientId),
  ]);
  const episodes = stored.map(({ episode }) => episode);
  const evaluation = await evaluateCall(call, states, { ruleSet, episodes, now });
  const found = await problemsOf(call.hook, evaluation, stored, ruleSet, now);
  const problems = await notAnswered(found, call, client, user, now, parts);
  const gap = notCheckedIn(evaluation, ruleSet, now);
  const since = new Date(now.getTime() - DAY);
  const isKnown = gap && (await sawNotChecked(db, connectionId, call.patientId, user, since));
  const notChecked = isKnown ? undefined : gap;
  const { mostCards } = settings;
  const cards = formCards(problems, notChecked, { call, client, evaluation, ruleSet, publicUrl, mostCards });
  const who = { connectionId, ...(user === undefined ? {} : { userHash: user }) };
  cardBook.write({
    call: {
      ...who,
      hook: call.hook,
      patientId: call.patientId,
      at: now,
      ms: Math.round(performance.now() - begun),
      cards: cards.length,
      notChecked: cards.some(({ kind }) => kind === 'not-checked'),
      prefetch: Object.fromEntries([...states].map(([key, { state }]) => [key, state])),
    } satisfies HookCallRecord,
    cards: cards.map((card) => recordOf(card, call, who, now)),
  });
  return { cards: cards.map(({ card }) => card) };
}

function statesOf({ prefetch }: HookCall): Prefetched {
  return new Map(
    TEMPLATES.map((template) => [template.key, prefetchState(prefetch[template.key], template)]),
  );
}

/** Without what this reader put off, or what was answered on an earlier card. */
async function notAnswered(
  problems: readonly Problem[],
  { hook, patientId }: HookCall,
  { connectionId }: CdsClient,
  user: string | undefined,
  now: Date,
  { store: { db } }: CallParts,
): Promise<Problem[]> {
  if (problems.length === 0) return [];
  const hasAlert = problems.some(({ alert }) => alert !== undefined);
  const [cards, alerts] = await Promise.all([
    answeredCards(db, connectionId, patientId),
    user === undefined || !hasAlert ? new Set<string>() : alertsPutOff(db, connectionId, user, now),
  ]);
  return withoutPutAside(problems, { alerts, isAnswered: answeredBefore(cards, hook, user, now) });
}

function recordOf(
  { card, kind, problems, advice }: FormedCard,
  { hook, hookInstance, patientId, userId }: HookCall,
  who: Pick<CardRecord, 'connectionId' | 'userHash'>,
  now: Date,
): CardRecord {
  const isClinician = /^Practitioner(?:Role)?\/[A-Za-z0-9\-.]{1,64}$/.test(userId ?? '');
  return {
    ...who,
    id: card.uuid,
    patientId,
    hook,
    hookInstance,
    kind,
    ...(isClinician && userId !== undefined ? { userReference: userId } : {}),
    shownAt: now,
    problems,
    advice,
  };
}
