/**
 * Acute kidney injury stage from the creatinine series, KDIGO 2012.
 *
 * Source: clinical foundations 2.4.
 */
import { DAY, HOUR } from '../../vocabulary/instant.ts';
import { type Fact, isEqual, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import type { Reading } from './reading.ts';

const LATEST_MAX_AGE = 7 * DAY; // foundations 2.4
const RISE_48H = 26.5; // umol/L in 48 h, criterion 1
const RATIO_STAGE = { one: 1.5, two: 2, three: 3 }; // times baseline, criterion 2 and stages
const STAGE_3_FROM = 353.6; // umol/L once a criterion is met
const TOLERANCE = 0.05; // umol/L or share; foundations 1.1 rounding row: formulas use a tolerance

interface Point {
  readonly at: number;
  readonly value: number;
  readonly dateOnly: boolean;
  readonly source: string;
}

/** 0 to 3; unknown without an earlier creatinine in a year, and on dialysis. */
export const akiStage: Former = (source) => {
  const id = 'aki-stage';
  for (const barred of ['dialysis', 'end-stage-kidney-disease']) {
    if (isEqual(source.fact(barred), true) === 'true')
      return unknownFact(id, 'not-applicable', { detail: barred });
  }
  const series = points(source);
  const latest = series.at(-1);
  if (latest === undefined) return unknownFact(id, 'no-record', { missing: ['creatinine-serum'] });
  if (source.now.getTime() - latest.at > LATEST_MAX_AGE)
    return unknownFact(id, 'stale', { from: [latest.source], missing: ['creatinine-serum'] });
  const earlier = series.filter((point) => point.at < latest.at && latest.at - point.at <= 365 * DAY);
  if (earlier.length === 0)
    return unknownFact(id, 'needs', {
      detail: 'no earlier creatinine',
      from: [latest.source],
      missing: ['creatinine-serum'],
    });
  return stageFact(latest, earlier, source);
};

function stageFact(latest: Point, earlier: readonly Point[], source: FactSource): Fact {
  const within48h = earlier.filter((point) => isWithin48h(point, latest));
  const rise = within48h.length === 0 ? 0 : latest.value - Math.min(...within48h.map((point) => point.value));
  const lastWeek = earlier.filter((point) => latest.at - point.at <= 7 * DAY);
  const lastYear = earlier.filter((point) => latest.at - point.at > 7 * DAY);
  const baselines = [
    ...(lastWeek.length > 0 ? [Math.min(...lastWeek.map((point) => point.value))] : []),
    ...(lastYear.length > 0 ? [median(lastYear.map((point) => point.value))] : []),
  ];
  const ratio = Math.max(...baselines.map((baseline) => latest.value / baseline));
  const stage = stageOf(rise, ratio, latest.value);
  const byDate = within48h.some((point) => point.dateOnly || latest.dateOnly) && rise + TOLERANCE >= RISE_48H;
  const notes = [
    ...(lastWeek.length === 0 ? ['rise-timing-not-shown'] : []),
    ...(byDate ? ['48h-by-date'] : []),
  ];
  if (isEqual(source.fact('pregnant'), true) === 'true') notes.push('pregnancy');
  const from = [...new Set([latest.source, ...earlier.map((point) => point.source)])];
  return { concept: 'aki-stage', state: 'known', value: stage, at: new Date(latest.at), from, notes };
}

/** KDIGO stage of a rise in 48 h (umol/L), a ratio to baseline and the value itself (umol/L). */
export function stageOf(rise: number, ratio: number, value: number): number {
  const met = rise + TOLERANCE >= RISE_48H || ratio >= RATIO_STAGE.one;
  if (ratio >= RATIO_STAGE.three || (met && value >= STAGE_3_FROM)) return 3;
  if (ratio >= RATIO_STAGE.two) return 2;
  return met ? 1 : 0;
}

/** By the clock; by calendar when one of the two has no time. */
function isWithin48h(point: Point, latest: Point): boolean {
  const apart = latest.at - point.at;
  return point.dateOnly || latest.dateOnly ? Math.round(apart / DAY) <= 2 : apart <= 48 * HOUR;
}

function points(source: FactSource): Point[] {
  return source
    .readings('creatinine-serum')
    .filter(
      (reading): reading is Reading & { exact: number } =>
        reading.exact !== undefined &&
        reading.comparator === undefined &&
        reading.status !== 'preliminary' &&
        reading.problem === undefined,
    )
    .map((reading) => ({
      at: reading.at.getTime(),
      value: reading.exact,
      dateOnly: reading.notes.includes('date-only'),
      source: reading.source,
    }))
    .filter((point) => point.at <= source.now.getTime() + HOUR);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
