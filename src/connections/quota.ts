/**
 * What a server says is left of its quota, so that we stop before it is gone.
 *
 * Why: Medplum tells it with every answer (`RateLimit: "fhirInteractions";r=49894;t=60`), and what is asked
 * for beyond it counts against it too. What a call costs is not told: the largest drop from one answer to
 * the next is taken for it, and half of it is forgotten with each window.
 */
import { rateLimits } from './waiting-time.ts';

/** One limit of the server, as its last answers told it. */
interface Limit {
  left: number;
  /** When the window ends, in milliseconds; `t` is in whole seconds, so this is never too early. */
  until: number;
  /** Units of the dearest call. */
  dearest: number;
}

const SAME_WINDOW_MS = 1_500; // `t` is rounded up to a second, and an answer may have been on its way for a while

export class Quota {
  readonly #limits = new Map<string, Limit>();

  note(headers: Headers, now: number): void {
    for (const { name, left, seconds } of rateLimits(headers)) {
      if (left === undefined) continue;
      const until = now + seconds * 1000;
      const before = this.#limits.get(name);
      if (before === undefined || now >= before.until || until > before.until + SAME_WINDOW_MS)
        this.#limits.set(name, { left, until, dearest: (before?.dearest ?? 0) / 2 });
      else
        this.#limits.set(name, {
          left: Math.min(left, before.left), // answers may overtake each other
          until: Math.min(until, before.until),
          dearest: Math.max(before.dearest, before.left - left),
        });
    }
  }

  /** @returns how long to wait before one more call beside those running, in milliseconds; 0 when it may go. */
  waitMs(running: number, now: number): number {
    const spent = [...this.#limits.values()].filter(
      ({ left, dearest }) => left <= 0 || left < dearest * (running + 1),
    );
    return Math.max(0, ...spent.map(({ until }) => until - now));
  }
}
