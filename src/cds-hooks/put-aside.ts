/**
 * What this reader, or anybody, has answered to earlier cards and does not need to see again now.
 *
 * Alerts hold their own answers. Here is what has no alert: a problem that an unsigned order would cause is
 * held back by the answer to its card, in the same windows and broken by the same things as an alert.
 * Source: care-team 11, clinical foundations 6.
 */
import { catalogueReason } from '../answers/override-reasons.ts';
import { TIERS } from '../core/decision.ts';
import { brokenBy, suppress } from '../core/episodes/suppression.ts';
import type { AnsweredCard, CardAnswer, CardProblem } from '../store/card.ts';
import { HOUR } from '../vocabulary/instant.ts';
import type { Problem } from './problems.ts';
import { type Hook, isOrderHook } from './services.ts';

const SESSION_MS = 30 * 60_000; // order-select to order-sign; care-team 11
const PUT_OFF_MS = 8 * HOUR; // "wrong moment", for this reader; care-team 7.6
const SAME_CLICK_MS = 60_000; // accept, then dismiss: what some clients send for one click

/** @param userHash the reader; undefined when the client did not say */
export function answeredBefore(
  cards: readonly AnsweredCard[],
  hook: Hook,
  userHash: string | undefined,
  now: Date,
): (problem: Problem) => boolean {
  const answered = cards.flatMap(({ problems, answers, userHash: by }) => {
    const answer = standing(answers);
    return answer === undefined ? [] : problems.map((problem) => ({ problem, answer, by }));
  });
  return (problem) =>
    answered
      .filter((one) => one.problem.key === problem.finding.key)
      .some(({ problem: shown, answer, by }) => {
        const sameReader = by === userHash;
        if (isOrderHook(hook) && sameReader && isSameSession(problem, shown, answer, now)) return true;
        return problem.alert === undefined && holds(problem, shown, answer, sameReader, now);
      });
}

/** The latest; an acceptance and a dismissal of one click is an acceptance. */
export function standing(answers: readonly CardAnswer[]): CardAnswer | undefined {
  const last = answers.at(-1);
  const accepted = answers.findLast(({ outcome }) => outcome === 'accepted');
  if (last === undefined || accepted === undefined) return last;
  return last.at.getTime() - accepted.at.getTime() < SAME_CLICK_MS ? accepted : last;
}

/** The same reader, the same medicines, minutes ago, and nothing worse since. */
function isSameSession(
  { orders, tier, medicines }: Problem,
  shown: CardProblem,
  answer: CardAnswer,
  now: Date,
): boolean {
  const recent = now.getTime() - answer.at.getTime() < SESSION_MS;
  const same = orders.length > 0 && medicines.every((medicine) => shown.medicines.includes(medicine));
  return recent && same && TIERS.indexOf(tier) <= TIERS.indexOf(shown.tier);
}

function holds(
  { episode }: Problem,
  shown: CardProblem,
  { outcome, reason, at }: CardAnswer,
  sameReader: boolean,
  now: Date,
): boolean {
  if (outcome === 'accepted' || shown.episode === undefined) return false;
  const catalogue = catalogueReason(reason);
  if (catalogue === undefined) return sameReader && now.getTime() - at.getTime() < PUT_OFF_MS;
  const { suppression } = suppress(shown.episode, { reason: catalogue, at }).episode;
  return suppression !== undefined && brokenBy(suppression, episode, now) === undefined;
}
