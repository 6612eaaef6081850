/**
 * How long a server asks us to wait.
 *
 * `Retry-After` comes in seconds or as an HTTP date; Medplum sends none and says it in `RateLimit: "...";r=0;t=12`.
 */
const LONGEST_MS = 3_600_000; // an hour: a wrong clock must not park a site for a day

/** @returns milliseconds from `now`, at least 0 and at most an hour; undefined when the server does not say. */
export function waitingTime(headers: Headers, now: number): number | undefined {
  const wait = retryAfter(headers.get('retry-after'), now) ?? rateLimit(headers.get('ratelimit'));
  return wait === undefined ? undefined : Math.min(Math.max(wait, 0), LONGEST_MS);
}

function retryAfter(text: string | null, now: number): number | undefined {
  if (text === null) return undefined;
  if (/^\s*\d+\s*$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : date - now;
}

/** The longest `t` (seconds until the window opens again) of all policies that have nothing left. */
function rateLimit(text: string | null): number | undefined {
  if (text === null) return undefined;
  const spent = text.split(',').filter((policy) => /;\s*r=0(?!\d)/.test(policy) || !/;\s*r=/.test(policy));
  const seconds = spent.map((policy) => Number(/;\s*t=(\d+)/.exec(policy)?.[1] ?? Number.NaN));
  const known = seconds.filter((value) => !Number.isNaN(value));
  return known.length === 0 ? undefined : Math.max(...known) * 1000;
}
