/**
 * Osmolarity as it is calculated from four results of one specimen.
 *
 * Source: wider rules A.5.
 */
import { daysBetween, HOUR } from '../../vocabulary/instant.ts';
import { type Fact, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import type { Reading } from './reading.ts';
import { isPlainNumber } from './windows.ts';

const SAME_SPECIMEN = HOUR; // A.5: one specimen, or within 1 h
const LOOKBACK_DAYS = 14; // sodium, urea; foundations 1.1
const GLUCOSE_DRIVEN = 11; // mmol/L, A.5
const UREA_DRIVEN = { urea: 10, egfr: 60 } as const; // mmol/L with mL/min/1.73 m2, A.5

type Value = Reading & { readonly value: number };

/** Usable values of one analyte under any of its names; a haemolysed potassium is not one. */
function values(source: FactSource, ...concepts: string[]): Value[] {
  return concepts
    .flatMap((concept) => source.readings(concept))
    .filter(isPlainNumber)
    .filter(({ at, haemolysed, concept }) => {
      const spoilt = haemolysed === 'true' && concept.startsWith('potassium');
      return daysBetween(at, source.now) <= LOOKBACK_DAYS && !spoilt;
    })
    .sort((a, b) => a.at.getTime() - b.at.getTime());
}

/** The newest set in which every analyte was measured within the hour. */
function newestTogether(sets: readonly (readonly Value[])[]): Value[] | undefined {
  const [first = [], ...others] = sets;
  for (const value of first.toReversed()) {
    const beside = others.map((set) =>
      set.findLast(({ at }) => Math.abs(at.getTime() - value.at.getTime()) <= SAME_SPECIMEN),
    );
    if (!beside.includes(undefined)) return [value, ...(beside as Value[])];
  }
  return undefined;
}

function formed(
  id: string,
  value: number,
  rest: { unit?: string; notes?: string[] },
  parts: readonly Value[],
): Fact {
  const preliminary = parts.some(({ status }) => status === 'preliminary');
  return {
    concept: id,
    state: 'known',
    value,
    decimals: 0,
    from: [...new Set(parts.map(({ source }) => source))].sort(),
    at: (parts[0] as Value).at,
    ...(rest.unit === undefined ? {} : { unit: rest.unit }),
    notes: [...(rest.notes ?? []), ...(preliminary ? ['preliminary'] : [])],
    ...(preliminary ? { raisesOnly: true as const } : {}),
  };
}

/** 1.86 x (sodium + potassium) + 1.15 x glucose + urea + 14, mmol/L. Source: A.5. */
export const osmolarityCalculated: Former = (source) => {
  const id = 'osmolarity-calculated';
  const together = newestTogether([
    values(source, 'sodium-serum', 'sodium-blood'),
    values(source, 'potassium-serum', 'potassium-blood'),
    values(source, 'glucose-plasma'),
    values(source, 'urea-serum', 'urea-nitrogen-serum'),
  ]);
  if (together === undefined)
    return unknownFact(id, 'needs', { missing: ['sodium', 'potassium', 'glucose-plasma', 'urea'] });
  const [sodium, potassium, glucose, urea] = together.map(({ exact, value }) => exact ?? value) as [
    number,
    number,
    number,
    number,
  ];
  const egfr = source.fact('egfr');
  const reduced = egfr.state === 'known' && Number(egfr.value) < UREA_DRIVEN.egfr;
  const driven = glucose > GLUCOSE_DRIVEN || (urea > UREA_DRIVEN.urea && reduced);
  const osmolarity = 1.86 * (sodium + potassium) + 1.15 * glucose + urea + 14;
  return formed(
    id,
    osmolarity,
    { unit: 'mmol/L', notes: driven ? ['glucose-or-urea-driven'] : [] },
    together,
  );
};
