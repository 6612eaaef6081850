/**
 * Signs that make a kidney test worth while, and cramps during dialysis.
 *
 * Source: core rules rn-kidney-check-gap and rn-dialysis-cramps; resolution 27.
 */
import { daysBetween } from '../../vocabulary/instant.ts';
import { citing } from './counts.ts';
import { isEqual, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import { named } from './kidney-course.ts';

/** Each is enough. */
const SIGNS = [
  'foamy-urine',
  'oliguria',
  'polyuria',
  'edema-leg-bilateral',
  'edema-hand',
  'metallic-taste',
  'blood-pressure-high-two-days',
];
/** Two of these are enough. */
const WEAK_SIGNS = ['fatigue', 'nausea', 'weight-change-unexplained'];
/** Enough for a yearly test only. */
const CONDITIONS = ['hypertension', 'diabetes-mellitus'];

/** True with a sign, two weak ones, or a condition; the note `condition-only` says that no sign is behind it. */
export const kidneyWarningFeature: Former = (source) => {
  const id = 'kidney-warning-feature';
  const [signs, weak, conditions] = [SIGNS, WEAK_SIGNS, CONDITIONS].map((ids) => held(ids, source)) as [
    string[],
    string[],
    string[],
  ];
  const counted = [...signs, ...(weak.length >= 2 ? weak : [])];
  const all = [...counted, ...conditions];
  if (all.length > 0) {
    const fact = {
      concept: id,
      state: 'known' as const,
      value: true,
      ...citing(all.map((each) => source.fact(each))),
    };
    return named(counted.length > 0 ? fact : { ...fact, notes: ['condition-only'] }, all);
  }
  const asked = [...SIGNS, ...WEAK_SIGNS, ...CONDITIONS];
  const open = asked.filter((each) => isEqual(source.fact(each), true) === 'unknown');
  const told = asked.filter((each) => !open.includes(each)).map((each) => source.fact(each));
  const decided =
    open.length === 0 || (open.length === 1 && WEAK_SIGNS.includes(open[0] ?? '') && weak.length === 0);
  return decided
    ? { concept: id, state: 'known', value: false, ...citing(told) }
    : unknownFact(id, 'needs', { missing: open });
};

function held(ids: readonly string[], source: FactSource): string[] {
  return ids.filter((each) => isEqual(source.fact(each), true) === 'true');
}

const CRAMP_PATTERN_DAYS = 28; // foundations 1.7

/** The newest answer on the timing of cramps says: during dialysis. */
export const crampsDuringDialysis: Former = (source) => {
  const id = 'cramps-during-dialysis';
  const told = source
    .readings('cramp-timing')
    .findLast(({ answer, problem }) => typeof answer === 'string' && problem === undefined);
  if (told === undefined) return unknownFact(id, 'no-record');
  const cited = { from: [told.source], notes: told.notes, at: told.at };
  if (daysBetween(told.at, source.now) > CRAMP_PATTERN_DAYS) return unknownFact(id, 'stale', cited);
  const value = String(told.answer).replaceAll(/[-_\s]+/g, ' ') === 'during dialysis';
  const doubt = told.status === 'preliminary' ? { raisesOnly: true as const } : {};
  return { concept: id, state: 'known', value, ...cited, ...doubt };
};

export const KIDNEY_SIGNS: readonly (readonly [string, Former])[] = [
  ['kidney-warning-feature', kidneyWarningFeature],
  ['cramps-during-dialysis', crampsDuringDialysis],
];
