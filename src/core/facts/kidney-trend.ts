/**
 * eGFR over months: one method, without acute kidney injury, and how fast it falls.
 *
 * Why one method: a laboratory that changes its equation moves every value by some points, which is no
 * change of the kidneys.
 * Source: clinical foundations 2.5.
 */
import { DAY, daysBetween } from '../../vocabulary/instant.ts';
import { oncePer } from '../../vocabulary/remembered.ts';
import { creatinineCourse, creatininePoints } from './aki.ts';
import { ckdEpi2021, stageOf } from './egfr.ts';
import { type Fact, type FactId, isEqual, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import type { Reading } from './reading.ts';
import { isPlainNumber } from './windows.ts';

const TREND_DAYS = 730; // foundations 2.5: the last 24 months
const BIN = 30 * DAY; // one point per 30 days, foundations 2.5
const SLOPE_NEEDS = { points: 3, span: 365 * DAY }; // foundations 2.5
const FALL_WINDOW = 365 * DAY; // foundations 2.5
const FALL_LATEST_MAX_AGE_DAYS = 90; // an eGFR this old still says "now", foundations 1.1
const CONFIRMED_APART = 14 * DAY; // foundations 2.5; a fall within it is a question of acute injury, not of a trend
const SAME_LEVEL = 1.1; // a second value up to this share of the latest shows the same fall; local convention
const SAME_TIME = 10 * 60_000; // methods of one specimen, as in egfr.ts
const UNIT = 'mL/min/{1.73_m2}';

export interface FiltrationPoint {
  readonly at: number;
  readonly value: number;
  readonly source: string;
}

/** eGFR of the last 24 months, oldest first, by the method that has the newest and then the most values. */
export const filtrationPoints = oncePer((source: FactSource): readonly FiltrationPoint[] => {
  const methods = [computedPoints(source), ...reportedPoints(source)]
    .map((points) => points.filter((point) => isUsable(point, source)))
    .filter((points) => points.length > 0);
  const newest = Math.max(...methods.map((points) => points.at(-1)?.at ?? 0));
  const current = methods.filter((points) => newest - (points.at(-1)?.at ?? 0) <= SAME_TIME);
  const [longest = []] = current.sort((a, b) => b.length - a.length);
  return longest;
});

function isUsable({ at }: FiltrationPoint, source: FactSource): boolean {
  const now = source.now.getTime();
  if (at > now || now - at > TREND_DAYS * DAY) return false;
  return !creatinineCourse(source).episodes.some(({ start, end }) => start <= at && (end ?? now + 1) > at);
}

/** CKD-EPI 2021 of every creatinine, at the age of that day; none while age or sex is not known. */
function computedPoints(source: FactSource): FiltrationPoint[] {
  const [age, sex] = [source.fact('age'), source.fact('sex')];
  if (age.state !== 'known' || sex.state !== 'known') return [];
  return creatininePoints(source)
    .map(({ at, value, source: cited }) => {
      const years = Math.floor(Number(age.value) - daysBetween(new Date(at), source.now) / 365.25);
      return { at, source: cited, years, value: ckdEpi2021(value, years, sex.value as 'male' | 'female') };
    })
    .filter(({ years }) => years >= 18); // the equation is for adults, foundations 2.1
}

/** Reported values, one series per code, because the code names the equation. */
function reportedPoints(source: FactSource): FiltrationPoint[][] {
  const exact = ['egfr-cystatin', 'egfr-reported']
    .flatMap((concept) => source.readings(concept))
    .filter(isPlainNumber)
    .filter(({ status }) => status !== 'preliminary');
  if (exact.length === 0) return [];
  const byMethod = Map.groupBy(exact, (reading) => `${reading.concept} ${codesOf(reading, source)}`);
  return [...byMethod.values()].map((readings) =>
    readings.map(({ at, value, source: cited }) => ({ at: at.getTime(), value, source: cited })),
  );
}

function codesOf({ source: reference }: Reading, source: FactSource): string {
  const resource = source.chart.byReference.get(reference);
  const codings = resource?.resourceType === 'Observation' ? resource.code?.coding : [];
  return (codings ?? [])
    .map(({ code }) => code)
    .sort()
    .join(' ');
}

/** Change per year by least squares, mL/min/1.73 m2; negative when falling. At least 3 points over a year. */
export const egfrSlope: Former = (source) => {
  const id = 'egfr-slope';
  const barred = onDialysis(source, id);
  if (barred !== undefined) return barred;
  const series = filtrationPoints(source);
  const points = binned(series);
  const [first, last] = [series[0], series.at(-1)];
  if (first === undefined || last === undefined) return unknownFact(id, 'no-record', { missing: ['egfr'] });
  if (points.length < SLOPE_NEEDS.points || last.at - first.at < SLOPE_NEEDS.span)
    return unknownFact(id, 'needs', { missing: ['egfr'], detail: 'fewer than 3 values over a year' });
  const years = points.map(({ at }) => (at - first.at) / (365.25 * DAY));
  const value =
    Math.round(
      slopeOf(
        years,
        points.map((point) => point.value),
      ) * 10,
    ) / 10;
  return {
    concept: id,
    state: 'known',
    value,
    decimals: 1,
    at: new Date(last.at),
    from: cited(series),
    notes: [],
  };
};

/** One point per 30 days counted back from the newest: median value, mean time. */
function binned(points: readonly FiltrationPoint[]): { at: number; value: number }[] {
  const newest = points.at(-1)?.at ?? 0;
  const bins = Map.groupBy(points, ({ at }) => Math.floor((newest - at) / BIN));
  return [...bins.values()].map((members) => {
    const values = members.map(({ value }) => value).sort((a, b) => a - b);
    const middle = values.length / 2;
    const value =
      ((values[Math.ceil(middle) - 1] as number) + (values[Math.floor(middle)] ?? (values[0] as number))) / 2;
    return { at: members.reduce((sum, { at }) => sum + at, 0) / members.length, value };
  });
}

/** Least squares; source: foundations 2.5. */
export function slopeOf(xs: readonly number[], ys: readonly number[]): number {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(xs), mean(ys)];
  const across = xs.reduce((sum, x, index) => sum + (x - meanX) * ((ys[index] ?? meanY) - meanY), 0);
  return across / xs.reduce((sum, x) => sum + (x - meanX) ** 2, 0);
}

interface Fall {
  readonly latest: FiltrationPoint;
  readonly highest: FiltrationPoint;
  readonly notes: readonly string[];
}

/** Fall from the highest value of the 12 months before, in % of it. Notes: unconfirmed, category-changed, expected-dip. */
export const egfrFall12m: Former = (source) =>
  fallFact('egfr-fall-12m', source, ({ highest, latest }) => ({
    value: tenths(((highest.value - latest.value) / highest.value) * 100),
    unit: '%',
  }));

/** The same fall in mL/min/1.73 m2. */
export const egfrFall12mPoints: Former = (source) =>
  fallFact('egfr-fall-12m-points', source, ({ highest, latest }) => ({
    value: tenths(highest.value - latest.value),
    unit: UNIT,
  }));

/** The value that it fell from. */
export const egfrFallFrom: Former = (source) =>
  fallFact('egfr-fall-from', source, ({ highest }) => ({ value: Math.round(highest.value), unit: UNIT }));

/** Whole months between the two. */
export const egfrFallMonths: Former = (source) =>
  fallFact('egfr-fall-months', source, ({ highest, latest }) => ({
    value: Math.max(1, Math.round((latest.at - highest.at) / (30.4 * DAY))),
  }));

function fallFact(
  id: FactId,
  source: FactSource,
  form: (fall: Fall) => { value: number; unit?: string },
): Fact {
  const barred = onDialysis(source, id);
  if (barred !== undefined) return barred;
  const fall = fallOf(source);
  if (fall === undefined)
    return unknownFact(id, 'needs', { missing: ['egfr'], detail: 'fewer than 2 values in 12 months' });
  const { latest, highest, notes } = fall;
  if (daysBetween(new Date(latest.at), source.now) > FALL_LATEST_MAX_AGE_DAYS)
    return unknownFact(id, 'stale', { missing: ['egfr'], from: [latest.source] });
  const from = cited([highest, latest]);
  return { concept: id, state: 'known', ...form(fall), at: new Date(latest.at), from, notes };
}

function fallOf(source: FactSource): Fall | undefined {
  const points = filtrationPoints(source);
  const latest = points.at(-1);
  if (latest === undefined) return undefined;
  const before = points.filter(
    ({ at }) => latest.at - at >= CONFIRMED_APART && latest.at - at <= FALL_WINDOW,
  );
  const [highest] = before.toSorted((a, b) => b.value - a.value || b.at - a.at);
  if (highest === undefined) return undefined;
  const confirmed = before.some(({ at, value }) => at > highest.at && value <= latest.value * SAME_LEVEL);
  const notes = [
    ...(confirmed ? [] : ['unconfirmed']),
    ...(stageOf(highest.value) === stageOf(latest.value) ? [] : ['category-changed']),
    ...(hasExpectedDip(source) ? ['expected-dip'] : []),
  ];
  return { latest, highest, notes };
}

/** These lower filtration by design in the first weeks. Source: foundations 2.5. */
const DIP_CLASSES = [
  'ace-inhibitor',
  'angiotensin-receptor-blocker',
  'sglt2-inhibitor',
  'mineralocorticoid-antagonist',
];

function hasExpectedDip(source: FactSource): boolean {
  return DIP_CLASSES.some((drug) => isEqual(source.fact(`drug-new.${drug}`), true) === 'true');
}

function onDialysis(source: FactSource, id: FactId): Fact | undefined {
  return isEqual(source.fact('dialysis'), true) === 'true'
    ? unknownFact(id, 'not-applicable', { detail: 'dialysis' })
    : undefined;
}

/** Within the tolerance of 0.05 that foundations 1.1 gives to formulas. */
function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

function cited(points: readonly FiltrationPoint[]): string[] {
  return [...new Set(points.map((point) => point.source))].sort();
}
