import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, Observation } from '@medplum/fhirtypes';
import { sql } from 'kysely';
import {
  countEvents,
  countSweptOnly,
  finishEvents,
  type NewEvent,
  waitingOfPatient,
} from '../../src/store/event.ts';
import { Inbox } from '../../src/store/inbox.ts';
import type { Due, Store } from '../../src/store/store.ts';
import { rememberWrite } from '../../src/store/target-resource.ts';
import type { ConnectionId, PatientId } from '../../src/vocabulary/ids.ts';
import { databases, empty, postgres, stopDatabases, type TestStore } from './databases.ts';
import { onPostgres } from './on-postgres.ts';
import { until } from './until.ts';

const itOnPostgres = await onPostgres();

const NORTH = 'north' as ConnectionId;
const SOUTH = 'south' as ConnectionId;
const P1 = 'p1' as PatientId;

function potassium(id: string, version: string, rest: Partial<NewEvent> = {}): NewEvent {
  return {
    connectionId: NORTH,
    dedupeKey: `Observation/${id}|${version}`,
    kind: 'change',
    type: 'Observation',
    resourceId: id,
    versionId: version,
    patientId: P1,
    trust: 'hint',
    state: 'waiting',
    ...rest,
  };
}

afterAll(stopDatabases);

describe.each(await databases())('the inbox on $name', (database) => {
  let test: TestStore;
  let store: Store;
  let inbox: Inbox;
  beforeAll(async () => {
    test = await database.open();
    store = test.store;
    inbox = new Inbox(store, { quiet: () => ({ ms: 0, maxMs: 0 }) });
  }, 60_000);
  afterEach(() => empty(store));
  afterAll(() => test.close());

  const commit = (...events: NewEvent[]): Promise<void> => inbox.commit(events.map((event) => ({ event })));
  const repeats = async (): Promise<number[]> => {
    const { rows } = await sql<{ repeats: number }>`select repeats from event order by repeats`.execute(
      store.db,
    );
    return rows.map((row) => row.repeats);
  };
  const finishAll = async (): Promise<void> => {
    const waiting = await waitingOfPatient(store.db, NORTH, P1);
    await finishEvents(
      store.db,
      NORTH,
      waiting.map(({ id }) => id),
      'done',
    );
    await sql`delete from pgboss.job`.execute(store.db);
  };

  it('keeps an event and makes its patient due in one commit', async () => {
    const resource: Observation = {
      resourceType: 'Observation',
      id: 'k1',
      status: 'final',
      code: { text: 'K' },
    };
    await commit(potassium('k1', '1', { trust: 'body', resource }));
    expect(await store.due.count()).toMatchObject({ waiting: 1 });
    const [event] = await waitingOfPatient(store.db, NORTH, P1);
    expect(event).toMatchObject({ reference: 'Observation/k1', versionId: '1', patientId: 'p1', resource });
    expect(event?.receivedAt).toBeInstanceOf(Date);
  });

  it('counts a repeat of the same version and does not evaluate again', async () => {
    await commit(potassium('k1', '1'));
    await finishAll();
    await commit(potassium('k1', '1'));
    await commit(potassium('k1', '1'), potassium('k1', '1'));
    expect(await repeats()).toEqual([3]);
    expect(await store.due.count()).toMatchObject({ waiting: 0 });
  });

  it('marks the patient due once more when the repeated event was not evaluated yet', async () => {
    await commit(potassium('k1', '1'));
    await sql`delete from pgboss.job`.execute(store.db);
    await commit(potassium('k1', '1'));
    expect(await store.due.count()).toMatchObject({ waiting: 1 });
  });

  it('takes the same id and version from two hospitals for two events', async () => {
    await commit(potassium('k1', '1'), potassium('k1', '1', { connectionId: SOUTH }));
    expect(await countEvents(store.db)).toMatchObject({ waiting: 2 });
    expect(await store.due.count()).toMatchObject({ waiting: 2 });
  });

  it('keeps notices without a version apart, and evaluates them once', async () => {
    const { dedupeKey: _key, versionId: _version, ...unversioned } = potassium('k1', '1');
    await commit(unversioned);
    await commit(unversioned);
    expect(await countEvents(store.db)).toMatchObject({ waiting: 2 });
    expect(await store.due.count()).toMatchObject({ waiting: 1 });
  });

  it.each([
    ['final', 0],
    ['registered', 600_000],
  ])('waits for the rest of a panel until its report comes, when that is %s', async (status, waitsMs) => {
    const panel = new Inbox(store, { quiet: () => ({ ms: 600_000, maxMs: 600_000 }) });
    await panel.commit([{ event: potassium('k1', '1') }]);
    const resource = { resourceType: 'DiagnosticReport', id: 'r1', status, code: {} } as DiagnosticReport;
    const report = { type: 'DiagnosticReport', resourceId: 'r1', trust: 'body', resource } as const;
    await panel.commit([{ event: potassium('r1', '1', { ...report, dedupeKey: 'DiagnosticReport/r1|1' }) }]);
    const { rows } = await sql<{ ms: number }>`
      select extract(epoch from start_after - now())::float8 * 1000 as ms from pgboss.job
      where state = 'created'`.execute(store.db);
    expect(rows.map(({ ms }) => Math.round(Math.max(0, ms) / 60_000) * 60_000)).toEqual([waitsMs]);
  });

  it('makes the resource due while nobody knows its patient', async () => {
    const seen: Due[] = [];
    const { patientId: _patient, ...unknown } = potassium('k1', '1', { kind: 'delete' });
    await commit(unknown);
    store.due.work(async ({ data }) => void seen.push(data), { concurrency: 1, pollMs: 50 });
    await until('the job', () => seen.length === 1);
    expect(seen).toEqual([{ connectionId: 'north', reference: { type: 'Observation', id: 'k1' } }]);
  });

  it('does not evaluate the echo of its own write, and does evaluate a clinician’s edit of it', async () => {
    await rememberWrite(store.db, {
      connectionId: NORTH,
      type: 'DetectedIssue',
      identity: 'cramp-1',
      serverId: 'd1',
      versionId: '7',
      contentHash: 'x',
    });
    const issue = { type: 'DetectedIssue', resourceId: 'd1' };
    await commit(potassium('d1', '7', { ...issue, dedupeKey: 'DetectedIssue/d1|7' }));
    expect(await countEvents(store.db)).toMatchObject({ waiting: 0, done: 1 });
    expect(await store.due.count()).toMatchObject({ waiting: 0 });
    await commit(potassium('d1', '8', { ...issue, versionId: '8', dedupeKey: 'DetectedIssue/d1|8' }));
    expect(await store.due.count()).toMatchObject({ waiting: 1 });
  });

  it('does not say of what a push has told that only a sweep has found it, whichever came first', async () => {
    const swept = { via: 'sweep' } as const;
    await commit(potassium('k1', '1', swept), potassium('k1', '1'), potassium('k2', '1', swept));
    await commit(potassium('k3', '1', swept));
    await commit(potassium('k3', '1'));
    expect(await countSweptOnly(store.db, NORTH, new Date(0))).toBe(1);
  });

  it('asks for one sweep of a connection, however many empty notices arrive', async () => {
    await Promise.all(Array.from({ length: 20 }, () => inbox.commit([{ sweep: NORTH }])));
    expect(await store.sweep.count()).toMatchObject({ waiting: 1 });
  });

  it('commits requests that arrive together in a few transactions and loses none', async () => {
    const { rows: before } = await sql<{ x: string }>`select pg_current_xact_id()::text as x`.execute(
      store.db,
    );
    await Promise.all(Array.from({ length: 300 }, (_, n) => commit(potassium(`k${n}`, '1'))));
    const { rows: after } = await sql<{ x: string }>`select pg_current_xact_id()::text as x`.execute(
      store.db,
    );
    expect(await countEvents(store.db)).toMatchObject({ waiting: 300 });
    expect(Number(after[0]?.x) - Number(before[0]?.x)).toBeLessThan(50);
  });

  it('fails only the request whose data the database refuses', async () => {
    const bad = potassium('k-bad', '1', { reason: 'a nul \u0000 character' });
    const outcomes = await Promise.allSettled([
      commit(potassium('k0', '1')),
      commit(bad),
      commit(potassium('k1', '1')),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await countEvents(store.db)).toMatchObject({ waiting: 2 });
  });

  it('leaves an event that came during an evaluation to the next one', async () => {
    await commit(potassium('k1', '1'));
    const read = await waitingOfPatient(store.db, NORTH, P1);
    await commit(potassium('k2', '1'));
    await finishEvents(
      store.db,
      NORTH,
      read.map(({ id }) => id),
      'done',
    );
    const left = await waitingOfPatient(store.db, NORTH, P1);
    expect(left.map(({ reference }) => reference)).toEqual(['Observation/k2']);
  });
});

describe('the inbox when PostgreSQL goes away', () => {
  itOnPostgres(
    'refuses what it can not commit, and takes events again when the database is back',
    async () => {
      const { store, close } = await postgres.open();
      const inbox = new Inbox(store, { quiet: () => ({ ms: 0, maxMs: 0 }) });
      try {
        await sql`alter table event rename to event_away`.execute(store.db);
        await expect(inbox.commit([{ event: potassium('k1', '1') }])).rejects.toThrow();
        await sql`alter table event_away rename to event`.execute(store.db);
        await sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`.execute(store.db);
        await until('a commit', () =>
          inbox.commit([{ event: potassium('k1', '1') }]).then(
            () => true,
            () => false,
          ),
        );
        expect(await countEvents(store.db)).toMatchObject({ waiting: 1 });
      } finally {
        await close();
      }
    },
  );
});
