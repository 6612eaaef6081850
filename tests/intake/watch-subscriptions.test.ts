/** Topic notifications over HTTP, and what is done about those that did not come. */
import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Subscription } from '@medplum/fhirtypes';
import type { ConnectionKind } from '../../src/connections/connection.ts';
import { LiveConnection } from '../../src/connections/live-connection.ts';
import type { PushConnection } from '../../src/intake/receive-push.ts';
import { SubscriptionWatch } from '../../src/intake/watch-subscriptions.ts';
import { Inbox } from '../../src/store/inbox.ts';
import type { Store } from '../../src/store/store.ts';
import { subscriptionStates } from '../../src/store/subscription-state.ts';
import type { ConnectionId } from '../../src/vocabulary/ids.ts';
import { openLog } from '../../src/watch/log.ts';
import {
  type Asked,
  connectionTo,
  DEVICE_SYSTEM,
  HOOK_URL,
  reply,
  type ScriptedServer,
  startScripted,
} from '../connections/scripted-server.ts';
import { databases, empty, stopDatabases, type TestStore } from '../store/databases.ts';
import { type IntakeServer, startIntake, storedEvents } from './intake-server.ts';

const NORTH = 'north' as ConnectionId;
const SECRET = 'a-header-secret-0123456789-0123456789';
const NOON = Date.parse('2026-05-12T12:00:00Z');
const SECOND = 1000;
const MINUTE = 60 * SECOND;

interface Notice {
  readonly type?: string;
  readonly numbers?: readonly number[];
  readonly total?: number;
  readonly status?: string;
  readonly subscription?: string;
  readonly minute?: number;
}

/** A notification about Observations `o<number>`, as R4B writes it; happened at the given minute after noon. */
function notification({ type, numbers = [], total, minute, ...rest }: Notice): object {
  const at = (number: number): string => new Date(NOON + (minute ?? number) * MINUTE).toISOString();
  const status = {
    resourceType: 'SubscriptionStatus',
    type: type ?? 'event-notification',
    status: rest.status ?? 'active',
    subscription: { reference: `Subscription/${rest.subscription ?? 's1'}` },
    ...(total !== undefined && { eventsSinceSubscriptionStart: String(total) }),
    notificationEvent: numbers.map((number) => ({
      eventNumber: String(number),
      timestamp: at(number),
      focus: { reference: `Observation/o${number}` },
    })),
  };
  return {
    resourceType: 'Bundle',
    type: 'history',
    timestamp: at(total ?? 0),
    entry: [{ resource: status }],
  };
}

function subscription(rest: Partial<Subscription> = {}): Subscription {
  return {
    resourceType: 'Subscription',
    id: 's1',
    meta: { versionId: '7' },
    status: 'active',
    reason: 'r',
    criteria: 'Observation',
    channel: { type: 'rest-hook', endpoint: HOOK_URL, payload: 'application/fhir+json' },
    ...rest,
  };
}

const HEARTBEAT = {
  url: 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-heartbeat-period',
  valueUnsignedInt: 60,
};

afterAll(stopDatabases);

describe.each(await databases())('notices of a subscription, kept in $name', (database) => {
  let test: TestStore;
  let store: Store;
  let intake: IntakeServer;
  let hospital: ScriptedServer;
  let watch: SubscriptionWatch;
  let now = NOON;

  const SENDER: PushConnection = {
    id: NORTH,
    base: 'https://north.example/fhir',
    ingress: [{ type: 'header', header: 'x-secret', secrets: [SECRET], trust: 'hint' }],
  };
  const UNTRUSTED: PushConnection = { ...SENDER, id: 'south' as ConnectionId, eventNumbers: 'untrusted' };

  beforeAll(async () => {
    test = await database.open();
    store = test.store;
    intake = await startIntake(store, [SENDER, UNTRUSTED], () => new Date(now));
  }, 60_000);
  beforeEach(async () => {
    now = NOON;
    hospital = await startScripted();
    watch = watchOf('generic-r4');
  });
  afterEach(async () => {
    await hospital[Symbol.asyncDispose]();
    await empty(store);
  });
  afterAll(async () => {
    await intake[Symbol.asyncDispose]();
    await test.close();
  });

  function watchOf(kind: ConnectionKind): SubscriptionWatch {
    const connection = connectionTo(hospital.base, { kind, criteria: ['Observation'] });
    return new SubscriptionWatch({
      store,
      inbox: new Inbox(store, { quiet: () => ({ ms: 0, maxMs: 0 }) }),
      connections: [new LiveConnection(connection, DEVICE_SYSTEM)],
      log: openLog('silent', process.stderr),
    });
  }

  const push = async (notice: Notice, to = '/north'): Promise<void> => {
    const headers = { 'x-secret': SECRET, 'content-type': 'application/fhir+json' };
    const body = JSON.stringify(notification(notice));
    expect(await intake.push(to, { method: 'POST', headers, body })).toMatchObject({ status: 200 });
  };
  const handshake = (): Promise<void> => push({ type: 'handshake', total: 0 });
  const look = (afterMs: number) => {
    now += afterMs;
    return watch.look(new Date(now));
  };
  /** Takes the sweep that is due, so that the next can be seen. */
  const sweeps = async (): Promise<number> => {
    const { waiting } = await store.sweep.count();
    await store.db.deleteFrom('pgboss.job' as never).execute();
    return waiting;
  };
  const observations = async (): Promise<string[]> =>
    (await storedEvents(store)).map((row) => row.resource_id);
  const states = (of = NORTH) => subscriptionStates(store.db, of, new Date(now));
  const state = async () => (await states()).find(({ subscription: id }) => id === 's1');
  const asked = (part: string): Asked[] => hospital.asked.filter(({ path }) => path.includes(part));

  describe('with a number missing', () => {
    /** Numbers 1 and 4 came. */
    beforeEach(async () => {
      await handshake();
      await push({ numbers: [1], total: 1 });
      await push({ numbers: [4], total: 4 });
    });

    it('wait half a minute for it to come by itself', async () => {
      expect(await look(29 * SECOND)).toMatchObject({ gaps: 0 });
      expect(asked('$events')).toEqual([]);
      await push({ numbers: [2], total: 4 });
      await push({ numbers: [3], total: 4 });
      expect(await look(MINUTE)).toMatchObject({ gaps: 0 });
      expect(await state()).toMatchObject({ missing: 0, gaps: 0 });
    });

    it('are asked for by number, and nothing is swept when they come', async () => {
      hospital.script = (one, response) =>
        one.path.includes('$events')
          ? reply(response, 200, notification({ type: 'query-event', numbers: [2, 3, 4], total: 4 }))
          : reply(response, 404);
      expect(await look(30 * SECOND)).toMatchObject({ gaps: 1 });
      expect(asked('$events').map(({ path }) => path)).toEqual([
        '/fhir/R4/Subscription/s1/$events?eventsSinceNumber=2&eventsUntilNumber=4',
      ]);
      expect(await observations()).toEqual(expect.arrayContaining(['o1', 'o2', 'o3', 'o4']));
      expect([await sweeps(), await state()]).toMatchObject([0, { missing: 0, gaps: 1 }]);
      expect(await look(MINUTE)).toMatchObject({ gaps: 0 });
    });

    const ANSWERS: readonly (readonly [string, (response: ServerResponse) => void])[] = [
      ['does not have $events', (response) => reply(response, 404)],
      [
        'gives only a part',
        (response) => reply(response, 200, notification({ type: 'query-event', numbers: [2] })),
      ],
      [
        'answers something else',
        (response) => reply(response, 200, { resourceType: 'Bundle', type: 'searchset' }),
      ],
      ['is down', (response) => reply(response, 503)],
    ];
    it.each(ANSWERS)('are swept, once, when the server %s', async (_, answer) => {
      hospital.script = (one, response) =>
        one.path.includes('$events') ? answer(response) : reply(response, 404);
      await look(30 * SECOND);
      expect([await sweeps(), await state()]).toMatchObject([1, { missing: 0, gaps: 1 }]);
      await look(MINUTE);
      expect(await sweeps()).toBe(0);
      await push({ numbers: [5], total: 5 });
      expect(await state()).toMatchObject({ missing: 0 });
    });
  });

  it('are missed when only a heartbeat tells that they were sent', async () => {
    await handshake();
    await push({ type: 'heartbeat', total: 2 });
    expect(await state()).toMatchObject({ missing: 2 });
    expect(await look(30 * SECOND)).toMatchObject({ gaps: 1 });
    expect(await sweeps()).toBe(1);
  });

  it('whose counter began anew are swept once, and counted on from there', async () => {
    await handshake();
    for (const number of [1, 2, 3]) await push({ numbers: [number], total: number });
    expect(await sweeps()).toBe(0);
    await push({ numbers: [1], total: 1, minute: 60 });
    expect(await sweeps()).toBe(1);
    await push({ numbers: [2], total: 2, minute: 61 });
    expect([await sweeps(), await state()]).toMatchObject([0, { missing: 0, restarts: 1 }]);
  });

  it('of a server whose numbers mean nothing are never missed', async () => {
    await push({ type: 'handshake', total: 0 }, '/south');
    await push({ numbers: [7], total: 90 }, '/south');
    await push({ numbers: [0], total: 1, minute: 60 }, '/south');
    expect(await states(UNTRUSTED.id)).toMatchObject([{ missing: 0, restarts: 0, heardAt: new Date(NOON) }]);
    expect(await sweeps()).toBe(0);
  });

  it('of ever new subscriptions do not fill the table', async () => {
    for (let n = 0; n < 90; n += 30)
      await Promise.all(
        Array.from({ length: 30 }, (_, i) => push({ type: 'handshake', subscription: `x${n + i}` })),
      );
    expect((await states()).length).toBeLessThanOrEqual(50);
  });

  /** A server with these Subscriptions that keeps what is written to it. */
  function keeping(...held: Subscription[]): Subscription[] {
    hospital.script = ({ method, path, body }, response) => {
      if (method === 'GET' && path.includes('/Subscription?'))
        return reply(response, 200, {
          resourceType: 'Bundle',
          type: 'searchset',
          entry: held.map((resource) => ({ resource })),
        });
      if (path.includes('$status'))
        return reply(response, 200, notification({ type: 'query-status', status: held[0]?.status ?? 'off' }));
      if (method === 'GET') return reply(response, 404);
      const written = JSON.parse(body) as Subscription;
      const at = held.findIndex(({ id }) => id === written.id);
      if (at >= 0) held[at] = written;
      else held.push({ ...written, id: `s${held.length + 1}` });
      reply(response, method === 'PUT' ? 200 : 201, at >= 0 ? written : held.at(-1));
    };
    return held;
  }

  it('of a connection that the site has taken out hold up nobody', async () => {
    await push({ type: 'handshake', total: 0 });
    await push({ type: 'handshake', total: 0 }, '/south');
    await push({ type: 'heartbeat', total: 1 });
    await store.db
      .updateTable('subscription_state')
      .set({ connection_id: 'gone' as ConnectionId })
      .where('connection_id', '=', 'south' as ConnectionId)
      .set({ gap_since: new Date(now) })
      .execute();
    expect(await look(30 * SECOND)).toMatchObject({ gaps: 2 });
    expect(await sweeps()).toBe(1);
  });

  describe('that stopped coming', () => {
    const quiet = subscription({ channel: { ...subscription().channel, extension: [HEARTBEAT] } });

    it('make us ask how it is after two and a half heartbeats, and sweep; again after as long', async () => {
      keeping({ ...quiet });
      await look(0);
      await handshake();
      expect(await look(149 * SECOND)).toMatchObject({ silences: 0 });
      expect(await look(SECOND)).toMatchObject({ silences: 1 });
      expect([asked('$status').length, await sweeps()]).toEqual([1, 1]);
      expect(await state()).toMatchObject({ silences: 1, heardAt: new Date(NOON) });
      expect(await look(MINUTE)).toMatchObject({ silences: 0 });
    });

    it('are no silence while they come', async () => {
      keeping({ ...quiet });
      await look(0);
      for (let minute = 0; minute < 4; minute++) {
        expect(await look(MINUTE)).toMatchObject({ silences: 0 });
        await push({ type: 'heartbeat', total: 0 });
      }
    });
  });

  describe('whose server switched them off', () => {
    it('are swept, asked for again, and swept once more when active', async () => {
      const held = keeping(subscription({ status: 'error', error: 'no answer' }));
      await look(0);
      const [put] = hospital.asked.filter(({ method }) => method === 'PUT');
      expect(put).toMatchObject({ path: '/fhir/R4/Subscription/s1', headers: { 'if-match': 'W/"7"' } });
      expect(held).toMatchObject([{ status: 'requested' }]);
      expect(held[0]).not.toHaveProperty('error');
      expect([await sweeps(), await state()]).toMatchObject([1, { status: 'requested', reactivations: 1 }]);
      await handshake();
      expect([await sweeps(), await state()]).toMatchObject([1, { status: 'active' }]);
      await handshake();
      expect(await sweeps()).toBe(0);
    });

    it('are active at once on Medplum', async () => {
      watch = watchOf('medplum');
      const held = keeping(subscription({ status: 'off', error: 'too many failures' }));
      await look(0);
      expect(held).toMatchObject([{ status: 'active' }]);
      expect(held[0]).not.toHaveProperty('error');
      expect(await sweeps()).toBe(1);
    });

    it('are made anew on Aidbox, and the old one is left as it is', async () => {
      watch = watchOf('aidbox');
      const filter = {
        url: 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-filter-criteria',
        valueString: 'Observation',
      };
      const old = { ...subscription({ status: 'error' }), _criteria: { extension: [filter] } };
      const held = keeping(old as Subscription);
      await look(0);
      expect(held.map(({ id, status }) => [id, status])).toEqual([
        ['s1', 'error'],
        ['s2', 'requested'],
      ]);
      await look(5 * MINUTE);
      expect(held).toHaveLength(2);
      expect(await states()).toMatchObject([{ subscription: 's2', status: 'requested', reactivations: 1 }]);
    });

    it('are switched on as soon as a notice says so, and again after five minutes when it fails', async () => {
      const held = keeping(subscription());
      const { script } = hospital;
      hospital.script = (one, response) =>
        one.method === 'PUT' ? reply(response, 422) : script(one, response);
      const puts = (): number => hospital.asked.filter(({ method }) => method === 'PUT').length;
      await look(0);
      held[0] = subscription({ status: 'error' });
      await push({ type: 'heartbeat', total: 0, status: 'Error' });
      expect(puts()).toBe(0);
      for (let n = 0; n < 10; n++) await look(15 * SECOND);
      expect(puts()).toBe(1);
      await look(3 * MINUTE);
      expect(puts()).toBe(2);
    });
  });

  it('whose subscription is gone get another one, and the old one is called gone', async () => {
    const held = keeping(subscription());
    await look(0);
    held.length = 0;
    held.push(
      subscription({ id: 'other', channel: { ...subscription().channel, endpoint: 'https://else.example' } }),
    );
    await look(5 * MINUTE);
    expect(held.map(({ id }) => id)).toEqual(['other', 's2']);
    expect(await states()).toMatchObject([
      { subscription: 's1', status: 'gone' },
      { subscription: 's2', status: 'requested', reactivations: 1 },
    ]);
  });

  it('whose subscription ends within a day get it renewed', async () => {
    const held = keeping(subscription({ end: new Date(NOON + 20 * 60 * MINUTE).toISOString() }));
    await look(0);
    expect(Date.parse(held[0]?.end ?? '')).toBeGreaterThan(NOON + 20 * 24 * 60 * MINUTE);
    await look(5 * MINUTE);
    expect(hospital.asked.filter(({ method }) => method === 'PUT')).toHaveLength(1);
  });

  it('that never come because the server does not activate are told after ten minutes', async () => {
    keeping(subscription({ status: 'requested' }));
    await look(0);
    expect(await state()).toMatchObject({ neverActive: false });
    await look(11 * MINUTE);
    expect(await state()).toMatchObject({ neverActive: true });
  });

  it('that are as the server stored them are not written again, though it changed what we asked', async () => {
    keeping(subscription({ channel: { ...subscription().channel, header: ['X-Proof: ***'] } }));
    for (let n = 0; n < 3; n++) await look(5 * MINUTE);
    expect(hospital.asked.filter(({ method }) => method !== 'GET')).toEqual([]);
  });
});
