/**
 * How fast hints of one connection become questions to its server.
 *
 * A hint costs its sender nothing and the hospital a read or a sweep. So above a rate the work they make is
 * put off, evenly; nothing is refused and nothing is lost. In the memory of each process.
 */
import type { Notice } from '../store/inbox.ts';

const BURST_SECONDS = 10; // as many at once as ten seconds allow
const SWEEP_EVERY_MS = 10_000;
const LONGEST_WAIT_MS = 600_000; // then they come together, and the connection's lane holds them apart

export class HintPace {
  readonly #everyMs: number;
  readonly #burstMs: number;
  #nextHint = Number.NEGATIVE_INFINITY;
  #nextSweep = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number) {
    this.#everyMs = 1000 / perSecond;
    this.#burstMs = BURST_SECONDS * 1000;
  }

  /** @param now milliseconds. @returns the notices, those above the rate with the time they wait. */
  pace(notices: readonly Notice[], now: number): Notice[] {
    return notices.map((notice) => {
      if ('sweep' in notice) return { ...notice, afterMs: this.#sweepWait(now) };
      if ('event' in notice && notice.event.trust === 'hint' && notice.event.state === 'waiting')
        return { ...notice, afterMs: this.#hintWait(now) };
      return notice;
    });
  }

  #hintWait(now: number): number {
    this.#nextHint = Math.min(
      Math.max(this.#nextHint, now - this.#burstMs) + this.#everyMs,
      now + LONGEST_WAIT_MS,
    );
    return Math.max(0, Math.ceil(this.#nextHint - now));
  }

  /** Sweeps of one connection are one job, so it is enough to hold the next one back. */
  #sweepWait(now: number): number {
    if (now >= this.#nextSweep) this.#nextSweep = now + SWEEP_EVERY_MS;
    else return this.#nextSweep - now;
    return 0;
  }
}
