/**
 * One alert as the page and its JSON show it: put together from the stored episode, the decision that last
 * showed it, and the answers. Nothing about the patient is decided here.
 *
 * Source: care-team 13.1 and 13.2.
 */
import { offeredReason } from '../answers/override-reasons.ts';
import { blockOf, blockTitle } from '../core/advice/blocks.ts';
import type { AdviceLine, Decision, Finding, Tier, Verdict } from '../core/decision.ts';
import type { Fact } from '../core/facts/fact.ts';
import type { CompiledRule } from '../core/rules/compile.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { factInWords, factSeen } from '../core/rules/words.ts';
import type { Answer } from '../store/answer.ts';
import type { EpisodeEvent } from '../store/decision.ts';
import type { StoredEpisode } from '../store/episode.ts';
import type { Truth } from '../vocabulary/truth.ts';

/** `answered`: open, and put aside by an answer. `put-off`: open, and this reader does not want it now. */
export type AlertStatus = 'open' | 'answered' | 'put-off' | 'resolved' | 'withdrawn' | 'superseded';

export interface ConditionView {
  readonly text: string;
  readonly value: string;
  readonly truth: Truth;
  /** `Type/id` that the value rests on. */
  readonly evidence: readonly string[];
}

export interface RuleView {
  readonly id: string;
  readonly version: string;
  readonly title: string;
  /** Whether it makes the alert, or is a line of it. */
  readonly role: 'makes' | 'joins';
  readonly verdict: Verdict['verdict'];
  readonly conditions: readonly ConditionView[];
  /** Exclusions that could not be told. */
  readonly notKnown: readonly string[];
  readonly reason: string;
}

/** A value as the rules used it. */
export interface NumberView {
  /** Concept of the fact. */
  readonly key: string;
  readonly label: string;
  readonly value: string;
  readonly at?: string;
  readonly notes: readonly string[];
  readonly evidence: readonly string[];
}

export interface OptionView {
  readonly key: string;
  readonly text: string;
  readonly kind: AdviceLine['kind'];
  readonly cautions: readonly string[];
  readonly avoid: boolean;
  /** The lines of a block for the patient, under its title. */
  readonly lines: readonly string[];
}

export interface WithheldView {
  readonly text: string;
  readonly reason: string;
  readonly missing: readonly string[];
}

export interface HistoryView {
  readonly at: string;
  readonly event: string;
  readonly detail?: string;
  readonly by?: string;
}

export interface AlertView {
  readonly id: string;
  readonly version: number;
  readonly status: AlertStatus;
  readonly tier: Tier;
  readonly title: string;
  readonly summary: string;
  readonly raisedAt: string;
  readonly closedAt?: string;
  readonly closedBecause?: string;
  /** Put aside until then; absent when no time ends it. */
  readonly answeredUntil?: string;
  readonly acceptedAt?: string;
  readonly stale: boolean;
  readonly preliminary: boolean;
  readonly recurs?: { readonly afterDays: number; readonly times: number };
  readonly why: { readonly at: string; readonly rules: readonly RuleView[] };
  readonly clearsWhen?: string;
  readonly numbers: readonly NumberView[];
  readonly medicines: readonly { readonly ref: string; readonly name: string; readonly role: string }[];
  readonly options: readonly OptionView[];
  readonly withheld: readonly WithheldView[];
  readonly notKnown: readonly string[];
  readonly dataQuality: readonly string[];
  readonly rule: {
    readonly id: string;
    readonly version: string;
    readonly url: string;
    readonly citations: readonly string[];
    readonly basis: string;
    readonly lastReview: string;
    readonly developer: string;
  };
  readonly history: readonly HistoryView[];
  /** When the chart was last evaluated. */
  readonly dataAsOf: string;
}

export interface ViewParts {
  readonly stored: StoredEpisode;
  /** The newest decision that shows this alert. */
  readonly shown: Decision | undefined;
  /** The newest decision about the patient. */
  readonly latest: Decision | undefined;
  readonly events: readonly EpisodeEvent[];
  /** Oldest first. */
  readonly answers: readonly Answer[];
  readonly ruleSet: RuleSet;
  readonly putOff: boolean;
  /** Of this installation, for the addresses of rule pages. */
  readonly publicUrl: string;
}

export function alertView(parts: ViewParts): AlertView {
  const { stored, shown, latest, ruleSet } = parts;
  const { episode } = stored;
  const { finding } = episode;
  const rules = rulesOf(finding, shown, ruleSet);
  const suppressed = episode.suppression;
  const closing = parts.events.find(({ reason }) => reason !== undefined);
  return {
    id: stored.alertId,
    version: stored.version,
    status: statusOf(stored, parts.putOff),
    tier: episode.tier,
    title: finding.title,
    summary: finding.summary,
    raisedAt: episode.raisedAt,
    ...(stored.closedAt && { closedAt: stored.closedAt.toISOString() }),
    ...(stored.state !== 'open' && closing?.reason ? { closedBecause: closing.reason } : {}),
    ...(suppressed?.until && { answeredUntil: suppressed.until }),
    ...(episode.acceptedAt && { acceptedAt: episode.acceptedAt }),
    stale: episode.stale === true,
    preliminary: finding.preliminary === true,
    ...(episode.recurs && { recurs: { afterDays: episode.recurs.afterDays, times: episode.recurs.times } }),
    why: { at: shown?.at ?? episode.raisedAt, rules },
    ...(finding.clearsWhen && { clearsWhen: finding.clearsWhen }),
    numbers: numbersOf(finding, shown),
    medicines: medicinesOf(finding, shown, ruleSet),
    options: optionsOf(finding.advice),
    withheld: finding.withheld.map((line) => ({
      text: ruleSet.advice.get(line.advice)?.text ?? blockTitle(line.advice),
      reason: line.reason,
      missing: (line.missing ?? []).map(factInWords),
    })),
    notKnown: [...new Set([...finding.notKnown, ...rules.flatMap((rule) => rule.notKnown)])],
    dataQuality: shown?.dataQuality ?? [],
    rule: ruleOf(finding.rule, parts),
    history: historyOf(parts),
    dataAsOf: latest?.at ?? shown?.at ?? episode.raisedAt,
  };
}

export function statusOf({ state, episode }: StoredEpisode, putOff: boolean): AlertStatus {
  if (state !== 'open') return state;
  if (episode.suppression !== undefined) return 'answered';
  return putOff ? 'put-off' : 'open';
}

function rulesOf(finding: Finding, shown: Decision | undefined, ruleSet: RuleSet): RuleView[] {
  const facts = factsOf(shown);
  return [...finding.members, ...finding.absorbed].flatMap((id): RuleView[] => {
    const verdict = shown?.verdicts.find(({ rule }) => rule === id);
    if (verdict === undefined) return [];
    const rule = ruleSet.byId.get(id);
    return [
      {
        id,
        version: verdict.version,
        title: rule?.file.title ?? id,
        role: finding.members.includes(id) ? 'makes' : 'joins',
        verdict: verdict.verdict,
        conditions: conditionsOf(verdict, facts),
        notKnown: [...(verdict.notKnown ?? []), ...(verdict.missing ?? [])].map(factInWords),
        reason: rule?.file.why ?? '',
      },
    ];
  });
}

/** Each condition once: a rule may ask the same in several places. */
function conditionsOf({ clauses = [] }: Verdict, facts: ReadonlyMap<string, Fact>): ConditionView[] {
  const once = new Map(clauses.map((clause) => [`${clause.clause}|${clause.saw}`, clause]));
  return [...once.values()].map(({ clause, saw, truth, fact }) => ({
    text: clause,
    value: saw,
    truth,
    evidence: facts.get(fact)?.from ?? [],
  }));
}

/** Values with a unit among what the alert rests on: first those that its conditions look at, in their order. */
function numbersOf(finding: Finding, shown: Decision | undefined): NumberView[] {
  const cited = new Set(finding.evidence.filter((reference) => reference.startsWith('Observation/')));
  const asked = [...finding.members, ...finding.absorbed]
    .flatMap((id) => shown?.verdicts.find(({ rule }) => rule === id)?.clauses ?? [])
    .map(({ fact }) => fact);
  const place = ({ concept }: Fact): number => asked.indexOf(concept) + 1 || asked.length + 1;
  const measured = (shown?.facts ?? [])
    .filter((fact) => isNumber(fact) && fact.from.some((reference) => cited.has(reference)))
    .filter(({ concept }) => !concept.includes('.') || asked.includes(concept))
    .sort((a, b) => place(a) - place(b));
  const once = new Map<string, Fact>();
  for (const fact of measured) {
    const said = `${factSeen(fact)}|${fact.from}`;
    if (!once.has(said)) once.set(said, fact);
  }
  return [...once.values()].map((fact) => ({
    key: fact.concept,
    label: capital(factInWords(fact.concept)),
    value: factSeen(fact),
    ...(fact.at && { at: new Date(fact.at).toISOString() }),
    notes: fact.notes,
    evidence: fact.from,
  }));
}

function isNumber(fact: Fact): boolean {
  return (
    fact.unit !== undefined &&
    (fact.state === 'bounded' || (fact.state === 'known' && typeof fact.value === 'number'))
  );
}

function medicinesOf(
  finding: Finding,
  shown: Decision | undefined,
  ruleSet: RuleSet,
): AlertView['medicines'] {
  const implicated = [...finding.members, ...finding.absorbed].flatMap(
    (id) => ruleSet.byId.get(id)?.file.implicated ?? [],
  );
  const facts = (shown?.facts ?? []).filter(({ concept }) => concept.startsWith('drug.'));
  return finding.implicated.map((ref) => {
    const naming = facts.filter(({ from }) => from.includes(ref));
    const asked = naming.filter(({ concept }) => implicated.includes(concept));
    const roles = (asked.length > 0 ? asked : naming).map(({ concept }) => factInWords(concept));
    const exact = roles.filter((role) => !role.endsWith(' any')); // 'diuretic any' beside 'loop diuretic' says nothing
    return {
      ref,
      name: naming.find(({ names }) => names?.length === 1)?.names?.[0] ?? 'medicine',
      role: [...new Set(exact.length > 0 ? exact : roles)].join(', '),
    };
  });
}

function optionsOf(advice: readonly AdviceLine[]): OptionView[] {
  const options = new Map<string, OptionView>();
  for (const line of advice) {
    const block = blockOf(line.advice);
    const key = block ?? line.advice;
    const before = options.get(key);
    options.set(key, {
      key,
      text: block === undefined ? line.text : blockTitle(block),
      kind: line.kind,
      cautions: [...new Set([...(before?.cautions ?? []), ...(line.cautions ?? [])])],
      avoid: line.doNotPerform === true,
      lines: block === undefined ? [] : [...(before?.lines ?? []), line.text],
    });
  }
  return [...options.values()];
}

function ruleOf(id: string, { shown, ruleSet, publicUrl }: ViewParts): AlertView['rule'] {
  const file: CompiledRule['file'] | undefined = ruleSet.byId.get(id)?.file;
  const version = shown?.verdicts.find(({ rule }) => rule === id)?.version ?? file?.version ?? '';
  return {
    id,
    version,
    url: `${publicUrl}/rules/${id}`,
    citations: file?.source.citations ?? [],
    basis: file?.source.basis ?? '',
    lastReview: file?.source.lastReview ?? '',
    developer: file?.source.developer ?? '',
  };
}

const EVENT_WORDS: Readonly<Record<string, string>> = {
  raise: 'Opened',
  update: 'Evaluated again on new data',
  escalate: 'Raised to a higher tier',
  'de-escalate': 'Lowered to a lower tier',
  stale: 'Data have grown old',
  unsuppress: 'Shown again',
  resolve: 'Resolved',
  withdraw: 'Withdrawn',
  supersede: 'Taken over by another alert',
};

const ANSWER_WORDS = {
  accepted: 'Accepted',
  overridden: 'Overridden',
  'not-now': 'Put off for 8 hours by one reader',
  undone: 'Answer taken back',
} as const satisfies Record<Answer['outcome'], string>;

/** Oldest first. Who is a role, never a name. */
function historyOf({ events, answers, stored }: ViewParts): HistoryView[] {
  const changes = events
    .filter(({ change }) => EVENT_WORDS[change] !== undefined)
    .map(({ at, change, tier, reason }) => ({
      at,
      event: EVENT_WORDS[change] as string,
      ...(reason ? { detail: reason } : change === 'update' ? {} : { detail: `tier ${tier}` }),
    }));
  const said = answers.map(({ at, outcome, reason, by, options, channel }) => {
    const detail = [
      reason === undefined ? undefined : (offeredReason(reason)?.display ?? 'with a reason of the client'),
      options.length === 0 ? undefined : `${options.length} option${options.length === 1 ? '' : 's'}`,
      channel === 'card' ? 'in the EHR' : 'on this page',
    ].filter((text) => text !== undefined);
    return {
      at: at.toISOString(),
      event: ANSWER_WORDS[outcome],
      detail: detail.join(', '),
      by: by.role ?? 'not told',
    };
  });
  const raised = changes.some(({ event }) => event === EVENT_WORDS.raise)
    ? []
    : [{ at: stored.episode.raisedAt, event: EVENT_WORDS.raise as string }];
  const all: HistoryView[] = [...raised, ...changes, ...said].sort((a, b) =>
    a.at < b.at ? -1 : a.at > b.at ? 1 : 0,
  );
  // Evaluations that changed nothing but the numbers: the last of a row says it.
  return all.filter(({ event }, index) => event !== EVENT_WORDS.update || all[index + 1]?.event !== event);
}

function factsOf(decision: Decision | undefined): Map<string, Fact> {
  return new Map((decision?.facts ?? []).map((fact) => [fact.concept, fact]));
}

/** As the first word of a line; `eGFR` stays as it is. */
export function capital(text: string): string {
  return /^[a-z][A-Z]/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
}
