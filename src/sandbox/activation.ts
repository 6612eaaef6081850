/**
 * What becomes of a requested Subscription: switched on at once, after a while, when its endpoint has taken a
 * first push, or never.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { WithId } from '@medplum/core';
import type { Subscription } from '@medplum/fhirtypes';
import type { Dialect } from './dialect.ts';
import type { Notification } from './notification.ts';
import type { Change } from './version.ts';

export interface ActivationParts {
  readonly dialect: Dialect;
  /** Before anything happens; Infinity where a server has its rest-hooks switched off. */
  readonly afterMs: number;
  /** Waits between the tries of the first push. */
  readonly retryAfterMs: readonly number[];
  readonly handshake: (subscription: Subscription) => Notification | undefined;
  readonly send: (notification: Notification) => Promise<boolean>;
  /** Stores the new status, if it is still requested. */
  readonly settle: (id: string, status: 'active' | 'error') => Promise<void>;
}

export class Activation implements AsyncDisposable {
  readonly #parts: ActivationParts;
  readonly #work = new Set<Promise<void>>();
  readonly #closing = new AbortController();

  constructor(parts: ActivationParts) {
    this.#parts = parts;
  }

  take(changes: readonly Change[]): void {
    const { dialect, afterMs } = this.#parts;
    if (dialect.requested === 'stays' || dialect.requested === 'none' || afterMs === Infinity) return;
    for (const change of changes) {
      const { resource, previous } = change;
      if (resource.resourceType !== 'Subscription' || resource.status !== 'requested') continue;
      if (!dialect.wakes && previous !== undefined) continue;
      this.#track(this.#activate(resource));
    }
  }

  async idle(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#work);
  }

  async #activate(subscription: WithId<Subscription>): Promise<void> {
    const { dialect, afterMs, settle } = this.#parts;
    if (afterMs > 0 && !(await this.#wait(afterMs))) return;
    const taken = dialect.requested === 'activated' || (await this.#isTaken(subscription));
    if (!this.#closing.signal.aborted) await settle(subscription.id, taken ? 'active' : 'error');
  }

  async #isTaken(subscription: Subscription): Promise<boolean> {
    const { handshake, send, retryAfterMs } = this.#parts;
    const notification = handshake(subscription);
    for (const wait of [0, ...retryAfterMs]) {
      if (!(await this.#wait(wait))) return false;
      if (notification === undefined || (await send(notification))) return true;
    }
    return false;
  }

  /** @returns false when the sandbox closes meanwhile. */
  async #wait(ms: number): Promise<boolean> {
    const { signal } = this.#closing;
    if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined);
    return !signal.aborted;
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
  }
}
