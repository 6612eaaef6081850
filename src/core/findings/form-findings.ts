/**
 * Fired rules become findings: one statement per problem.
 *
 * Absorption is transitive: what an absorbed rule absorbs becomes lines of the same finding. Rules of
 * one merge group that are not absorbed make one finding. Source: clinical foundations 4.
 */
import { formAdvice } from '../advice/form-advice.ts';
import type { Episode, Finding, Tier, Verdict } from '../decision.ts';
import { TIERS } from '../decision.ts';
import { type FactId, type Facts, factOf } from '../facts/fact.ts';
import type { CompiledRule } from '../rules/compile.ts';
import { allClauses } from '../rules/explain.ts';
import type { RuleSet } from '../rules/rule-set.ts';
import { higher } from '../rules/tier.ts';
import { factInWords } from '../rules/words.ts';
import { counterfactual } from './counterfactual.ts';
import { drugReviewLines } from './drug-review.ts';
import { type FiredRule, groupOf, isInvolved } from './fired-rule.ts';
import { fillSummary } from './summary.ts';

const NOT_KNOWN_SHOWN = 3; // foundations 8

/** Findings, the most urgent first; the same verdicts give the same order. */
export function formFindings(
  verdicts: readonly Verdict[],
  facts: Facts,
  ruleSet: RuleSet,
  now: Date,
  open: readonly Episode[] = [],
): Finding[] {
  const fired = firedRules(verdicts, ruleSet);
  const absorbedBy = absorption(fired, facts, now);
  const leading = [...fired.values()].filter(({ rule }) => !absorbedBy.has(rule.id));
  const problems = Map.groupBy(leading, (member) => problemOf(member, leading, facts));
  const worst = worstOpen([...fired.values()], open, facts, ruleSet, now);
  const findings = [...problems].map(([key, members]) => {
    const absorbed = [...fired.values()].filter(({ rule }) =>
      members.some((member) => member.rule.id === absorbedBy.get(rule.id)),
    );
    return formFinding(key, members, absorbed, worst, facts, ruleSet, now);
  });
  return findings.sort((a, b) => TIERS.indexOf(b.tier) - TIERS.indexOf(a.tier) || (a.key < b.key ? -1 : 1));
}

/** Values that fall together without a shared medicine are one statement. Source: foundations 4.2, resolutions 18 and 20. */
const MERGED_FROM_TWO = 'g-electrolyte';

/**
 * The key of the problem that a rule belongs to: its merge group, or itself.
 *
 * A rule of the electrolyte group stands alone while no other one fires, and when it shares a medicine
 * that is known to be active with another one: then the medicine is the cause, not chance.
 */
function problemOf(fired: FiredRule, leading: readonly FiredRule[], facts: Facts): string {
  const { rule } = fired;
  const group = groupOf(fired);
  if (group !== MERGED_FROM_TWO) return group ?? rule.id;
  const members = leading.filter((other) => other.rule.file.group === group);
  const merging = members.filter((member) =>
    members.every((other) => other === member || !shareMedicine(member, other, facts)),
  );
  return merging.length >= 2 && merging.some((member) => member.rule.id === rule.id) ? group : rule.id;
}

function shareMedicine(one: FiredRule, other: FiredRule, facts: Facts): boolean {
  const [named, also] = [medicinesOf(one, facts), medicinesOf(other, facts)];
  return named.some((medicine) => also.includes(medicine));
}

/** Ingredients named as involved that are taken or prescribed now. */
function medicinesOf({ rule }: FiredRule, facts: Facts): readonly string[] {
  return rule.file.implicated
    .map((id) => factOf(facts, id))
    .filter((fact) => fact.state === 'known' && (fact.value === 'taking' || fact.value === 'prescribed'))
    .flatMap((fact) => fact.names ?? []);
}

/** The highest tier of anything that is open: what fires now, and episodes that neither fire nor clear. */
function worstOpen(
  fired: readonly FiredRule[],
  open: readonly Episode[],
  facts: Facts,
  ruleSet: RuleSet,
  now: Date,
): Tier {
  const lasting = open.filter(({ rule }) => ruleSet.byId.get(rule)?.clearsWhen.truth(facts, now) !== 'true');
  return [...fired, ...lasting].map(({ tier }) => tier).reduce(higher, 'low');
}

function firedRules(verdicts: readonly Verdict[], ruleSet: RuleSet): Map<string, FiredRule> {
  const fired = new Map<string, FiredRule>();
  for (const verdict of verdicts) {
    const rule = ruleSet.byId.get(verdict.rule);
    if (verdict.verdict === 'fired' && verdict.tier !== undefined && rule !== undefined)
      fired.set(rule.id, { rule, verdict, tier: verdict.tier });
  }
  return fired;
}

/** Absorbed rule -> the rule that shows it, followed to the end of the chain. */
function absorption(fired: ReadonlyMap<string, FiredRule>, facts: Facts, now: Date): Map<string, string> {
  const direct = new Map<string, string>();
  for (const { rule } of fired.values()) {
    for (const line of rule.absorbs) {
      const taken = fired.get(line.rule);
      const applies = line.when === undefined || line.when.truth(facts, now) === 'true';
      const stands = line.unlessCritical === true && taken?.tier === 'critical';
      if (taken !== undefined && applies && !stands && !direct.has(line.rule)) direct.set(line.rule, rule.id);
    }
  }
  for (const yielding of fired.values()) {
    const leader = leaderFor(yielding, fired, direct);
    if (leader !== undefined && !direct.has(yielding.rule.id)) direct.set(yielding.rule.id, leader);
  }
  for (const [line, taker] of drugReviewLines([...fired.values()], facts)) {
    if (!direct.has(line) && endOfChain(taker, direct) !== line) direct.set(line, taker);
  }
  return new Map([...direct.keys()].map((rule) => [rule, endOfChain(rule, direct)]));
}

/** The most urgent rule that a rule with `yieldsTo` becomes a line of. */
function leaderFor(
  { rule, tier }: FiredRule,
  fired: ReadonlyMap<string, FiredRule>,
  direct: ReadonlyMap<string, string>,
): string | undefined {
  const { yieldsTo } = rule.file;
  if (yieldsTo === undefined) return undefined;
  const least = TIERS.indexOf(yieldsTo);
  const [leader] = [...fired.values()]
    .filter((other) => other.rule !== rule && TIERS.indexOf(other.tier) >= least)
    .filter((other) => other.rule.file.yieldsTo !== 'low' && direct.get(other.rule.id) === undefined)
    .filter((other) => TIERS.indexOf(other.tier) >= TIERS.indexOf(tier))
    .sort((a, b) => TIERS.indexOf(b.tier) - TIERS.indexOf(a.tier) || (a.rule.id < b.rule.id ? -1 : 1));
  return leader?.rule.id;
}

function endOfChain(rule: string, direct: ReadonlyMap<string, string>): string {
  const seen = new Set([rule]);
  let at = rule;
  for (let next = direct.get(at); next !== undefined && !seen.has(next); next = direct.get(at)) {
    seen.add(next);
    at = next;
  }
  return at;
}

function formFinding(
  key: string,
  members: readonly FiredRule[],
  absorbed: readonly FiredRule[],
  worst: Tier,
  facts: Facts,
  ruleSet: RuleSet,
  now: Date,
): Finding {
  const [lead] = [...members].sort(
    (a, b) => TIERS.indexOf(b.tier) - TIERS.indexOf(a.tier) || (a.rule.id < b.rule.id ? -1 : 1),
  ) as [FiredRule];
  const all = [lead, ...members.filter((member) => member !== lead), ...absorbed];
  const tier = all.map((each) => each.tier).reduce(higher);
  const { advice, withheld } = formAdvice(
    all.map(({ rule }) => rule),
    { tier, worst },
    facts,
    ruleSet,
    now,
  );
  const summary = fillSummary(lead.rule.file.summary, facts, ruleSet.settings.homeTimeZone);
  const notKnown = notKnownIn(
    all,
    withheld.flatMap((line) => line.missing ?? []),
  );
  const raisedBy = citedBy(
    all.flatMap(({ verdict }) => (verdict.clauses ?? []).map((clause) => clause.fact)),
    facts,
  );
  const clearsWhen = counterfactual(
    members.map(({ rule }) => rule),
    facts,
    now,
  );
  return {
    key,
    rule: lead.rule.id,
    title: lead.rule.file.title,
    tier,
    summary,
    detail: detailOf(all, summary, notKnown),
    members: members.map(({ rule }) => rule.id),
    absorbed: absorbed.map(({ rule }) => rule.id),
    advice,
    withheld,
    reasons: all.map(({ rule }) => rule.file.why),
    implicated: citedBy(
      all.flatMap(({ rule }) => rule.file.implicated),
      facts,
      isInvolved,
    ),
    evidence: [
      ...new Set([
        ...raisedBy,
        ...citedBy(
          all.flatMap(({ rule }) => rule.file.evidence),
          facts,
        ),
      ]),
    ].sort(),
    raisedBy,
    notKnown,
    code: lead.rule.file.code,
    ...(isPreliminary(lead.rule, facts) ? { preliminary: true as const } : {}),
    ...(clearsWhen && { clearsWhen }),
  };
}

/** What was seen against which threshold, why it matters, what is not known. */
function detailOf(rules: readonly FiredRule[], summary: string, notKnown: readonly string[]): string {
  const seen = [
    ...new Set(
      rules.flatMap(({ verdict }) =>
        (verdict.clauses ?? []).map((clause) => `${clause.clause} (seen: ${clause.saw})`),
      ),
    ),
  ];
  const unknown = notKnown.length === 0 ? '' : ` Not known: ${notKnown.join(', ')}.`;
  const why = [...new Set(rules.map(({ rule }) => rule.file.why))].join(' ');
  return `${summary} Based on: ${seen.join('; ')}. ${why}${unknown}`;
}

function notKnownIn(rules: readonly FiredRule[], missing: readonly FactId[]): string[] {
  const facts = [...missing, ...rules.flatMap(({ verdict }) => verdict.notKnown ?? [])];
  return [...new Set(facts.map(factInWords))].slice(0, NOT_KNOWN_SHOWN);
}

function citedBy(
  ids: readonly FactId[],
  facts: Facts,
  holds: (id: FactId, facts: Facts) => boolean = () => true,
): string[] {
  const references = ids.filter((id) => holds(id, facts)).flatMap((id) => factOf(facts, id).from);
  return [...new Set(references)].filter((reference) => !reference.startsWith('Patient/')).sort();
}

function isPreliminary(rule: CompiledRule, facts: Facts): boolean {
  return allClauses(rule.firesWhen).some(({ fact }) => factOf(facts, fact).notes.includes('preliminary'));
}
