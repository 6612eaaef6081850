/**
 * Why a condition answers as it does. Made only for what is shown: the answer itself needs none of this.
 */

import { allOf, anyOf, type Truth } from '../../vocabulary/truth.ts';
import type { ClauseResult } from '../decision.ts';
import { type FactId, type Facts, factOf } from '../facts/fact.ts';
import type { Compiled, CompiledClause } from './compile.ts';
import { usable } from './operators.ts';
import { factSeen } from './words.ts';

/** A condition with the answer of every part, each asked once. */
type Asked = AskedClause | AskedGroup;
interface AskedClause {
  readonly clause: CompiledClause;
  readonly truth: Truth;
}
interface AskedGroup {
  readonly kind: 'all' | 'any';
  readonly parts: readonly Asked[];
  readonly truth: Truth;
}

/**
 * The clauses behind the answer. True: all that held. False: the first that stopped it, or all
 * alternatives when none held. Unknown: those that could not be told.
 */
export function reasonsFor(condition: Compiled, facts: Facts, now: Date): ClauseResult[] {
  return reasonsIn(askAll(condition, facts, now), facts, now);
}

/** As `reasonsFor`, and the one fact that an unknown condition waits for. */
export function whyUnknown(
  condition: Compiled,
  facts: Facts,
  now: Date,
): { readonly clauses: ClauseResult[]; readonly pending: FactId | undefined } {
  const asked = askAll(condition, facts, now);
  return { clauses: reasonsIn(asked, facts, now), pending: waitsFor(asked) };
}

function askAll(condition: Compiled, facts: Facts, now: Date): Asked {
  if (condition.kind === 'clause') return { clause: condition, truth: condition.truth(facts, now) };
  const { kind } = condition;
  const parts = condition.parts.map((part) => askAll(part, facts, now));
  const truths = parts.map((part) => part.truth);
  return { kind, parts, truth: kind === 'all' ? allOf(truths) : anyOf(truths) };
}

function reasonsIn(asked: Asked, facts: Facts, now: Date): ClauseResult[] {
  const reasons: ClauseResult[] = [];
  collect(asked, facts, now, reasons);
  return reasons;
}

function collect(asked: Asked, facts: Facts, now: Date, into: ClauseResult[]): void {
  if ('clause' in asked) {
    into.push(clauseResult(asked, facts, now));
    return;
  }
  for (const part of asked.parts) {
    if (part.truth !== asked.truth) continue;
    collect(part, facts, now, into);
    if (asked.kind === 'all' && asked.truth === 'false') return;
  }
}

/** Every clause, held or not. */
export function allClauses(condition: Compiled): readonly CompiledClause[] {
  return condition.kind === 'clause' ? [condition] : condition.clauses;
}

/**
 * The one fact an unknown condition waits for: with it known, nothing else stands in the way.
 * Of several alternatives that wait for one fact each, the first in the file.
 */
function waitsFor(asked: Asked): FactId | undefined {
  if (asked.truth !== 'unknown') return undefined;
  if ('clause' in asked) return asked.clause.fact;
  const open = asked.parts.filter(({ truth }) => truth === 'unknown');
  const waits = open.map(waitsFor);
  if (asked.kind === 'any') return waits.find((fact) => fact !== undefined);
  return waits.every((fact) => fact === waits[0]) ? waits[0] : undefined;
}

function clauseResult({ clause, truth }: AskedClause, facts: Facts, now: Date): ClauseResult {
  const { fact, words, question } = clause;
  const seen = usable(factOf(facts, fact), question, now);
  return { clause: words, fact, truth, saw: factSeen(seen) };
}
