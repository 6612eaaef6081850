/**
 * Sends rest-hook notifications of what was committed, without ever holding up the write.
 *
 * Each active Subscription has a queue and at most one notification on its way, so the order of the
 * commits is kept. A failed one is tried again and then given up, as real servers do; nothing survives a
 * restart. Catching up is the receiver's sweep.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { resourceMatchesSubscriptionCriteria } from '@medplum/core';
import type { Subscription } from '@medplum/fhirtypes';
import { DIALECTS, type DialectName } from './dialect.ts';
import type { Faults } from './faults.ts';
import { type Notification, notificationOf } from './notification.ts';
import type { SubscriptionBook } from './subscription-book.ts';
import { filterOf, isByTopic } from './topic-notification.ts';
import type { Change, Version } from './version.ts';

const ANSWER_WITHIN_MS = 30_000;
/** Event Grid drops an event at once on these. */
const NOT_AGAIN = [400, 401, 403, 413];

export interface DeliveryParts {
  readonly dialect: DialectName;
  readonly base: string;
  readonly now: () => Date;
  readonly book: SubscriptionBook;
  /** The token that goes with each, where a server of this kind shows one. */
  readonly token?: () => Promise<string>;
  readonly faults: Faults;
  /** Waits between the tries; its length bounds the tries. */
  readonly retryAfterMs: readonly number[];
  /** The version a resource is at now. */
  readonly current: (type: string, id: string) => Version | undefined;
}

/** A change on its way to one Subscription, with its number there. */
interface Waiting {
  readonly change: Change;
  readonly number: number;
}

export class Deliveries implements AsyncDisposable {
  readonly #parts: DeliveryParts;
  readonly #queues = new Map<string, Waiting[]>(); // by id of the Subscription
  readonly #sending = new Set<string>();
  readonly #work = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #matched: Promise<void> = Promise.resolve();

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  /** Takes note of changes and, if it shall notify, queues what active Subscriptions want of them. */
  take(changes: readonly Change[], notify: boolean): void {
    for (const change of changes) {
      this.#parts.book.learn(change.version);
      if (notify) this.#matched = this.#track(this.#match(this.#matched, change));
    }
  }

  /** Resolves when every notification was delivered or given up, or waits because it is held. */
  async idle(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  /** Sends what waits, unless it is held. */
  resume(): void {
    for (const id of this.#queues.keys()) this.#pump(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#work);
  }

  async #match(before: Promise<void>, change: Change): Promise<void> {
    const { book, dialect } = this.#parts;
    const active = book.active();
    await before; // so that queues fill in the order of the commits
    for (const [id, subscription] of active) {
      if (DIALECTS[dialect].pushesAll || (await wants(subscription, change))) this.#queue(id, change);
    }
  }

  #queue(id: string, change: Change): void {
    const { faults, book } = this.#parts;
    const waiting = { change, number: book.number(id, change) };
    if (faults.dropsNext()) return;
    const queue = this.#queues.get(id) ?? [];
    this.#queues.set(id, queue);
    for (let copy = 0; copy < faults.deliveries.copies; copy += 1) queue.push(waiting);
    this.#pump(id);
  }

  #pump(id: string): void {
    if (!this.#sending.has(id)) void this.#track(this.#drain(id));
  }

  async #drain(id: string): Promise<void> {
    this.#sending.add(id);
    for (let next = this.#next(id); next !== undefined; next = this.#next(id)) {
      await this.#deliver(id, next);
    }
    this.#sending.delete(id);
  }

  #next(id: string): Waiting | undefined {
    const { held, reversed } = this.#parts.faults.deliveries;
    if (held || this.#closing.signal.aborted) return undefined;
    const queue = this.#queues.get(id);
    return reversed ? queue?.pop() : queue?.shift();
  }

  /** Tries until it is accepted, given up, or no longer wanted. Never throws. */
  async #deliver(id: string, waiting: Waiting): Promise<void> {
    const { faults, retryAfterMs, book, dialect, base, now } = this.#parts;
    for (const [tried, wait] of [faults.deliveries.delayMs, ...retryAfterMs].entries()) {
      if (!(await this.#wait(wait))) return;
      const subscription = book.get(id);
      if (subscription?.status !== 'active') return;
      if (tried > 0 && this.#isOutdated(waiting.change)) return;
      const notification = notificationOf(dialect, { subscription, ...waiting, base, at: now() });
      if (notification === undefined || (await this.send(notification))) return;
    }
  }

  /** Medplum silently drops a retry whose resource has moved on to another version. */
  #isOutdated({ interaction, version }: Change): boolean {
    if (this.#parts.dialect !== 'medplum' || interaction === 'delete') return false;
    return this.#parts.current(version.type, version.id)?.versionId !== version.versionId;
  }

  /** @returns whether it was taken, or is not to be sent again. */
  async send(notification: Notification): Promise<boolean> {
    const response = await this.post(notification);
    await response?.arrayBuffer();
    if (response === undefined) return false;
    return response.ok || (this.#parts.dialect === 'azure' && NOT_AGAIN.includes(response.status));
  }

  /** @returns undefined when there was no answer. */
  async post({ url, ...request }: Notification): Promise<Response | undefined> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]);
    try {
      const token = await this.#parts.token?.();
      const headers = { ...request.headers, ...(token && { Authorization: `Bearer ${token}` }) };
      return await fetch(url, { ...request, headers, signal });
    } catch {
      return undefined;
    }
  }

  /** @returns false when the sandbox closes meanwhile. */
  async #wait(ms: number): Promise<boolean> {
    const { signal } = this.#closing;
    if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined);
    return !signal.aborted;
  }

  #track(work: Promise<void>): Promise<void> {
    const tracked = work.finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
    return tracked;
  }
}

/** A criteria that can not be read never fires, as on Medplum. By topic, its filter says what is wanted. */
async function wants(
  subscription: Subscription,
  { interaction, resource, previous }: Change,
): Promise<boolean> {
  const criteria = isByTopic(subscription) ? filterOf(subscription) : subscription.criteria;
  if (criteria === undefined) return false;
  try {
    return await resourceMatchesSubscriptionCriteria({
      resource,
      subscription: { ...subscription, criteria },
      context: { interaction },
      getPreviousResource: async () => (interaction === 'create' ? undefined : previous),
    });
  } catch {
    return false;
  }
}
