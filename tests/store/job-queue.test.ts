import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import type { Mark } from '../../src/store/job-queue.ts';
import { LeaseLost, RETRY_PLAN, TryLater } from '../../src/store/job-worker.ts';
import { type Due, dueKey, openStore, type Store } from '../../src/store/store.ts';
import type { ConnectionId, PatientId } from '../../src/vocabulary/ids.ts';
import { databases, empty, postgres, stopDatabases, type TestStore } from './databases.ts';
import { onPostgres } from './on-postgres.ts';
import { until } from './until.ts';

const itOnPostgres = await onPostgres();

const NORTH = 'north' as ConnectionId;
const SOUTH = 'south' as ConnectionId;
const FAST = { concurrency: 4, pollMs: 1000 };
const QUICK_RETRY = { delaysMs: [20], giveUpAfterMs: 60_000, attempts: 3 };

function due(patient: string, afterMs = 0, maxMs = afterMs, connectionId = NORTH): Mark<Due> {
  const data: Due = { connectionId, patientId: patient as PatientId };
  return { key: dueKey(data), data, afterMs, maxMs };
}

function mark(store: Store, ...marks: Mark<Due>[]): Promise<void> {
  return store.transaction((trx) => store.due.mark(trx, marks));
}

/** A gate that a failed test opens too, so that no run hangs behind it. */
const gates: (() => void)[] = [];
function gate(): { opened: Promise<void>; open: () => void } {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  gates.push(open);
  return { opened, open };
}
function openGates(): void {
  for (const open of gates.splice(0)) open();
}

function patientOf(data: Due): string {
  return 'patientId' in data ? data.patientId : '?';
}

afterAll(stopDatabases);

describe.each(await databases())('jobs on $name', (database) => {
  let test: TestStore;
  let store: Store;
  beforeAll(async () => {
    test = await database.open({ retry: QUICK_RETRY });
    store = test.store;
  }, 60_000);
  afterEach(async () => {
    openGates();
    await empty(store);
  });
  afterAll(() => test.close());

  it('starts within 50 ms of the commit that made the patient due', async () => {
    const waits: number[] = [];
    let marked = 0;
    store.due.work(async () => void waits.push(performance.now() - marked), FAST);
    for (let n = 0; n < 15; n++) {
      await mark(store, due(`p${n}`)).then(() => (marked = performance.now()));
      await until('the job runs', () => waits.length === n + 1);
    }
    const median = waits.sort((a, b) => a - b)[7] ?? Number.NaN;
    expect(median).toBeLessThan(50);
  });

  it('does not start a job whose transaction was rolled back', async () => {
    await expect(
      store.transaction(async (trx) => {
        await store.due.mark(trx, [due('p')]);
        throw new Error('no commit');
      }),
    ).rejects.toThrow('no commit');
    expect(await store.due.count()).toEqual({ waiting: 0, active: 0, retry: 0 });
  });

  it('evaluates a panel of twelve results once, when it has been quiet', async () => {
    let runs = 0;
    store.due.work(async () => void runs++, FAST);
    for (let n = 0; n < 12; n++) await mark(store, due('p', 150, 5000));
    expect(runs).toBe(0);
    await until('the evaluation', () => runs === 1);
    await until('rest', async () => (await store.due.count()).active === 0);
    expect(await store.due.count()).toEqual({ waiting: 0, active: 0, retry: 0 });
    expect(runs).toBe(1);
  });

  it('does not put an evaluation off for ever while results keep coming', async () => {
    let runs = 0;
    store.due.work(async () => void runs++, FAST);
    await until('an evaluation in spite of the stream', async () => {
      await mark(store, due('p', 400, 600));
      return runs > 0;
    });
  });

  it('does not put off what is due soon for a notice that may wait long', async () => {
    const startsIn = async (): Promise<number> => {
      const { rows } = await sql<{ s: number }>`
        select extract(epoch from start_after - now())::float8 as s from pgboss.job`.execute(store.db);
      expect(rows).toHaveLength(1);
      return rows[0]?.s ?? Number.NaN;
    };
    await mark(store, due('p', 300_000));
    expect(await startsIn()).toBeGreaterThan(250);
    await mark(store, due('p', 2000, 15_000));
    expect(await startsIn()).toBeLessThan(2.1);
    await mark(store, due('p', 300_000));
    expect(await startsIn()).toBeLessThan(15.1);
    await mark(store, due('p'));
    expect(await startsIn()).toBeLessThan(0.1);
  });

  it('takes two marks of the same patient in one call for one', async () => {
    await mark(store, due('p'), due('p'));
    expect((await store.due.count()).waiting).toBe(1);
  });

  it('keeps exactly one job waiting for what came while an evaluation ran', async () => {
    const seen: string[] = [];
    const { opened, open } = gate();
    store.due.work(async ({ id }) => {
      seen.push(id);
      await opened;
    }, FAST);
    await mark(store, due('p'));
    await until('the first run', () => seen.length === 1);
    for (let n = 0; n < 5; n++) await mark(store, due('p'));
    expect(await store.due.count()).toEqual({ waiting: 1, active: 1, retry: 0 });
    expect(seen).toHaveLength(1);
    open();
    await until('the second run', () => seen.length === 2);
    await until('rest', async () => (await store.due.count()).active === 0);
    expect(seen).toHaveLength(2);
  });

  it('lets other patients pass one whose evaluation is slow', async () => {
    const done: string[] = [];
    const { opened, open } = gate();
    store.due.work(
      async ({ data }) => {
        if (patientOf(data) === 'slow') await opened;
        done.push(patientOf(data));
      },
      { concurrency: 2, pollMs: 200 },
    );
    await mark(store, due('slow'));
    await until('the slow one runs', async () => (await store.due.count()).active === 1);
    await mark(store, due('slow'));
    for (let n = 0; n < 5; n++) await mark(store, due(`p${n}`));
    await until('the others are done', () => done.length === 5);
    expect(done).not.toContain('slow');
    open();
    await until('the slow one too', () => done.length === 7);
  });

  it('lets the patients of other servers pass when every place of a slow server is taken', async () => {
    const done: string[] = [];
    const { opened, open } = gate();
    store.due.work(
      async ({ data }) => {
        if (data.connectionId === NORTH) await opened;
        done.push(patientOf(data));
      },
      { concurrency: 2, pollMs: 200 },
    );
    await mark(store, ...['a', 'b', 'c'].map((one) => due(one)));
    await until('both places are taken', async () => (await store.due.count()).active === 2);
    await mark(store, due('elsewhere', 0, 0, SOUTH), due('d'));
    await until('the other server is served', () => done.length === 1);
    expect(done).toEqual(['elsewhere']);
    open();
    await until('the slow one too', () => done.length === 5);
  });

  it('of a queue that is gone from the database are refused, not lost', async () => {
    await sql`delete from pgboss.queue where name = 'due.south'`.execute(store.db);
    await expect(mark(store, due('p', 0, 0, SOUTH))).rejects.toThrow();
    await store.due.create();
    await mark(store, due('p', 0, 0, SOUTH));
    expect((await store.due.count()).waiting).toBe(1);
  });

  it('of a connection that the store was not opened for are refused', async () => {
    const foreign = due('p', 0, 0, 'east' as ConnectionId);
    await expect(mark(store, foreign)).rejects.toThrow('there is no queue of connection east');
  });

  it('keeps nobody waiting at a stop for a run that hangs, and that job is done again', async () => {
    const { opened, open } = gate();
    const hanging = await database.open({ stopWithinMs: 100 });
    hanging.store.due.work(async () => await opened, { concurrency: 1, pollMs: 50 });
    await mark(hanging.store, due('p'));
    await until('it runs', async () => (await hanging.store.due.count()).active === 1);
    const before = performance.now();
    await hanging.store[Symbol.asyncDispose]();
    expect(performance.now() - before).toBeLessThan(5000);
    open();
    await hanging.close();
  });

  it('tries again after trouble that passes, and forgets the trouble once it works', async () => {
    const attempts: number[] = [];
    store.due.work(async ({ attempt }) => {
      attempts.push(attempt);
      if (attempt < 6) throw new TryLater('fhir-unreachable');
    }, FAST);
    await mark(store, due('p'));
    await until('the sixth attempt', () => attempts.length === 6);
    expect(attempts).toEqual([1, 2, 3, 4, 5, 6]);
    await until('rest', async () => (await store.due.count()).active === 0);
  });

  it('calls a patient forward whose next attempt is hours away when something new arrives', async () => {
    let runs = 0;
    store.due.work(async () => {
      runs += 1;
      if (runs === 1) throw new TryLater('fhir-unreachable', 3_000_000);
    }, FAST);
    await mark(store, due('p'));
    await until('the retry waits', async () => (await store.due.count()).retry === 1);
    await mark(store, due('p'));
    expect((await store.due.count()).waiting).toBe(0);
    await until('the second run', () => runs === 2);
  });

  it('gives up after three errors that do not pass, and says so once', async () => {
    const failures: boolean[] = [];
    store.due.work(
      async () => {
        throw new Error('a mistake of ours');
      },
      { ...FAST, onFailure: ({ gaveUp }) => void failures.push(gaveUp) },
    );
    await mark(store, due('p'));
    await until('giving up', () => failures.includes(true));
    expect(failures).toEqual([false, false, true]);
    await until('rest', async () => (await store.due.count()).active === 0);
    expect(await store.due.count()).toEqual({ waiting: 0, active: 0, retry: 0 });
  });

  it('does not count against a job that the database took no writes', async () => {
    const failures: { code: string; gaveUp: boolean }[] = [];
    let done = false;
    const work = (): Promise<void> =>
      store.transaction(async (trx) => {
        if (failures.length < 2 * QUICK_RETRY.attempts) await sql`set transaction read only`.execute(trx);
        await sql`delete from watermark`.execute(trx);
        done = true;
      });
    store.due.work(work, { ...FAST, onFailure: (failure) => void failures.push(failure) });
    await mark(store, due('p1'));
    await until('the job is done', () => done);
    expect(failures).toEqual(
      Array(2 * QUICK_RETRY.attempts).fill(
        expect.objectContaining({ code: 'database-unreachable', gaveUp: false }),
      ),
    );
  });

  it('tries a job again soon after the database is back, also when it could not even be told of the failure', async () => {
    const attempts: number[] = [];
    const work = async ({ attempt }: { attempt: number }): Promise<void> => {
      attempts.push(attempt);
      if (attempt > 1) return;
      await sql`alter schema pgboss rename to pgboss_away`.execute(store.db);
      throw new TryLater('fhir-unreachable');
    };
    store.due.work(work, { ...FAST, onFailure: () => undefined });
    await mark(store, due('p1'));
    await until('the job ran', () => attempts.length === 1);
    const { promise: refused, resolve } = Promise.withResolvers<void>();
    await store.due.count().catch(() => resolve()); // nothing of a job can be read or written
    await refused;
    await sql`alter schema pgboss_away rename to pgboss`.execute(store.db);
    await until('the job ran again, long before its lease was over', () => attempts.length === 2, 5000);
    expect(attempts).toEqual([1, 2]);
  });

  it('refuses what a run decided whose lease was taken by another', async () => {
    let outcome: unknown;
    store.due.work(
      async ({ id, settle, attempt }) => {
        if (attempt > 1) return;
        await sql`update pgboss.job set retry_count = retry_count + 1 where id = ${id}`.execute(store.db);
        await store.transaction(settle).catch((error: unknown) => {
          outcome = error;
          throw error;
        });
      },
      { concurrency: 1, pollMs: 100 },
    );
    await mark(store, due('p'));
    await until('the refusal', () => outcome !== undefined);
    expect(outcome).toBeInstanceOf(LeaseLost);
  });

  it('asks whether the job is still its own before it writes outside, once its lease may be over', async () => {
    const outcomes: string[] = [];
    let now = 0;
    store.due.work(
      async ({ id, hold, attempt }) => {
        if (attempt > 1) return;
        await hold();
        outcomes.push('held');
        // It slept for a minute; meanwhile the lease ran out and another run has the job.
        now = 60_000;
        await hold();
        outcomes.push('held again, because nobody else has it');
        now = 120_000;
        await sql`update pgboss.job set retry_count = retry_count + 1 where id = ${id}`.execute(store.db);
        await hold().catch((error: unknown) => {
          outcomes.push(error instanceof LeaseLost ? 'refused' : 'failed');
          throw error;
        });
      },
      { concurrency: 1, pollMs: 100, now: () => now },
    );
    await mark(store, due('p'));
    await until('the refusal', () => outcomes.length === 3);
    expect(outcomes).toEqual(['held', 'held again, because nobody else has it', 'refused']);
  });

  it('gives up a job that ends the process it runs in, again and again', async () => {
    const heard: { code: string; gaveUp: boolean }[] = [];
    const died = gate();
    let runs = 0;
    store.due.work(
      async () => {
        runs += 1;
        await died.opened; // says nothing any more, as the dead do
      },
      { concurrency: 9, pollMs: 20, onFailure: ({ code, gaveUp }) => void heard.push({ code, gaveUp }) },
    );
    await mark(store, due('p'));
    for (let death = 1; death <= 3; death++) {
      await until('a run', () => runs === death);
      await store.due.freeAll();
    }
    await until('giving up', () => heard.length > 0);
    died.open();
    expect(heard).toEqual([{ code: 'process-ended', gaveUp: true }]);
    expect(runs).toBe(3);
    await until('rest', async () => (await store.due.count()).active === 0);
    expect(await store.due.count()).toEqual({ waiting: 0, active: 0, retry: 0 });
  });

  it('stops without leaving a run behind', async () => {
    let ended = false;
    const worker = store.due.work(async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      ended = true;
    }, FAST);
    await mark(store, due('p'));
    await until('it runs', async () => (await store.due.count()).active === 1);
    await worker.stop();
    expect(ended).toBe(true);
    expect((await store.due.count()).active).toBe(0);
  });

  it('waits as long as the plan says: seconds first, then hours, for three days', () => {
    const seconds = RETRY_PLAN.delaysMs.map((ms) => ms / 1000);
    expect(seconds).toEqual([1, 5, 30, 120, 600, 1800, 3600]);
    expect(RETRY_PLAN.giveUpAfterMs).toBe(72 * 3600 * 1000);
  });
});

describe('jobs on PostgreSQL, two processes', () => {
  itOnPostgres(
    'never loses a mark to a worker that takes the waiting job before the mark is committed',
    async () => {
      const { store: intake, options, close } = await postgres.open();
      const evaluator = await openStore(options);
      try {
        // The patient is due already. Intake looks, sees the waiting job, and has not committed yet.
        await mark(intake, due('p'));
        const mayCommit = gate();
        const hasLooked = gate();
        const committing = intake.transaction(async (trx) => {
          await sql`insert into event (connection_id, kind, type, resource_id, patient_id, trust, state)
          values ('north', 'change', 'Observation', 'k1', 'p', 'hint', 'waiting')`.execute(trx);
          await intake.due.mark(trx, [due('p')]);
          hasLooked.open();
          await mayCommit.opened;
        });
        await hasLooked.opened;
        // An evaluation that ran now would not see the event.
        const seen: number[] = [];
        evaluator.due.work(
          async () => {
            const { rows } = await sql<{ n: number }>`select count(*)::int as n from event`.execute(
              evaluator.db,
            );
            seen.push(rows[0]?.n ?? 0);
          },
          { concurrency: 1, pollMs: 20 },
        );
        await new Promise((resolve) => setTimeout(resolve, 200)); // many polls: the job must not be taken
        expect(seen).toEqual([]);
        mayCommit.open();
        await committing;
        await until('an evaluation that sees the event', () => seen.includes(1));
      } finally {
        openGates();
        await evaluator[Symbol.asyncDispose]();
        await close();
      }
    },
  );

  itOnPostgres(
    'takes a patient at once who was being evaluated when pg-boss last counted its jobs',
    async () => {
      const { store: intake, options, close } = await postgres.open();
      const { key } = due('p');
      await sql`update pgboss.queue set singletons_active = array[${key}]::text[] where name = 'due.north'`.execute(
        intake.db,
      );
      const evaluator = await openStore(options); // reads what was counted
      try {
        const evaluated: string[] = [];
        evaluator.due.work(async ({ data }) => void evaluated.push(patientOf(data)), FAST);
        await mark(intake, due('p'));
        await until('the evaluation', () => evaluated.includes('p'), 5000);
      } finally {
        await evaluator[Symbol.asyncDispose]();
        await close();
      }
    },
  );

  itOnPostgres('evaluates what was marked while another process had already read the chart', async () => {
    const { store: intake, options, close } = await postgres.open();
    const evaluator = await openStore(options);
    try {
      let committed = 0;
      let lastRead = 0;
      let running = 0;
      let together = 0;
      const work = async (): Promise<void> => {
        together = Math.max(together, ++running);
        lastRead = committed;
        await new Promise((resolve) => setTimeout(resolve, 3));
        running -= 1;
      };
      evaluator.due.work(work, { concurrency: 2, pollMs: 10 });
      intake.due.work(work, { concurrency: 2, pollMs: 10 });
      for (let n = 0; n < 200; n++) {
        await mark(intake, due('p'));
        committed = n + 1;
      }
      const sawAll = async (): Promise<boolean> => {
        const { waiting, active, retry } = await intake.due.count();
        return waiting + active + retry === 0;
      };
      await until('all is evaluated', sawAll);
      expect(lastRead).toBe(200);
      expect(together).toBe(1);
    } finally {
      await evaluator[Symbol.asyncDispose]();
      await close();
    }
  });
});
