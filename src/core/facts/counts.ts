/**
 * Facts that count or combine other facts.
 */
import { anyOf, notOf, type Truth } from '../../vocabulary/truth.ts';
import { type Fact, type FactId, isAbove, isBelow, isEqual, unknownFact } from './fact.ts';
import type { FactSource } from './fact-source.ts';

/** One thing that may hold: a fact and how it is asked. */
export interface Part {
  readonly fact: FactId;
  readonly holds: (fact: Fact) => Truth;
}

export function present(fact: FactId): Part {
  return { fact, holds: (value) => isEqual(value, true) };
}

/** A medicine class recorded as taking or prescribed. */
export function active(fact: FactId): Part {
  return { fact, holds: isActive };
}

/** Active, or ended within its window. */
export function exposed(fact: FactId): Part {
  return { fact, holds: (value) => isExposed(value) };
}

export function under(fact: FactId, limit: number): Part {
  return { fact, holds: (value) => isBelow(value, limit) };
}

export function over(fact: FactId, limit: number): Part {
  return { fact, holds: (value) => isAbove(value, limit) };
}

export function atLeast(fact: FactId, limit: number): Part {
  return { fact, holds: (value) => notOf(isBelow(value, limit)) };
}

export function isActive(fact: Fact): Truth {
  return fact.state === 'known'
    ? fact.value === 'taking' || fact.value === 'prescribed'
      ? 'true'
      : 'false'
    : 'unknown';
}

export function isExposed(fact: Fact): Truth {
  if (fact.state === 'unknown' && fact.notes.includes('end-assumed')) return 'true';
  return fact.state === 'known' && fact.value === 'recent' ? 'true' : isActive(fact);
}

/** True when one part holds, false when none can, else unknown. Cites what decided. */
export function anyPart(id: FactId, parts: readonly Part[], source: FactSource): Fact {
  const seen = seenBy(parts, source);
  const truth = anyOf(seen.map((each) => each.truth));
  if (truth === 'unknown') {
    const missing = seen.filter((each) => each.truth === 'unknown').map((each) => each.id);
    return unknownFact(id, 'needs', { missing });
  }
  const deciding = seen.filter((each) => each.truth === truth);
  return {
    concept: id,
    state: 'known',
    value: truth === 'true',
    ...citing(deciding.map((each) => each.fact)),
  };
}

/** How many parts hold: exact when all can be told, else a range from those known to those possible. None: cites the noes. */
export function countParts(id: FactId, parts: readonly Part[], source: FactSource): Fact {
  const seen = seenBy(parts, source);
  const held = seen.filter((each) => each.truth === 'true');
  const open = seen.filter((each) => each.truth === 'unknown').length;
  const told = held.length > 0 ? held : seen.filter((each) => each.truth === 'false');
  const cited = { concept: id, ...citing(told.map((each) => each.fact)) };
  if (open === 0) return { ...cited, state: 'known', value: held.length };
  return { ...cited, state: 'bounded', low: held.length, high: held.length + open };
}

function seenBy(parts: readonly Part[], source: FactSource) {
  return parts.map(({ fact: id, holds }) => {
    const fact = source.fact(id);
    return { id, fact, truth: holds(fact) };
  });
}

/** Evidence of the facts that decided, dated by the newest. Notes that cast doubt come along. */
export function citing(
  facts: readonly Fact[],
): Pick<Fact, 'from' | 'notes'> & { at?: Date; names?: readonly string[]; raisesOnly?: true } {
  const newest = facts
    .map((fact) => fact.at)
    .filter((at) => at !== undefined)
    .sort((a, b) => b.getTime() - a.getTime())[0];
  const sure = facts.some((fact) => fact.raisesOnly === undefined);
  const names = facts.flatMap((fact) => fact.names ?? []);
  return {
    from: [...new Set(facts.flatMap((fact) => fact.from))].sort(),
    notes: sure ? [] : [...new Set(facts.flatMap((fact) => fact.notes))],
    ...(newest === undefined ? {} : { at: newest }),
    ...(names.length === 0 ? {} : { names: [...new Set(names)].sort() }),
    ...(sure || facts.length === 0 ? {} : { raisesOnly: true as const }),
  };
}
