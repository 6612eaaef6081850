/**
 * Why a condition answers as it does. Made only for what is shown: the answer itself needs none of this.
 */

import type { Truth } from '../../vocabulary/truth.ts';
import type { ClauseResult } from '../decision.ts';
import { type Fact, type FactId, type Facts, factOf } from '../facts/fact.ts';
import type { Compiled, CompiledClause } from './compile.ts';
import { usable } from './operators.ts';
import { factSeen } from './words.ts';

/**
 * The clauses behind the answer. True: all that held. False: the first that stopped it, or all
 * alternatives when none held. Unknown: those that could not be told.
 */
export function reasonsFor(condition: Compiled, facts: Facts, now: Date): ClauseResult[] {
  const reasons: ClauseResult[] = [];
  collect(condition, condition.truth(facts, now), facts, now, reasons);
  return reasons;
}

/** @param truth what the condition answers, so that it is asked once. */
function collect(condition: Compiled, truth: Truth, facts: Facts, now: Date, into: ClauseResult[]): void {
  if (condition.kind === 'clause') {
    into.push(clauseResult(condition, truth, facts, now));
    return;
  }
  for (const part of condition.parts) {
    if (part.truth(facts, now) !== truth) continue;
    collect(part, truth, facts, now, into);
    if (condition.kind === 'all' && truth === 'false') return;
  }
}

/** Every clause, held or not. */
export function allClauses(condition: Compiled): CompiledClause[] {
  return condition.kind === 'clause' ? [condition] : condition.parts.flatMap(allClauses);
}

/**
 * The one fact an unknown condition waits for: with it known, nothing else stands in the way.
 * Of several alternatives that wait for one fact each, the first in the file.
 */
export function waitsFor(condition: Compiled, facts: Facts, now: Date): FactId | undefined {
  if (condition.truth(facts, now) !== 'unknown') return undefined;
  if (condition.kind === 'clause') return condition.fact;
  const open = condition.parts.filter((part) => part.truth(facts, now) === 'unknown');
  const waits = open.map((part) => waitsFor(part, facts, now));
  if (condition.kind === 'any') return waits.find((fact) => fact !== undefined);
  return new Set(waits).size === 1 ? waits[0] : undefined;
}

function clauseResult(clause: CompiledClause, truth: Truth, facts: Facts, now: Date): ClauseResult {
  const { fact, words, question } = clause;
  const seen = usable(factOf(facts, fact), question, now);
  return { clause: words, fact, truth, saw: seenInWords(seen) };
}

/** Facts are not changed once formed, and many clauses look at the same one. */
const SEEN = new WeakMap<Fact, string>();

function seenInWords(fact: Fact): string {
  const known = SEEN.get(fact);
  if (known !== undefined) return known;
  const words = factSeen(fact);
  SEEN.set(fact, words);
  return words;
}
