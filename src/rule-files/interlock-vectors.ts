/**
 * Runs the promises beside the interlocks, and looks for slips that none of them notices.
 *
 * An interlock is asked alone: what it says does not depend on the rule or the advice that it guards.
 */
import { interlockAnswer } from '../core/advice/interlock.ts';
import type { Facts } from '../core/facts/fact.ts';
import { formFacts } from '../core/facts/form-facts.ts';
import { type CompiledInterlock, compileInterlock } from '../core/rules/compile.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import type { CodeBook } from './code-book.ts';
import { type MutationScore, scoreOf } from './judge-mutants.ts';
import type { FactKnowledge } from './mutate.ts';
import { interlockMutantsOf } from './mutate-interlock.ts';
import type { InterlockVector, Waiver } from './rule-schema.ts';
import { VECTOR_NOON } from './run-vectors.ts';
import { vectorChart } from './vector-chart.ts';

export interface InterlockResult {
  /** Id of the interlock. */
  readonly rule: string;
  readonly says: string;
  readonly expect: InterlockVector['expect'];
  /** What differs from the promise, in words; empty when it is kept. */
  readonly broken: readonly string[];
}

interface Formed {
  readonly vector: InterlockVector;
  /** Absent when the vector could not be read. */
  readonly facts?: Facts;
  readonly trouble?: string;
}

/** Results of all vectors and one score per interlock, in the order of interlocks. */
export function judgeInterlocks(
  ruleSet: RuleSet,
  vectors: ReadonlyMap<string, readonly InterlockVector[]>,
  waivers: ReadonlyMap<string, readonly Waiver[]>,
  codes: CodeBook,
  knowledge: FactKnowledge,
): { readonly results: readonly InterlockResult[]; readonly scores: readonly MutationScore[] } {
  const judged = [...ruleSet.interlocks.values()].map((interlock) => {
    const formed = (vectors.get(interlock.id) ?? []).map((vector) => form(vector, ruleSet, codes));
    const results = formed.map((each) => ({
      rule: interlock.id,
      says: each.vector.says,
      expect: each.vector.expect,
      broken: differences(each, interlock),
    }));
    // A broken vector would kill every mutant.
    const kept = formed.filter((_each, index) => results[index]?.broken.length === 0);
    const score = scoreOf(
      interlock.id,
      interlockMutantsOf(interlock.file, knowledge),
      ({ file }) => {
        const mutant = compileInterlock(file);
        return kept.some((each) => differences(each, mutant).length > 0);
      },
      waivers.get(interlock.id),
    );
    return { results, score };
  });
  return { results: judged.flatMap(({ results }) => results), scores: judged.map(({ score }) => score) };
}

function form(vector: InterlockVector, ruleSet: RuleSet, codes: CodeBook): Formed {
  try {
    return { vector, facts: formFacts(vectorChart(vector, codes, VECTOR_NOON), ruleSet, VECTOR_NOON).facts };
  } catch (error) {
    return { vector, trouble: error instanceof Error ? error.message : String(error) };
  }
}

function differences({ vector, facts, trouble }: Formed, interlock: CompiledInterlock): string[] {
  if (facts === undefined) return [trouble ?? 'can not be read'];
  const { answer, because } = interlockAnswer(interlock, facts, VECTOR_NOON);
  const said = because.length === 0 ? '' : ` (${because.join('; ')})`;
  if (answer !== vector.expect) return [`expected ${vector.expect}, is ${answer}${said}`];
  const promised = vector.because ?? [];
  const same = promised.length === because.length && promised.every((words) => because.includes(words));
  return same ? [] : [`expected "${promised.join('; ')}", says "${because.join('; ')}"`];
}
