/**
 * Why a condition answers as it does. Made only for what is shown: the answer itself needs none of this.
 */

import type { ClauseResult } from '../decision.ts';
import { type FactId, type Facts, factOf } from '../facts/fact.ts';
import type { Compiled, CompiledClause } from './compile.ts';
import { usable } from './operators.ts';
import { factSeen } from './words.ts';

/**
 * The clauses behind the answer. True: all that held. False: the first that stopped it, or all
 * alternatives when none held. Unknown: those that could not be told.
 */
export function reasonsFor(condition: Compiled, facts: Facts, now: Date): ClauseResult[] {
  if (condition.kind === 'clause') return [clauseResult(condition, facts, now)];
  const truth = condition.truth(facts, now);
  const same = condition.parts.filter((part) => part.truth(facts, now) === truth);
  const shown = condition.kind === 'all' && truth === 'false' ? same.slice(0, 1) : same;
  return shown.flatMap((part) => reasonsFor(part, facts, now));
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

function clauseResult(clause: CompiledClause, facts: Facts, now: Date): ClauseResult {
  const { fact, words, question } = clause;
  const seen = usable(factOf(facts, fact), question, now);
  return { clause: words, fact, truth: clause.truth(facts, now), saw: factSeen(seen) };
}
