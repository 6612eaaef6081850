/**
 * Which numbered notices of a subscription have come, and which are missing.
 *
 * A server counts the events of a subscription; a number that never comes is a notice that was lost. Numbers
 * are only ever a reason to look, never an error: servers restart their counters, send twice and out of order.
 */

/** What is known of the numbers of one subscription. Kept as JSON. */
export interface EventNumbers {
  /** All up to this one have come, or were looked for. Absent until the first is heard. */
  readonly contiguous?: number;
  /** Numbers above it that have come; ascending. */
  readonly above: readonly number[];
  /** The highest number that the server says it has given; -1 when it never said. */
  readonly total: number;
  /** When the newest event happened, by the server's clock; ISO. */
  readonly newest?: string;
}

/** What one notice says of the numbers. */
export interface Told {
  /** A beginning: its total is the truth, whatever was counted before. */
  readonly handshake?: boolean;
  readonly events: readonly { readonly number?: number; readonly at?: Date }[];
  readonly total?: number;
  /** When the server wrote the notice. */
  readonly sentAt?: Date;
}

/** Numbers of which some are missing, both included. */
export interface Hole {
  readonly from: number;
  readonly until: number;
}

export const NOTHING_HEARD: EventNumbers = { above: [], total: -1 };

/** More than these above a hole are not remembered one by one: then a sweep is due anyway. */
const MOST_ABOVE = 2000;

/**
 * The numbers after a notice.
 *
 * @returns `lookAtAll`: how many are missing can not be told - the counter began anew, or we came late - so
 *   all is to be looked at once.
 */
export function hear(
  before: EventNumbers,
  told: Told,
): { readonly numbers: EventNumbers; readonly lookAtAll: boolean } {
  const newest = newestOf(before, told);
  const since = before.contiguous;
  if (since === undefined) {
    const lowest = Math.min(...numbersIn(told), Number.POSITIVE_INFINITY);
    const start = Number.isFinite(lowest) ? lowest - 1 : told.total;
    if (start === undefined) return { numbers: { ...before, ...newest }, lookAtAll: false };
    return {
      numbers: { ...advance({ contiguous: start, above: [], total: start }, told), ...newest },
      lookAtAll: start > 0,
    };
  }
  if (beganAnew(before, since, told)) {
    const start = Math.max(...numbersIn(told), told.total ?? -1);
    return { numbers: { contiguous: start, above: [], total: start, ...newest }, lookAtAll: true };
  }
  const numbers = { ...advance({ ...before, contiguous: since }, told), ...newest };
  if (numbers.above.length <= MOST_ABOVE) return { numbers, lookAtAll: false };
  return { numbers: settle(numbers, highestOf(numbers)), lookAtAll: true };
}

/** What is missing; undefined when nothing is. */
export function holeOf(numbers: EventNumbers): Hole | undefined {
  const { contiguous } = numbers;
  const highest = highestOf(numbers);
  return contiguous === undefined || highest <= contiguous
    ? undefined
    : { from: contiguous + 1, until: highest };
}

/** All up to a number count as come: a sweep has looked for what they told. */
export function settle(numbers: EventNumbers, until: number): EventNumbers {
  const contiguous = Math.max(numbers.contiguous ?? until, until);
  return { ...numbers, ...absorb(contiguous, numbers.above) };
}

function advance(
  { total, ...numbers }: EventNumbers & { readonly contiguous: number },
  told: Told,
): EventNumbers {
  const above = [...new Set([...numbers.above, ...numbersIn(told)])].sort((a, b) => a - b);
  return { ...numbers, ...absorb(numbers.contiguous, above), total: Math.max(total, told.total ?? -1) };
}

/** Moves up as far as the numbers above follow without a hole. */
function absorb(
  from: number,
  above: readonly number[],
): Pick<EventNumbers, 'above'> & { contiguous: number } {
  let contiguous = from;
  for (const number of above) if (number === contiguous + 1) contiguous = number;
  return { contiguous, above: above.filter((number) => number > contiguous) };
}

/** A number we had, on an event newer than all we had; or a total below it in a newer notice. */
function beganAnew(before: EventNumbers, contiguous: number, told: Told): boolean {
  const isNewer = (at: Date | undefined): boolean =>
    at !== undefined && before.newest !== undefined && at.getTime() > Date.parse(before.newest);
  const had = (number: number): boolean => number <= contiguous || before.above.includes(number);
  if (told.events.some(({ number, at }) => number !== undefined && had(number) && isNewer(at))) return true;
  const lessThanWas = told.total !== undefined && told.total < highestOf(before);
  return lessThanWas && (told.handshake === true || isNewer(told.sentAt));
}

function highestOf({ contiguous = -1, above, total }: EventNumbers): number {
  return Math.max(contiguous, above.at(-1) ?? -1, total);
}

function numbersIn({ events }: Told): number[] {
  return events.flatMap(({ number }) => number ?? []);
}

function newestOf(before: EventNumbers, { events }: Told): Pick<EventNumbers, 'newest'> {
  const times = [before.newest ?? [], ...events.map(({ at }) => at?.toISOString() ?? [])].flat();
  const newest = times.sort().at(-1);
  return newest === undefined ? {} : { newest };
}
