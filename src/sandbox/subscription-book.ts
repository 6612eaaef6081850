/**
 * The Subscriptions the sandbox holds now, and the events that each was told of, numbered.
 *
 * Numbers live in memory, so they begin anew with the process, as on servers that do not store them.
 */
import type { Subscription } from '@medplum/fhirtypes';
import type { TopicEvent } from './topic-notification.ts';
import type { Change, Version } from './version.ts';

const PUSHES = 'pushes';

export class SubscriptionBook {
  readonly #held = new Map<string, Subscription>();
  readonly #events = new Map<string, TopicEvent[]>(); // by id of the Subscription

  /** Takes note of a new version if it is one of a Subscription. */
  learn({ type, id, resource }: Version): void {
    if (type !== 'Subscription') return;
    if (resource?.resourceType === 'Subscription') this.#held.set(id, resource);
    else this.#held.delete(id);
  }

  /** Everything is pushed here from now on, as it is set up beside FHIR on some servers. */
  pushTo(endpoint: string): void {
    this.#held.set(PUSHES, {
      resourceType: 'Subscription',
      id: PUSHES,
      status: 'active',
      reason: 'all',
      criteria: '',
      channel: { type: 'rest-hook', endpoint },
    });
  }

  get(id: string): Subscription | undefined {
    return this.#held.get(id);
  }

  active(): [string, Subscription][] {
    return [...this.#held].filter(([, { status }]) => status === 'active');
  }

  /** Counts a change as the next event of a Subscription, also when it will never arrive. */
  number(id: string, { interaction, version }: Change): number {
    const events = this.#events.get(id) ?? [];
    this.#events.set(id, events);
    return events.push({ number: events.length + 1, interaction, version });
  }

  /** Both ends included. */
  events(id: string, from: number, until: number): TopicEvent[] {
    return (this.#events.get(id) ?? []).filter(({ number }) => number >= from && number <= until);
  }

  total(id: string): number {
    return this.#events.get(id)?.length ?? 0;
  }
}
