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
import type { Faults } from './faults.ts';
import { type DeliveryForm, notificationOf } from './notification.ts';
import type { Change, Version } from './version.ts';

const ANSWER_WITHIN_MS = 30_000;

export interface DeliveryParts {
  readonly form: DeliveryForm;
  readonly faults: Faults;
  /** Waits between the tries; its length bounds the tries. */
  readonly retryAfterMs: readonly number[];
  /** The version a resource is at now. */
  readonly current: (type: string, id: string) => Version | undefined;
}

export class Deliveries implements AsyncDisposable {
  readonly #parts: DeliveryParts;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #queues = new Map<string, Change[]>(); // by id of the Subscription
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
      this.learn(change.version);
      if (notify) this.#matched = this.#track(this.#match(this.#matched, change));
    }
  }

  /** Takes note of a new version if it is one of a Subscription. */
  learn({ type, id, resource }: Version): void {
    if (type !== 'Subscription') return;
    if (resource?.resourceType === 'Subscription') this.#subscriptions.set(id, resource);
    else this.#subscriptions.delete(id);
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
    const active = [...this.#subscriptions].filter(([, { status }]) => status === 'active');
    await before; // so that queues fill in the order of the commits
    for (const [id, subscription] of active) {
      if (await wants(subscription, change)) this.#queue(id, change);
    }
  }

  #queue(id: string, change: Change): void {
    const { faults } = this.#parts;
    if (faults.dropsNext()) return;
    const queue = this.#queues.get(id) ?? [];
    this.#queues.set(id, queue);
    for (let copy = 0; copy < faults.deliveries.copies; copy += 1) queue.push(change);
    this.#pump(id);
  }

  #pump(id: string): void {
    if (!this.#sending.has(id)) void this.#track(this.#drain(id));
  }

  async #drain(id: string): Promise<void> {
    this.#sending.add(id);
    for (let change = this.#next(id); change !== undefined; change = this.#next(id)) {
      await this.#deliver(id, change);
    }
    this.#sending.delete(id);
  }

  #next(id: string): Change | undefined {
    const { held, reversed } = this.#parts.faults.deliveries;
    if (held || this.#closing.signal.aborted) return undefined;
    const queue = this.#queues.get(id);
    return reversed ? queue?.pop() : queue?.shift();
  }

  /** Tries until it is accepted, given up, or no longer wanted. Never throws. */
  async #deliver(id: string, change: Change): Promise<void> {
    const { faults, retryAfterMs } = this.#parts;
    for (const [tried, wait] of [faults.deliveries.delayMs, ...retryAfterMs].entries()) {
      if (!(await this.#wait(wait))) return;
      const subscription = this.#subscriptions.get(id);
      if (subscription?.status !== 'active') return;
      if (tried > 0 && this.#isOutdated(change)) return;
      if (await this.#send(subscription, change)) return;
    }
  }

  /** Medplum silently drops a retry whose resource has moved on to another version. */
  #isOutdated({ interaction, version }: Change): boolean {
    if (this.#parts.form !== 'medplum' || interaction === 'delete') return false;
    return this.#parts.current(version.type, version.id)?.versionId !== version.versionId;
  }

  async #send(subscription: Subscription, change: Change): Promise<boolean> {
    const notification = notificationOf(this.#parts.form, subscription, change);
    if (notification === undefined) return true;
    const { url, ...request } = notification;
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]);
    try {
      const response = await fetch(url, { ...request, signal });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
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

/** A criteria that can not be read never fires, as on Medplum. */
async function wants(
  subscription: Subscription,
  { interaction, resource, previous }: Change,
): Promise<boolean> {
  try {
    return await resourceMatchesSubscriptionCriteria({
      resource,
      subscription,
      context: { interaction },
      getPreviousResource: async () => (interaction === 'create' ? undefined : previous),
    });
  } catch {
    return false;
  }
}
