/**
 * What one interlock says about one patient: give the advice, give it with a caution, check first, or block it.
 *
 * Blocks come first, then what is not known, then cautions: a caution never stands in for a check.
 * Source: clinical foundations 5 and wider rules A.7.
 */
import { type FactId, type Facts, factOf } from '../facts/fact.ts';
import type { Compiled, CompiledInterlock } from '../rules/compile.ts';
import { allClauses } from '../rules/explain.ts';

export const INTERLOCK_ANSWERS = ['given', 'caution', 'check-first', 'blocked'] as const;

export interface InterlockAnswer {
  readonly answer: (typeof INTERLOCK_ANSWERS)[number];
  /** What the reader sees: why it is blocked, what to check, or what to keep in mind. Empty when given. */
  readonly because: readonly string[];
  /** For `check-first`: the facts that must be known, one for each line of `because`. */
  readonly missing: readonly FactId[];
}

export function interlockAnswer(interlock: CompiledInterlock, facts: Facts, now: Date): InterlockAnswer {
  const blocks = reasonsOf(interlock.blocks, facts, now);
  if (blocks.length > 0) return { answer: 'blocked', because: blocks, missing: [] };
  const open = openNeeds(interlock, facts, now);
  if (open.length > 0)
    return {
      answer: 'check-first',
      because: open.map(({ check }) => check),
      missing: open.map(({ fact }) => fact),
    };
  const cautions = reasonsOf(interlock.cautions, facts, now);
  return { answer: cautions.length > 0 ? 'caution' : 'given', because: cautions, missing: [] };
}

function reasonsOf(lines: CompiledInterlock['blocks'], facts: Facts, now: Date): string[] {
  return lines.filter(({ when }) => when.truth(facts, now) === 'true').map(({ because }) => because);
}

/**
 * Needs that are not met: the fact is unknown, too doubtful as the need itself says, or known too loosely for a
 * block to be ruled out.
 */
function openNeeds(interlock: CompiledInterlock, facts: Facts, now: Date): CompiledInterlock['needs'] {
  return interlock.needs.filter((need) => {
    if (need.when !== undefined && need.when.truth(facts, now) === 'false') return false;
    if (factOf(facts, need.fact).state === 'unknown') return true;
    if (need.when !== undefined && clausesOn(need.fact, need.when).length > 0) return true;
    return interlock.blocks.some(({ when }) =>
      clausesOn(need.fact, when).some((clause) => clause.truth(facts, now) === 'unknown'),
    );
  });
}

function clausesOn(fact: FactId, condition: Compiled): readonly Compiled[] {
  return allClauses(condition).filter((clause) => clause.fact === fact);
}
