/**
 * How hard a connection's server is asked: so many calls at once, fewer after it said "too many", none while it is down.
 *
 * One lane per connection, so a slow server keeps nobody waiting but itself. States of the breaker: closed, open
 * until `probeAt`, probing with one call. Limits of trust R16.
 */
import type { Trouble } from './outcomes.ts';

/** How a call went, as far as the lane cares. */
export interface CallEnd {
  /** The server wants fewer calls. */
  readonly busy: boolean;
  /** No usable answer: nobody there, or only a proxy. */
  readonly down: boolean;
}

export interface LaneOptions {
  /** Calls at once while all is well. */
  readonly concurrency: number;
  /** Monotonic or not, milliseconds; only differences count. */
  readonly now: () => number;
}

const DOWN_IN_A_ROW = 5;
const WINDOW_MS = 30_000;
const WINDOW_CALLS = 20;
const PROBE_EVERY_MS = 30_000;
const CAREFUL_MS = 5 * 60_000;

export class Lane {
  readonly #options: LaneOptions;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #allowed: number;
  #carefulUntil = 0;
  #downInARow = 0;
  #recent: { at: number; down: boolean }[] = [];
  #probeAt: number | undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#allowed = options.concurrency;
  }

  /** For status pages: is the server being left alone? */
  get state(): 'closed' | 'open' {
    return this.#probeAt === undefined ? 'closed' : 'open';
  }

  /** Calls at once that are allowed now. */
  get allowed(): number {
    if (this.#allowed < this.#options.concurrency && this.#options.now() >= this.#carefulUntil) {
      this.#allowed = Math.min(this.#allowed * 2, this.#options.concurrency);
      this.#carefulUntil = this.#options.now() + CAREFUL_MS;
    }
    return this.#allowed;
  }

  /**
   * Runs a call when its turn has come.
   *
   * @param endOf how the call went, read from its result
   * @returns the result; or trouble, at once, while the server is left alone.
   */
  async run<T>(call: () => Promise<T>, endOf: (result: T) => CallEnd): Promise<T | Trouble> {
    const refused = this.#leftAlone();
    if (refused !== undefined) return refused;
    await this.#turn();
    try {
      // The server may have gone down while this call waited for its turn.
      const late = this.#leftAlone();
      if (late !== undefined) return late;
      if (this.#probeAt !== undefined) this.#probeAt = this.#options.now() + PROBE_EVERY_MS; // this call is the probe
      const result = await call();
      this.#note(endOf(result));
      return result;
    } finally {
      this.#next();
    }
  }

  async #turn(): Promise<void> {
    if (this.#running >= this.allowed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
  }

  /** Turns go to who waits longest, as many as are allowed by now. */
  #next(): void {
    this.#running -= 1;
    while (this.#running < this.allowed && this.#waiting.length > 0) {
      this.#running += 1;
      this.#waiting.shift()?.();
    }
  }

  #leftAlone(): Trouble | undefined {
    const waits = (this.#probeAt ?? 0) - this.#options.now();
    return waits > 0 ? { outcome: 'try-later', because: 'left-alone', afterMs: waits } : undefined;
  }

  #note({ busy, down }: CallEnd): void {
    const now = this.#options.now();
    if (busy) {
      this.#allowed = Math.max(1, Math.floor(this.allowed / 2));
      this.#carefulUntil = now + CAREFUL_MS;
    }
    this.#recent = [...this.#recent.filter(({ at }) => now - at < WINDOW_MS), { at: now, down }];
    this.#downInARow = down ? this.#downInARow + 1 : 0;
    const share = this.#recent.filter((one) => one.down).length / this.#recent.length;
    const opens =
      this.#downInARow >= DOWN_IN_A_ROW || (this.#recent.length >= WINDOW_CALLS && share >= 0.5 && down);
    if (!down) this.#probeAt = undefined;
    else if (opens || this.#probeAt !== undefined) this.#probeAt = now + PROBE_EVERY_MS;
  }
}
