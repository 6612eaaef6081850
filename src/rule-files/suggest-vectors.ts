/**
 * Vectors that would notice the mutants which survive.
 *
 * Why: the case that tells "3.6 clears" from "3.7 clears" is quickly found by trying and slowly by hand.
 * A suggested vector says what the rule does, not what it should do: a person compares it with the source of
 * the rule before it is copied.
 */
import type { Tier, Verdict } from '../core/decision.ts';
import type { Facts } from '../core/facts/fact.ts';
import { formFacts } from '../core/facts/form-facts.ts';
import { formFindings } from '../core/findings/form-findings.ts';
import { type CompiledRule, compileRule } from '../core/rules/compile.ts';
import { guardOver } from '../core/rules/guards.ts';
import { verdictOf } from '../core/rules/judge.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import type { CodeBook } from './code-book.ts';
import { clausesIn, clausesOf, type FactKnowledge, type Mutant, mutantsOf, placeOfSlip } from './mutate.ts';
import { PROMISE_KEYS, type Shorthand, type Vector } from './rule-schema.ts';
import { saidBy, showing, VECTOR_NOON } from './run-vectors.ts';
import { vectorChart } from './vector-chart.ts';
import { editsFor } from './vector-edits.ts';

const MOST_CHARTS = 3_000; // for one place of a rule; some twenty seconds
/** Patients for whom interlocks let replacement through, so that advice is seen at all. */
const CONTEXTS: readonly Shorthand[] = [
  { egfr: 80 },
  { egfr: 80, magnesium: '0.80 mmol/L' },
  { egfr: 80, potassium: '4.0 mmol/L' },
];
const PLAIN_BASES = 12; // charts on which two changes are tried together; more takes minutes

interface Parts {
  readonly ruleSet: RuleSet;
  readonly codes: CodeBook;
  readonly facts: FactKnowledge;
}

/**
 * Vectors that notice the survivors of one rule, few rather than many; none for mutants that no tried chart tells
 * apart.
 */
export function suggestVectors(
  id: string,
  survived: readonly string[],
  own: readonly Vector[],
  parts: Parts,
): Vector[] {
  const rule = parts.ruleSet.byId.get(id);
  if (rule === undefined) return [];
  const { file } = rule;
  const left = new Set(
    mutantsOf(file, parts.facts)
      .filter(({ slip }) => survived.includes(slip))
      .map((mutant) => compiled(mutant, parts.ruleSet)),
  );
  const bases = [{}, ...own.map(plain)].sort((a, b) => JSON.stringify(a).length - JSON.stringify(b).length);
  const tried = new Set<string>();
  const suggested = search(
    rule,
    left,
    oneChange(bases, editsFor(clausesOf(file), file, parts.codes, parts.facts)),
    tried,
    parts,
  );
  const places = Map.groupBy(left, ({ slip }) => placeOfSlip(file, slip));
  for (const place of places.keys()) {
    if (place === undefined) continue;
    const edits = [...CONTEXTS, ...editsFor(clausesIn(place), file, parts.codes, parts.facts)];
    suggested.push(...search(rule, left, twoChanges(bases, edits), tried, parts));
  }
  return suggested;
}

/** Goes through charts until nothing is left, and takes out what each notices. */
function search(
  rule: CompiledRule,
  left: Set<CompiledMutant>,
  charts: Iterable<Shorthand>,
  tried: Set<string>,
  { ruleSet, codes }: Parts,
): Vector[] {
  const suggested: Vector[] = [];
  let count = 0;
  for (const chart of charts) {
    const key = JSON.stringify(Object.entries(chart).sort(([a], [b]) => (a < b ? -1 : 1)));
    if (left.size === 0 || count === MOST_CHARTS) break;
    if (tried.has(key)) continue;
    tried.add(key);
    count += 1;
    const judged = judgeChart(chart, codes, ruleSet);
    if (judged === undefined) continue;
    const outcome = outcomeOf(rule, judged, ruleSet);
    const promises = [...left].flatMap((mutant) => {
      const promise = difference(outcome, outcomeOf(mutant.rule, judged, mutant.ruleSet));
      if (promise === undefined) return [];
      left.delete(mutant);
      return [promise];
    });
    if (promises.length > 0) suggested.push(vectorOf(chart, outcome, promises));
  }
  return suggested;
}

function* oneChange(bases: readonly Shorthand[], edits: readonly Shorthand[]): Generator<Shorthand> {
  yield* bases;
  for (const base of bases) for (const edit of edits) yield edited(base, edit);
}

function* twoChanges(bases: readonly Shorthand[], edits: readonly Shorthand[]): Generator<Shorthand> {
  for (const base of bases.slice(0, PLAIN_BASES))
    for (const [at, first] of edits.entries())
      for (const second of edits.slice(at + 1)) yield edited(edited(base, first), second);
}

/** `undefined` takes a line out. */
function edited(base: Shorthand, edit: Shorthand): Shorthand {
  return Object.fromEntries(Object.entries({ ...base, ...edit }).filter(([, value]) => value !== undefined));
}

function plain(vector: Vector): Shorthand {
  return Object.fromEntries(Object.entries(vector).filter(([key]) => !PROMISE_KEYS.has(key))) as Shorthand;
}

interface CompiledMutant {
  readonly slip: string;
  readonly rule: CompiledRule;
  readonly ruleSet: RuleSet;
}

function compiled({ slip, file }: Mutant, ruleSet: RuleSet): CompiledMutant {
  const rule = compileRule(file);
  return { slip, rule, ruleSet: { ...ruleSet, byId: new Map([...ruleSet.byId, [rule.id, rule]]) } };
}

interface JudgedChart {
  readonly facts: Facts;
  readonly verdicts: readonly Verdict[];
}

/** Undefined when the shorthand can not say it, or no rule answers for such a patient. */
function judgeChart(chart: Shorthand, codes: CodeBook, ruleSet: RuleSet): JudgedChart | undefined {
  try {
    const { facts } = formFacts(vectorChart(chart, codes, VECTOR_NOON), ruleSet, VECTOR_NOON);
    if (guardOver(facts, VECTOR_NOON) !== undefined) return undefined;
    return { facts, verdicts: ruleSet.rules.map((rule) => verdictOf(rule, facts, VECTOR_NOON)) };
  } catch {
    return undefined;
  }
}

interface Outcome {
  readonly verdict: Vector['expect'];
  readonly tier?: Tier;
  readonly clears: boolean;
  readonly said: ReadonlySet<string>;
  readonly absorbed: ReadonlySet<string>;
}

function outcomeOf(rule: CompiledRule, { facts, verdicts }: JudgedChart, ruleSet: RuleSet): Outcome {
  const own = verdictOf(rule, facts, VECTOR_NOON);
  const all = verdicts.map((verdict) => (verdict.rule === rule.id ? own : verdict));
  const finding =
    own.verdict === 'fired' ? showing(rule.id, formFindings(all, facts, ruleSet, VECTOR_NOON)) : undefined;
  return {
    verdict: own.verdict as Vector['expect'],
    ...(own.tier && { tier: own.tier }),
    clears: rule.clearsWhen.truth(facts, VECTOR_NOON) === 'true',
    said: saidBy(finding),
    absorbed: new Set(finding?.absorbed),
  };
}

/** What a suggested vector tells besides verdict and tier. */
type Told = Partial<Pick<Vector, 'clears' | 'suggests' | 'suggestsNot' | 'absorbs' | 'absorbsNot'>>;

/** What a vector has to promise to tell the two apart; undefined when nothing would. */
function difference(is: Outcome, mutant: Outcome): Told | undefined {
  if (is.verdict !== mutant.verdict || is.tier !== mutant.tier) return {};
  if (is.clears !== mutant.clears) return { clears: is.clears };
  const only = (a: ReadonlySet<string>, b: ReadonlySet<string>) =>
    [...a].filter((one) => !b.has(one)).slice(0, 1);
  // What is taken in first: the advice that comes with it may be another rule's, and change with that rule.
  const promise = {
    absorbs: only(is.absorbed, mutant.absorbed),
    absorbsNot: only(mutant.absorbed, is.absorbed),
    suggests: only(is.said, mutant.said),
    suggestsNot: only(mutant.said, is.said),
  };
  const told = Object.entries(promise).find(([, list]) => list.length > 0);
  return told === undefined ? undefined : Object.fromEntries([told]);
}

function vectorOf(chart: Shorthand, outcome: Outcome, promises: readonly Told[]): Vector {
  const lists = ['suggests', 'suggestsNot', 'absorbs', 'absorbsNot'] as const;
  const told = lists.flatMap((key) => {
    const all = [...new Set(promises.flatMap((promise) => promise[key] ?? []))];
    return all.length === 0 ? [] : [[key, all] as const];
  });
  const clears = promises.some((promise) => promise.clears !== undefined) ? { clears: outcome.clears } : {};
  const tier = outcome.tier === undefined ? {} : { tier: outcome.tier };
  const vector = { ...chart, expect: outcome.verdict, ...tier, ...clears, ...Object.fromEntries(told) };
  return { says: sentenceOf(chart, vector as Vector), ...vector } as Vector;
}

/** `potassium 3.6 mmol/L: clear; closes an open alert`. */
function sentenceOf(chart: Shorthand, { expect, tier, clears, ...rest }: Vector): string {
  const given = Object.entries(chart).map(([key, value]) => {
    const words = [value].flat().join(' and ');
    return words === 'true' ? key.replaceAll('-', ' ') : `${key.replaceAll('-', ' ')} ${words}`;
  });
  const result = [
    tier === undefined ? expect : `fires ${tier}`,
    clears === undefined ? '' : clears ? 'closes an open alert' : 'keeps an open alert',
    rest.suggests === undefined ? '' : `with ${rest.suggests.join(', ')}`,
    rest.suggestsNot === undefined ? '' : `without ${rest.suggestsNot.join(', ')}`,
    rest.absorbs === undefined ? '' : `takes in ${rest.absorbs.join(', ')}`,
    rest.absorbsNot === undefined ? '' : `leaves out ${rest.absorbsNot.join(', ')}`,
  ].filter((words) => words !== '');
  return `${given.join(', ') || 'nothing recorded'}: ${result.join('; ')}`;
}
