/**
 * How long a server asks us to wait.
 *
 * `Retry-After` comes in seconds or as an HTTP date; Medplum sends none and says it in `RateLimit: "...";r=0;t=12`.
 */
const LONGEST_MS = 3_600_000; // an hour: a wrong clock must not park a site for a day

/** @returns milliseconds from `now`, at least 0 and at most an hour; undefined when the server does not say. */
export function waitingTime(headers: Headers, now: number): number | undefined {
  const wait = retryAfter(headers.get('retry-after'), now) ?? untilOpenAgain(headers);
  return wait === undefined ? undefined : Math.min(Math.max(wait, 0), LONGEST_MS);
}

function retryAfter(text: string | null, now: number): number | undefined {
  if (text === null) return undefined;
  if (/^\s*\d+\s*$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : date - now;
}

/** The longest time until a window opens again, of all limits that have nothing left. */
function untilOpenAgain(headers: Headers): number | undefined {
  const spent = rateLimits(headers).filter(({ left = 0 }) => left === 0);
  return spent.length === 0 ? undefined : Math.max(...spent.map(({ seconds }) => seconds)) * 1000;
}

export interface RateLimit {
  readonly name: string;
  /** Units left in this window, where that is told. */
  readonly left?: number;
  /** Until the window ends. */
  readonly seconds: number;
}

/** The limits of the `RateLimit` header; one without a time says nothing. */
export function rateLimits(headers: Headers): RateLimit[] {
  return (headers.get('ratelimit') ?? '').split(',').flatMap((limit) => {
    const name = limit.split(';')[0]?.trim() ?? '';
    const left = /;\s*r=(\d+)/.exec(limit)?.[1];
    const seconds = /;\s*t=(\d+)/.exec(limit)?.[1];
    if (seconds === undefined) return [];
    return [{ name, seconds: Number(seconds), ...(left === undefined ? {} : { left: Number(left) }) }];
  });
}
