/**
 * What a reader asks of a report: a period and how to split it.
 */
import { DAY, localDay, localTime } from '../vocabulary/instant.ts';
import { SPLITS, type Split } from './alert-report.ts';

export interface Asked {
  readonly from: Date;
  /** Not included. */
  readonly to: Date;
  readonly by: readonly Split[];
}

/** The reader's mistake, in words for the reader. */
export class AskedWrongly extends Error {}

const USUAL_DAYS = 28;
const LONGEST_DAYS = 400; // as long as cards are kept; care-team 7.1

/**
 * Dates are days of the site and include the last one; times with a zone are taken as they are, and `to` is then
 * not included.
 *
 * @throws AskedWrongly
 */
export function readAsked(query: Readonly<Record<string, unknown>>, now: Date, timeZone: string): Asked {
  const to = instantIn(query, 'to', timeZone, 1) ?? dayAfter(now, timeZone, 1);
  const from = instantIn(query, 'from', timeZone, 0) ?? new Date(to.getTime() - USUAL_DAYS * DAY);
  if (from >= to) throw new AskedWrongly('"from" must be before "to".');
  if (to.getTime() - from.getTime() > LONGEST_DAYS * DAY)
    throw new AskedWrongly(`A report covers at most ${LONGEST_DAYS} days.`);
  return { from, to, by: splitsIn(query.by) };
}

function splitsIn(asked: unknown): Split[] {
  if (asked === undefined || asked === '') return ['rule'];
  const names = typeof asked === 'string' ? asked.split(',') : [];
  const splits = SPLITS.filter((split) => names.includes(split));
  if (splits.length === 0 || splits.length > 2 || splits.length !== names.length)
    throw new AskedWrongly(`"by" must be one or two of ${SPLITS.join(', ')}, joined by a comma.`);
  return splits;
}

function instantIn(
  query: Readonly<Record<string, unknown>>,
  name: 'from' | 'to',
  timeZone: string,
  daysLater: number,
): Date | undefined {
  const text = query[name];
  if (text === undefined || text === '') return undefined;
  const wrong = new AskedWrongly(`"${name}" must be a date such as 2026-11-02, or a time with its zone.`);
  if (typeof text !== 'string') throw wrong;
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  const at =
    day !== undefined && isDay(text)
      ? localTime(Number(year), Number(month), Number(day) + daysLater, 0, timeZone)
      : /T.*(?:Z|[+-]\d{2}:\d{2})$/.test(text)
        ? new Date(text)
        : undefined;
  if (at === undefined || Number.isNaN(at.getTime())) throw wrong;
  return at;
}

function isDay(text: string): boolean {
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
}

function dayAfter(now: Date, timeZone: string, days: number): Date {
  const [year, month, day] = localDay(now, timeZone);
  return localTime(year, month, day + days, 0, timeZone);
}
