import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Decision, Episode, EpisodeChange } from '../../src/core/decision.ts';
import { keepDecision, latestDecision } from '../../src/store/decision.ts';
import { endDelivery, oweDelivery, owedDeliveries } from '../../src/store/delivery.ts';
import {
  allOpenEpisodes,
  applyChanges,
  closeByHuman,
  episodesOf,
  numberRaised,
} from '../../src/store/episode.ts';
import { assignPatient, insertEvents, waitingOfPatient } from '../../src/store/event.ts';
import { findPatient, learnPatient } from '../../src/store/resource-patient.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { findWrites, rememberWrite } from '../../src/store/target-resource.ts';
import type { ConnectionId, PatientId } from '../../src/vocabulary/ids.ts';
import { CONNECTIONS, databases, empty, freshDatabase, stopDatabases, type TestStore } from './databases.ts';
import { episode, NOON } from './episodes.ts';
import { onPostgres } from './on-postgres.ts';

const itOnPostgres = await onPostgres();

const NORTH = 'north' as ConnectionId;
const SOUTH = 'south' as ConnectionId;
const P1 = 'p1' as PatientId;
const LATER = '2026-03-05T12:00:00.000Z';

const raise = (tier?: Episode['tier']): EpisodeChange => ({
  change: 'raise',
  key: 'el-hypokalaemia',
  episode: episode(tier),
  notify: true,
});

function decision(at: string): Decision {
  return {
    at,
    patient: 'Patient/p1',
    ruleSet: 'abc',
    facts: [],
    verdicts: [],
    findings: [],
    episodeChanges: [],
    evidence: { 'Observation/z': '2', 'Observation/a': '1' },
    unrecognised: [],
    orphanCodes: [],
    dataQuality: [],
  };
}

afterAll(stopDatabases);

describe.each(await databases())('the tables on $name', (database) => {
  let test: TestStore;
  let store: Store;
  beforeAll(async () => {
    test = await database.open();
    store = test.store;
  }, 60_000);
  afterEach(() => empty(store));
  afterAll(() => test.close());

  const openEpisodes = async (connection: ConnectionId, patient: PatientId): Promise<Episode[]> =>
    (await episodesOf(store.db, connection, patient))
      .filter(({ state }) => state === 'open')
      .map((one) => one.episode);
  const apply = async (changes: EpisodeChange[], at = NOON): Promise<EpisodeChange[]> => {
    const numbered = await numberRaised(store.db, NORTH, P1, changes);
    await store.transaction((trx) => applyChanges(trx, NORTH, P1, numbered, at));
    return numbered;
  };

  it('opens an episode, shows it to the next evaluation, and closes it with its reason kept', async () => {
    await apply([raise()]);
    expect(await openEpisodes(NORTH, P1)).toEqual([episode()]);
    expect(await openEpisodes(SOUTH, P1)).toEqual([]);
    expect(await allOpenEpisodes(store.db, NORTH)).toHaveLength(1);
    const resolve: EpisodeChange = {
      change: 'resolve',
      key: 'el-hypokalaemia',
      episode: episode(),
      reason: 'resolved by data: potassium 3.9 mmol/L',
      notify: false,
    };
    await apply([resolve], LATER);
    expect(await openEpisodes(NORTH, P1)).toEqual([]);
    const [closed] = await episodesOf(store.db, NORTH, P1);
    expect(closed).toMatchObject({ state: 'resolved', humanClosed: false, closedAt: new Date(LATER) });
  });

  it('numbers the next stretch of the same problem', async () => {
    await apply([raise()]);
    await apply([
      { change: 'resolve', key: 'el-hypokalaemia', episode: episode(), reason: 'data', notify: false },
    ]);
    const [again] = await apply([raise('critical')]);
    expect(again?.episode.number).toBe(2);
    expect((await openEpisodes(NORTH, P1)).map(({ number, tier }) => [number, tier])).toEqual([
      [2, 'critical'],
    ]);
  });

  it('never holds two open episodes of one problem', async () => {
    await apply([raise()]);
    await expect(apply([raise()])).rejects.toThrow();
    expect(await openEpisodes(NORTH, P1)).toHaveLength(1);
  });

  it('remembers that a clinician closed an alert', async () => {
    await apply([raise()]);
    await closeByHuman(store.db, NORTH, P1, 'el-hypokalaemia', 1);
    expect(await episodesOf(store.db, NORTH, P1)).toMatchObject([{ state: 'open', humanClosed: true }]);
  });

  it('gives back a decision byte for byte', async () => {
    await keepDecision(store.db, NORTH, P1, decision(LATER));
    await keepDecision(store.db, NORTH, P1, decision(NOON));
    const latest = await latestDecision(store.db, NORTH, P1);
    expect(JSON.stringify(latest)).toBe(JSON.stringify(decision(LATER)));
  });

  it('owes the newest wish, and does not take an older one for done', async () => {
    const owed = {
      connectionId: NORTH,
      patientId: P1,
      episodeKey: 'el-hypokalaemia',
      episodeNumber: 1,
      identity: 'cramp-1',
      what: { tier: 'high' },
    };
    await oweDelivery(store.db, owed);
    const [first] = await owedDeliveries<{ tier: string }>(store.db, NORTH, P1);
    expect(first?.what).toEqual({ tier: 'high' });
    await oweDelivery(store.db, { ...owed, what: { tier: 'critical' } });
    if (first === undefined) throw new Error('nothing is owed');
    expect(await endDelivery(store.db, first, 'done')).toBe(false);
    const [second] = await owedDeliveries(store.db, NORTH, P1);
    expect(second?.what).toEqual({ tier: 'critical' });
    if (second !== undefined) expect(await endDelivery(store.db, second, 'done')).toBe(true);
    expect(await owedDeliveries(store.db, NORTH, P1)).toEqual([]);
  });

  it('knows where it wrote an alert, and in which version', async () => {
    const written = {
      connectionId: NORTH,
      type: 'CarePlan',
      identity: 'cramp-1',
      serverId: '9',
      contentHash: 'h',
    };
    await rememberWrite(store.db, { ...written, versionId: '1' });
    await rememberWrite(store.db, { ...written, versionId: '2' });
    expect(await findWrites(store.db, NORTH, 'cramp-1')).toEqual([
      { ...written, versionId: '2', fresh: true },
    ]);
    expect(await findWrites(store.db, SOUTH, 'cramp-1')).toEqual([]);
  });

  it('finds the patient of a deleted result from a chart seen earlier, or from its push', async () => {
    await learnPatient(store.db, NORTH, P1, ['Observation/k1', 'Observation/k1', 'Condition/c1']);
    expect(await findPatient(store.db, NORTH, { type: 'Observation', id: 'k1' })).toBe('p1');
    expect(await findPatient(store.db, SOUTH, { type: 'Observation', id: 'k1' })).toBeUndefined();
    const pushed = {
      connectionId: NORTH,
      kind: 'change',
      type: 'Observation',
      resourceId: 'k2',
      trust: 'hint',
      state: 'waiting',
    } as const;
    await store.transaction((trx) => insertEvents(trx, [{ ...pushed, patientId: P1 }]));
    expect(await findPatient(store.db, NORTH, { type: 'Observation', id: 'k2' })).toBe('p1');
    await store.transaction((trx) => insertEvents(trx, [{ ...pushed, resourceId: 'k3' }]));
    expect(await findPatient(store.db, NORTH, { type: 'Observation', id: 'k3' })).toBeUndefined();
    expect(await assignPatient(store.db, NORTH, { type: 'Observation', id: 'k3' }, P1)).toBe(1);
    expect((await waitingOfPatient(store.db, NORTH, P1)).map(({ reference }) => reference)).toContain(
      'Observation/k3',
    );
  });
});

describe('the schema on PostgreSQL', () => {
  itOnPostgres('is made once when several replicas start at the same time', async () => {
    const { url, drop } = await freshDatabase();
    const stores = await Promise.all(
      [1, 2, 3].map(() => openStore({ databaseUrl: url, dataDir: 'unused', connections: CONNECTIONS })),
    );
    try {
      await Promise.all(stores.map((store) => store.ping()));
    } finally {
      await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()));
      await drop();
    }
  });
});
