/**
 * Rule evaluation beside its peers, in one run: stock json-rules-engine, cql-execution on the same logic,
 * and ten rules written by hand; and decide() beside JSON.parse of the same chart.
 */
import cql from 'cql-execution';
import { Engine } from 'json-rules-engine';
import { chartOf } from '../src/core/chart/chart.ts';
import { decide } from '../src/core/decide.ts';
import { type Facts, factOf } from '../src/core/facts/fact.ts';
import { formFacts } from '../src/core/facts/form-facts.ts';
import type { Compiled, CompiledRule } from '../src/core/rules/compile.ts';
import { allClauses } from '../src/core/rules/explain.ts';
import { judge } from '../src/core/rules/judge.ts';
import type { RuleSet } from '../src/core/rules/rule-set.ts';
import { BY_HAND, type Plain } from './by-hand.ts';
import { chartOfSize, fixtureCharts, NOON } from './charts.ts';
import { libraryOf, parametersOf, plain } from './elm.ts';
import { type Contender, type Measured, measure, medianOf } from './measure.ts';

export interface RuleFigures {
  readonly rules: number;
  readonly charts: number;
  readonly measured: readonly Measured[];
  /** Ratios against ours, medians; above 1 means the peer takes longer. */
  readonly ratios: Readonly<Record<string, number>>;
}

const CHART_SIZE = 60; // resources; the typical chart of the targets

export async function benchRules(ruleSet: RuleSet): Promise<RuleFigures> {
  const charts = fixtureCharts().map((resources) => chartOf(resources));
  const facts = charts.map((chart) => formFacts(chart, ruleSet, NOON).facts);
  const ten = ruleSet.rules.filter(({ id }) => BY_HAND[id] !== undefined);
  const measured = await measure([
    ours('ours', ruleSet.rules, facts),
    stock('stock json-rules-engine', ruleSet.rules, facts),
    cqlExecution('cql-execution', ruleSet.rules, facts),
    ours('ours, ten rules', ten, facts),
    byHand('by hand, ten rules', facts),
    ...(await wholeDecision(ruleSet)),
  ]);
  const over = (peer: string, own: string): number =>
    round(medianOf(measured, peer) / medianOf(measured, own));
  return {
    rules: ruleSet.rules.length,
    charts: charts.length,
    measured,
    ratios: {
      'stock json-rules-engine / ours': over('stock json-rules-engine', 'ours'),
      'cql-execution / ours': over('cql-execution', 'ours'),
      'ours / by hand (ten rules)': over('ours, ten rules', 'by hand, ten rules'),
      'decide / JSON.parse': over('decide', 'JSON.parse of the chart'),
    },
  };
}

/** The closures that decide, and json-rules-engine confirming what fired. */
function ours(name: string, rules: readonly CompiledRule[], facts: readonly Facts[]): Contender {
  return {
    name,
    run: async () => {
      for (const each of facts) await judge(rules, each, NOON);
    },
  };
}

/** One Engine, made once and used again, as its documentation recommends; plain values as facts. */
function stock(name: string, rules: readonly CompiledRule[], facts: readonly Facts[]): Contender {
  const engine = new Engine([], { allowUndefinedFacts: true });
  engine.addOperator(
    'lessThanOrUnknown',
    (value: unknown, limit: number) => typeof value === 'number' && value < limit,
  );
  engine.addOperator('oneOf', (value: unknown, list: readonly unknown[]) => list.includes(value));
  engine.addOperator('isAbsent', (value: unknown, absent: boolean) => (value === null) === absent);
  for (const rule of rules)
    engine.addRule({
      name: rule.id,
      conditions: stockCondition(rule.firesWhen, true) as never,
      event: { type: rule.id },
    });
  const inputs = facts.map((each) => plainFacts(rules, each));
  return {
    name,
    run: async () => {
      for (const input of inputs) await engine.run({ ...input });
    },
  };
}

const STOCK_COMPARISON: Readonly<Record<string, string>> = {
  below: 'lessThan',
  atMost: 'lessThanInclusive',
  above: 'greaterThan',
  atLeast: 'greaterThanInclusive',
};

function stockCondition(condition: Compiled, top = false): object {
  if (condition.kind !== 'clause')
    return { [condition.kind]: condition.parts.map((part) => stockCondition(part)) };
  const { fact, question } = condition;
  const clause = { fact, ...stockOperator(question.operator, question.limit) };
  return top ? { all: [clause] } : clause;
}

function stockOperator(operator: string, limit: unknown): object {
  const comparison = STOCK_COMPARISON[operator];
  if (comparison !== undefined) return { operator: comparison, value: limit };
  switch (operator) {
    case 'active':
      return { operator: 'oneOf', value: ['taking', 'prescribed'] };
    case 'activeOrRecent':
      return { operator: 'oneOf', value: ['taking', 'prescribed', 'recent'] };
    case 'isIn':
      return { operator: 'oneOf', value: limit };
    case 'isKnown':
      return { operator: 'isAbsent', value: limit === false };
    default:
      return { operator: 'equal', value: limit };
  }
}

function plainFacts(rules: readonly CompiledRule[], facts: Facts): Record<string, Plain[string]> {
  const names = new Set(rules.flatMap((rule) => allClauses(rule.firesWhen).map(({ fact }) => fact)));
  return Object.fromEntries([...names].map((name) => [name, plain(factOf(facts, name))]));
}

function cqlExecution(name: string, rules: readonly CompiledRule[], facts: readonly Facts[]): Contender {
  const library = new cql.Library(libraryOf(rules));
  const inputs = facts.map((each) => parametersOf(rules, each, NOON));
  const nobody = new cql.PatientSource([]);
  return {
    name,
    run: async () => {
      for (const input of inputs) await new cql.Executor(library, undefined, input).exec(nobody);
    },
  };
}

function byHand(name: string, facts: readonly Facts[]): Contender {
  const inputs = facts.map((each) => Object.fromEntries([...each].map(([id, fact]) => [id, plain(fact)])));
  const rules = Object.values(BY_HAND);
  return {
    name,
    run: () => {
      for (const input of inputs) for (const rule of rules) sink(rule(input));
    },
  };
}

let fired = 0;
/** What is computed must be used, or the compiler leaves it out. */
function sink(hit: boolean): void {
  if (hit) fired += 1;
  if (fired < 0) throw new Error('never');
}

/** From a parsed chart to a decision, beside parsing that chart. */
async function wholeDecision(ruleSet: RuleSet): Promise<Contender[]> {
  const resources = chartOfSize(CHART_SIZE);
  const text = JSON.stringify(resources);
  const chart = chartOf(resources);
  return [
    { name: 'decide', run: async () => void (await decide(chart, ruleSet, NOON, [])) },
    { name: 'JSON.parse of the chart', run: () => void JSON.parse(text) },
  ];
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
