import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Gate } from '../../src/connections/gate.ts';
import { connectionTo, DEVICE_SYSTEM, reply, type ScriptedServer, startScripted } from './scripted-server.ts';

const PATIENT = { resourceType: 'Patient', id: 'p1' };
let now = 0;
let server: ScriptedServer;
let gate: Gate;
/** Tokens handed out, and which of them the server still takes. */
let issued = 0;
let accepted: (token: string) => boolean;
let expiresIn: number | undefined;

beforeEach(async () => {
  [now, issued, accepted, expiresIn] = [0, 0, () => true, 3600];
  server = await startScripted(({ path, headers }, response) => {
    if (path === '/token')
      return reply(response, 200, { access_token: `t${++issued}`, expires_in: expiresIn });
    const token = headers.authorization?.replace('Bearer ', '') ?? '';
    return accepted(token) ? reply(response, 200, PATIENT) : reply(response, 401);
  });
  const auth = {
    type: 'client-credentials',
    tokenUrl: `${server.origin}/token`,
    clientId: 'id',
    clientSecret: 's&cret',
    scope: 'system/*.rs',
  } as const;
  gate = new Gate(connectionTo(server.base, { auth }), DEVICE_SYSTEM, { now: () => now });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

describe('tokens', () => {
  it('are fetched once for many callers and used until they near their end', async () => {
    await Promise.all(Array.from({ length: 5 }, () => gate.read('Patient', 'p1')));
    now = 2_879_000;
    await gate.read('Patient', 'p1');
    expect(issued).toBe(1);
    now = 2_880_000; // 20 % of an hour left
    await gate.read('Patient', 'p1');
    expect(issued).toBe(2);
    const form = new URLSearchParams(server.asked[0]?.body);
    expect(Object.fromEntries(form)).toEqual({
      grant_type: 'client_credentials',
      client_id: 'id',
      client_secret: 's&cret',
      scope: 'system/*.rs',
    });
  });

  it('that live for less than a minute are not fetched for every call', async () => {
    expiresIn = 30;
    for (let call = 0; call < 4; call++) await gate.read('Patient', 'p1');
    expect(issued).toBe(1);
  });

  it('are renewed once after a 401, and the call repeated once', async () => {
    accepted = (token) => token === 't2';
    expect((await gate.read('Patient', 'p1')).outcome).toBe('found');
    expect(issued).toBe(2);
    accepted = () => false;
    expect(await gate.read('Patient', 'p1')).toEqual({ outcome: 'refused', reason: 'unauthorised' });
    expect(issued).toBe(3);
    expect(server.asked.filter(({ path }) => path.includes('Patient'))).toHaveLength(4);
  });

  it('that are refused do not make us hammer the token endpoint', async () => {
    server.script = (_, response) => reply(response, 401, { error: 'invalid_client' });
    for (let call = 0; call < 5; call++)
      expect(await gate.read('Patient', 'p1')).toEqual({ outcome: 'refused', reason: 'unauthorised' });
    expect(server.asked).toHaveLength(1);
    now += 1_000;
    await gate.read('Patient', 'p1');
    expect(server.asked).toHaveLength(2);
    now += 1_000; // the second failure waits for two seconds
    await gate.read('Patient', 'p1');
    expect(server.asked).toHaveLength(2);
  });

  it('can be had later when the token endpoint is down', async () => {
    server.script = (_, response) => reply(response, 503, undefined, { 'retry-after': '9' });
    expect(await gate.read('Patient', 'p1')).toMatchObject({ outcome: 'try-later', afterMs: 9_000 });
  });

  it('that are fixed are sent as they are and not refreshed', async () => {
    accepted = () => false;
    const fixed = new Gate(
      connectionTo(server.base, { auth: { type: 'bearer', token: 'fixed' } }),
      DEVICE_SYSTEM,
    );
    expect(await fixed.read('Patient', 'p1')).toEqual({ outcome: 'refused', reason: 'unauthorised' });
    expect(server.asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer fixed']);
  });
});
