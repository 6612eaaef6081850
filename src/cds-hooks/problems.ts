/**
 * Which findings of a call become cards: what is new to this reader at this moment, and not put aside.
 *
 * On a chart hook: every open problem. On an order hook: what the orders being made cause, worsen or take
 * part in; what exists without them is shown by the chart hook. Only a critical problem is shown everywhere.
 */
import type { MedicationRequest } from '@medplum/fhirtypes';
import { type Decision, type Episode, type Finding, TIERS, type Tier } from '../core/decision.ts';
import { brokenBy } from '../core/episodes/suppression.ts';
import type { StoredEpisode } from '../store/episode.ts';
import { canonicalJson } from '../vocabulary/canonical-json.ts';
import type { Evaluation } from './evaluate-call.ts';
import { type Hook, isOrderHook } from './services.ts';

/** One finding that may be shown, with the alert it belongs to where there is one. */
export interface Problem {
  readonly finding: Finding;
  readonly tier: Tier;
  /** As it is, or as it would be raised if the orders were signed; comparable with a later one. */
  readonly episode: Episode;
  /** The open alert of the patient with this key. A problem that only the orders would cause has none. */
  readonly alert?: StoredEpisode;
  /** Chosen orders that take part in it, `MedicationRequest/id`. */
  readonly orders: readonly string[];
  /** Products of those orders, the same whatever id an order has. */
  readonly medicines: readonly string[];
}

/** What earlier cards and answers ask not to be shown. */
export interface PutAside {
  /** Alerts that this reader wants to see later. */
  readonly alerts: ReadonlySet<string>;
  /** Is a problem without an alert, or just answered by this reader, to be left out? */
  readonly isAnswered: (problem: Problem) => boolean;
}

export function problemsToShow(
  hook: Hook,
  evaluation: Evaluation,
  stored: readonly StoredEpisode[],
  putAside: PutAside,
  now: Date,
): Problem[] {
  return problemsOf(hook, evaluation, stored)
    .filter((problem) => belongs(hook, problem))
    .filter((problem) => isShown(problem, now))
    .filter(({ alert }) => alert === undefined || !putAside.alerts.has(alert.alertId))
    .filter((problem) => !putAside.isAnswered(problem))
    .sort(byUrgency);
}

/** Tier, then the newest evidence, then the rule. */
export function byUrgency(a: Problem, b: Problem): number {
  const newest = (one: Problem): string => one.episode.latestFactAt ?? '';
  return (
    TIERS.indexOf(b.tier) - TIERS.indexOf(a.tier) ||
    newest(b).localeCompare(newest(a)) ||
    (a.finding.key < b.finding.key ? -1 : 1)
  );
}

function problemsOf(hook: Hook, evaluation: Evaluation, stored: readonly StoredEpisode[]): Problem[] {
  const { decision } = evaluation;
  const open = new Map(stored.filter(({ state }) => state === 'open').map((one) => [one.episode.key, one]));
  const changes = new Map(decision.episodeChanges.map((change) => [change.key, change]));
  const found = decision.findings.map((finding) => {
    const alert = open.get(finding.key);
    const episode = changes.get(finding.key)?.episode ?? alert?.episode;
    return episode === undefined ? [] : [problemOf(episode, alert, evaluation)];
  });
  // An alert that this call neither finds nor clears stays open: what a call can not see is no all-clear.
  const lasting = [...open.values()].filter(({ episode: { key } }) => {
    const change = changes.get(key);
    return !decision.findings.some((finding) => finding.key === key) && !isClosing(change);
  });
  const rest = isOrderHook(hook) ? [] : lasting.map((alert) => problemOf(alert.episode, alert, evaluation));
  return [...found.flat(), ...rest];
}

function isClosing(change: Decision['episodeChanges'][number] | undefined): boolean {
  return change !== undefined && ['resolve', 'withdraw', 'supersede'].includes(change.change);
}

function problemOf(episode: Episode, alert: StoredEpisode | undefined, evaluation: Evaluation): Problem {
  const { finding, tier } = episode;
  const involved = new Set([...finding.implicated, ...finding.raisedBy]);
  const named = evaluation.chosen.filter((order) => involved.has(order));
  // An order can also make a finding graver that does not name it: a second QT drug, a lower kidney limit.
  const orders = named.length === 0 && isCaused(finding, evaluation) ? evaluation.chosen : named;
  return {
    finding,
    tier,
    episode: withOrdersByName(episode, evaluation),
    orders,
    medicines: orders.map((order) =>
      medicineKey(evaluation.chart.byReference.get(order) as MedicationRequest),
    ),
    ...(alert && { alert }),
  };
}

/** Ids of unsigned orders change from call to call, so their doses are kept under the name of the medicine. */
function withOrdersByName(episode: Episode, { chosen, chart }: Evaluation): Episode {
  const { basis } = episode;
  if (basis === undefined || chosen.length === 0) return episode;
  const doses = Object.entries(basis.doses).map(([reference, dose]) => {
    const order = chosen.includes(reference) ? chart.byReference.get(reference) : undefined;
    return [order === undefined ? reference : `order of ${medicineKey(order as MedicationRequest)}`, dose];
  });
  return { ...episode, basis: { ...basis, doses: Object.fromEntries(doses) } };
}

/** The same for every order of the same product. */
function medicineKey({ medicationCodeableConcept: code, medicationReference }: MedicationRequest): string {
  const [coding] = code?.coding ?? [];
  if (coding?.code !== undefined) return `${coding.system ?? ''}|${coding.code}`;
  return (
    code?.text ??
    medicationReference?.display ??
    canonicalJson(medicationReference ?? {})
  ).toLowerCase();
}

/** It was not there without the orders, or milder. */
function isCaused({ key, tier }: Finding, { before, decision }: Evaluation): boolean {
  if (before === decision) return false;
  const earlier = before.findings.find((finding) => finding.key === key);
  return earlier === undefined || TIERS.indexOf(tier) > TIERS.indexOf(earlier.tier);
}

function belongs(hook: Hook, { tier, orders, alert }: Problem): boolean {
  if (!isOrderHook(hook) || orders.length > 0) return true;
  return tier === 'critical' && alert?.episode.acceptedAt === undefined;
}

/** Not put aside by an answer that still holds, nor closed by a person at the FHIR server. */
function isShown({ episode, alert, tier }: Problem, now: Date): boolean {
  const { suppression } = episode;
  if (suppression !== undefined && brokenBy(suppression, episode, now) === undefined) return false;
  const worse = alert !== undefined && TIERS.indexOf(tier) > TIERS.indexOf(alert.episode.tier);
  return alert?.humanClosed !== true || worse;
}

/** Problems that one order takes part in are one card; every other is a card of its own. */
export function inCards(problems: readonly Problem[]): (readonly [Problem, ...Problem[]])[] {
  const cards: [Problem, ...Problem[]][] = [];
  for (const problem of problems) {
    const shares = (card: readonly Problem[]): boolean =>
      card.some(({ orders }) => orders.some((order) => problem.orders.includes(order)));
    const joined = cards.filter(shares);
    const [first] = joined;
    if (first === undefined) cards.push([problem]);
    else {
      // One problem may join what two orders had kept apart.
      for (const other of joined.slice(1)) {
        first.push(...other);
        cards.splice(cards.indexOf(other), 1);
      }
      first.push(problem);
    }
  }
  return cards.map(([first, ...rest]) => {
    const [lead, ...others] = [first, ...rest].sort(byUrgency) as [Problem, ...Problem[]];
    return [lead, ...others] as const;
  });
}
