/**
 * FHIR dates and times as instants.
 *
 * Why: servers send dates without a time and times without a zone. Both are read in the site's home
 * time zone, so that a result does not move by a day between two hospitals, and a partial date never
 * passes for an exact one.
 * Source: clinical foundations 1.3.
 */
import { remembered } from './remembered.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

export interface FhirInstant {
  readonly at: Date;
  /** `date`: no time was given; `at` is noon in the home time zone. */
  readonly precision: 'time' | 'date';
}

/** An IANA name that this machine knows. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const DATE_TIME =
  /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/**
 * Reads a FHIR date, dateTime or instant.
 *
 * @returns undefined for a year or a year and month (history only, never "latest") and for anything that
 *   is no date.
 */
export function readInstant(text: string | undefined, homeTimeZone: string): FhirInstant | undefined {
  if (text === undefined) return undefined;
  const instants = instantsIn(homeTimeZone);
  const known = instants.get(text);
  if (known !== undefined) return known;
  const read = parseInstant(text, homeTimeZone);
  if (instants.size > REMEMBERED) instants.clear();
  if (read !== undefined) instants.set(text, read);
  return read;
}

const REMEMBERED = 20_000; // times of each zone

/** By time zone: a chart says the same time many times over. */
const instantsIn = remembered((_timeZone) => new Map<string, FhirInstant>());

function parseInstant(text: string, homeTimeZone: string): FhirInstant | undefined {
  const match = DATE_TIME.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second = '0', fraction = '', offset] = match;
  if (!isCalendarDay(Number(year), Number(month), Number(day))) return undefined;
  if (hour === undefined)
    return { at: localTime(Number(year), Number(month), Number(day), 12, homeTimeZone), precision: 'date' };
  if (Number(hour) > 24 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const wall = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  const time = wall + Math.floor(Number(`0.${fraction || '0'}`) * 1000);
  if (offset === undefined) return { at: new Date(time - offsetAt(time, homeTimeZone)), precision: 'time' };
  return { at: new Date(time - offsetMs(offset)), precision: 'time' };
}

/** End of a period: a date alone means the end of that local day. */
export function readPeriodEnd(text: string | undefined, homeTimeZone: string): Date | undefined {
  const end = readInstant(text, homeTimeZone);
  if (end === undefined) return undefined;
  if (end.precision === 'time') return end.at;
  const [year, month, day] = localDay(end.at, homeTimeZone);
  return new Date(localTime(year, month, day, 24, homeTimeZone).getTime() - 1);
}

/** Start of a period: a date alone means the start of that local day. */
export function readPeriodStart(text: string | undefined, homeTimeZone: string): Date | undefined {
  const start = readInstant(text, homeTimeZone);
  if (start === undefined || start.precision === 'time') return start?.at;
  const [year, month, day] = localDay(start.at, homeTimeZone);
  return localTime(year, month, day, 0, homeTimeZone);
}

/** Calendar day at an instant: year, month 1-12, day. */
export function localDay(at: Date, timeZone: string): [year: number, month: number, day: number] {
  const wall = new Date(at.getTime() + offsetAtInstant(at.getTime(), timeZone));
  return [wall.getUTCFullYear(), wall.getUTCMonth() + 1, wall.getUTCDate()];
}

/** The instant of a wall clock time; hour 24 is the next midnight. */
export function localTime(year: number, month: number, day: number, hour: number, timeZone: string): Date {
  const wall = Date.UTC(year, month - 1, day, hour);
  return new Date(wall - offsetAt(wall, timeZone));
}

/** Days from `from` to `to`, with fraction; negative when `to` is earlier. */
export function daysBetween(from: Date, to: Date): number {
  return (to.getTime() - from.getTime()) / DAY;
}

/** For people: `12 May 2026 08:10` in the time zone; without the time when none was given. */
export function showInstant(
  at: Date,
  timeZone: string,
  precision: FhirInstant['precision'] = 'time',
): string {
  const wall = new Date(at.getTime() + offsetAtInstant(at.getTime(), timeZone));
  const day = `${wall.getUTCDate()} ${MONTHS[wall.getUTCMonth()]} ${wall.getUTCFullYear()}`;
  if (precision === 'date') return day;
  return `${day} ${pad(wall.getUTCHours())}:${pad(wall.getUTCMinutes())}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

function pad(number: number): string {
  return String(number).padStart(2, '0');
}

function isCalendarDay(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

function offsetMs(offset: string): number {
  if (offset === 'Z') return 0;
  const sign = offset.startsWith('-') ? -1 : 1;
  return sign * (Number(offset.slice(1, 3)) * HOUR + Number(offset.slice(4, 6)) * 60_000);
}

/** Offset of a wall clock time; in the hour that a zone repeats, the earlier instant. */
function offsetAt(wall: number, timeZone: string): number {
  const guess = offsetAtInstant(wall - offsetAtInstant(wall, timeZone), timeZone);
  return offsetAtInstant(wall - guess, timeZone);
}

/** By time zone, the offset of each quarter hour. */
const offsetsIn = remembered((_timeZone) => new Map<number, number>());

/** Offsets change at most by the quarter hour, so they are remembered by it. */
function offsetAtInstant(instant: number, timeZone: string): number {
  if (timeZone === 'UTC') return 0;
  const quarter = Math.floor(instant / (HOUR / 4));
  const offsets = offsetsIn(timeZone);
  const known = offsets.get(quarter);
  if (known !== undefined) return known;
  if (offsets.size > REMEMBERED) offsets.clear();
  const offset = formattedOffset(quarter * (HOUR / 4), timeZone);
  offsets.set(quarter, offset);
  return offset;
}

const formatIn = remembered(
  (timeZone) =>
    new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    }),
);

function formattedOffset(instant: number, timeZone: string): number {
  const part: Record<string, number> = {};
  for (const { type, value } of formatIn(timeZone).formatToParts(instant)) part[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second) - instant;
}
