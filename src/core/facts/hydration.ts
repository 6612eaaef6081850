/**
 * Facts about water and salt: calculated osmolarity, the laboratory and the reported picture of dehydration,
 * intake, heat, and who may not drink more.
 *
 * Source: wider rules A.5; clinical foundations 2.7 and 2.9.
 */
import { daysBetween } from '../../vocabulary/instant.ts';
import { anyPart, citing, countParts, present } from './counts.ts';
import { type Fact, isAbove, isBelow, isEqual, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import { INTAKE } from './intake.ts';
import { osmolarityCalculated } from './osmolarity.ts';
import { daysFact, wordsAbout } from './windows.ts';

const LAB_DAYS = 7; // A.5
const SODIUM_HIGH = 145; // mmol/L, A.5
const SODIUM_LOW = 135; // mmol/L, A.5
const OSMOLARITY_OLDER = 295; // mmol/L from 65 years, A.5; ESPEN 2022, verified
const OSMOLARITY_YOUNGER = 300; // mmol/L below 65 years, A.5; local
const OLDER = 65; // years, A.5
const RATIO_RAISED = 81; // SI, ureaRatioRaised, foundations 10

/** Is one of the three laboratory signs there? Its names say which. False only when sodium and ratio deny it. */
const dehydrationLab: Former = (source) => {
  const id = 'dehydration-lab';
  const sodium = within(source.fact('sodium'), source);
  const osmolarity = within(source.fact('osmolarity-calculated'), source);
  const ratio = within(source.fact('urea-creatinine-ratio'), source);
  const signs = [
    {
      fact: sodium,
      holds: isAbove(sodium, SODIUM_HIGH) === 'true',
      words: `sodium ${shown(sodium, 0)} mmol/L`,
    },
    {
      fact: osmolarity,
      holds: isOsmolarityHigh(osmolarity, source.fact('age')),
      words: `calculated osmolarity ${shown(osmolarity, 0)} mmol/L`,
    },
    {
      fact: ratio,
      holds: isEqual(source.fact('urea-ratio-raised'), true) === 'true' && ratio.state === 'known',
      words: `urea to creatinine ratio ${shown(ratio, 0)}`,
    },
  ];
  const held = signs.filter(({ holds }) => holds);
  if (held.length > 0) {
    const facts = held.map((sign) => sign.fact);
    return {
      concept: id,
      state: 'known',
      value: true,
      ...citing(facts),
      names: held.map(({ words }) => words),
    };
  }
  const inRange = isAbove(sodium, SODIUM_HIGH) === 'false' && isBelow(sodium, SODIUM_LOW) === 'false';
  const ratioIsLow = isAbove(ratio, RATIO_RAISED) === 'false' && sameTime(sodium, ratio);
  if (inRange && ratioIsLow && sodium.raisesOnly === undefined && ratio.raisesOnly === undefined)
    return { concept: id, state: 'known', value: false, ...citing([sodium, ratio]) };
  return unknownFact(id, 'needs', { missing: ['sodium', 'osmolarity-calculated', 'urea-creatinine-ratio'] });
};

function within(fact: Fact, source: FactSource): Fact {
  if (fact.at !== undefined && daysBetween(fact.at, source.now) <= LAB_DAYS) return fact;
  return fact.state === 'unknown' ? fact : unknownFact(fact.concept, 'stale', { from: fact.from });
}

/** Driven by glucose, or by urea with a low eGFR, it says nothing about water. */
function isOsmolarityHigh(osmolarity: Fact, age: Fact): boolean {
  if (osmolarity.notes.includes('glucose-or-urea-driven')) return false;
  const older = isBelow(age, OLDER) === 'false' && isAbove(osmolarity, OSMOLARITY_OLDER) === 'true';
  return older || isAbove(osmolarity, OSMOLARITY_YOUNGER) === 'true';
}

function sameTime(a: Fact, b: Fact): boolean {
  return a.at !== undefined && b.at !== undefined && Math.abs(daysBetween(a.at, b.at)) * 24 <= 1; // 1 h, A.5
}

function shown(fact: Fact, decimals: number): string {
  return fact.state === 'known' && typeof fact.value === 'number' ? fact.value.toFixed(decimals) : '';
}

const SYMPTOMS = ['thirst', 'dry-mouth', 'dark-urine', 'oliguria', 'reduced-fluid-intake'];
const SYMPTOM_WORDS = new Map([
  ['reduced-fluid-intake', 'drinking less'],
  ['oliguria', 'little urine'],
]);

/** Reported signs of drying out; tiredness counts beside another only. A range while some were not asked. */
const symptomCount: Former = (source) => {
  const id = 'dehydration-symptom-count';
  const counted = countParts(id, SYMPTOMS.map(present), source);
  const named = namedSymptoms(source);
  const tired = source.fact('fatigue');
  const low =
    counted.state === 'known' ? Number(counted.value) : (counted.state === 'bounded' && counted.low) || 0;
  const high = counted.state === 'bounded' ? (counted.high ?? low) : low;
  const more = isEqual(tired, true) === 'true' && low > 0 ? 1 : 0;
  const maybe = isEqual(tired, false) !== 'true' && high > 0 ? 1 : more;
  const cited = {
    ...counted,
    from: more ? [...new Set([...counted.from, ...tired.from])].sort() : counted.from,
  };
  const { concept, from, notes, at, raisesOnly } = cited;
  const base = {
    concept,
    from,
    notes,
    ...(at === undefined ? {} : { at }),
    ...(raisesOnly === undefined ? {} : { raisesOnly }),
    ...(named.length === 0 ? {} : { names: more ? [...named, 'fatigue'] : named }),
  };
  if (low + more === high + maybe) return { ...base, state: 'known', value: low + more };
  return { ...base, state: 'bounded', low: low + more, high: high + maybe };
};

/** The same as one number: those known, whatever was not asked. */
const symptomsReported: Former = (source) => {
  const count = source.fact('dehydration-symptom-count');
  const value = count.state === 'known' ? count.value : count.state === 'bounded' ? (count.low ?? 0) : 0;
  return { concept: 'dehydration-symptoms-reported', state: 'known', value, from: count.from, notes: [] };
};

function namedSymptoms(source: FactSource): string[] {
  return SYMPTOMS.filter((id) => isEqual(source.fact(id), true) === 'true').map(
    (id) => SYMPTOM_WORDS.get(id) ?? id.replaceAll('-', ' '),
  );
}

const DARK_FROM = 5; // of 8 on the chart, A.5
const GRAVITY_ABOVE = 1.02; // A.5

/** Dark by the chart, or a high specific gravity; only below 65 years. */
const urineDark: Former = (source) => {
  const id = 'urine-dark-by-chart';
  if (isBelow(source.fact('age'), OLDER) !== 'true') return unknownFact(id, 'not-applicable');
  const [chart, gravity] = [source.fact('urine-color'), source.fact('urine-specific-gravity')];
  const dark = isBelow(chart, DARK_FROM) === 'false';
  const dense = isAbove(gravity, GRAVITY_ABOVE) === 'true';
  const deciding = [...(dark ? [chart] : []), ...(dense ? [gravity] : [])];
  if (deciding.length > 0) return { concept: id, state: 'known', value: true, ...citing(deciding) };
  if (isBelow(chart, DARK_FROM) !== 'true' && isAbove(gravity, GRAVITY_ABOVE) !== 'false')
    return unknownFact(id, 'no-record');
  return { concept: id, state: 'known', value: false, ...citing([chart, gravity]) };
};

const HEAT_DAYS = 7; // A.5

/** Heat, or heavy sweating with hard exercise, within 7 days. */
const heatContext: Former = (source) => {
  const id = 'heat-context';
  const [heat, sweat, effort] = ['heat-exposure', 'heavy-or-salty-sweating', 'strenuous-exercise'].map(
    (fact) => recent(source.fact(fact), source),
  ) as [Fact, Fact, Fact];
  if (isEqual(heat, true) === 'true') return { ...heat, concept: id };
  if (isEqual(sweat, true) === 'true' && isEqual(effort, true) === 'true')
    return { concept: id, state: 'known', value: true, ...citing([sweat, effort]) };
  const pairIsOut = isEqual(sweat, true) === 'false' || isEqual(effort, true) === 'false';
  if (isEqual(heat, true) === 'false' && pairIsOut)
    return { concept: id, state: 'known', value: false, ...citing([heat]) };
  return unknownFact(id, 'needs', { missing: ['heat-exposure'] });
};

function recent(fact: Fact, source: FactSource): Fact {
  const fresh = fact.at !== undefined && daysBetween(fact.at, source.now) <= HEAT_DAYS;
  return fresh || fact.state === 'unknown' ? fact : unknownFact(fact.concept, 'stale', { from: fact.from });
}

/** Days since somebody last said yes to heat, or to heavy sweating. */
const heatExposureDays: Former = (source) => {
  const words = ['heat-exposure', 'heavy-or-salty-sweating']
    .flatMap((concept) => wordsAbout(source, concept))
    .filter(({ says }) => says === 'present');
  const newest = words.toSorted((a, b) => b.at.getTime() - a.at.getTime())[0];
  if (newest === undefined) return unknownFact('heat-exposure-days', 'no-record');
  return daysFact('heat-exposure-days', newest.at, [newest.source], source);
};

const HEAT_ILL = 39; // Cel, hy-heat-cramps

/** Hot, confused or fainted: never set aside because cramps are the usual ones. */
const heatIllnessSign: Former = (source) =>
  anyPart(
    'heat-illness-sign',
    [
      { fact: 'temperature-highest-48h', holds: (fact) => notBelow(fact, HEAT_ILL) },
      present('confusion'),
      present('syncope'),
    ],
    source,
  );

function notBelow(fact: Fact, limit: number): 'true' | 'false' | 'unknown' {
  const below = isBelow(fact, limit);
  return below === 'unknown' ? below : below === 'true' ? 'false' : 'true';
}

const RESTRICTED = [
  ['heart-failure', 'heart failure'],
  ['dialysis', 'dialysis'],
  ['cirrhosis-or-ascites', 'cirrhosis or ascites'],
  ['nephrotic-syndrome', 'nephrotic syndrome'],
  ['siadh', 'SIADH'],
  ['edema-leg-bilateral', 'leg oedema'],
] as const;

/** Why drinking more may harm, in its names. */
const fluidRestrictionReason: Former = (source) => {
  const whole = source.fact('fluid-restricted-context');
  const names = [
    ...RESTRICTED.filter(([fact]) => isEqual(source.fact(fact), true) === 'true').map(([, words]) => words),
    ...(isBelow(source.fact('egfr'), 30) === 'true' ? ['eGFR below 30'] : []), // foundations 2.9
  ];
  if (names.length === 0) return unknownFact('fluid-restriction-reason', 'no-record');
  return { ...whole, concept: 'fluid-restriction-reason', names };
};

/** Facts of the hydration rules, by id. */
export const HYDRATION: readonly (readonly [string, Former])[] = [
  ['osmolarity-calculated', osmolarityCalculated],
  ['dehydration-lab', dehydrationLab],
  ['dehydration-symptom-count', symptomCount],
  ['dehydration-symptoms-reported', symptomsReported],
  ['urine-dark-by-chart', urineDark],
  ['heat-context', heatContext],
  ['heat-exposure-days', heatExposureDays],
  ['heat-illness-sign', heatIllnessSign],
  ['fluid-restriction-reason', fluidRestrictionReason],
  ...INTAKE,
];
