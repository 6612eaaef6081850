/**
 * Fired rules become findings: one statement per problem.
 *
 * Absorption is transitive: what an absorbed rule absorbs becomes lines of the same finding. Rules of
 * one merge group that are not absorbed make one finding. Source: clinical foundations 4.
 */
import { formAdvice } from '../advice/form-advice.ts';
import type { Finding, Verdict } from '../decision.ts';
import { TIERS } from '../decision.ts';
import { type FactId, type Facts, factOf } from '../facts/fact.ts';
import type { CompiledRule } from '../rules/compile.ts';
import { allClauses } from '../rules/explain.ts';
import type { RuleSet } from '../rules/rule-set.ts';
import { higher } from '../rules/tier.ts';
import { factInWords } from '../rules/words.ts';
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
): Finding[] {
  const fired = firedRules(verdicts, ruleSet);
  const absorbedBy = absorption(fired, facts, now);
  const leading = [...fired.values()].filter(({ rule }) => !absorbedBy.has(rule.id));
  const problems = Map.groupBy(leading, (each) => groupOf(each) ?? each.rule.id);
  const findings = [...problems].map(([key, members]) => {
    const absorbed = [...fired.values()].filter(({ rule }) =>
      members.some((member) => member.rule.id === absorbedBy.get(rule.id)),
    );
    return formFinding(key, members, absorbed, facts, ruleSet, now);
  });
  return findings.sort((a, b) => TIERS.indexOf(b.tier) - TIERS.indexOf(a.tier) || (a.key < b.key ? -1 : 1));
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
  for (const [line, taker] of drugReviewLines([...fired.values()], facts)) {
    if (!direct.has(line) && endOfChain(taker, direct) !== line) direct.set(line, taker);
  }
  return new Map([...direct.keys()].map((rule) => [rule, endOfChain(rule, direct)]));
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
    tier,
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
  return `${summary} Based on: ${seen.join('; ')}. ${why}${unknown} Decision support. Not a diagnosis or an order.`;
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
