import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Gate } from '../../../src/connections/gate.ts';
import { connectionTo, DEVICE_SYSTEM } from '../../connections/scripted-server.ts';
import { until } from '../../store/until.ts';
import { cut, startWorst, type WorstServer, whole } from './worst-server.ts';

const PATIENT = whole(200, { resourceType: 'Patient', id: 'p1' });
const LEFT_ALONE = { outcome: 'try-later', because: 'left-alone' };
let now = 0;
let server: WorstServer;
let gate: Gate;
beforeEach(async () => {
  now = Date.parse('2026-03-04T06:00:00Z');
  server = await startWorst();
  gate = new Gate(connectionTo(server.base, { concurrency: 8 }), DEVICE_SYSTEM, { now: () => now });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const read = () => gate.read('Patient', 'p1');

describe('a server that is down', () => {
  it.each([
    ['cuts every connection', cut],
    ['is a proxy with nothing behind it', whole(502)],
    ['shows a page to sign in', whole(200, '<html>Sign in</html>', { 'content-type': 'text/html' })],
  ])('that %s is asked five times, then once in half a minute until it is back', async (_, down) => {
    server.answer = down;
    for (let call = 0; call < 8; call++) await read();
    expect(server.heard).toHaveLength(5);
    now += 29_999;
    expect(await read()).toMatchObject({ ...LEFT_ALONE, afterMs: 1 });
    now += 1;
    await Promise.all([read(), read(), read()]);
    expect(server.heard).toHaveLength(6);
    now += 30_000;
    server.answer = PATIENT;
    expect((await read()).outcome).toBe('found');
    expect((await Promise.all([read(), read()])).map(({ outcome }) => outcome)).toEqual(['found', 'found']);
  });

  it('every second time is left alone after twenty calls in half a minute', async () => {
    for (let call = 0; call < 20; call++) {
      server.answer = call % 2 === 0 ? PATIENT : cut;
      expect(await read()).not.toMatchObject(LEFT_ALONE);
    }
    expect(await read()).toMatchObject(LEFT_ALONE);
    expect(server.heard).toHaveLength(20);
  });

  it('only for some is asked by the others: a 500 or a 404 is about one resource', async () => {
    for (const status of [500, 404, 400, 409]) {
      server.answer = whole(status);
      for (let call = 0; call < 6; call++) await read();
    }
    expect(server.heard).toHaveLength(24);
  });
});

describe('a server that has too many requests', () => {
  it.each([429, 503])('and says so with %i gets half as many at once, for five minutes', async (status) => {
    server.answer = whole(status);
    await read();
    server.answer = () => undefined;
    const asked = Array.from({ length: 8 }, read);
    await until('four have arrived', () => server.heard.length === 5);
    server.answer = PATIENT;
    expect(gate.lane.allowed).toBe(4);
    now += 5 * 60_000;
    expect(gate.lane.allowed).toBe(8);
    await server[Symbol.asyncDispose]();
    await Promise.all(asked);
    server = await startWorst();
  });

  it('is asked nothing until the time that it named', async () => {
    server.answer = whole(429, '', { 'retry-after': '20' });
    await read();
    server.answer = PATIENT;
    now += 19_000;
    expect(await read()).toEqual({ outcome: 'try-later', because: 'asked-to-wait', afterMs: 1_000 });
    expect(server.heard).toHaveLength(1);
    now += 1_000;
    expect((await read()).outcome).toBe('found');
  });
});
