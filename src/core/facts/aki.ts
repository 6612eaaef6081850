/**
 * Acute kidney injury from the creatinine series, KDIGO 2012: its stage now, and earlier episodes.
 *
 * Why episodes: a median over a year that holds the values of an earlier injury hides the next one, and a
 * trend that holds them shows a decline that was not there.
 * Source: clinical foundations 2.4.
 */
import { DAY, HOUR } from '../../vocabulary/instant.ts';
import { oncePer } from '../../vocabulary/remembered.ts';
import { type Fact, isEqual, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import type { Reading } from './reading.ts';

const LATEST_MAX_AGE = 7 * DAY; // foundations 2.4
const RISE_48H = 26.5; // umol/L in 48 h, criterion 1
const RATIO_STAGE = { one: 1.5, two: 2, three: 3 }; // times baseline, criterion 2 and stages
const STAGE_3_FROM = 353.6; // umol/L once a criterion is met
const TOLERANCE = 0.05; // umol/L or share; foundations 1.1 rounding row: formulas use a tolerance
const RECOVERED = 1.25; // times baseline; the episode is over, foundations 2.4.7
const LONGEST_EPISODE = 90 * DAY; // after the peak, foundations 2.4.7
const BASELINE_IS_OLD = 90 * DAY; // with one recent value the timing is not shown, rule rn-aki

export interface CreatininePoint {
  readonly at: number;
  /** umol/L, not rounded. */
  readonly value: number;
  readonly dateOnly: boolean;
  readonly source: string;
}

/** From the first value that met a criterion until recovery, or 90 days after the peak. */
export interface InjuryEpisode {
  readonly start: number;
  readonly baseline: number;
  readonly peak: CreatininePoint;
  readonly end?: number;
}

interface Judged {
  readonly stage: number;
  /** Times the lowest baseline, or the baseline at the start of the episode that it belongs to or ends. */
  readonly ratio: number;
  readonly baseline: number;
  readonly notes: readonly string[];
  readonly earlier: readonly CreatininePoint[];
}

export interface CreatinineCourse {
  readonly latest?: CreatininePoint;
  /** Of the latest value; absent without an earlier one in a year. */
  readonly judged?: Judged;
  readonly episodes: readonly InjuryEpisode[];
}

/** The whole series walked once, oldest first. */
export const creatinineCourse = oncePer((source: FactSource) => walk(creatininePoints(source)));

function walk(series: readonly CreatininePoint[]): CreatinineCourse {
  const episodes: InjuryEpisode[] = [];
  const inEpisode = new Set<CreatininePoint>();
  let since = Number.NEGATIVE_INFINITY;
  let judged: Judged | undefined;
  for (const point of series) {
    let open = openEpisode(episodes);
    if (open !== undefined && point.at - open.peak.at > LONGEST_EPISODE) {
      // The level stayed: it is what later values are compared with.
      since = open.peak.at;
      episodes[episodes.length - 1] = { ...open, end: open.peak.at + LONGEST_EPISODE };
      for (const stayed of [...inEpisode]) if (stayed.at >= since) inEpisode.delete(stayed);
      open = undefined;
    }
    judged = judge(point, series, { inEpisode, since });
    if (open === undefined) {
      if (judged === undefined || judged.stage === 0) continue;
      episodes.push({ start: point.at, baseline: judged.baseline, peak: point });
      inEpisode.add(point);
      continue;
    }
    if (judged !== undefined)
      judged = { ...judged, baseline: open.baseline, ratio: point.value / open.baseline };
    if (point.value <= RECOVERED * open.baseline && (judged?.stage ?? 0) === 0) {
      episodes[episodes.length - 1] = { ...open, end: point.at };
      continue;
    }
    inEpisode.add(point);
    if (point.value > open.peak.value) episodes[episodes.length - 1] = { ...open, peak: point };
  }
  const latest = series.at(-1);
  return { episodes, ...(latest && { latest }), ...(judged && { judged }) };
}

function openEpisode(episodes: readonly InjuryEpisode[]): InjuryEpisode | undefined {
  const last = episodes.at(-1);
  return last?.end === undefined ? last : undefined;
}

/** One value against those before it; undefined without any in a year. */
function judge(
  point: CreatininePoint,
  series: readonly CreatininePoint[],
  { inEpisode, since }: { inEpisode: ReadonlySet<CreatininePoint>; since: number },
): Judged | undefined {
  const earlier = series.filter(({ at }) => at < point.at && at >= since && point.at - at <= 365 * DAY);
  const within48h = earlier.filter((other) => isWithin48h(other, point));
  const rise = within48h.length === 0 ? 0 : point.value - Math.min(...within48h.map(({ value }) => value));
  const lastWeek = earlier.filter(({ at }) => point.at - at <= 7 * DAY);
  const lastYear = earlier.filter((other) => point.at - other.at > 7 * DAY && !inEpisode.has(other));
  const lowest = lastWeek.length > 0 ? [Math.min(...lastWeek.map(({ value }) => value))] : [];
  const usual = lastYear.length > 0 ? [median(lastYear.map(({ value }) => value))] : [];
  const baseline = Math.min(...lowest, ...usual);
  if (!Number.isFinite(baseline)) return undefined;
  const ratio = point.value / baseline;
  const stage = stageOf(rise, ratio, point.value);
  const risen = rise + TOLERANCE >= RISE_48H;
  const byWeek = lowest.some((value) => point.value / value >= RATIO_STAGE.one);
  const byDate = risen && within48h.some(({ dateOnly }) => dateOnly || point.dateOnly);
  const newest = Math.max(...earlier.map(({ at }) => at));
  const notes = [
    ...(lastWeek.length === 0 ? ['rise-timing-not-shown'] : []),
    ...(byDate ? ['48h-by-date'] : []),
    ...(point.at - newest > BASELINE_IS_OLD ? ['single-recent-value'] : []),
    ...(stage === 3 && ratio < RATIO_STAGE.three && !risen && !byWeek ? ['stage-3-by-level'] : []),
  ];
  return { stage, ratio, baseline, notes, earlier };
}

/** 0 to 3; unknown without an earlier creatinine in a year, and on dialysis. */
export const akiStage: Former = (source) => {
  const id = 'aki-stage';
  const judged = judgedNow(source, id);
  if ('state' in judged) return judged;
  const { stage, at, from } = judged;
  const notes = [...judged.notes];
  if (isEqual(source.fact('pregnant'), true) === 'true') notes.push('pregnancy');
  return { concept: id, state: 'known', value: stage, at, from, notes };
};

/** The latest creatinine as a multiple of its baseline. One decimal is shown; two are compared. */
export const creatinineOverBaseline: Former = (source) => {
  const id = 'creatinine-over-baseline';
  const judged = judgedNow(source, id);
  if ('state' in judged) return judged;
  const value = Math.round(judged.ratio * 100) / 100;
  return { concept: id, state: 'known', value, at: judged.at, from: judged.from, notes: judged.notes };
};

/** The creatinine that the latest one is compared with, umol/L. */
export const creatinineBaseline: Former = (source) => {
  const id = 'creatinine-baseline';
  const judged = judgedNow(source, id);
  if ('state' in judged) return judged;
  const { at, from, notes } = judged;
  const value = Math.round(judged.baseline);
  return { concept: id, state: 'known', value, unit: 'umol/L', decimals: 0, at, from, notes };
};

function judgedNow(source: FactSource, id: string): Fact | (Judged & { at: Date; from: string[] }) {
  for (const barred of ['dialysis', 'end-stage-kidney-disease']) {
    if (isEqual(source.fact(barred), true) === 'true')
      return unknownFact(id, 'not-applicable', { detail: barred });
  }
  const { latest, judged } = creatinineCourse(source);
  if (latest === undefined) return unknownFact(id, 'no-record', { missing: ['creatinine-serum'] });
  if (source.now.getTime() - latest.at > LATEST_MAX_AGE)
    return unknownFact(id, 'stale', { from: [latest.source], missing: ['creatinine-serum'] });
  if (judged === undefined)
    return unknownFact(id, 'needs', {
      detail: 'no earlier creatinine',
      from: [latest.source],
      missing: ['creatinine-serum'],
    });
  const from = [...new Set([latest.source, ...judged.earlier.map((point) => point.source)])];
  return { ...judged, at: new Date(latest.at), from };
}

/** KDIGO stage of a rise in 48 h (umol/L), a ratio to baseline and the value itself (umol/L). */
export function stageOf(rise: number, ratio: number, value: number): number {
  const met = rise + TOLERANCE >= RISE_48H || ratio >= RATIO_STAGE.one;
  if (ratio >= RATIO_STAGE.three || (met && value >= STAGE_3_FROM)) return 3;
  if (ratio >= RATIO_STAGE.two) return 2;
  return met ? 1 : 0;
}

/** By the clock; by calendar when one of the two has no time. */
function isWithin48h(point: CreatininePoint, latest: CreatininePoint): boolean {
  const apart = latest.at - point.at;
  return point.dateOnly || latest.dateOnly ? Math.round(apart / DAY) <= 2 : apart <= 48 * HOUR;
}

/** Exact, countable creatinine values, oldest first. */
export function creatininePoints(source: FactSource): CreatininePoint[] {
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
