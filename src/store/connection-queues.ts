/**
 * One queue per connection, seen as one: a hospital's server that is slow holds up its own patients only.
 */
import type { ConnectionId } from '../vocabulary/ids.ts';
import { JobQueue, type Mark, type QueueSetup } from './job-queue.ts';
import type { Work, WorkOptions } from './job-worker.ts';
import type { Trx } from './tables.ts';

interface OfConnection {
  readonly connectionId: ConnectionId;
}

/** How many jobs wait, run, and wait for another attempt. */
export interface QueueCount {
  readonly waiting: number;
  readonly active: number;
  readonly retry: number;
}

export class ConnectionQueues<Data extends OfConnection> {
  readonly #queues: ReadonlyMap<ConnectionId, JobQueue<Data>>;

  constructor(setup: QueueSetup<Data>, connections: readonly ConnectionId[]) {
    this.#queues = new Map(
      connections.map((id) => [id, new JobQueue<Data>({ ...setup, name: `${setup.name}.${id}` })]),
    );
  }

  async create(): Promise<void> {
    for (const queue of this.#queues.values()) await queue.create();
  }

  /** @throws when a mark is of a connection that this store was not opened for */
  async mark(trx: Trx, marks: readonly Mark<Data>[]): Promise<void> {
    const byConnection = Map.groupBy(marks, ({ data }) => data.connectionId);
    // Sorted, so that two processes that mark the same keys wait for each other and do not deadlock.
    for (const [id, of] of [...byConnection].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const queue = this.#queues.get(id);
      if (queue === undefined) throw new Error(`there is no queue of connection ${id}`);
      await queue.mark(trx, of);
    }
  }

  /** Runs the jobs of every connection. @param options `concurrency` holds for each connection by itself */
  work(fn: Work<Data>, options: WorkOptions): { stop(): Promise<void> } {
    const workers = [...this.#queues.values()].map((queue) => queue.work(fn, options));
    return {
      stop: async () => {
        await Promise.all(workers.map((worker) => worker.stop()));
      },
    };
  }

  async freeAll(): Promise<void> {
    for (const queue of this.#queues.values()) await queue.freeAll();
  }

  /** Was a job of this connection sent so lately? */
  async sentWithin(id: ConnectionId, ms: number): Promise<boolean> {
    return (await this.#queues.get(id)?.sentWithin(ms)) ?? false;
  }

  async count(): Promise<QueueCount> {
    const counts = await Promise.all([...this.#queues.values()].map((queue) => queue.count()));
    const sum = (of: keyof QueueCount) => counts.reduce((total, count) => total + count[of], 0);
    return { waiting: sum('waiting'), active: sum('active'), retry: sum('retry') };
  }

  /** Is a job worked in this process? */
  get busy(): boolean {
    return [...this.#queues.values()].some(({ busy }) => busy);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.stop()));
  }
}
