/**
 * Random charts that most rules have something to say about.
 *
 * A chart is a mixture of promised cases (the vectors beside the rules) and of single lines in their
 * shorthand: results, conditions, medicines and answers of every concept. So it is written as FHIR like any
 * vector, and a counter-example is printed in words that a clinician can read.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Resource } from '@medplum/fhirtypes';
import fc from 'fast-check';
import { chartOf } from '../../../src/core/chart/chart.ts';
import type { ConceptFile } from '../../../src/core/concepts/concept-file.ts';
import { decide } from '../../../src/core/decide.ts';
import type { Decision } from '../../../src/core/decision.ts';
import { readCodeBook } from '../../../src/rule-files/code-book.ts';
import { readCheckedRuleSet } from '../../../src/rule-files/read-rule-set.ts';
import { PROMISE_KEYS, type Vector } from '../../../src/rule-files/rule-schema.ts';
import { VECTOR_NOON } from '../../../src/rule-files/run-vectors.ts';
import { vectorChart } from '../../../src/rule-files/vector-chart.ts';

const FOLDER = fileURLToPath(new URL('../../../rules', import.meta.url));
export const { ruleSet: RULES, vectors: VECTORS } = readCheckedRuleSet(FOLDER);
export const CODES = readCodeBook(join(FOLDER, 'concepts'));
export const NOW = VECTOR_NOON;

/** Every law: 1,000 charts, the same ones each time; another seed with `SEED=7 npm test -- tests/core/laws`. */
export const RUNS = { numRuns: 1000, seed: Number(process.env.SEED ?? 20260512), verbose: 1 } as const;

/** One thing said of the patient: `['potassium', '3.2 mmol/L']`. */
export type Line = readonly [key: string, value: string | number | boolean];
export interface Story {
  readonly age: string | number;
  readonly sex: string;
  readonly lines: readonly Line[];
}

/** The resources of a story; ids follow the order of its lines. */
export function resourcesOf({ age, sex, lines }: Story): Resource[] {
  const vector: Record<string, unknown> = { says: 'generated', expect: 'clear', age, sex };
  for (const [key, value] of lines) vector[key] = [...((vector[key] as unknown[]) ?? []), value];
  return [...vectorChart(vector as Vector, CODES, NOW).resources];
}

export function decideOn(resources: readonly Resource[]): Promise<Decision> {
  return decide(chartOf(resources), RULES, NOW, []);
}

export function linesOf(vector: Vector): Line[] {
  return Object.entries(vector)
    .filter(([key]) => !PROMISE_KEYS.has(key) && key !== 'age' && key !== 'sex')
    .flatMap(([key, value]) => [value].flat().map((one) => [key, one] as Line));
}

const CASES = [...VECTORS.values()].flat();
/** Results with a unit and a plausible range. */
export const MEASURED = CODES.files.filter(
  ({ kind, unit, plausible, id }) =>
    kind === 'observation' && unit !== undefined && plausible !== undefined && isSayable([id, `1 ${unit}`]),
);
const PRESENT = CODES.files.filter(
  ({ kind, unit, id }) =>
    (kind === 'condition' || kind === 'observation') && unit === undefined && isSayable([id, true]),
);
const INGREDIENTS = [
  ...new Set(
    CODES.files
      .filter(({ kind }) => kind === 'medication')
      .flatMap(({ codes = [], ingredients = [] }) => [
        ...codes.flatMap(({ system, level, ingredient }) =>
          system === 'rxnorm' && level === 'IN' && ingredient !== undefined ? [ingredient] : [],
        ),
        ...ingredients.map(({ name }) => name),
      ]),
  ),
].filter((name) => isSayable([name, 'active']));

function isSayable(line: Line): boolean {
  try {
    return resourcesOf({ age: 55, sex: 'female', lines: [line] }).length > 0;
  } catch {
    return false;
  }
}

/** A value as it is reported, in the canonical unit: half of them around the reference range. */
export function valuesOf({ plausible = [0, 1], reference = {}, decimals = 0 }: ConceptFile) {
  const scale = 10 ** decimals;
  const [low, high] = plausible.map((end) => Math.round(end * scale)) as [number, number];
  const near = [reference.low, reference.high].flatMap((end) =>
    end === undefined
      ? []
      : [
          fc.integer({
            min: Math.max(low, Math.round(end * scale * 0.6)),
            max: Math.min(high, Math.round(end * scale * 1.6)),
          }),
        ],
  );
  return fc.oneof(fc.integer({ min: low, max: high }), ...near).map((whole) => whole / scale);
}

const days = fc.constantFrom('', '', ', 3 h ago', ', 2 days ago', ', 8 days ago', ', 40 days ago');
const quality = fc.constantFrom('', '', '', ' haemolysed', ' preliminary', ' corrected');
const result = fc
  .constantFrom(...MEASURED)
  .chain((concept) =>
    fc
      .tuple(valuesOf(concept), quality, days)
      .map(([value, how, ago]): Line => [concept.id, `${value} ${concept.unit}${how}${ago}`]),
  );
const present = fc
  .tuple(fc.constantFrom(...PRESENT), fc.constantFrom(true, true, false))
  .map(([{ id }, is]): Line => [id, is]);
const medicine = fc
  .tuple(
    fc.constantFrom(...INGREDIENTS),
    fc.constantFrom('active', 'active', 'active, 5 days', 'ordered', 'stopped 14 days ago', 'on-hold'),
  )
  .map(([name, how]): Line => [name, how]);
const promised = fc.constantFrom(...CASES.flatMap(linesOf));
export const line: fc.Arbitrary<Line> = fc.oneof(
  { arbitrary: promised, weight: 2 },
  { arbitrary: result, weight: 2 },
  present,
  medicine,
);

/** Up to two promised cases in one patient, with up to six lines more. */
export const story: fc.Arbitrary<Story> = fc
  .record({
    cases: fc.array(fc.constantFrom(...CASES), { minLength: 1, maxLength: 2 }),
    more: fc.array(line, { maxLength: 6 }),
    otherAge: fc.option(fc.integer({ min: 16, max: 99 }), { freq: 4, nil: undefined }),
  })
  .map(({ cases, more, otherAge }) => ({
    age: otherAge ?? ((cases[0]?.age ?? 55) as string | number),
    sex: (cases[0]?.sex ?? 'male') as string,
    lines: [...cases.flatMap(linesOf), ...more],
  }));
