/**
 * Which findings of a call become cards: what is new to this reader at this moment, and not put aside.
 *
 * On a chart hook: every open problem. On an order hook: what the orders being made cause, worsen or take
 * part in; what exists without them is shown by the chart hook. Only a critical problem is shown everywhere.
 */
import type { MedicationRequest } from '@medplum/fhirtypes';
import { type Decision, type Episode, type Finding, TIERS, type Tier } from '../core/decision.ts';
import { brokenBy } from '../core/episodes/suppression.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
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

/** Problems that belong on this hook and are not held back by an answer to their alert; the most urgent first. */
export async function problemsOf(
  hook: Hook,
  evaluation: Evaluation,
  stored: readonly StoredEpisode[],
  ruleSet: RuleSet,
  now: Date,
): Promise<Problem[]> {
  const open = new Map(stored.filter(({ state }) => state === 'open').map((one) => [one.episode.key, one]));
  const all = [...foundIn(evaluation, open), ...(isOrderHook(hook) ? [] : lasting(evaluation, open))];
  const attributed = isOrderHook(hook) ? await withCause(all, evaluation) : all;
  return attributed
    .filter(({ finding }) => ruleSet.byId.get(finding.rule)?.file.rights.channels.includes(hook) ?? true)
    .filter((problem) => belongs(hook, problem))
    .filter((problem) => isShown(problem, now))
    .sort(byUrgency);
}

export function withoutPutAside(problems: readonly Problem[], putAside: PutAside): Problem[] {
  return problems
    .filter(({ alert }) => alert === undefined || !putAside.alerts.has(alert.alertId))
    .filter((problem) => !putAside.isAnswered(problem));
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

type OpenAlerts = ReadonlyMap<string, StoredEpisode>;

function foundIn(evaluation: Evaluation, open: OpenAlerts): Problem[] {
  const { findings, episodeChanges } = evaluation.decision;
  const changes = new Map(episodeChanges.map((change) => [change.key, change]));
  return findings.flatMap(({ key }) => {
    const alert = open.get(key);
    const episode = changes.get(key)?.episode ?? alert?.episode;
    return episode === undefined ? [] : [problemOf(episode, alert, evaluation)];
  });
}

/** An alert that this call neither finds nor clears stays open: what a call can not see is no all-clear. */
function lasting(evaluation: Evaluation, open: OpenAlerts): Problem[] {
  const { findings, episodeChanges } = evaluation.decision;
  const changes = new Map(episodeChanges.map((change) => [change.key, change]));
  const found = new Set(findings.map(({ key }) => key));
  return [...open.values()]
    .filter(({ episode: { key } }) => !found.has(key) && !isClosing(changes.get(key)))
    .map((alert) => problemOf(alert.episode, alert, evaluation));
}

/**
 * An order can also make a finding graver that does not name it: a second QT drug, a lower kidney limit.
 * What was there as grave before is not its doing; an open alert says so without a second decision.
 */
async function withCause(problems: readonly Problem[], evaluation: Evaluation): Promise<Problem[]> {
  const isOpenQuestion = ({ orders, alert, tier }: Problem): boolean =>
    orders.length === 0 && (alert === undefined || TIERS.indexOf(alert.episode.tier) < TIERS.indexOf(tier));
  if (!problems.some(isOpenQuestion)) return [...problems];
  const before = await evaluation.before();
  return problems.map((problem) => {
    if (before === undefined || !isOpenQuestion(problem) || !isCaused(problem.finding, before))
      return problem;
    return { ...problem, ...ordersOf(evaluation.chosen, evaluation) };
  });
}

/** It was not there without the orders, or milder. */
function isCaused({ key, tier }: Finding, before: Decision): boolean {
  const earlier = before.findings.find((finding) => finding.key === key);
  return earlier === undefined || TIERS.indexOf(tier) > TIERS.indexOf(earlier.tier);
}

function isClosing(change: Decision['episodeChanges'][number] | undefined): boolean {
  return change !== undefined && ['resolve', 'withdraw', 'supersede'].includes(change.change);
}

function problemOf(episode: Episode, alert: StoredEpisode | undefined, evaluation: Evaluation): Problem {
  const { finding, tier } = episode;
  const involved = new Set([...finding.implicated, ...finding.raisedBy]);
  const named = evaluation.chosen.filter((order) => involved.has(order));
  return {
    finding,
    tier,
    episode: withOrdersByName(episode, evaluation),
    ...ordersOf(named, evaluation),
    ...(alert && { alert }),
  };
}

function ordersOf(orders: readonly string[], { chart }: Evaluation): Pick<Problem, 'orders' | 'medicines'> {
  const medicines = orders.map((order) => medicineKey(chart.byReference.get(order) as MedicationRequest));
  return { orders, medicines };
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
