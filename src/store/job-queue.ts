/**
 * A queue of jobs, at most one waiting and one running per key, on pg-boss.
 *
 * A job is sent inside the transaction of the data it is about. What pg-boss does not offer is done
 * here, in statements on its job table (its version is pinned for that):
 * `mark` takes hold of a waiting job until our transaction ends. Otherwise a worker could take that
 * job, read the old data and finish, all between our look ("there is a job waiting already") and our
 * commit: the new data would be waiting for nobody.
 */

import { sql } from 'kysely';
import type { PgBoss } from 'pg-boss';
import {
  JobWorker,
  LEASE_SECONDS,
  type RetryPlan,
  SILENT_ENDS,
  type Work,
  type WorkOptions,
} from './job-worker.ts';
import type { Db, Trx } from './tables.ts';

/** The longest one run of a job may take, however alive its worker is. */
const LONGEST_RUN_SECONDS = 15 * 60;
const ENDLESS = 1_000_000; // how often to try again is decided by the retry plan, not by pg-boss
const KEEP_DONE_SECONDS = 3600;
/** A start is not put off for less than this share of the quiet time: results of one panel come together. */
const QUIET_SLACK = 0.1;
const KEEP_WAITING_SECONDS = 14 * 24 * 3600; // without being taken

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
      retentionSeconds: KEEP_WAITING_SECONDS,
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
   * beyond the `maxMs` of any of its marks; a job that waits for its next attempt is called forward.
   */
  async mark(trx: Trx, marks: readonly Mark<Data>[]): Promise<void> {
    const wanted = [...new Map(marks.map((mark) => [mark.key, mark])).values()].map(
      ({ key, data, afterMs, maxMs = afterMs }) => ({ key, data, after: afterMs, max: maxMs }),
    );
    // One statement that finds each waiting job by its unique index, however many wait: a join would be
    // planned by statistics, which lag behind a queue that fills. A job that stays as it is is held too.
    // `keep_until` is so long after the latest start.
    await sql`
      insert into pgboss.job_common as job (name, state, data, singleton_key, group_id, start_after, keep_until,
        policy, expire_seconds, deletion_seconds, retry_limit, retry_delay, retry_backoff, heartbeat_seconds)
      select ${this.name}, coalesce(
          case when (select exists (select from pgboss.job_common
              where name = ${this.name} and state = 'retry' and policy = ${POLICY}))
            then (select state from pgboss.job_common where name = ${this.name} and state = 'retry'
              and policy = ${POLICY} and coalesce(singleton_key, '') = w.key for update) end, 'created'),
        w.data, w.key, w.key, now() + w.after * interval '1 ms',
        now() + w.max * interval '1 ms' + ${KEEP_WAITING_SECONDS}::int * interval '1 s',
        q.policy, q.expire_seconds, q.deletion_seconds, q.retry_limit, q.retry_delay, q.retry_backoff, q.heartbeat_seconds
      from (
        select * from json_to_recordset(${JSON.stringify(wanted)}::text::json)
          as json(key text, data jsonb, after float8, max float8)
        -- so that two processes that mark the same keys wait for each other and do not deadlock
        order by key
      -- left, so that without its queue a mark is refused, and not lost
      ) w left join pgboss.queue q on q.name = ${this.name}
      on conflict (name, state, coalesce(singleton_key, '')) where state <= 'active' and policy = 'stately'
      do update set keep_until = least(job.keep_until, excluded.keep_until),
        start_after = case job.state when 'retry' then least(job.start_after, excluded.start_after)
          else least(excluded.start_after,
            least(job.keep_until, excluded.keep_until) - ${KEEP_WAITING_SECONDS}::int * interval '1 s') end
      where excluded.start_after < job.start_after or excluded.keep_until < job.keep_until
        or job.state = 'created' and excluded.start_after - greatest(job.start_after, now())
          > ${QUIET_SLACK}::float8 * (excluded.start_after - now())`.execute(trx);
    for (const afterMs of new Set(marks.map((mark) => mark.afterMs))) {
      this.#setup.afterCommit(trx, () => this.#wake(afterMs));
    }
  }

  /**
   * Runs jobs, the ones of one key never at the same time. Throw `TryLater` for trouble that passes.
   *
   * @returns the worker; stop it before the store is closed.
   */
  work(fn: Work<Data>, options: WorkOptions): JobWorker<Data> {
    const { boss, retry, giveUp, transaction } = this.#setup;
    const noteSilentEnds = this.#noteSilentEnds.bind(this);
    const setup = { name: this.name, boss, retry, giveUp, transaction, fn, noteSilentEnds };
    const worker = new JobWorker<Data>({ ...setup, ...options });
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
    await this.#setup.boss.fail(this.name, ids);
  }

  async #noteSilentEnds(job: { id: string; retryCount: number }, ends: number): Promise<void> {
    await sql`
      update pgboss.job set data = data || ${JSON.stringify({ [SILENT_ENDS]: ends })}::jsonb
      where name = ${this.name} and id = ${job.id}::uuid and state = 'active' and retry_count = ${job.retryCount}`.execute(
      this.#setup.db,
    );
  }

  /** Was a job sent so lately? Ended ones are known for an hour. */
  async sentWithin(ms: number): Promise<boolean> {
    const { rows } = await sql<{ sent: boolean }>`
      select exists (select 1 from pgboss.job where name = ${this.name}
        and created_on > now() - ${ms}::float8 * interval '1 ms') as sent`.execute(this.#setup.db);
    return rows[0]?.sent ?? false;
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

  /** Is a job worked in this process? */
  get busy(): boolean {
    return [...this.#workers].some((worker) => worker.busy);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.stop()));
  }

  #wake(afterMs: number): void {
    for (const worker of this.#workers) worker.wake(afterMs);
  }
}
