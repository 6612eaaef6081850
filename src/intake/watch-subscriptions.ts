/**
 * Looks after what pushes to us, because a push that does not come says nothing.
 *
 * Three things are looked at, again and again: numbers missing between notices, Subscriptions that have gone
 * silent, and how each server says its Subscriptions are. What may have been missed is asked for once more
 * where a server can, and swept otherwise. Delivery of notices is best effort by definition.
 * Source: Subscriptions R5 Backport 1.1, error handling and recovery.
 */
import type { Bundle } from '@medplum/fhirtypes';
import type { LiveConnection } from '../connections/live-connection.ts';
import { type EnsuredSubscription, ensureSubscriptions } from '../connections/subscribe.ts';
import { ForbiddenWrite } from '../connections/write-permit.ts';
import { type Hole, holeOf } from '../store/event-numbers.ts';
import type { Inbox, Notice } from '../store/inbox.ts';
import type { Store } from '../store/store.ts';
import {
  findNumbers,
  type Gap,
  noteGone,
  noteWatched,
  settleGap,
  subscriptionStates,
  takeGaps,
  takeSilences,
  takeTroubled,
} from '../store/subscription-state.ts';
import type { ConnectionId } from '../vocabulary/ids.ts';
import type { Log } from '../watch/log.ts';
import { topic } from './forms/topic.ts';

const GRACE_MS = 30_000; // a notice that was overtaken comes by itself
const WATCH_EVERY_MS = 300_000;
/** More than these are not asked for one by one. */
const LARGEST_HOLE = 1000;

export interface WatchParts {
  readonly store: Store;
  readonly inbox: Inbox;
  /** Connections that push. */
  readonly connections: readonly LiveConnection[];
  readonly log: Log;
}

/** What one look found. */
export interface Looked {
  readonly gaps: number;
  readonly silences: number;
  /** Connections whose Subscriptions were read. */
  readonly watched: number;
}

/** Idle, or one look running; never two. */
export class SubscriptionWatch {
  readonly #parts: WatchParts;
  readonly #live: ReadonlyMap<ConnectionId, LiveConnection>;
  readonly #watchedAt = new Map<ConnectionId, number>();
  #looking: Promise<Looked> | undefined;

  constructor(parts: WatchParts) {
    this.#parts = parts;
    this.#live = new Map(parts.connections.map((one) => [one.connection.id, one]));
  }

  /** Makes our Subscriptions on every connection that has them, as we want them. */
  async subscribe(now: Date): Promise<EnsuredSubscription[]> {
    const all = await Promise.all([...this.#live.values()].map((live) => this.#ensure(live, now, false)));
    return all.flat();
  }

  /** Does what is due. */
  look(now: Date): Promise<Looked> {
    this.#looking ??= this.#look(now).finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(now: Date): Promise<Looked> {
    const { store } = this.#parts;
    const before = new Date(now.getTime() - GRACE_MS);
    const gaps = await store.transaction((trx) => takeGaps(trx, before, now));
    await this.#each(gaps, (live, gap) => this.#fill(live, gap, now));
    const silences = await store.transaction((trx) => takeSilences(trx, now));
    await this.#each(silences, (live, silent) => this.#ask(live, silent, now));
    const watched = await this.#dueForWatch(now);
    await this.#each(
      watched.map(({ connection }) => ({ connectionId: connection.id })),
      (live) => this.#ensure(live, now, true),
    );
    return { gaps: gaps.length, silences: silences.length, watched: watched.length };
  }

  /** All at the same time: a slow server holds up nobody else, and what fails with one fails alone. */
  async #each<Of extends { readonly connectionId: ConnectionId }>(
    all: readonly Of[],
    act: (live: LiveConnection, one: Of) => Promise<unknown>,
  ): Promise<void> {
    const acts = all.map(async (one) => {
      const live = this.#live.get(one.connectionId); // undefined when the site has taken it out
      if (live !== undefined) await act(live, one);
    });
    for (const [index, ended] of (await Promise.allSettled(acts)).entries())
      if (ended.status === 'rejected')
        this.#parts.log.error('a subscription could not be looked after', {
          connection: all[index]?.connectionId ?? '',
          code: ended.reason instanceof ForbiddenWrite ? 'forbidden-write' : 'failed',
        });
  }

  /** Asks for the notices once more; what does not come so is swept, and then counts as looked for. */
  async #fill(live: LiveConnection, gap: Gap, now: Date): Promise<void> {
    const { store, log } = this.#parts;
    const hole = holeOf(await findNumbers(store.db, gap));
    if (hole === undefined) return;
    const size = hole.until - hole.from + 1;
    if (size <= LARGEST_HOLE) await this.#askAgain(live, gap, hole, now);
    const left = holeOf(await findNumbers(store.db, gap));
    const isFilled = left === undefined || left.from > hole.until;
    if (!isFilled)
      await store.transaction(async (trx) => {
        await settleGap(trx, gap, hole.until, now);
        await this.#markSweep(trx, gap.connectionId);
      });
    log.warn('notices were missing', {
      connection: gap.connectionId,
      events: size,
      outcome: isFilled ? 'came when asked for' : 'swept',
    });
  }

  async #askAgain(live: LiveConnection, gap: Gap, hole: Hole, now: Date): Promise<void> {
    const told = await live.gate.subscriptionEvents(gap.subscription, hole.from, hole.until);
    if (told.outcome === 'found') await this.#commit(live, told.resource, now);
  }

  /** A silent Subscription: its status may tell why, and what it did not bring is swept. */
  async #ask(live: LiveConnection, { connectionId, subscription }: Gap, now: Date): Promise<void> {
    const { store, log } = this.#parts;
    const told = await live.gate.subscriptionStatus(subscription);
    if (told.outcome === 'found') await this.#commit(live, told.resource, now);
    await store.transaction((trx) => this.#markSweep(trx, connectionId));
    log.warn('a subscription is silent', { connection: connectionId, outcome: told.outcome });
  }

  /** What a server answered to `$events` or `$status`, as if it had pushed it; an answer in another form is none. */
  async #commit({ connection }: LiveConnection, bundle: Bundle, at: Date): Promise<void> {
    const { id: connectionId, base, baseAliases = [], eventNumbers } = connection;
    const hearing = { as: 'answer', at, numbersTrusted: eventNumbers !== 'untrusted' } as const;
    const source = { connectionId, base, baseAliases, trust: 'hint', hearing } as const;
    let read: readonly Notice[];
    try {
      const found = topic({ method: 'GET', header: () => undefined, json: bundle }, source);
      read = found === undefined || 'answer' in found ? [] : found;
    } catch {
      return; // what it does not tell is swept
    }
    await this.#parts.inbox.commit(read);
  }

  async #dueForWatch(now: Date): Promise<LiveConnection[]> {
    const { store } = this.#parts;
    const before = new Date(now.getTime() - WATCH_EVERY_MS);
    const troubled = await store.transaction((trx) => takeTroubled(trx, before, now));
    return [...this.#live.values()].filter(({ connection: { id } }) => {
      const last = this.#watchedAt.get(id) ?? Number.NEGATIVE_INFINITY;
      return troubled.includes(id) || now.getTime() - last >= WATCH_EVERY_MS;
    });
  }

  /** Our Subscriptions on one server, made or switched on as needed; what was missed meanwhile is swept. */
  async #ensure(live: LiveConnection, now: Date, asStored: boolean): Promise<readonly EnsuredSubscription[]> {
    const { store } = this.#parts;
    const connectionId = live.connection.id;
    this.#watchedAt.set(connectionId, now.getTime());
    const ensured = await ensureSubscriptions(live.gate, {
      now,
      asStored,
      beforeReactivation: () => store.transaction((trx) => this.#markSweep(trx, connectionId)),
    });
    for (const one of ensured) this.#tell(connectionId, one);
    await this.#note(connectionId, ensured, now, asStored);
    await this.#tellNeverActive(connectionId, now);
    return ensured;
  }

  #tell(connection: ConnectionId, { outcome, because = outcome }: EnsuredSubscription): void {
    const { log } = this.#parts;
    if (outcome === 'failed') log.error('a subscription could not be made', { connection, code: because });
    else log[outcome === 'unchanged' ? 'debug' : 'info']('subscribed', { connection, outcome });
  }

  /** @param watching they were made before: one that is made now was gone */
  async #note(
    connectionId: ConnectionId,
    ensured: readonly EnsuredSubscription[],
    now: Date,
    watching: boolean,
  ): Promise<void> {
    const known = ensured.flatMap(({ id: subscription, status, criteria, heartbeatS, outcome }) =>
      subscription === undefined || status === undefined
        ? []
        : [
            {
              connectionId,
              subscription,
              criteria,
              status,
              awaitsActive: outcome === 'reactivated' || outcome === 'created',
              again: outcome === 'reactivated' || (outcome === 'created' && watching),
              ...(heartbeatS !== undefined && { heartbeatS }),
            },
          ],
    );
    await this.#parts.store.transaction(async (trx) => {
      let lookAtAll = false;
      for (const one of known) if (await noteWatched(trx, one, now)) lookAtAll = true;
      await noteGone(trx, connectionId, known, now);
      if (lookAtAll) await this.#markSweep(trx, connectionId);
    });
  }

  async #tellNeverActive(connectionId: ConnectionId, now: Date): Promise<void> {
    const states = await subscriptionStates(this.#parts.store.db, connectionId, now);
    if (states.some(({ neverActive }) => neverActive))
      this.#parts.log.warn(
        'a subscription was asked for and is not active; does this server send rest-hooks?',
        {
          connection: connectionId,
          code: 'requested',
        },
      );
  }

  #markSweep(trx: Parameters<Store['sweep']['mark']>[0], connectionId: ConnectionId): Promise<void> {
    return this.#parts.store.sweep.mark(trx, [{ key: connectionId, data: { connectionId }, afterMs: 0 }]);
  }
}
