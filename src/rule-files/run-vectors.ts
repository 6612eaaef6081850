/**
 * Runs the promises beside the rules: each vector as FHIR through the core, and what came out.
 */
import type { Finding, Tier, Verdict } from '../core/decision.ts';
import type { Facts } from '../core/facts/fact.ts';
import { formFacts } from '../core/facts/form-facts.ts';
import { formFindings } from '../core/findings/form-findings.ts';
import type { CompiledRule } from '../core/rules/compile.ts';
import { judge } from '../core/rules/judge.ts';
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

/** A vector with its facts and the verdicts of all rules: none of them depends on how one rule is changed. */
export interface JudgedVector {
  readonly rule: string;
  readonly vector: Vector;
  readonly facts: Facts;
  readonly verdicts: readonly Verdict[];
}

/** A vector that could not be judged at all, with the reason. */
export interface UnreadVector {
  readonly rule: string;
  readonly vector: Vector;
  readonly trouble: string;
}

/** The time at which every vector is decided; spring, a leap year away, noon UTC. */
export const VECTOR_NOON = new Date('2026-05-12T12:00:00Z');

/** Every vector judged once, in the order of rules and vectors. */
export async function judgeVectors(
  ruleSet: RuleSet,
  vectors: ReadonlyMap<string, readonly Vector[]>,
  codes: CodeBook,
): Promise<(JudgedVector | UnreadVector)[]> {
  const judged: (JudgedVector | UnreadVector)[] = [];
  for (const { id } of ruleSet.rules) {
    for (const vector of vectors.get(id) ?? []) judged.push(await judgeVector(id, vector, ruleSet, codes));
  }
  return judged;
}

async function judgeVector(
  rule: string,
  vector: Vector,
  ruleSet: RuleSet,
  codes: CodeBook,
): Promise<JudgedVector | UnreadVector> {
  try {
    const { facts } = formFacts(vectorChart(vector, codes, VECTOR_NOON), ruleSet, VECTOR_NOON);
    return { rule, vector, facts, verdicts: await judge(ruleSet.rules, facts, VECTOR_NOON) };
  } catch (error) {
    return { rule, vector, trouble: error instanceof Error ? error.message : String(error) };
  }
}

/** One result per vector, in the same order. */
export function resultsOf(
  judged: readonly (JudgedVector | UnreadVector)[],
  ruleSet: RuleSet,
): VectorResult[] {
  return judged.map((each) => {
    const { rule, vector } = each;
    const broken = 'trouble' in each ? [each.trouble] : brokenPromises(each, ruleSet);
    return {
      rule,
      says: vector.says,
      expect: vector.expect,
      ...(vector.tier && { tier: vector.tier }),
      broken,
    };
  });
}

function brokenPromises(judged: JudgedVector, ruleSet: RuleSet): string[] {
  const rule = ruleSet.byId.get(judged.rule);
  const verdict = judged.verdicts.find((candidate) => candidate.rule === judged.rule);
  if (rule === undefined || verdict === undefined) return ['there is no verdict'];
  return [
    ...verdictDifferences(judged, verdict),
    ...clearingDifferences(judged, rule),
    ...findingDifferences(judged, judged.verdicts, ruleSet),
  ];
}

export function verdictDifferences({ vector }: JudgedVector, verdict: Verdict): string[] {
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

/** Would this chart close an alert of the rule that was open? */
export function clearingDifferences({ vector, facts }: JudgedVector, rule: CompiledRule): string[] {
  if (vector.clears === undefined) return [];
  const clears = rule.clearsWhen.truth(facts, VECTOR_NOON) === 'true';
  return clears === vector.clears ? [] : [clears ? 'clears an open alert' : 'does not clear an open alert'];
}

/** The finding that shows the rule: its key, its absorber, what it absorbs, its advice. */
export function findingDifferences(
  { rule, vector, facts }: JudgedVector,
  verdicts: readonly Verdict[],
  ruleSet: RuleSet,
): string[] {
  if (!FINDING_PROMISES.some((promise) => vector[promise] !== undefined)) return [];
  const finding = showing(rule, formFindings(verdicts, facts, ruleSet, VECTOR_NOON));
  const { shownBy, absorbedBy, suggests, suggestsNot, absorbs, absorbsNot } = vector;
  const said = saidBy(finding);
  const absorbed = new Set(finding?.absorbed);
  const isAbsorbed = absorbedBy !== undefined && absorbed.has(rule) && finding?.members.includes(absorbedBy);
  return [
    ...(shownBy === undefined || finding?.key === shownBy
      ? []
      : [`expected to be shown by ${shownBy}, is by ${finding?.key ?? 'none'}`]),
    ...(absorbedBy === undefined || isAbsorbed ? [] : [`expected to be absorbed by ${absorbedBy}`]),
    ...lacking(suggests, said).map((kind) => `does not suggest ${kind}`),
    ...common(suggestsNot, said).map((kind) => `suggests ${kind}`),
    ...lacking(absorbs, absorbed).map((other) => `does not absorb ${other}`),
    ...common(absorbsNot, absorbed).map((other) => `absorbs ${other}`),
  ];
}

const FINDING_PROMISES = [
  'shownBy',
  'absorbedBy',
  'suggests',
  'suggestsNot',
  'absorbs',
  'absorbsNot',
] as const satisfies readonly (keyof Vector)[];

/** The finding in which a rule is seen, as a member or as a line. */
export function showing(rule: string, findings: readonly Finding[]): Finding | undefined {
  return findings.find(({ members, absorbed }) => [...members, ...absorbed].includes(rule));
}

function lacking(wanted: readonly string[] = [], there: ReadonlySet<string>): string[] {
  return wanted.filter((one) => !there.has(one));
}

function common(unwanted: readonly string[] = [], there: ReadonlySet<string>): string[] {
  return unwanted.filter((one) => there.has(one));
}

/** The kinds that its advice suggests, and the ids of all its advice, "avoid" lines too. */
export function saidBy(finding: Finding | undefined): ReadonlySet<string> {
  const lines = finding?.advice ?? [];
  return new Set(
    lines.flatMap(({ advice, doNotPerform, suggests }) =>
      doNotPerform === true ? [advice] : [advice, ...suggests],
    ),
  );
}
