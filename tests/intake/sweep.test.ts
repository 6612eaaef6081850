import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Observation } from '@medplum/fhirtypes';
import { sql } from 'kysely';
import { LIMITS } from '../../src/connections/connection.ts';
import { LiveConnection } from '../../src/connections/live-connection.ts';
import { sweep } from '../../src/intake/sweep.ts';
import { applyChanges } from '../../src/store/episode.ts';
import { countEvents, countSweptOnly } from '../../src/store/event.ts';
import { Inbox } from '../../src/store/inbox.ts';
import { TryLater } from '../../src/store/job-worker.ts';
import { findWatermark } from '../../src/store/watermark.ts';
import type { PatientId } from '../../src/vocabulary/ids.ts';
import { HOUR } from '../../src/vocabulary/instant.ts';
import {
  type Asked,
  connectionTo,
  DEVICE_SYSTEM,
  reply,
  type ScriptedServer,
  startScripted,
} from '../connections/scripted-server.ts';
import { EPISODE } from '../delivery/low-potassium.ts';
import { databases, empty, stopDatabases, type TestStore } from '../store/databases.ts';

const NOW = new Date('2026-05-12T12:00:00.000Z');
const at = (hoursAgo: number) => new Date(NOW.getTime() - hoursAgo * HOUR).toISOString();

afterAll(stopDatabases);

function potassium(id: string, hoursAgo: number): Observation {
  return {
    resourceType: 'Observation',
    id,
    meta: { versionId: '1', lastUpdated: at(hoursAgo) },
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '2823-3' }] },
    subject: { reference: 'Patient/p1' },
  };
}

describe.each(await databases())('a sweep, kept in $name', (database) => {
  let opened: TestStore;
  let server: ScriptedServer;
  let live: LiveConnection;
  let inbox: Inbox;
  /** What the server holds; `history`: it tells deletions. */
  let resources: Observation[];
  let deleted: string[];
  let history: boolean;
  beforeAll(async () => {
    opened = await database.open();
  });
  beforeEach(async () => {
    [resources, deleted, history] = [[], [], false];
    server = await startScripted(({ path }, response) => reply(response, 200, answer(path)));
    live = new LiveConnection(connectionTo(server.base, { criteria: ['Observation'] }), DEVICE_SYSTEM);
    inbox = new Inbox(opened.store, { quiet: () => ({ ms: 0, maxMs: 0 }) });
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    await empty(opened.store);
  });
  afterAll(async () => await opened.close());

  /** One resource on a page, in the order of their last update, as asked. */
  function answer(path: string): object {
    const url = new URL(path, server.origin);
    if (path.endsWith('/metadata')) return capability();
    if (path.includes('/_history'))
      return {
        resourceType: 'Bundle',
        entry: deleted.map((one) => ({ request: { method: 'DELETE', url: one } })),
      };
    const [since = '', until = '9999'] = url.searchParams.getAll('_lastUpdated').map((one) => one.slice(2));
    const skip = Number(url.searchParams.get('skip') ?? 0);
    const updated = ({ meta }: Observation) => meta?.lastUpdated ?? '';
    const found = resources.filter((one) => updated(one) >= since && updated(one) < until);
    url.searchParams.set('skip', String(skip + 1));
    const link = skip + 1 < found.length ? [{ relation: 'next', url: url.href }] : [];
    return {
      resourceType: 'Bundle',
      link,
      entry: found.slice(skip, skip + 1).map((resource) => ({ resource })),
    };
  }
  function capability(): object {
    const interaction = [{ code: 'search-type' }, ...(history ? [{ code: 'history-type' }] : [])];
    return {
      resourceType: 'CapabilityStatement',
      rest: [{ mode: 'server', resource: [{ type: 'Observation', interaction }] }],
    };
  }
  const pass = () => sweep({ live, store: opened.store, inbox, now: NOW });
  const searches = () => server.asked.filter(({ path }: Asked) => path.includes('_lastUpdated'));
  const counts = () => countEvents(opened.store.db);

  it('of a new connection looks back a day, not through the whole archive', async () => {
    resources = [potassium('archived', 24 * 365), potassium('fresh', 2)];
    expect(await pass()).toEqual([{ type: 'Observation', found: 1, more: false }]);
    expect(await counts()).toMatchObject({ waiting: 1 });
    expect(await findWatermark(opened.store.db, live.connection.id, 'Observation')).toEqual(new Date(at(2)));
  });

  it('goes on where the last one ended, a quarter of an hour earlier, and what it knows is no news', async () => {
    resources = [potassium('a', 2)];
    await pass();
    resources.push(potassium('b', 1));
    await pass();
    expect(decodeURIComponent(searches().at(-1)?.path ?? '')).toContain(`_lastUpdated=ge${at(2.25)}`);
    expect(await counts()).toMatchObject({ waiting: 2 });
  });

  it('of a backlog longer than one pass may read takes it in parts of time, and comes to an end', async () => {
    resources = Array.from({ length: 130 }, (_, n) => potassium(`k${n}`, 20 - n / 10));
    let passes = 1;
    for (let [swept] = await pass(); swept?.more; [swept] = await pass()) passes += 1;
    expect(passes).toBeLessThan(12);
    expect(await counts()).toMatchObject({ waiting: 130 });
    expect(await findWatermark(opened.store.db, live.connection.id, 'Observation')).toEqual(
      new Date(at(7.1)),
    );
  });

  it('that breaks off keeps what it has read, and begins again where it began', async () => {
    resources = Array.from({ length: 4 }, (_, n) => potassium(`k${n}`, 10 - n));
    const whole = server.script;
    server.script = (asked, response) =>
      asked.path.includes('skip=2') ? reply(response, 503) : whole(asked, response);
    await expect(pass()).rejects.toThrow(TryLater);
    expect(await findWatermark(opened.store.db, live.connection.id, 'Observation')).toBeUndefined();
    expect(await counts()).toMatchObject({ waiting: 2 });
    server.script = whole;
    await pass();
    expect(await counts()).toMatchObject({ waiting: 4 });
  });

  it('of a server that does not sort misses nothing either, when it breaks off', async () => {
    resources = [potassium('a', 3), potassium('b', 1), potassium('c', 8)];
    const whole = server.script;
    server.script = (asked, response) =>
      asked.path.includes('skip=2') ? reply(response, 503) : whole(asked, response);
    await expect(pass()).rejects.toThrow(TryLater);
    server.script = whole;
    await pass();
    expect(await counts()).toMatchObject({ waiting: 3 });
    expect(await findWatermark(opened.store.db, live.connection.id, 'Observation')).toEqual(new Date(at(1)));
  });

  it('of a server that does not know how to sort asks once more without', async () => {
    resources = [potassium('a', 3), potassium('b', 1)];
    const whole = server.script;
    server.script = (asked, response) =>
      asked.path.includes('_sort') ? reply(response, 400) : whole(asked, response);
    expect(await pass()).toEqual([{ type: 'Observation', found: 2, more: false }]);
    expect(await findWatermark(opened.store.db, live.connection.id, 'Observation')).toEqual(new Date(at(1)));
  });

  it('of a server that can not tell what changed says so, and takes nothing for read', async () => {
    const whole = server.script;
    server.script = (asked, response) =>
      asked.path.includes('_lastUpdated') ? reply(response, 400) : whole(asked, response);
    expect(await pass()).toMatchObject([{ found: 0, notUnderstood: true }]);
    expect(await findWatermark(opened.store.db, live.connection.id, 'Observation')).toBeUndefined();
  });

  it('of a server that can not tell what changed has the patients looked at whose alert is open', async () => {
    const { store } = opened;
    const raise = { change: 'raise', key: EPISODE.key, episode: EPISODE, notify: true } as const;
    const resolve = {
      change: 'resolve',
      key: EPISODE.key,
      episode: EPISODE,
      reason: 'recovered',
      notify: false,
    } as const;
    await store.transaction(async (trx) => {
      for (const id of ['open', 'over'] as PatientId[])
        await applyChanges(trx, live.connection.id, id, [raise], EPISODE.raisedAt);
      await applyChanges(trx, live.connection.id, 'over' as PatientId, [resolve], EPISODE.raisedAt);
    });
    const whole = server.script;
    server.script = (asked, response) =>
      asked.path.includes('_lastUpdated') ? reply(response, 400) : whole(asked, response);
    await pass();
    const { rows } = await sql<{ patient: string }>`
      select data->>'patientId' as patient from pgboss.job where name like 'due.%'`.execute(store.db);
    expect(rows).toEqual([{ patient: 'open' }]);
  });

  it('of results too large for a page takes them in smaller ones', async () => {
    resources = [potassium('a', 2)];
    const whole = server.script;
    server.script = (asked, response) =>
      asked.path.includes('_count=100')
        ? reply(response, 200, { resourceType: 'Bundle', id: 'x'.repeat(LIMITS.bodyBytes) })
        : whole(asked, response);
    expect(await pass()).toEqual([{ type: 'Observation', found: 1, more: false }]);
    expect(await counts()).toMatchObject({ waiting: 1 });
  });

  it('does not take a part of time for read when the server then refuses to tell of it', async () => {
    resources = Array.from({ length: 60 }, (_, n) => potassium(`k${n}`, 20 - n / 10));
    const whole = server.script;
    server.script = (asked, response) =>
      asked.path.includes('_lastUpdated=lt') ? reply(response, 403) : whole(asked, response);
    await expect(pass()).rejects.toThrow(TryLater);
    expect(await findWatermark(opened.store.db, live.connection.id, 'Observation')).toBeUndefined();
  });

  it('that loses the way to a next page begins again where it began', async () => {
    resources = Array.from({ length: 4 }, (_, n) => potassium(`k${n}`, 10 - n));
    const whole = server.script;
    server.script = (asked, response) =>
      asked.path.includes('skip=2') ? reply(response, 410) : whole(asked, response);
    await expect(pass()).rejects.toThrow(TryLater);
    expect(await findWatermark(opened.store.db, live.connection.id, 'Observation')).toBeUndefined();
  });

  it('hears of deletions where the server has a history of the type, and asks for none elsewhere', async () => {
    deleted = ['Observation/gone'];
    await pass();
    expect(await counts()).toMatchObject({ waiting: 0 });
    history = true;
    live = new LiveConnection(live.connection, DEVICE_SYSTEM);
    await pass();
    expect(await counts()).toMatchObject({ waiting: 1 });
  });

  it('counts what only it has found, until a push of it comes after all', async () => {
    resources = [potassium('a', 2), potassium('b', 1)];
    await pass();
    const since = new Date(0);
    expect(await countSweptOnly(opened.store.db, live.connection.id, since)).toBe(2);
    const pushed = {
      connectionId: live.connection.id,
      kind: 'change',
      type: 'Observation',
      trust: 'hint',
    } as const;
    await inbox.commit([
      { event: { ...pushed, dedupeKey: 'Observation/a|1', resourceId: 'a', state: 'waiting' } },
    ]);
    expect(await countSweptOnly(opened.store.db, live.connection.id, since)).toBe(1);
  });
});
