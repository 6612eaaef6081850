/**
 * Moves a resource in time, so that a fixture written for one fixed day is fresh whenever it is loaded.
 *
 * Why: rules look back a few days. A fixture with the dates of last year would say nothing.
 */
import type { Resource } from '@medplum/fhirtypes';

const DAY_MS = 24 * 60 * 60 * 1000;
const MONTH_MS = 30.436875 * DAY_MS; // mean of the Gregorian calendar
const YEAR_MS = 365.2425 * DAY_MS; // mean of the Gregorian calendar

/** Names of R4 elements that are a date, dateTime or instant and do not say so in their last word. */
const TIME_NAMES = new Set(
  (
    'answer authored authoredOn created creation date dateAsserted dateTime detected end event expiry issued ' +
    'lastModified lastOccurrence lastPerformed onset received receivedTime recorded recordedOn sent start ' +
    'started time timestamp when whenHandedOver whenPrepared'
  ).split(' '),
);
const TIME_NAME_END = /(?:Date|DateTime|Instant)$/;
const TIME = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?)?)?)?$/;

/**
 * A copy of the resource in which `from` has become `to`.
 *
 * Each value keeps its precision and offset. A time of day moves by whole milliseconds, or by whole
 * units of its own precision; a date by whole days (an age stays the same); a month or year by whole
 * months or years. Parts of a unit are dropped, so a date moved forward never lies in the future of
 * what it stood beside. `meta.lastUpdated` belongs to the server and is left as it is.
 * Shifting back with the arguments exchanged gives the resource again.
 */
export function shiftTimes<R extends Resource>(resource: R, from: Date, to: Date): R {
  return shiftIn(resource, '', to.getTime() - from.getTime()) as R;
}

function shiftIn(value: unknown, name: string, byMs: number): unknown {
  if (typeof value === 'string') return isTimeName(name) ? shifted(value, byMs) : value;
  if (Array.isArray(value)) return value.map((item) => shiftIn(item, name, byMs));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shiftIn(inner, key, byMs)]));
}

/** Is an element of this name a date, dateTime or instant, wherever its text looks like one? */
export function isTimeName(name: string): boolean {
  return TIME_NAMES.has(name) || TIME_NAME_END.test(name);
}

/** Text that is no FHIR date, dateTime or instant is given back as it is. */
function shifted(text: string, byMs: number): string {
  const match = TIME.exec(text);
  if (match === null) return text;
  const [, year, month, day, hour, minute, second, fraction, offset] = match;
  if (month === undefined) return utc(Number(year) + Math.trunc(byMs / YEAR_MS), 1, 1).slice(0, 4);
  if (day === undefined) return utc(Number(year), Number(month) + Math.trunc(byMs / MONTH_MS), 1).slice(0, 7);
  if (hour === undefined)
    return utc(Number(year), Number(month), Number(day) + whole(byMs, DAY_MS)).slice(0, 10);

  const digits = Math.min(fraction?.length ?? 0, 3);
  const unitMs = 10 ** (3 - digits);
  const local = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  const partMs = Number((fraction ?? '').slice(0, 3).padEnd(3, '0'));
  const moved = new Date(local + partMs + whole(byMs, unitMs) * unitMs).toISOString();
  const seconds = moved.slice(0, 19);
  const part = fraction === undefined ? '' : `.${moved.slice(20, 20 + digits)}${fraction.slice(3)}`;
  return `${seconds}${part}${offset ?? ''}`;
}

function whole(ms: number, unitMs: number): number {
  return Math.trunc(ms / unitMs);
}

function utc(year: number, month: number, day: number): string {
  return new Date(Date.UTC(year, month - 1, day)).toISOString();
}
