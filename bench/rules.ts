/**
 * Rule evaluation beside its peers, in one run: stock json-rules-engine, cql-execution, zen-engine and rules written by
 * hand, on the same logic and the same facts; and decide() beside JSON.parse of the same chart.
 *
 * Peers answer which rules fire and no more. What is measured against them does the same: the closures decide and
 * json-rules-engine confirms what fired. Before the clock runs, all must have named the same rules on every chart.
 */
import cql from 'cql-execution';
import { chartOf } from '../src/core/chart/chart.ts';
import { decide } from '../src/core/decide.ts';
import type { Facts } from '../src/core/facts/fact.ts';
import { formFacts } from '../src/core/facts/form-facts.ts';
import type { CompiledRule } from '../src/core/rules/compile.ts';
import { confirmedAnswers, judge } from '../src/core/rules/judge.ts';
import type { RuleSet } from '../src/core/rules/rule-set.ts';
import { BY_HAND } from './by-hand.ts';
import { chartOfSize, fixtureCharts, NOON } from './charts.ts';
import { libraryOf } from './elm.ts';
import { type Contender, type Measured, measure, medianOf } from './measure.ts';
import { plainFacts } from './plain-facts.ts';
import { stockEngine } from './stock.ts';
import { columnsOf, tableOf } from './zen.ts';

export interface RuleFigures {
  readonly rules: number;
  readonly charts: number;
  /** How often a rule fires over all charts; the same for every contender. */
  readonly fired: { readonly allRules: number; readonly tenRules: number };
  readonly chartBytes: number;
  readonly measured: readonly Measured[];
  /** Of medians in this run. */
  readonly ratios: Readonly<Record<string, number>>;
}

/** Names the rules that fire on the facts of one chart. */
type Asks = (chart: number) => readonly string[] | Promise<readonly string[]>;

const CHART_SIZE = 60; // resources; the typical chart of the targets

export async function benchRules(ruleSet: RuleSet): Promise<RuleFigures> {
  const charts = fixtureCharts().map((resources) => chartOf(resources));
  const facts = charts.map((chart) => formFacts(chart, ruleSet, NOON).facts);
  const { rules } = ruleSet;
  const ten = rules.filter(({ id }) => BY_HAND[id] !== undefined);
  const allRules = {
    'closures alone': closures(rules, facts),
    'stock json-rules-engine': stock(rules, facts),
    'cql-execution': cqlExecution(rules, facts),
  };
  const tenRules = {
    'closures alone, ten rules': closures(ten, facts),
    'zen-engine, ten rules': zen(ten, facts),
    'by hand, ten rules': byHand(ten, facts),
  };
  const fired = {
    allRules: await firedByAll(allRules, charts.length),
    tenRules: await firedByAll(tenRules, charts.length),
  };
  const passes = Object.entries({ ...allRules, ...tenRules }).map(([name, asks]) =>
    passOver(name, charts.length, asks),
  );
  const text = JSON.stringify(chartOfSize(CHART_SIZE));
  const chart = chartOf(JSON.parse(text));
  const measured = await measure([
    ...passes,
    eachOf('ours, confirmed', facts, (each) => confirmedAnswers(rules, each, NOON)),
    eachOf('ours, confirmed, with every why', facts, (each) => judge(rules, each, NOON)),
    { name: 'decide', run: async () => void (await decide(chart, ruleSet, NOON, [])) },
    { name: 'facts of that chart', run: () => void formFacts(chart, ruleSet, NOON) },
    { name: 'JSON.parse of that chart', run: () => void JSON.parse(text) },
  ]);
  const over = (one: string, other: string): number =>
    round(medianOf(measured, one) / medianOf(measured, other));
  return {
    rules: rules.length,
    charts: charts.length,
    fired,
    chartBytes: text.length,
    measured,
    ratios: {
      'stock json-rules-engine / ours, confirmed': over('stock json-rules-engine', 'ours, confirmed'),
      'stock json-rules-engine / closures alone': over('stock json-rules-engine', 'closures alone'),
      'cql-execution / ours, confirmed': over('cql-execution', 'ours, confirmed'),
      'cql-execution / closures alone': over('cql-execution', 'closures alone'),
      'zen-engine / closures alone, ten rules': over('zen-engine, ten rules', 'closures alone, ten rules'),
      'closures alone / by hand, ten rules': over('closures alone, ten rules', 'by hand, ten rules'),
      'decide / JSON.parse': over('decide', 'JSON.parse of that chart'),
    },
  };
}

/** How many rules fired in all. @throws Error naming who disagrees: then the logic is not the same. */
async function firedByAll(contenders: Readonly<Record<string, Asks>>, charts: number): Promise<number> {
  let fired = 0;
  for (let chart = 0; chart < charts; chart++) {
    const said: [string, string][] = [];
    for (const [name, asks] of Object.entries(contenders))
      said.push([name, [...new Set(await asks(chart))].sort().join(' ')]);
    const [first] = said;
    const other = said.find(([, rules]) => rules !== first?.[1]);
    if (first !== undefined && other !== undefined)
      throw new Error(`chart ${chart}: ${first[0]} says "${first[1]}", ${other[0]} says "${other[1]}"`);
    fired += first?.[1].split(' ').filter((rule) => rule !== '').length ?? 0;
  }
  return fired;
}

function passOver(name: string, charts: number, asks: Asks): Contender {
  return {
    name,
    run: async () => {
      for (let chart = 0; chart < charts; chart++) {
        const answer = asks(chart);
        if (answer instanceof Promise) await answer;
      }
    },
  };
}

function eachOf(name: string, facts: readonly Facts[], ask: (facts: Facts) => Promise<unknown>): Contender {
  return {
    name,
    run: async () => {
      for (const each of facts) await ask(each);
    },
  };
}

function closures(rules: readonly CompiledRule[], facts: readonly Facts[]): Asks {
  return (chart) => {
    const seen = facts[chart] as Facts;
    const fired: string[] = [];
    for (const { id, firesWhen } of rules) if (firesWhen.truth(seen, NOON) === 'true') fired.push(id);
    return fired;
  };
}

function byHand(rules: readonly CompiledRule[], facts: readonly Facts[]): Asks {
  const inputs = facts.map((each) => plainFacts(rules, each, NOON));
  const written = Object.entries(BY_HAND);
  return (chart) => {
    const seen = inputs[chart] ?? {};
    const fired: string[] = [];
    for (const [id, fires] of written) if (fires(seen)) fired.push(id);
    return fired;
  };
}

function stock(rules: readonly CompiledRule[], facts: readonly Facts[]): Asks {
  const engine = stockEngine(rules);
  const inputs = facts.map((each) => plainFacts(rules, each, NOON));
  return async (chart) => {
    const { results } = await engine.run({ ...inputs[chart] });
    return results.map(({ name }) => String(name));
  };
}

function cqlExecution(rules: readonly CompiledRule[], facts: readonly Facts[]): Asks {
  const library = new cql.Library(libraryOf(rules));
  const inputs = facts.map((each) => plainFacts(rules, each, NOON));
  const nobody = new cql.PatientSource([]);
  return async (chart) => {
    const { unfilteredResults } = await new cql.Executor(library, undefined, inputs[chart]).exec(nobody);
    return rules.flatMap(({ id }) => (unfilteredResults[id] === true ? [id] : []));
  };
}

function zen(rules: readonly CompiledRule[], facts: readonly Facts[]): Asks {
  const table = tableOf(rules);
  const inputs = facts.map((each) => columnsOf(rules, plainFacts(rules, each, NOON)));
  return async (chart) => (await table(inputs[chart] ?? {})).map(({ rule }) => rule);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
