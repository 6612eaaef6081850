/**
 * Keeps cards after their answer has been sent: no write may make a clinician wait.
 *
 * States: empty, gathering for a moment, writing; one pass writes at a time. A lookup for feedback waits for it. What cannot be
 * written is tried again with the next call, up to a limit, and then dropped with an error in the log.
 */
import { type CardRecord, forgetCards, forgetTokens, type HookCallRecord, keepCalls } from '../store/card.ts';
import type { Store } from '../store/store.ts';
import { DAY, HOUR } from '../vocabulary/instant.ts';
import type { Log } from '../watch/log.ts';

interface Entry {
  readonly call: HookCallRecord;
  readonly cards: readonly CardRecord[];
}

const MOST_WAITING = 10_000; // calls, some minutes of a busy hospital
const MOST_AT_ONCE = 50;
const GATHER_MS = 250;
const FORGET_EVERY_MS = HOUR;

export class CardBook implements AsyncDisposable {
  readonly #store: Store;
  readonly #log: Log;
  readonly #keepDays: number;
  #waiting: Entry[] = [];
  #writing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #forgotAt = 0;

  constructor(store: Store, log: Log, keepDays: number) {
    this.#store = store;
    this.#log = log;
    this.#keepDays = keepDays;
  }

  /** Takes a call and its cards; returns at once. */
  write(entry: Entry): void {
    if (this.#waiting.length >= MOST_WAITING) {
      this.#log.error('cards could not be kept', { code: 'card-book-full' });
      return;
    }
    this.#waiting.push(entry);
    // Calls come in bursts: together they cost little more than one.
    this.#timer ??= setTimeout(() => this.#start(), GATHER_MS);
  }

  /** Resolves when everything taken so far is written, or after the time. */
  async written(withinMs: number): Promise<void> {
    if (this.#waiting.length > 0) this.#start();
    if (this.#writing === undefined) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    await Promise.race([this.#writing, late]).finally(() => clearTimeout(timer));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.written(5000);
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing ??= this.#pass().finally(() => {
      this.#writing = undefined;
    });
  }

  async #pass(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, MOST_AT_ONCE);
      try {
        const calls = batch.map(({ call }) => call);
        const cards = batch.flatMap((entry) => entry.cards);
        await this.#store.transaction((trx) => keepCalls(trx, calls, cards));
      } catch {
        this.#log.warn('cards wait to be kept', { code: 'database', events: this.#waiting.length });
        return;
      }
      this.#waiting = this.#waiting.slice(batch.length);
    }
    await this.#forget();
  }

  /** Now and then, what is older than the site keeps. */
  async #forget(): Promise<void> {
    const now = Date.now();
    if (now - this.#forgotAt < FORGET_EVERY_MS) return;
    this.#forgotAt = now;
    try {
      await forgetCards(this.#store.db, new Date(now - this.#keepDays * DAY));
      await forgetTokens(this.#store.db, new Date(now));
    } catch {
      this.#log.warn('old cards could not be removed', { code: 'database' });
    }
  }
}
