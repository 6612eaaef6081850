/**
 * Runs the promises beside the rules: each vector as FHIR through decide(), and what came out.
 */
import { decide } from '../core/decide.ts';
import type { Decision, Tier, Verdict } from '../core/decision.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import type { CodeBook } from './code-book.ts';
import type { Vector } from './rule-schema.ts';
import { vectorChart } from './vector-chart.ts';

export interface VectorResult {
  readonly rule: string;
  readonly says: string;
  readonly expect: Vector['expect'];
  readonly tier?: Tier;
  /** What differs from the promise, in words; empty when it is kept. */
  readonly broken: readonly string[];
}

/** The time at which every vector is decided; spring, a leap year away, noon UTC. */
export const VECTOR_NOON = new Date('2026-05-12T12:00:00Z');

/** One result per vector, in the order of rules and vectors. */
export async function runVectors(
  ruleSet: RuleSet,
  vectors: ReadonlyMap<string, readonly Vector[]>,
  codes: CodeBook,
): Promise<VectorResult[]> {
  const results: VectorResult[] = [];
  for (const { id } of ruleSet.rules) {
    for (const vector of vectors.get(id) ?? []) results.push(await runVector(id, vector, ruleSet, codes));
  }
  return results;
}

async function runVector(
  rule: string,
  vector: Vector,
  ruleSet: RuleSet,
  codes: CodeBook,
): Promise<VectorResult> {
  const { says, expect, tier } = vector;
  return {
    rule,
    says,
    expect,
    ...(tier && { tier }),
    broken: await brokenPromises(rule, vector, ruleSet, codes),
  };
}

async function brokenPromises(
  rule: string,
  vector: Vector,
  ruleSet: RuleSet,
  codes: CodeBook,
): Promise<string[]> {
  let decision: Decision;
  try {
    decision = await decide(vectorChart(vector, codes, VECTOR_NOON), ruleSet, VECTOR_NOON, []);
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
  const verdict = decision.verdicts.find((candidate) => candidate.rule === rule);
  if (verdict === undefined) return ['there is no verdict'];
  return [...verdictDifferences(vector, verdict), ...findingDifferences(rule, vector, decision)];
}

function verdictDifferences(vector: Vector, verdict: Verdict): string[] {
  const saw = (verdict.clauses ?? []).map(({ clause, saw: seen }) => `${clause}: ${seen}`).join('; ');
  const differences: string[] = [];
  if (verdict.verdict !== vector.expect) {
    differences.push(
      `expected ${vector.expect}, is ${verdict.verdict} (${verdict.error ?? verdict.guard ?? saw})`,
    );
  } else if (verdict.tier !== vector.tier)
    differences.push(`expected tier ${vector.tier}, is ${verdict.tier}`);
  if (vector.pending !== undefined && verdict.pending !== vector.pending) {
    differences.push(`expected to wait for ${vector.pending}, waits for ${verdict.pending ?? 'nothing'}`);
  }
  return differences;
}

/** The finding that shows the rule: its key, its absorber, its tier when told by the group, its advice. */
function findingDifferences(rule: string, vector: Vector, decision: Decision): string[] {
  const { shownBy, absorbedBy, suggests = [], suggestsNot = [] } = vector;
  if (shownBy === undefined && absorbedBy === undefined && suggests.length + suggestsNot.length === 0)
    return [];
  const finding = decision.findings.find(({ members, absorbed }) => [...members, ...absorbed].includes(rule));
  const said = new Set(
    finding?.advice.filter((line) => line.doNotPerform !== true).flatMap((line) => line.suggests),
  );
  const differences: string[] = [];
  if (shownBy !== undefined && finding?.key !== shownBy)
    differences.push(`expected to be shown by ${shownBy}, is by ${finding?.key ?? 'none'}`);
  if (
    absorbedBy !== undefined &&
    !(finding?.absorbed.includes(rule) && finding.members.includes(absorbedBy))
  ) {
    differences.push(`expected to be absorbed by ${absorbedBy}`);
  }
  for (const kind of suggests) if (!said.has(kind)) differences.push(`does not suggest ${kind}`);
  for (const kind of suggestsNot) if (said.has(kind)) differences.push(`suggests ${kind}`);
  return differences;
}
