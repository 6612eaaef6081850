/**
 * What each rule says about one chart: fired, clear, unknown, or an error of ours.
 *
 * Compiled closures answer for every rule; json-rules-engine then confirms exactly those that fired.
 * A rule that throws is an error of that rule only. Source: clinical foundations 1.9.
 */
import type { Verdict } from '../decision.ts';
import type { FactId, Facts } from '../facts/fact.ts';
import { type CompiledRule, RuleError } from './compile.ts';
import { confirm } from './confirm.ts';
import { reasonsFor, waitsFor } from './explain.ts';
import { guardOver, switchedOff } from './guards.ts';
import { tierOf } from './tier.ts';

const DISAGREEMENT = 'the compiled rule fired and json-rules-engine did not confirm it';

/** One verdict per rule, in the order of the rules. Never rejects for a single rule. */
export async function judge(rules: readonly CompiledRule[], facts: Facts, now: Date): Promise<Verdict[]> {
  const guard = guardOver(facts, now);
  if (guard !== undefined) return rules.map((rule) => ({ ...named(rule), verdict: 'unknown', guard }));

  const verdicts = rules.map((rule) => verdictOf(rule, facts, now));
  const fired = rules.filter((_rule, index) => verdicts[index]?.verdict === 'fired');
  const confirmations = await confirm(fired, facts, now);
  return verdicts.map((verdict) => {
    const confirmation = confirmations.get(verdict.rule);
    if (verdict.verdict !== 'fired' || confirmation === 'holds') return verdict;
    return failed(verdict, confirmation instanceof Error ? confirmation : new RuleError(DISAGREEMENT));
  });
}

/** What the compiled rule alone says; nobody confirms it, and nobody asks whether rules answer for this patient. */
export function verdictOf(rule: CompiledRule, facts: Facts, now: Date): Verdict {
  try {
    const fires = rule.firesWhen.truth(facts, now);
    if (fires === 'unknown') return untold(rule, facts, now);
    if (fires === 'false')
      return { ...named(rule), verdict: 'clear', clauses: reasonsFor(rule.firesWhen, facts, now) };
    const stops = rule.notWhen?.truth(facts, now);
    if (rule.notWhen !== undefined && stops === 'true') {
      return { ...named(rule), verdict: 'clear', clauses: reasonsFor(rule.notWhen, facts, now) };
    }
    return fired(rule, facts, now);
  } catch (error) {
    return failed(named(rule), error);
  }
}

function fired(rule: CompiledRule, facts: Facts, now: Date): Verdict {
  const notKnown =
    rule.notWhen?.truth(facts, now) === 'unknown' ? factsOf(reasonsFor(rule.notWhen, facts, now)) : [];
  const tier = tierOf(rule, facts, now);
  const clauses = reasonsFor(rule.firesWhen, facts, now);
  const guard = switchedOff(rule.file, tier, facts, now);
  if (guard !== undefined) return { ...named(rule), verdict: 'unknown', clauses, guard };
  return {
    ...named(rule),
    verdict: 'fired',
    tier,
    clauses,
    ...(notKnown.length > 0 && { notKnown }),
  };
}

/** A rule that can not be told, unless an exclusion already stops it. */
function untold(rule: CompiledRule, facts: Facts, now: Date): Verdict {
  if (rule.notWhen?.truth(facts, now) === 'true') {
    return { ...named(rule), verdict: 'clear', clauses: reasonsFor(rule.notWhen, facts, now) };
  }
  const clauses = reasonsFor(rule.firesWhen, facts, now);
  const pending = waitsFor(rule.firesWhen, facts, now);
  return {
    ...named(rule),
    verdict: 'unknown',
    clauses,
    missing: factsOf(clauses),
    ...(pending !== undefined && { pending }),
  };
}

function named(rule: CompiledRule): { readonly rule: string; readonly version: string } {
  return { rule: rule.id, version: rule.file.version };
}

/** Goes into a log: only our own sentences are passed on; any other message could quote a value. */
function failed(verdict: Pick<Verdict, 'rule' | 'version'>, error: unknown): Verdict {
  const { rule, version } = verdict;
  return {
    rule,
    version,
    verdict: 'error',
    error: error instanceof RuleError ? error.message : `threw ${nameOf(error)}`,
  };
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

function factsOf(clauses: readonly { readonly fact: FactId }[]): FactId[] {
  return [...new Set(clauses.map(({ fact }) => fact))];
}
