/**
 * From a reported unit to the canonical one, analyte first.
 *
 * Why: the same string means different things for different analytes (1 mEq/L is 0.5 mmol/L of
 * magnesium and 1 mmol/L of potassium; `F` is a temperature here and a farad in UCUM; `Mg/dL` is a
 * typing habit here and a megagram there). So each concept lists the spellings it is reported in, and
 * every other spelling, or none, is no answer.
 */
import type { ConceptId, UnitText } from './concept.ts';
import type { ConceptFile, Conversion } from './concept-file.ts';

type Units = ReadonlyMap<string, Conversion | 'refused'>;
export type UnitTable = ReadonlyMap<ConceptId, Units>;

/** Spellings of the UCUM system that arrive in real feeds. */
const UCUM = new Set([
  'http://unitsofmeasure.org',
  'https://unitsofmeasure.org',
  'http://ucum.org',
  'https://ucum.org',
  'urn:iso:std:iso:3986',
  'urn:oid:2.16.840.1.113883.6.8',
]);

const FORMULAS = {
  /** Fahrenheit to Celsius, by definition of the scales. */
  fahrenheit: (value) => (value - 32) / 1.8,
  /** HbA1c, NGSP % to IFCC mmol/mol: the NGSP master equation, ngsp.org/ifcc. */
  'ngsp-percent': (value) => 10.929 * (value - 2.15),
} as const satisfies Record<Exclude<Conversion, number>, (value: number) => number>;

export function unitTableOf(files: readonly ConceptFile[]): UnitTable {
  return new Map(
    files.flatMap(({ id, units, refusedUnits }) => {
      if (units === undefined) return [];
      const refused = (refusedUnits ?? []).map((unit) => [unit, 'refused'] as const);
      return [[id, new Map<string, Conversion | 'refused'>([...Object.entries(units), ...refused])] as const];
    }),
  );
}

/**
 * Value in the canonical unit of the concept, not rounded. The code is read first where its system is
 * UCUM or not given; where it does not answer, the text of the unit is.
 *
 * @returns undefined when this analyte is not reported in this unit, when the unit is refused, and when
 *   there is none: a number without a unit is never guessed. Only plain ratios list `''`, no unit.
 */
export function convert(
  table: UnitTable,
  concept: ConceptId,
  value: number,
  text: UnitText,
): number | undefined {
  const units = table.get(concept);
  if (units === undefined || !Number.isFinite(value)) return undefined;
  const unitless = !text.code?.trim() && !text.unit?.trim();
  const conversion = unitless
    ? units.get('')
    : (conversionBy(units, isUcum(text.system) ? text.code : undefined) ?? conversionBy(units, text.unit));
  if (conversion === undefined || conversion === 'refused') return undefined;
  if (conversion === 1) return value;
  return withoutNoise(typeof conversion === 'number' ? value * conversion : FORMULAS[conversion](value));
}

/** 800 U/L written as 13.3333... ukat/L is 800 again, not 799.9999999999999, and still at least 4 times 200. */
function withoutNoise(value: number): number {
  return Number(value.toPrecision(12));
}

function conversionBy(units: Units, spelling: string | undefined): Conversion | 'refused' | undefined {
  const trimmed = spelling?.trim();
  return trimmed ? units.get(trimmed) : undefined;
}

function isUcum(system: string | undefined): boolean {
  return system === undefined || UCUM.has(system.trim().toLowerCase().replace(/\/+$/, ''));
}
