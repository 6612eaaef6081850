/**
 * How hard a connection's server is asked: so many calls at once, fewer after it said "too many", none while it is
 * down, wants to be left alone, or has little left of its quota.
 *
 * One lane per connection, so a slow server keeps nobody waiting but itself. States of the breaker: closed, open
 * until `probeAt`, probing with one call.
 */
import type { Trouble, TryLater } from './outcomes.ts';
import { Quota } from './quota.ts';
import { Turns } from './turns.ts';

/** How a call went, as far as the lane cares. */
export interface CallEnd {
  /** The server wants fewer calls. */
  readonly busy: boolean;
  /** No usable answer: nobody there, or only a proxy. */
  readonly down: boolean;
  /** What the server asked everybody to wait, in milliseconds. */
  readonly restMs?: number | undefined;
  /** Of the answer, if there was one. */
  readonly headers?: Headers;
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
  readonly #turns = new Turns(() => this.allowed);
  readonly #quota = new Quota();
  #allowed: number;
  #halvedAt = Number.NEGATIVE_INFINITY;
  #carefulUntil = 0;
  #restsUntil = 0;
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

  /** For status pages: why nothing is asked now, and for how long. */
  get waits(): { readonly because: string; readonly seconds: number } | undefined {
    const wait = this.#leftAlone() ?? this.#overQuota(0);
    return wait && { because: wait.because, seconds: Math.ceil((wait.afterMs ?? 0) / 1000) };
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
    return this.#turns.run(async () => {
      const begun = this.#options.now();
      // The server may have gone down while this call waited for its turn.
      const late = this.#leftAlone() ?? this.#overQuota(this.#turns.running - 1);
      if (late !== undefined) return late;
      if (this.#probeAt !== undefined) this.#probeAt = begun + PROBE_EVERY_MS; // this call is the probe
      const result = await call();
      this.#note(endOf(result), begun);
      return result;
    });
  }

  #leftAlone(): TryLater | undefined {
    const now = this.#options.now();
    return (
      waiting(this.#restsUntil - now, 'asked-to-wait') ?? waiting((this.#probeAt ?? 0) - now, 'left-alone')
    );
  }

  #overQuota(running: number): TryLater | undefined {
    return waiting(this.#quota.waitMs(running, this.#options.now()), 'quota');
  }

  #note({ busy, down, restMs, headers }: CallEnd, begun: number): void {
    const now = this.#options.now();
    if (headers !== undefined) this.#quota.note(headers, now);
    if (restMs !== undefined) this.#restsUntil = Math.max(this.#restsUntil, now + restMs);
    // What was on its way when we halved is no reason to halve again.
    if (busy && begun >= this.#halvedAt) {
      this.#halvedAt = now;
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

function waiting(ms: number, because: string): TryLater | undefined {
  return ms > 0 ? { outcome: 'try-later', because, afterMs: ms } : undefined;
}
