import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  createLocalJWKSet,
  exportJWK,
  exportPKCS8,
  generateKeyPair,
  type JSONWebKeySet,
  jwtVerify,
} from 'jose';
import { publicKeySet } from '../../src/connections/client-assertion.ts';
import type { SigningKey } from '../../src/connections/connection.ts';
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

  it('of a Google service account are exchanged for a statement signed with its key', async () => {
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
    const tokenUrl = `${server.origin}/token`;
    const auth = {
      type: 'service-account',
      email: 'cramp-cds@project.iam.gserviceaccount.com',
      privateKey: await exportPKCS8(privateKey),
      keyId: 'k1',
      tokenUrl,
      scope: 'https://www.googleapis.com/auth/cloud-healthcare',
    } as const;
    const gate = new Gate(connectionTo(server.base, { auth }), DEVICE_SYSTEM);
    expect((await gate.read('Patient', 'p1')).outcome).toBe('found');
    const form = new URLSearchParams(server.asked[0]?.body);
    expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
    const { payload } = await jwtVerify(form.get('assertion') ?? '', publicKey, {
      issuer: auth.email,
      audience: tokenUrl,
    });
    expect(payload.scope).toBe(auth.scope);
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

describe('SMART Backend Services', () => {
  it.each(['RS384', 'ES384'] as const)(
    'signs who we are with %s, and publishes only the public half',
    async (alg) => {
      const { privateKey } = await generateKeyPair(alg, { extractable: true });
      const key = { ...(await exportJWK(privateKey)), kid: 'k1', alg } as SigningKey;
      const auth = {
        type: 'backend-services',
        tokenUrl: `${server.origin}/token`,
        clientId: 'cramp-cds',
        keys: [key],
        scope: 'system/*.rs',
      } as const;
      now = Date.now();
      await new Gate(connectionTo(server.base, { auth }), DEVICE_SYSTEM, { now: () => now }).read(
        'Patient',
        'p1',
      );
      const form = Object.fromEntries(new URLSearchParams(server.asked[0]?.body));
      expect(form).toMatchObject({
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        scope: 'system/*.rs',
      });
      const published = publicKeySet([key]);
      expect(JSON.stringify(published)).not.toContain(String(key.d));
      expect(published.keys).toMatchObject([{ kid: 'k1', use: 'sig' }]);
      const { payload, protectedHeader } = await jwtVerify(
        form.client_assertion ?? '',
        createLocalJWKSet(published as JSONWebKeySet),
        { audience: auth.tokenUrl, issuer: 'cramp-cds', subject: 'cramp-cds' },
      );
      expect(protectedHeader).toMatchObject({ alg, kid: 'k1', typ: 'JWT' });
      expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBeLessThanOrEqual(300);
      expect(payload.jti).toMatch(/[0-9a-f-]{36}/);
    },
  );

  it('publishes the next key before it signs with it', () => {
    const key = (kid: string): SigningKey => ({
      kid,
      alg: 'ES384',
      kty: 'EC',
      crv: 'P-384',
      x: 'x',
      y: 'y',
      d: 'd',
    });
    expect(publicKeySet([key('a'), key('b'), key('a')]).keys).toMatchObject([{ kid: 'a' }, { kid: 'b' }]);
  });
});

describe('a name and a password', () => {
  it('are sent as HTTP Basic, and a 401 is not tried again', async () => {
    accepted = (token) => token === 'no';
    const auth = { type: 'basic', user: 'cds', password: 'pässword' } as const;
    const read = await new Gate(connectionTo(server.base, { auth }), DEVICE_SYSTEM).read('Patient', 'p1');
    expect(read).toMatchObject({ outcome: 'refused', reason: 'unauthorised' });
    expect(server.asked.map(({ headers }) => headers.authorization)).toEqual([
      `Basic ${Buffer.from('cds:pässword').toString('base64')}`,
    ]);
  });
});
