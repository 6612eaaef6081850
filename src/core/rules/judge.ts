/**
 * What each rule says about one chart: fired, clear, unknown, or an error of ours.
 *
 * Compiled closures answer for every rule; json-rules-engine then confirms exactly those that fired.
 * A rule that throws is an error of that rule only. Source: clinical foundations 1.9.
 */
import type { ClauseResult, Verdict } from '../decision.ts';
import type { FactId, Facts } from '../facts/fact.ts';
import { type Compiled, type CompiledRule, RuleError } from './compile.ts';
import { confirm } from './confirm.ts';

import { reasonsFor, whyUnknown } from './explain.ts';
import { guardOver, switchedOff } from './guards.ts';

import { tierOf } from './tier.ts';

const DISAGREEMENT = 'the compiled rule fired and json-rules-engine did not confirm it';

/** What the closures say: `stopped` is an exclusion that holds. */
type Answer = 'fires' | 'stopped' | 'clear' | 'unknown' | Error;

/** Which verdicts say why: all, or only of rules that fired, which is all that findings are made from. */
export type Whys = 'all' | 'fired';

/** One verdict per rule, in the order of the rules. Never rejects for a single rule. */
export async function judge(
  rules: readonly CompiledRule[],
  facts: Facts,
  now: Date,
  whys: Whys = 'all',
): Promise<Verdict[]> {
  const guard = guardOver(facts, now);
  if (guard !== undefined) return rules.map((rule) => ({ ...named(rule), verdict: 'unknown', guard }));

  const answers = await confirmedAnswers(rules, facts, now);
  return rules.map((rule, index) => {
    const answer = answers[index] as Answer;
    if (whys === 'fired' && answer === 'unknown') return { ...named(rule), verdict: 'unknown' };
    if (whys === 'fired' && (answer === 'clear' || answer === 'stopped'))
      return { ...named(rule), verdict: 'clear' };
    return explained(rule, answer, facts, now);
  });
}

/** What each rule says, without the why: this alone is what other engines compute. */
export async function confirmedAnswers(
  rules: readonly CompiledRule[],
  facts: Facts,
  now: Date,
): Promise<Answer[]> {
  const answers = rules.map((rule) => answerOf(rule, facts, now));
  const fired = rules.filter((_rule, index) => answers[index] === 'fires');
  const confirmations = await confirm(fired, facts, now);
  return rules.map(({ id }, index) => {
    const answer = answers[index] as Answer;
    const confirmation = confirmations.get(id);
    if (answer !== 'fires' || confirmation === 'holds') return answer;
    return confirmation instanceof Error ? confirmation : new RuleError(DISAGREEMENT);
  });
}

/** What the compiled rule alone says; nobody confirms it, and nobody asks whether rules answer for this patient. */
export function verdictOf(rule: CompiledRule, facts: Facts, now: Date): Verdict {
  return explained(rule, answerOf(rule, facts, now), facts, now);
}

function answerOf(rule: CompiledRule, facts: Facts, now: Date): Answer {
  try {
    const fires = rule.firesWhen.truth(facts, now);
    if (fires === 'false') return 'clear';
    // An exclusion stops a rule also while that rule can not be told.
    if (rule.notWhen?.truth(facts, now) === 'true') return 'stopped';
    return fires === 'true' ? 'fires' : 'unknown';
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function explained(rule: CompiledRule, answer: Answer, facts: Facts, now: Date): Verdict {
  try {
    switch (answer) {
      case 'fires':
        return fired(rule, facts, now);
      case 'clear':
        return { ...named(rule), verdict: 'clear', clauses: reasonsFor(rule.firesWhen, facts, now) };
      case 'stopped':
        return { ...named(rule), verdict: 'clear', clauses: reasonsIn(rule.notWhen, facts, now) };
      case 'unknown':
        return untold(rule, facts, now);
      default:
        return failed(rule, answer);
    }
  } catch (error) {
    return failed(rule, error);
  }
}

function reasonsIn(condition: Compiled | undefined, facts: Facts, now: Date): ClauseResult[] {
  return condition === undefined ? [] : reasonsFor(condition, facts, now);
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

function untold(rule: CompiledRule, facts: Facts, now: Date): Verdict {
  const { clauses, pending } = whyUnknown(rule.firesWhen, facts, now);
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
function failed(rule: CompiledRule, error: unknown): Verdict {
  return {
    ...named(rule),
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
