import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { showAndRedrive } from '../../src/commands/redrive.ts';
import { endDelivery, oweDelivery, owedDeliveries } from '../../src/store/delivery.ts';
import { insertEvents, type NewEvent, waitingOfPatient } from '../../src/store/event.ts';
import { listSetAside, redrive } from '../../src/store/set-aside.ts';
import type { ConnectionId, PatientId } from '../../src/vocabulary/ids.ts';
import { connectionStatus } from '../../src/watch/status.ts';
import { databases, empty, stopDatabases, type TestStore } from './databases.ts';

const NORTH = 'north' as ConnectionId;
const SOUTH = 'south' as ConnectionId;
const P1 = 'p1' as PatientId;

afterAll(stopDatabases);

describe.each(await databases())('work that was set aside, kept in $name', (database) => {
  let opened: TestStore;
  beforeAll(async () => {
    opened = await database.open();
  });
  afterEach(async () => await empty(opened.store));
  afterAll(async () => await opened.close());

  const event = (resourceId: string, rest: Partial<NewEvent> = {}): NewEvent => ({
    connectionId: NORTH,
    kind: 'change',
    type: 'Observation',
    resourceId,
    patientId: P1,
    trust: 'body',
    state: 'dead',
    reason: 'unexpected',
    ...rest,
  });
  async function setAside(): Promise<void> {
    const { store } = opened;
    await store.transaction(async (trx) => {
      const { patientId: _, ...nobody } = event('k3', { state: 'parked', reason: 'patient-unknown' });
      await insertEvents(trx, [event('k1'), event('k2'), nobody, event('s1', { connectionId: SOUTH })]);
    });
    const owed = {
      connectionId: NORTH,
      patientId: P1,
      episodeKey: 'k',
      episodeNumber: 1,
      identity: 'i',
      what: {},
    };
    await oweDelivery(store.db, owed);
    const [delivery] = await owedDeliveries(store.db, NORTH, P1);
    if (delivery === undefined) throw new Error('nothing is owed');
    await endDelivery(store.db, delivery, 'parked', 'invalid:structure');
  }
  const listed = async () =>
    (await listSetAside(opened.store.db)).map(({ connectionId, what, reason, count }) => [
      connectionId,
      what,
      reason,
      count,
    ]);

  it('is listed by reason, the most first', async () => {
    await setAside();
    expect(await listed()).toEqual([
      [NORTH, 'event', 'unexpected', 2],
      [NORTH, 'delivery', 'invalid:structure', 1],
      [NORTH, 'event', 'patient-unknown', 1],
      [SOUTH, 'event', 'unexpected', 1],
    ]);
  });

  it('is tried again by reason and connection: events wait, and are read anew', async () => {
    await setAside();
    expect(await redrive(opened.store, { connectionId: NORTH, reason: 'unexpected' })).toEqual({
      events: 2,
      deliveries: 0,
    });
    expect(await waitingOfPatient(opened.store.db, NORTH, P1)).toMatchObject([
      { trust: 'hint' },
      { trust: 'hint' },
    ]);
    expect(await opened.store.due.count()).toMatchObject({ waiting: 1 });
    expect(await listed()).toHaveLength(3);
  });

  it('is tried again as a whole: what nobody is known for, and deliveries too', async () => {
    await setAside();
    expect(await redrive(opened.store, {})).toEqual({ events: 4, deliveries: 1 });
    expect(await listed()).toEqual([]);
    expect(await opened.store.deliver.count()).toMatchObject({ waiting: 1 });
    expect(await opened.store.due.count()).toMatchObject({ waiting: 3 });
    expect(await redrive(opened.store, {})).toEqual({ events: 0, deliveries: 0 });
  });

  it('is shown to a person, who must say what to try again', async () => {
    const lines: string[] = [];
    const terminal = {
      write: (line: string) => void lines.push(line),
      paint: (_: string, text: string) => text,
      width: 100,
    };
    await showAndRedrive(opened.store, {}, terminal);
    expect(lines.splice(0)).toEqual(['Nothing was set aside.']);
    await setAside();
    await showAndRedrive(opened.store, {}, terminal);
    expect(lines.at(-1)).toContain('To try again: redrive --reason <reason>');
    expect(await listed()).toHaveLength(4);
    await showAndRedrive(opened.store, { reason: 'patient-unknown' }, terminal);
    expect(lines.at(-1)).toBe('\nTried again from now on: 1 events, 0 deliveries.');
  });

  it('is in the status of its connection, with what waits', async () => {
    await setAside();
    await opened.store.transaction((trx) =>
      insertEvents(trx, [event('w', { state: 'waiting', via: 'sweep' }), event('x', { state: 'waiting' })]),
    );
    const lane = { connection: NORTH, breaker: 'closed', callsAllowed: 4 } as const;
    expect(await connectionStatus(opened.store, lane, new Date())).toEqual({
      ...lane,
      events: { waiting: 2, oldestWaitingSeconds: expect.any(Number) },
      deliveries: { owed: 0, oldestOwedSeconds: 0 },
      setAside: [
        { what: 'event', reason: 'unexpected', count: 2 },
        { what: 'delivery', reason: 'invalid:structure', count: 1 },
        { what: 'event', reason: 'patient-unknown', count: 1 },
      ],
      sweptOnly: 1,
      subscriptions: [],
    });
  });
});
