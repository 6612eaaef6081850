/**
 * Which way a result gets worse for which rule, read from the rules themselves.
 *
 * A result is varied in an otherwise normal panel to see which facts it moves, and which way. A rule that
 * asks for "below" of a fact that rises with the result gets worse as the result falls, and so on.
 */
import { chartOf } from '../../../src/core/chart/chart.ts';
import type { ConceptFile } from '../../../src/core/concepts/concept-file.ts';
import type { Fact, FactId, Facts } from '../../../src/core/facts/fact.ts';
import { formFacts } from '../../../src/core/facts/form-facts.ts';
import type { CompiledClause, CompiledRule } from '../../../src/core/rules/compile.ts';
import { allClauses } from '../../../src/core/rules/explain.ts';
import { type Line, MEASURED, NOW, RULES, resourcesOf } from './generated-charts.ts';

/** 1: a higher result is worse for the rule; -1: a lower one. */
export type Direction = 1 | -1;
export interface Worsening {
  readonly rule: string;
  readonly concept: ConceptFile;
  readonly direction: Direction;
}

/** Every rule and result with one way to get worse, and in words those that have none. */
export function worsenings(): { readonly clear: readonly Worsening[]; readonly unclear: readonly string[] } {
  const clear: Worsening[] = [];
  const unclear: string[] = [];
  for (const concept of MEASURED) {
    const moved = movedBy(concept);
    for (const rule of RULES.rules) {
      const directions = directionsOf(rule, moved);
      const [direction] = directions;
      if (directions.size > 1 || direction === 0) unclear.push(`${rule.id}: ${concept.id}`);
      else if (direction !== undefined) clear.push({ rule: rule.id, concept, direction });
    }
  }
  return { clear, unclear };
}

/** 0: moves both ways. */
type Move = Direction | 0;

function directionsOf(rule: CompiledRule, moved: ReadonlyMap<FactId, Move>): Set<Move> {
  const directions = new Set<Move>();
  for (const clause of allClauses(rule.firesWhen)) {
    const [move, wants] = [moved.get(clause.fact), wantedBy(clause)];
    if (move !== undefined && wants !== undefined) directions.add((move * wants) as Move);
  }
  return directions;
}

/** Which way a fact must go for the clause to hold; undefined for clauses about the record. */
function wantedBy({ question: { operator, limit } }: CompiledClause): Move | undefined {
  switch (operator) {
    case 'below':
    case 'atMost':
      return -1;
    case 'above':
    case 'atLeast':
      return 1;
    case 'is':
      return typeof limit === 'boolean' ? (limit ? 1 : -1) : 0;
    case 'isIn':
    case 'active':
    case 'activeOrRecent':
      return 0;
    case 'hasNote':
    case 'lacksNote':
    case 'isKnown':
      return undefined;
  }
}

/** The facts that a result moves, alone or among normal results. */
function movedBy(concept: ConceptFile): Map<FactId, Move> {
  const moved = new Map<FactId, Move>();
  for (const others of [PANEL, []]) {
    const rows = valuesAcross(concept).map((value) =>
      factsOf([...others.filter(([id]) => id !== concept.id), [concept.id, `${value} ${concept.unit}`]]),
    );
    for (const id of new Set(rows.flatMap((row) => [...row.keys()]))) {
      const values = rows.map((row) => numberOf(row.get(id))).filter((value) => value !== undefined);
      const steps = values.slice(1).map((value, index) => value - (values[index] as number));
      const [up, down] = [steps.some((step) => step > 0), steps.some((step) => step < 0)];
      if ((up || down) && !moved.has(id)) moved.set(id, up && down ? 0 : up ? 1 : -1);
    }
  }
  return moved;
}

function factsOf(lines: readonly Line[]): Facts {
  return formFacts(chartOf(resourcesOf({ age: 55, sex: 'male', lines })), RULES, NOW).facts;
}

function numberOf(fact: Fact | undefined): number | undefined {
  if (fact?.state !== 'known' || typeof fact.value === 'string') return undefined;
  return Number(fact.value);
}

function valuesAcross(concept: ConceptFile): number[] {
  const [least, most] = concept.plausible ?? [0, 1];
  const { low, high } = concept.reference ?? {};
  const values = [
    least,
    ...(low === undefined ? [] : [low * 0.5, low * 0.8, low * 0.95]),
    usual(concept),
    ...(high === undefined ? [] : [high * 1.05, high * 1.3, high * 2, high * 6]),
    most,
  ];
  return values
    .filter((value) => value >= least && value <= most)
    .map((value) => Number(value.toPrecision(5)))
    .sort((a, b) => a - b);
}

/** A value inside the reference range. */
function usual({ plausible: [least, most] = [0, 1], reference: { low, high } = {} }: ConceptFile): number {
  if (low !== undefined && high !== undefined) return Number(((low + high) / 2).toPrecision(3));
  if (high !== undefined) return high * 0.8;
  return low === undefined ? (least + most) / 2 : low * 1.1;
}

const PANEL: readonly Line[] = MEASURED.map((concept) => [concept.id, `${usual(concept)} ${concept.unit}`]);
