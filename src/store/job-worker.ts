/**
 * Runs the jobs of one queue.
 *
 * Why not pg-boss's own worker: it looks at most twice a second and knows one formula for retries. This
 * one is woken by the commit that made a job due, and waits as the retry plan says. It takes jobs by a statement
 * of its own, and ends them by pg-boss's.
 */
import { fromKysely, type PgBoss } from 'pg-boss';
import { isDatabaseTrouble } from './database-trouble.ts';
import type { Trx } from './tables.ts';

/** Trouble that passes: a server that is away, a conflict. Tried again for days. */
export class TryLater extends Error {
  /** A short code for the record, never the server's words: `fhir-unreachable`. */
  readonly code: string;
  /** What the server asked for, if it did. */
  readonly afterMs: number | undefined;

  constructor(code: string, afterMs?: number, options?: ErrorOptions) {
    super(`try again later: ${code}`, options);
    this.code = code;
    this.afterMs = afterMs;
  }
}

/** The lease of a job was lost to another worker: what this one decided must not be written. */
export class LeaseLost extends Error {}

export interface RetryPlan {
  /** Waits before the second, third ... attempt; the last one is repeated. Each is shortened at random. */
  readonly delaysMs: readonly number[];
  /** Trouble that passes is given up when it has lasted this long. */
  readonly giveUpAfterMs: number;
  /** Any other error is given up after so many attempts. */
  readonly attempts: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

export const RETRY_PLAN: RetryPlan = {
  delaysMs: [SECOND, 5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR],
  giveUpAfterMs: 72 * HOUR,
  attempts: 5,
};
const LONGEST_ASKED_WAIT_MS = HOUR; // a Retry-After beyond it is not believed

/** One run of a job. */
export interface Job<Data extends object> {
  readonly id: string;
  readonly data: Data;
  /** 1 for the first run. */
  readonly attempt: number;
  /**
   * Ends the job in the transaction of what it decided.
   *
   * @throws LeaseLost when the job is no longer this run's; the transaction must roll back.
   */
  settle(trx: Trx): Promise<void>;
  /**
   * Before anything that no transaction can take back: is the job still this run's?
   *
   * @throws LeaseLost when it is not, or may soon not be.
   */
  hold(): Promise<void>;
}

export type Work<Data extends object> = (job: Job<Data>) => Promise<void>;

export interface WorkOptions {
  readonly concurrency: number;
  /** How often to look without being woken: for jobs of other processes. */
  readonly pollMs: number;
  /** Monotonic milliseconds; for tests. */
  readonly now?: () => number;
  /** Hears of each failed run; must not throw. */
  readonly onFailure?: (failure: { code: string; attempt: number; gaveUp: boolean; error: unknown }) => void;
}

interface WorkerSetup<Data extends object> extends WorkOptions {
  readonly name: string;
  readonly boss: PgBoss;
  readonly retry: RetryPlan;
  readonly fn: Work<Data>;
  readonly giveUp: (trx: Trx, data: Data, code: string) => Promise<void>;
  readonly transaction: <T>(fn: (trx: Trx) => Promise<T>) => Promise<T>;
  /** Keeps with the running job how often its runs ended without a word. */
  readonly noteSilentEnds: (job: { id: string; retryCount: number }, ends: number) => Promise<void>;
}

/** What a failed run leaves for the next one, in the job's own record. None when its process died. */
interface Trouble {
  readonly code?: string;
  /** Runs that failed other than by `TryLater`. */
  readonly failures?: number;
  readonly since?: string;
}

/** A job that this worker has. */
interface Taken<Data extends object> {
  readonly id: string;
  readonly data: Data;
  /** What its last run left. */
  readonly output: object | null;
  readonly retryCount: number;
}

interface Run<Data extends object> {
  readonly job: Taken<Data>;
  readonly ended: Promise<void>;
}

/** Where a job's data says how often its runs ended without a word: pg-boss writes over the rest. */
export const SILENT_ENDS = 'silentEnds';
/** A killed worker's job is free again after this; a living one says so three times in it. */
export const LEASE_SECONDS = 30;
const HEARTBEAT_MS = 10 * SECOND;
/** A call that begins now may take so long; a lease that ends before is asked for again. */
const HOLD_MARGIN_MS = 10 * SECOND;
const TELL_AGAIN_MS = SECOND;
const WAKE_STEP_MS = 25;

/**
 * Why not pg-boss's own: it passes over every key that was running when it last counted, for a minute and more.
 * A key may have one job that waits and one to be tried again; only one of them is taken, and none while one runs.
 */
const TAKE = `
  with next as (
    select j.id, j.singleton_key, j.state from pgboss.job_common j
    where j.name = $1 and j.state < 'active' and not j.blocked and j.start_after <= now()
      and not exists (select from pgboss.job_common running
        where running.name = $1 and running.state = 'active' and running.group_id = j.group_id)
    order by j.priority desc, j.created_on
    limit $2 for update of j skip locked
  ), ranked as (
    select id, row_number() over (partition by singleton_key order by state desc) as nth from next
  )
  update pgboss.job_common set state = 'active', started_on = now(), heartbeat_on = now(),
    retry_count = case when started_on is null then retry_count else retry_count + 1 end
  where name = $1 and id = any (array(select id from ranked where nth = 1))
  returning id, data, output, retry_count as "retryCount"`;

/** Looks for jobs, or waits to be woken. From its creation to `stop()`; then done for good. */
export class JobWorker<Data extends object> implements AsyncDisposable {
  /** Resolves when the worker has stopped and its jobs have ended. */
  readonly stopped: Promise<void>;
  readonly #setup: WorkerSetup<Data>;
  readonly #running = new Map<string, Run<Data>>();
  /** Until when the lease of each running job is known to last; monotonic. */
  readonly #heldUntil = new Map<string, number>();
  readonly #wakes = new Map<number, NodeJS.Timeout>();
  readonly #heartbeat: NodeJS.Timeout;
  #stopping = false;
  #woken = false;
  #wakeUp: (() => void) | undefined;

  constructor(setup: WorkerSetup<Data>) {
    this.#setup = setup;
    this.#heartbeat = setInterval(() => void this.#keepLeases(), HEARTBEAT_MS);
    this.stopped = this.#look();
  }

  /** Is a job worked? */
  get busy(): boolean {
    return this.#running.size > 0;
  }

  /** Looks again, now or in a while. */
  wake(afterMs = 0): void {
    if (this.#stopping) return;
    if (afterMs <= 0) {
      this.#wakeNow();
      return;
    }
    const at = Math.ceil((Date.now() + afterMs) / WAKE_STEP_MS) * WAKE_STEP_MS;
    if (this.#wakes.has(at)) return;
    const timer = setTimeout(() => {
      this.#wakes.delete(at);
      this.#wakeNow();
    }, at - Date.now());
    this.#wakes.set(at, timer);
  }

  /** Takes no new job and waits for the running ones. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#wakes.values()) clearTimeout(timer);
    this.#wakes.clear();
    this.#wakeNow();
    await this.stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #look(): Promise<void> {
    while (!this.#stopping) {
      this.#woken = false;
      const free = this.#setup.concurrency - this.#running.size;
      const taken = free > 0 ? await this.#take(free) : 0;
      // As many as asked for: there may be more. A run that ends wakes us anyway.
      if (free > 0 && taken === free) continue;
      await this.#rest();
    }
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
    clearInterval(this.#heartbeat);
  }

  async #take(free: number): Promise<number> {
    const asked = this.#now();
    try {
      const { rows } = await this.#setup.boss.getDb().executeSql(TAKE, [this.#setup.name, free]);
      const jobs = rows as Taken<Data>[];
      for (const job of jobs) this.#start(job, asked);
      return jobs.length;
    } catch (error) {
      if (isTakenByAnother(error)) return 0;
      this.#setup.onFailure?.({ code: 'database-unreachable', attempt: 0, gaveUp: false, error });
      return 0; // look again after the poll time
    }
  }

  #start(job: Taken<Data>, taken: number): void {
    this.#heldUntil.set(job.id, taken + LEASE_SECONDS * SECOND);
    const ended = this.#run(job).finally(() => {
      this.#running.delete(job.id);
      this.#heldUntil.delete(job.id);
      this.#wakeNow();
    });
    this.#running.set(job.id, { job, ended });
  }

  async #run(job: Taken<Data>): Promise<void> {
    const { boss, name, fn } = this.#setup;
    let settled = false;
    try {
      if (await this.#killsItsProcess(job)) return;
      await fn({
        id: job.id,
        data: job.data,
        attempt: job.retryCount + 1,
        settle: async (trx) => {
          const ended = await boss.complete(name, [job], null, { db: fromKysely(trx) });
          if (affectedBy(ended) !== 1) throw new LeaseLost(`job ${job.id} is no longer this worker's`);
          settled = true;
        },
        hold: () => this.#hold(job),
      });
      if (!settled) await boss.complete(name, [job]);
    } catch (error) {
      if (error instanceof LeaseLost) return; // the other run will do it
      await this.#tellFailure(job, error);
    }
  }

  /** What can not be written while the database is away is written when it is back, and the job need not wait for its lease to end. */
  async #tellFailure(job: Taken<Data>, error: unknown): Promise<void> {
    for (const end = this.#now() + LEASE_SECONDS * SECOND; ; ) {
      try {
        return await this.#fail(job, error);
      } catch (cause) {
        if (this.#now() > end || this.#stopping) {
          const attempt = job.retryCount + 1;
          this.#setup.onFailure?.({ code: 'database-unreachable', attempt, gaveUp: false, error: cause });
          return; // the lease runs out and the job comes back by itself
        }
        await new Promise((resolve) => setTimeout(resolve, TELL_AGAIN_MS));
      }
    }
  }

  /** Too many runs ended without a word: the job is given up before it takes another process with it. */
  async #killsItsProcess(job: Taken<Data>): Promise<boolean> {
    const { boss, name, retry, giveUp, transaction, noteSilentEnds, onFailure } = this.#setup;
    const before = (job.output ?? {}) as Trouble;
    if (job.retryCount === 0 || before.code !== undefined) return false;
    const ends = ((job.data as { [SILENT_ENDS]?: number })[SILENT_ENDS] ?? 0) + 1;
    if (ends < retry.attempts) {
      await noteSilentEnds(job, ends);
      return false;
    }
    const code = 'process-ended';
    onFailure?.({ code, attempt: job.retryCount + 1, gaveUp: true, error: new Error(code) });
    await transaction(async (trx) => {
      const ended = await boss.complete(name, [job], { code }, { db: fromKysely(trx) });
      if (affectedBy(ended) === 1) await giveUp(trx, job.data, code);
    });
    return true;
  }

  #now(): number {
    return this.#setup.now?.() ?? performance.now();
  }

  async #hold(job: Taken<Data>): Promise<void> {
    const now = this.#now();
    if ((this.#heldUntil.get(job.id) ?? 0) - now > HOLD_MARGIN_MS) return;
    const touched = await this.#setup.boss.touch(this.#setup.name, [job]);
    if (affectedBy(touched) !== 1) throw new LeaseLost(`job ${job.id} is no longer this worker's`);
    this.#heldUntil.set(job.id, now + LEASE_SECONDS * SECOND);
  }

  async #fail(job: Taken<Data>, error: unknown): Promise<void> {
    const { boss, name, retry, giveUp, transaction, onFailure } = this.#setup;
    const before = (job.output ?? {}) as Trouble;
    const trouble = isDatabaseTrouble(error) ? new TryLater('database-unreachable') : error;
    const passes = trouble instanceof TryLater;
    const code = passes ? trouble.code : 'unexpected';
    const failures = (before.failures ?? 0) + (passes ? 0 : 1);
    const since = before.since ?? new Date().toISOString();
    const tooLong = Date.now() - Date.parse(since) >= retry.giveUpAfterMs;
    const gaveUp = failures >= retry.attempts || tooLong;
    const delayMs = this.#delayMs(job.retryCount, passes ? trouble.afterMs : undefined);
    await transaction(async (trx) => {
      const db = fromKysely(trx);
      if (gaveUp) {
        const ended = await boss.complete(name, [job], { code, failures, since }, { db });
        if (affectedBy(ended) === 1) await giveUp(trx, job.data, code);
        return;
      }
      const failed = await boss.fail(name, [job], { code, failures, since }, { db });
      if (affectedBy(failed) !== 1) return; // another run has it
      await boss.update(name, undefined, { id: job.id, startAfter: `${delayMs / SECOND}`, db });
    });
    onFailure?.({ code, attempt: job.retryCount + 1, gaveUp, error });
    if (!gaveUp) this.wake(delayMs);
  }

  #delayMs(failedBefore: number, askedMs: number | undefined): number {
    const { delaysMs } = this.#setup.retry;
    if (askedMs !== undefined) return Math.min(askedMs, LONGEST_ASKED_WAIT_MS);
    const delay = delaysMs[Math.min(failedBefore, delaysMs.length - 1)] ?? 0;
    return Math.round(delay * (0.5 + Math.random() / 2));
  }

  async #keepLeases(): Promise<void> {
    const jobs = [...this.#running.values()].map(({ job }) => job);
    if (jobs.length === 0) return;
    const now = this.#now();
    const touched = await this.#setup.boss.touch(this.#setup.name, jobs).catch(() => undefined);
    if (touched === undefined || affectedBy(touched) !== jobs.length) return; // each asks for itself when it writes
    for (const { id } of jobs)
      if (this.#heldUntil.has(id)) this.#heldUntil.set(id, now + LEASE_SECONDS * SECOND);
  }

  #wakeNow(): void {
    this.#woken = true;
    this.#wakeUp?.();
  }

  async #rest(): Promise<void> {
    if (this.#woken || this.#stopping) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#setup.pollMs);
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wakeUp = undefined;
  }
}

/** Two workers took one key's two jobs at the same time: the unique index lets one of them have it. */
function isTakenByAnother(error: unknown): boolean {
  return (error as { code?: unknown }).code === '23505';
}

/** How many jobs a settling touched: documented by pg-boss and missing from its types. */
function affectedBy(response: object): number | undefined {
  return (response as { affected?: number }).affected;
}
