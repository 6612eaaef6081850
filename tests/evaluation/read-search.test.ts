import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Observation } from '@medplum/fhirtypes';
import { LIMITS } from '../../src/connections/connection.ts';
import { Gate } from '../../src/connections/gate.ts';
import { readSearch } from '../../src/evaluation/read-search.ts';
import {
  connectionTo,
  DEVICE_SYSTEM,
  reply,
  type ScriptedServer,
  startScripted,
} from '../connections/scripted-server.ts';

const PAGE = 500;
const HELD = LIMITS.resources + PAGE;
const REQUEST = `Observation?patient=Patient/p1&_count=${PAGE}&date=ge2021-05-12`;
const NOON = Date.parse('2026-05-12T12:00:00.000Z');

/** The nth minute before noon. */
function heartRate(n: number): Observation {
  return {
    resourceType: 'Observation',
    id: `hr${n}`,
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    effectiveDateTime: new Date(NOON - n * 60_000).toISOString(),
  };
}

describe('a patient on a monitor, with more heart rates than can be read', () => {
  let server: ScriptedServer;
  /** Which one the server gives as the nth when it is asked for the newest first; none where it does not understand. */
  let order: ((n: number) => number) | undefined;
  beforeAll(async () => {
    server = await startScripted(({ path }, response) => {
      const url = new URL(path, server.origin);
      const isSorted = url.searchParams.get('_sort') === '-date';
      if (isSorted && order === undefined) return reply(response, 400);
      const skip = Number(url.searchParams.get('skip') ?? 0);
      url.searchParams.set('skip', String(skip + PAGE));
      const place = (isSorted && order) || ((n: number) => HELD - 1 - n);
      const entry = Array.from({ length: PAGE }, (_, n) => ({ resource: heartRate(place(skip + n)) }));
      const link = skip + PAGE < HELD ? [{ relation: 'next', url: url.href }] : [];
      return reply(response, 200, { resourceType: 'Bundle', type: 'searchset', entry, link });
    });
  });
  beforeEach(() => {
    order = undefined;
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  const read = async () => {
    const gate = new Gate(connectionTo(server.base), DEVICE_SYSTEM);
    return readSearch(gate, REQUEST, await gate.searchOne('Observation'));
  };

  it('is read from the newest on, and known to be read in part', async () => {
    order = (n) => n;
    const found = await read();
    expect(found).toMatchObject({ outcome: 'found', isPart: true });
    expect(found.outcome === 'found' && found.resource.map(({ id }) => id)).toEqual(
      Array.from({ length: LIMITS.resources }, (_, n) => `hr${n}`),
    );
  });

  it.each<[string, typeof order]>([
    ['does not know the order', undefined],
    ['gives the oldest first all the same', (n) => HELD - 1 - n],
    ['leaves out the newest', (n) => (n === 700 ? 0 : n + 1)],
  ])('is not read at all from a server that %s', async (_name, given) => {
    order = given;
    expect(await read()).toEqual({ outcome: 'refused', reason: 'too-many' });
  });
});
