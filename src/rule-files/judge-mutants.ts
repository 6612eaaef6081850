/**
 * Which mutants of each rule its vectors notice.
 *
 * Fast, because the facts of a vector are formed once for all mutants: only the mutated rule is judged again.
 */
import type { Verdict } from '../core/decision.ts';
import { compileRule } from '../core/rules/compile.ts';
import { guardOver } from '../core/rules/guards.ts';
import { verdictOf } from '../core/rules/judge.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { type FactKnowledge, type Mutant, mutantsOf } from './mutate.ts';
import type { Waiver } from './rule-schema.ts';
import {
  clearingDifferences,
  findingDifferences,
  type JudgedVector,
  VECTOR_NOON,
  verdictDifferences,
} from './run-vectors.ts';

export interface MutationScore {
  /** Id of a rule or an interlock. */
  readonly rule: string;
  readonly killed: number;
  /** Slips that no vector notices, with a written reason. */
  readonly waived: readonly string[];
  /** Slips that no vector notices, and nobody said why. */
  readonly survived: readonly string[];
  /** Waivers that waive nothing: their slips are killed, or do not exist any more. */
  readonly idleWaivers: readonly string[];
}

/**
 * One score per rule.
 *
 * @param vectors that are kept by the rules as they are; a broken one would kill every mutant.
 */
export function judgeMutants(
  ruleSet: RuleSet,
  vectors: readonly JudgedVector[],
  waivers: ReadonlyMap<string, readonly Waiver[]>,
  facts: FactKnowledge,
): MutationScore[] {
  const answered = vectors.filter(({ facts: formed }) => guardOver(formed, VECTOR_NOON) === undefined);
  return ruleSet.rules.map(({ id, file }) => {
    const own = answered.filter(({ rule, vector }) => rule === id || vector.absorbedBy === id);
    return scoreOf(id, mutantsOf(file, facts), (mutant) => isKilled(mutant, own, ruleSet), waivers.get(id));
  });
}

/** The score of one file, rule or interlock. */
export function scoreOf<M extends { readonly slip: string }>(
  id: string,
  mutants: readonly M[],
  isKilledBy: (mutant: M) => boolean,
  waivers: readonly Waiver[] = [],
): MutationScore {
  const survivors = mutants.filter((mutant) => !isKilledBy(mutant)).map(({ slip }) => slip);
  const waived = survivors.filter((slip) => waivers.some((waiver) => isAbout(waiver, slip)));
  return {
    rule: id,
    killed: mutants.length - survivors.length,
    waived,
    survived: survivors.filter((slip) => !waived.includes(slip)),
    idleWaivers: waivers
      .filter((waiver) => !waived.some((slip) => isAbout(waiver, slip)))
      .map(({ mutant }) => mutant),
  };
}

/** A waiver names one slip, or with `*` at its end all slips of a place. */
function isAbout({ mutant }: Waiver, slip: string): boolean {
  return mutant.endsWith('*') ? slip.startsWith(mutant.slice(0, -1)) : slip === mutant;
}

/** Does any vector notice? Verdicts first: most slips show there, and findings take longer. */
function isKilled({ file }: Mutant, vectors: readonly JudgedVector[], ruleSet: RuleSet): boolean {
  const rule = compileRule(file);
  const mutated: RuleSet = { ...ruleSet, byId: new Map([...ruleSet.byId, [rule.id, rule]]) };
  const verdictOn = ({ facts }: JudgedVector): Verdict => verdictOf(rule, facts, VECTOR_NOON);
  const noticedBy = (judged: JudgedVector) =>
    verdictDifferences(judged, verdictOn(judged)).length + clearingDifferences(judged, rule).length > 0;
  const seenIn = (judged: JudgedVector) => {
    const verdicts = judged.verdicts.map((other) => (other.rule === rule.id ? verdictOn(judged) : other));
    return findingDifferences(judged, verdicts, mutated).length > 0;
  };
  return vectors.some((judged) => judged.rule === rule.id && noticedBy(judged)) || vectors.some(seenIn);
}
