/**
 * A queue of jobs, at most one waiting and one running per key, on pg-boss.
 *
 * A job is sent inside the transaction of the data it is about. What pg-boss does not offer is done
 * here, in two statements on its job table (its version is pinned for that):
 * `mark` takes hold of a waiting job until our transaction ends. Otherwise a worker could take that
 * job, read the old data and finish, all between our look ("there is a job waiting already") and our
 * commit: the new data would be waiting for nobody.
 */

import { sql } from 'kysely';
import { fromKysely, type PgBoss } from 'pg-boss';
import { JobWorker, type RetryPlan, type Work, type WorkOptions } from './job-worker.ts';
import type { Db, Trx } from './tables.ts';

/** A killed worker's job is free again after this; a living one says so three times in it. */
export const LEASE_SECONDS = 30;
/** The longest one run of a job may take, however alive its worker is. */
const LONGEST_RUN_SECONDS = 15 * 60;
const ENDLESS = 1_000_000; // how often to try again is decided by the retry plan, not by pg-boss
const KEEP_DONE_SECONDS = 3600;

export const POLICY = 'stately';

/** Something to do about a key. */
export interface Mark<Data extends object> {
  readonly key: string;
  readonly data: Data;
  /** Quiet time: run this long after the last mark of the key. */
  readonly afterMs: number;
  /** But not later than this after the first one; `afterMs` when absent. */
  readonly maxMs?: number;
}

export interface QueueSetup<Data extends object> {
  readonly name: string;
  readonly db: Db;
  readonly boss: PgBoss;
  readonly retry: RetryPlan;
  /** Tells that workers should look again in so many milliseconds, once the transaction is committed. */
  readonly afterCommit: (trx: Trx, act: () => void) => void;
  /** What giving up on a job does to the data it was about; in the transaction that ends the job. */
  readonly giveUp: (trx: Trx, data: Data, code: string) => Promise<void>;
  readonly transaction: <T>(fn: (trx: Trx) => Promise<T>) => Promise<T>;
}

export class JobQueue<Data extends object> {
  readonly name: string;
  readonly #setup: QueueSetup<Data>;
  readonly #workers = new Set<JobWorker<Data>>();

  constructor(setup: QueueSetup<Data>) {
    this.name = setup.name;
    this.#setup = setup;
  }

  /** Makes the queue known to pg-boss, or brings its settings up to date. */
  async create(): Promise<void> {
    const { boss } = this.#setup;
    const options = {
      retryLimit: ENDLESS,
      retryDelay: 0,
      expireInSeconds: LONGEST_RUN_SECONDS,
      heartbeatSeconds: LEASE_SECONDS,
      deleteAfterSeconds: KEEP_DONE_SECONDS,
    };
    await boss.createQueue(this.name, { policy: POLICY, ...options });
    await boss.updateQueue(this.name, options);
    // pg-boss reads a queue's settings at first use, outside of our transaction. On the one connection of
    // the embedded database that would wait for itself: so the first use is here.
    await boss.insert(this.name, []);
  }

  /**
   * Makes keys due, in the transaction of the data that is the reason.
   *
   * A key that waits already is not marked twice: its start moves, later for quiet's sake and never
   * beyond `maxMs`; a job that waits for its next attempt is called forward.
   */
  async mark(trx: Trx, marks: readonly Mark<Data>[]): Promise<void> {
    const missing = new Map(marks.map((mark) => [mark.key, mark]));
    // Between our look and our insert another process may have sent the job: then look again.
    for (let round = 0; missing.size > 0; round++) {
      if (round === 5)
        throw new Error(`queue ${this.name}: the jobs of ${missing.size} keys could not be settled`);
      for (const key of await this.#holdWaiting(trx, [...missing.values()])) missing.delete(key);
      if (missing.size > 0 && (await this.#send(trx, [...missing.values()]))) break;
    }
    for (const afterMs of new Set(marks.map((mark) => mark.afterMs))) {
      this.#setup.afterCommit(trx, () => this.#wake(afterMs));
    }
  }

  /** Moves the start of waiting jobs and holds them until the transaction ends. @returns their keys. */
  async #holdWaiting(trx: Trx, marks: readonly Mark<Data>[]): Promise<string[]> {
    const wanted = marks.map(({ key, afterMs, maxMs }) => ({ key, after: afterMs, max: maxMs ?? afterMs }));
    const { rows } = await sql<{ key: string }>`
      with wanted as (
        select * from json_to_recordset(${JSON.stringify(wanted)}::text::json) as w(key text, after float8, max float8)
      ), held as (
        select j.id, w.key, j.state = 'created' as fresh,
          now() + w.after * interval '1 ms' as quiet, j.created_on + w.max * interval '1 ms' as latest
        from pgboss.job j join wanted w on coalesce(j.singleton_key, '') = w.key
        where j.name = ${this.name} and j.state in ('created', 'retry') and j.policy = ${POLICY}
        order by w.key for update of j
      )
      update pgboss.job j set start_after = case
          when held.fresh and j.start_after <= held.latest then least(held.latest, held.quiet)
          else least(j.start_after, held.quiet) end
      from held where j.name = ${this.name} and j.id = held.id
      returning held.key`.execute(trx);
    return rows.map(({ key }) => key);
  }

  /** @returns true when every job was new. */
  async #send(trx: Trx, marks: readonly Mark<Data>[]): Promise<boolean> {
    const jobs = marks.map(({ key, data, afterMs }) => ({
      data,
      singletonKey: key,
      group: { id: key },
      startAfter: String(afterMs / 1000),
    }));
    const ids = await this.#setup.boss.insert(this.name, jobs, { db: fromKysely(trx), returnId: true });
    return ids?.length === jobs.length;
  }

  /**
   * Runs jobs, the ones of one key never at the same time. Throw `TryLater` for trouble that passes.
   *
   * @returns the worker; stop it before the store is closed.
   */
  work(fn: Work<Data>, options: WorkOptions): JobWorker<Data> {
    const { boss, retry, giveUp, transaction } = this.#setup;
    const worker = new JobWorker({ name: this.name, boss, retry, giveUp, transaction, fn, ...options });
    this.#workers.add(worker);
    void worker.stopped.then(() => this.#workers.delete(worker));
    return worker;
  }

  /** Frees the jobs that no living process holds: only when nobody else can be working. */
  async freeAll(): Promise<void> {
    const { rows } = await sql<{ id: string }>`
      select id from pgboss.job where name = ${this.name} and state = 'active'`.execute(this.#setup.db);
    if (rows.length === 0) return;
    const ids = rows.map(({ id }) => id);
    await this.#setup.boss.fail(this.name, ids, { code: 'process-ended' });
  }

  /** How many jobs wait, run, and wait for another attempt. */
  async count(): Promise<{ waiting: number; active: number; retry: number }> {
    const { rows } = await sql<{ state: string; n: number }>`
      select state::text, count(*)::int as n from pgboss.job where name = ${this.name} group by state`.execute(
      this.#setup.db,
    );
    const of = (state: string): number => rows.find((row) => row.state === state)?.n ?? 0;
    return { waiting: of('created'), active: of('active'), retry: of('retry') };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.stop()));
  }

  #wake(afterMs: number): void {
    for (const worker of this.#workers) worker.wake(afterMs);
  }
}
