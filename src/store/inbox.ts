/**
 * The inbox: events become ours here, before the sender is told so.
 *
 * Requests that arrive while a commit is running go together into the next one: no timer, no added
 * wait when idle, and one flush to disk for all of them when busy.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ConnectionId } from '../vocabulary/ids.ts';
import { WRITTEN_BY_US } from '../vocabulary/resource-types.ts';
import { type EventState, insertEvents, type NewEvent } from './event.ts';
import type { Mark } from './job-queue.ts';
import { type Due, dueKey, type Store } from './store.ts';
import { type Heard, noteHeard } from './subscription-state.ts';
import type { Trx } from './tables.ts';
import { ownWrites } from './target-resource.ts';

/**
 * What intake hands over: an event, the wish to search the connection for changes, or news of a Subscription
 * itself. `afterMs`: what follows from it waits at least so long.
 */
export type Notice =
  | { readonly event: NewEvent; readonly afterMs?: number }
  | { readonly sweep: ConnectionId; readonly afterMs?: number }
  | { readonly heard: Heard };

export interface Quiet {
  /** Evaluate when no further event of the patient came for this long. */
  readonly ms: number;
  /** But not later than this after the first. */
  readonly maxMs: number;
}

export interface InboxOptions {
  readonly quiet: (connectionId: ConnectionId) => Quiet;
}

export class InboxFull extends Error {}

const LARGEST_COMMIT = 1000; // events
const MOST_WAITING = 20_000; // events in memory, their senders still waiting; more are refused

const AT_ONCE: Quiet = { ms: 0, maxMs: 0 };
const FINAL: ReadonlySet<string> = new Set(['final', 'amended', 'corrected', 'appended']);

interface Waiting {
  readonly notices: readonly Notice[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Idle, or one commit running; never two. */
export class Inbox {
  readonly #store: Store;
  readonly #quiet: InboxOptions['quiet'];
  #waiting: Waiting[] = [];
  #waitingNotices = 0;
  #running = false;

  constructor(store: Store, options: InboxOptions) {
    this.#store = store;
    this.#quiet = options.quiet;
  }

  /**
   * Commits notices with the jobs they make due.
   *
   * @throws when they are not committed, or when that is not known; the sender must repeat.
   */
  commit(notices: readonly Notice[]): Promise<void> {
    if (notices.length === 0) return Promise.resolve();
    if (this.#waitingNotices > 0 && this.#waitingNotices + notices.length > MOST_WAITING) {
      return Promise.reject(new InboxFull('the inbox is full'));
    }
    this.#waitingNotices += notices.length;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ notices, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      await this.#commitTogether(this.#next());
      // The embedded database never lets go of the thread: requests that came meanwhile are read here.
      await nextTurn();
    }
    this.#running = false;
  }

  #next(): Waiting[] {
    let size = 0;
    let count = 0;
    for (const { notices } of this.#waiting) {
      size += notices.length;
      if (count > 0 && size > LARGEST_COMMIT) break;
      count += 1;
    }
    const group = this.#waiting.splice(0, count);
    for (const { notices } of group) this.#waitingNotices -= notices.length;
    return group;
  }

  async #commitTogether(group: readonly Waiting[]): Promise<void> {
    try {
      await this.#write(group.flatMap(({ notices }) => notices));
      for (const { resolve } of group) resolve();
    } catch (error) {
      // One request with data that the database refuses must not fail those that came with it.
      if (group.length > 1 && isAboutData(error)) {
        for (const one of group) await this.#commitTogether([one]);
        return;
      }
      for (const { reject } of group) reject(error);
    }
  }

  async #write(notices: readonly Notice[]): Promise<void> {
    await this.#store.transaction(async (trx) => {
      const named = notices.filter((notice) => 'event' in notice);
      const events = await this.#withoutEchoes(
        trx,
        named.map(({ event }) => event),
      );
      const states = events.length === 0 ? [] : await insertEvents(trx, events);
      const waits = named.map(({ afterMs = 0 }) => afterMs);
      const due = this.#dueOf(events, states, waits);
      if (due.length > 0) await this.#store.due.mark(trx, due);
      const heard = notices.flatMap((notice) => ('heard' in notice ? [notice.heard] : []));
      const uncertain = [...(await noteHeard(trx, heard))].map((sweep) => ({ sweep }));
      const sweeps = [...notices.filter((notice) => 'sweep' in notice), ...uncertain];
      const marks = [...Map.groupBy(sweeps, ({ sweep }) => sweep)].map(([connectionId, of]) => ({
        key: connectionId,
        data: { connectionId },
        afterMs: Math.min(...of.map((one) => ('afterMs' in one ? (one.afterMs ?? 0) : 0))),
      }));
      if (marks.length > 0) await this.#store.sweep.mark(trx, marks);
    });
  }

  /** A version that a write of ours came back with is no news. A person's edit of it is. */
  async #withoutEchoes(trx: Trx, events: readonly NewEvent[]): Promise<NewEvent[]> {
    const candidates = events.flatMap((event, index) =>
      WRITTEN_BY_US.has(event.type) && event.versionId !== undefined
        ? [
            {
              index,
              connectionId: event.connectionId,
              type: event.type,
              id: event.resourceId,
              versionId: event.versionId,
            },
          ]
        : [],
    );
    const echoes = new Set([...(await ownWrites(trx, candidates))].map(({ index }) => index));
    if (echoes.size === 0) return [...events];
    return events.map((event, index) =>
      echoes.has(index) ? { ...event, state: 'done', reason: 'echo of our own write' } : event,
    );
  }

  #dueOf(events: readonly NewEvent[], states: readonly EventState[], waits: readonly number[]): Mark<Due>[] {
    const marks = new Map<string, Mark<Due>>();
    events.forEach((event, index) => {
      // A repeat of an event that was evaluated is no news; of one that waits it is marked once more.
      if (states[index] !== 'waiting') return;
      const { connectionId, patientId, type, resourceId } = event;
      const data: Due =
        patientId === undefined
          ? { connectionId, reference: { type, id: resourceId } }
          : { connectionId, patientId };
      // A report that is final comes with its results, or after them.
      const quiet = isFinalReport(event) ? AT_ONCE : this.#quiet(connectionId);
      const key = dueKey(data);
      const waitMs = waits[index] ?? 0;
      const [afterMs, maxMs] = [Math.max(quiet.ms, waitMs), Math.max(quiet.maxMs, waitMs)];
      const before = marks.get(key);
      if (before !== undefined && before.afterMs <= afterMs) return;
      marks.set(key, { key, data, afterMs, maxMs });
    });
    return [...marks.values()];
  }
}

function isFinalReport({ type, resource }: NewEvent): boolean {
  const { status } = (resource ?? {}) as { readonly status?: string };
  return type === 'DiagnosticReport' && FINAL.has(status ?? '');
}

/** SQLSTATE classes 22 and 23: the data, not the database. */
function isAboutData(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' && /^2[23]/.test(code);
}
