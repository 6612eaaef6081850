/**
 * Sodium as it is graded, signs of volume loss, and reasons not to drink more.
 *
 * Source: clinical foundations 2.7 and 2.9.
 */
import { daysBetween, HOUR, localDay } from '../../vocabulary/instant.ts';
import { anyOf, notOf, type Truth } from '../../vocabulary/truth.ts';
import { anyPart, citing, isActive, over, type Part, present, under } from './counts.ts';
import { type Fact, isBelow, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import type { Reading } from './reading.ts';

const GLUCOSE_MATTERS_ABOVE = 11; // mmol/L, foundations 2.9
const GLUCOSE_USUAL = 5.5; // mmol/L, foundations 2.9
const SODIUM_PER_GLUCOSE = 2.4; // mmol/L of sodium for each 5.5 mmol/L of glucose, foundations 2.9 (recalled)
const GLUCOSE_BESIDE = 6 * HOUR; // foundations 2.9

/** Sodium as it would be without the water that a high glucose draws in, mmol/L. */
export const sodiumGlucoseAdjusted: Former = (source) => {
  const id = 'sodium-glucose-adjusted';
  const sodium = source.fact('sodium');
  if (sodium.state !== 'known' || sodium.at === undefined)
    return unknownFact(id, 'needs', { missing: ['sodium'] });
  const glucose = glucoseBeside(sodium.at.getTime(), source);
  if (glucose === undefined) return unknownFact(id, 'needs', { missing: ['glucose-plasma'] });
  if (glucose.exact <= GLUCOSE_MATTERS_ABOVE)
    return unknownFact(id, 'not-applicable', { detail: 'glucose is not high', from: [glucose.source] });
  const adjusted =
    Number(sodium.value) + (SODIUM_PER_GLUCOSE * (glucose.exact - GLUCOSE_USUAL)) / GLUCOSE_USUAL;
  const { state: _, value: __, ...cited } = sodium;
  return {
    ...cited,
    concept: id,
    state: 'known',
    value: Math.round(adjusted * 10) / 10, // within the tolerance of formulas, foundations 1.1
    from: [...new Set([...sodium.from, glucose.source])].sort(),
    notes: [...sodium.notes, 'glucose-adjusted'],
  };
};

/** The countable, exact glucose nearest in time. */
function glucoseBeside(at: number, source: FactSource): (Reading & { exact: number }) | undefined {
  const distance = (reading: Reading): number => Math.abs(reading.at.getTime() - at);
  return source
    .readings('glucose-plasma')
    .filter(
      (reading): reading is Reading & { exact: number } =>
        reading.exact !== undefined &&
        reading.comparator === undefined &&
        reading.problem === undefined &&
        reading.status !== 'preliminary' &&
        distance(reading) <= GLUCOSE_BESIDE,
    )
    .sort((a, b) => distance(a) - distance(b) || (a.source < b.source ? -1 : 1))[0];
}

/** The sodium that rules on low sodium read: adjusted for glucose where that is defined. */
export const sodiumForGrading: Former = (source) => {
  const adjusted = source.fact('sodium-glucose-adjusted');
  return {
    ...(adjusted.state === 'known' ? adjusted : source.fact('sodium')),
    concept: 'sodium-for-grading',
  };
};

const RATIO_RAISED = 81; // SI, setting ureaRatioRaised, foundations 2.7
const RATIO_NEEDS_EGFR_FROM = 30; // mL/min/1.73 m2; below it the ratio says nothing of water, foundations 2.7

/** A raised urea ratio read as loss of water: not on a corticosteroid, not with a very low eGFR. */
export const ureaRatioRaised: Former = (source) => {
  const id = 'urea-ratio-raised';
  const [ratio, egfr] = [source.fact('urea-creatinine-ratio'), source.fact('egfr')];
  const other = anyOf([
    isActive(source.fact('drug.corticosteroid-systemic')),
    isBelow(egfr, RATIO_NEEDS_EGFR_FROM),
  ]);
  if (other === 'true') return unknownFact(id, 'not-applicable', { from: ratio.from });
  return truthFact(id, notOf(isBelow(ratio, RATIO_RAISED)), [ratio]);
};

/** Signs of volume loss. Source of the list and its limits: foundations 2.9. */
const VOLUME_PARTS: readonly Part[] = [
  ...['vomiting', 'diarrhea', 'reduced-fluid-intake', 'thirst', 'dry-mouth', 'oliguria'].map(present),
  present('urea-ratio-raised'),
  over('heart-rate', 100), // per minute
  under('systolic-blood-pressure', 100), // mm[Hg]
];

/** Two or more signs of volume loss. */
export const volumeDown: Former = (source) => {
  const seen = VOLUME_PARTS.map((part) => {
    const fact = source.fact(part.fact);
    return { fact, truth: part.holds(fact) };
  });
  const held = seen.filter(({ truth }) => truth === 'true').map(({ fact }) => fact);
  const possible = seen.filter(({ truth }) => truth !== 'false').length;
  if (held.length < 2 && possible >= 2)
    return unknownFact('volume-down', 'needs', {
      missing: seen.filter(({ truth }) => truth === 'unknown').map(({ fact }) => fact.concept),
    });
  return { concept: 'volume-down', state: 'known', value: held.length >= 2, ...citing(held) };
};

/** More fluid may harm. Source of the list: foundations 2.9. */
export const fluidRestrictedContext: Former = (source) =>
  anyPart(
    'fluid-restricted-context',
    [
      ...['heart-failure', 'dialysis', 'cirrhosis-or-ascites', 'nephrotic-syndrome', 'siadh'].map(present),
      present('edema-leg-bilateral'),
      under('egfr', 30), // mL/min/1.73 m2
      under('sodium', 130), // mmol/L
    ],
    source,
  );

const PRESSURE_HIGH = { systolic: 140, diastolic: 90 }; // mm[Hg], rule rn-kidney-check-gap
const PRESSURE_DAYS = 365; // foundations 1.1, trend of blood pressure

/** Blood pressure of 140/90 or more on two different days of the last year. */
export const bloodPressureHighTwoDays: Former = (source) => {
  const id = 'blood-pressure-high-two-days';
  const measured = ['systolic', 'diastolic'].flatMap((part) =>
    source
      .readings(`${part}-blood-pressure`)
      .filter((reading) => isCountable(reading) && daysBetween(reading.at, source.now) <= PRESSURE_DAYS)
      .map((reading) => ({ ...reading, limit: PRESSURE_HIGH[part as keyof typeof PRESSURE_HIGH] })),
  );
  const newest = measured.toSorted((a, b) => b.at.getTime() - a.at.getTime())[0];
  if (newest === undefined) return unknownFact(id, 'no-record');
  const high = measured.filter(({ value, limit }) => Number(value) >= limit);
  const days = new Set(high.map(({ at }) => localDay(at, source.settings.homeTimeZone).join('-')));
  const from = [...new Set((high.length > 0 ? high : [newest]).map((reading) => reading.source))].sort();
  return { concept: id, state: 'known', value: days.size >= 2, from, notes: [], at: newest.at };
};

function isCountable({ value, comparator, problem, status }: Reading): boolean {
  return value !== undefined && comparator === undefined && problem === undefined && status !== 'preliminary';
}

function truthFact(id: string, truth: Truth, facts: readonly Fact[]): Fact {
  if (truth === 'unknown') return unknownFact(id, 'needs', { missing: facts.map(({ concept }) => concept) });
  return { concept: id, state: 'known', value: truth === 'true', ...citing(facts) };
}

export const FLUID_AND_SALT: readonly (readonly [string, Former])[] = [
  ['sodium-glucose-adjusted', sodiumGlucoseAdjusted],
  ['sodium-for-grading', sodiumForGrading],
  ['urea-ratio-raised', ureaRatioRaised],
  ['volume-down', volumeDown],
  ['fluid-restricted-context', fluidRestrictedContext],
  ['blood-pressure-high-two-days', bloodPressureHighTwoDays],
];
