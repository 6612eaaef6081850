/**
 * Facts as the peers see them: a value, its age in days and its notes under names of their own.
 */
import { type Fact, type Facts, factOf } from '../src/core/facts/fact.ts';
import type { CompiledRule } from '../src/core/rules/compile.ts';
import { allClauses } from '../src/core/rules/explain.ts';

export type Plain = number | boolean | string | null | readonly string[] | undefined;
export type PlainFacts = Readonly<Record<string, Plain>>;

/** The facts that these rules ask for; unknown is null, and so is a range, which peers do not have. */
export function plainFacts(rules: readonly CompiledRule[], facts: Facts, now: Date): PlainFacts {
  return Object.fromEntries(
    factsAskedBy(rules).flatMap((name): [string, Plain][] => {
      const fact = factOf(facts, name);
      const age = fact.at === undefined ? null : (now.getTime() - fact.at.getTime()) / 86_400_000;
      return [
        [name, plain(fact)],
        [`${name} age`, age],
        [`${name} notes`, fact.notes],
      ];
    }),
  );
}

export function factsAskedBy(rules: readonly CompiledRule[]): string[] {
  return [...new Set(rules.flatMap(({ firesWhen }) => allClauses(firesWhen).map(({ fact }) => fact)))];
}

function plain(fact: Fact): number | boolean | string | null {
  return fact.state === 'known' ? fact.value : null;
}
