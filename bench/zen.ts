/**
 * Our rules as a decision table, the form in which zen-engine is fastest: a row for each way a rule can fire.
 */
import { ZenEngine } from '@gorules/zen-engine';
import type { Compiled, CompiledClause, CompiledRule } from '../src/core/rules/compile.ts';
import { factsAskedBy, type PlainFacts } from './plain-facts.ts';

/** Answers with the ids of the rules that fire, one for each row that holds. */
export type Table = (columns: PlainFacts) => Promise<readonly { readonly rule: string }[]>;

/** @throws Error for a rule that tests one fact twice in one row, or with an operator that has no cell. */
export function tableOf(rules: readonly CompiledRule[]): Table {
  const names = columnNames(rules);
  const table = {
    hitPolicy: 'collect',
    inputs: names.map((name, index) => ({ id: `f${index}`, name, field: `f${index}` })),
    outputs: [{ id: 'rule', name: 'rule', field: 'rule' }],
    rules: rules.flatMap((rule) =>
      waysOf(rule.firesWhen).map((way, index) => {
        const cells = cellsOf(way);
        const inputs = names.map((name, at) => [`f${at}`, cells.get(name) ?? '']);
        return { _id: `${rule.id} ${index}`, ...Object.fromEntries(inputs), rule: JSON.stringify(rule.id) };
      }),
    ),
  };
  const decision = new ZenEngine().createDecision({
    nodes: [
      { id: 'in', type: 'inputNode', name: 'in' },
      { id: 'table', type: 'decisionTableNode', name: 'table', content: table },
      { id: 'out', type: 'outputNode', name: 'out' },
    ],
    edges: [
      { id: 'a', sourceId: 'in', targetId: 'table', type: 'edge' },
      { id: 'b', sourceId: 'table', targetId: 'out', type: 'edge' },
    ],
  });
  return async (columns) => (await decision.evaluate(columns)).result;
}

/** The facts under the names of the columns; ids of facts are no names in its language. */
export function columnsOf(rules: readonly CompiledRule[], facts: PlainFacts): PlainFacts {
  return Object.fromEntries(columnNames(rules).map((name, index) => [`f${index}`, facts[name] ?? null]));
}

function columnNames(rules: readonly CompiledRule[]): string[] {
  return factsAskedBy(rules).flatMap((fact) => [fact, `${fact} age`, `${fact} notes`]);
}

/** Every set of clauses that together make the condition true. */
function waysOf(condition: Compiled): CompiledClause[][] {
  if (condition.kind === 'clause') return [[condition]];
  const parts = condition.parts.map(waysOf);
  if (condition.kind === 'any') return parts.flat();
  return parts.reduce((ways, more) => ways.flatMap((way) => more.map((other) => [...way, ...other])), [[]]);
}

function cellsOf(way: readonly CompiledClause[]): Map<string, string> {
  const cells = new Map<string, string>();
  for (const { fact, question } of way) {
    const { operator, limit, withinDays } = question;
    const name = operator === 'hasNote' ? `${fact} notes` : fact;
    if (cells.has(name)) throw new Error(`two tests of ${name} in one row`);
    cells.set(name, cellOf(operator, limit));
    if (withinDays !== undefined) cells.set(`${fact} age`, `<= ${withinDays}`);
  }
  return cells;
}

const COMPARISON: Readonly<Record<string, string>> = { below: '<', atMost: '<=', above: '>', atLeast: '>=' };

function cellOf(operator: string, limit: unknown): string {
  const comparison = COMPARISON[operator];
  if (comparison !== undefined) return `${comparison} ${limit}`;
  switch (operator) {
    case 'is':
      return JSON.stringify(limit);
    case 'active':
      return limit === true ? '"taking", "prescribed"' : '$ != null and $ not in ["taking", "prescribed"]';
    case 'activeOrRecent':
      return '"taking", "prescribed", "recent"';
    case 'isKnown':
      return limit === true ? '$ != null' : '$ == null';
    case 'hasNote':
      return `contains($, ${JSON.stringify(limit)})`;
    default:
      throw new Error(`no cell for the operator ${operator}`);
  }
}
