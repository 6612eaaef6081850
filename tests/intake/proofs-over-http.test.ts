/** Every way a sender can prove itself, over HTTP, with the form that this sender uses; and the shapes of R4 topics. */
import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { IngressProof } from '../../src/intake/prove-sender.ts';
import type { PushConnection } from '../../src/intake/receive-push.ts';
import { SenderToken } from '../../src/sandbox/sender-token.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import type { ConnectionId } from '../../src/vocabulary/ids.ts';
import { reply, type ScriptedServer, startScripted } from '../connections/scripted-server.ts';
import { empty } from '../store/databases.ts';
import { type Answered, accepted, type IntakeServer, startIntake, storedEvents } from './intake-server.ts';

const SECRET = 'a-secret-0123456789-0123456789-0123456789';
const CLAIMS = { issuer: 'https://login.hospital.example', audience: 'cds', azp: 'pushes' };
const POTASSIUM = {
  resourceType: 'Observation',
  id: 'k1',
  status: 'final',
  subject: { reference: 'Patient/p1' },
};

let authority: ScriptedServer;
let store: Store;
let intake: IntakeServer;
const token = new SenderToken();
let keysAreThere = true;
beforeAll(async () => {
  authority = await startScripted((_, response) =>
    keysAreThere ? reply(response, 200, { keys: [token.publicKey] }) : reply(response, 503),
  );
  const jwt = {
    type: 'jwt',
    issuer: CLAIMS.issuer,
    audience: CLAIMS.audience,
    claims: { azp: CLAIMS.azp },
    jwksUrl: `${authority.origin}/keys`,
    trust: 'hint',
  } as const;
  const connections = [
    of('signed', { type: 'hmac', header: 'x-signature', secrets: [SECRET], trust: 'body' }),
    of('websub', { type: 'hmac', header: 'x-hub-signature', secrets: [SECRET], trust: 'hint' }),
    of('secret', { type: 'header', header: 'authorization', secrets: [`Bearer ${SECRET}`], trust: 'body' }),
    of('address', { type: 'url', parameter: 'key', secrets: [SECRET], trust: 'hint' }),
    of('token', jwt),
    of('other-token', jwt),
    of('proxied', {
      type: 'mtls',
      subjects: ['CN=north,O=Hospital'],
      proxy: { header: 'x-client-subject', addresses: ['127.0.0.1'] },
      trust: 'body',
    }),
    of('direct', { type: 'mtls', subjects: ['CN=north,O=Hospital'], trust: 'body' }),
  ];
  store = await openStore({ dataDir: 'memory://', connections: connections.map(({ id }) => id) });
  intake = await startIntake(store, connections);
}, 60_000);
afterEach(() => empty(store));
afterAll(async () => {
  await intake[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await authority[Symbol.asyncDispose]();
});

function of(id: string, proof: IngressProof): PushConnection {
  return { id: id as ConnectionId, base: `https://${id}.example/fhir`, ingress: [proof] };
}

const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answered> =>
  intake.push(path, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const hmac = (body: unknown, method = 'sha256'): string =>
  createHmac(method, SECRET)
    .update(typeof body === 'string' ? body : JSON.stringify(body))
    .digest('hex');
const bearer = async (claims = {}) => ({
  authorization: `Bearer ${await token.sign({ ...CLAIMS, ...claims })}`,
});

const notification = (first: object) => ({
  resourceType: 'Bundle',
  type: 'history',
  entry: [{ resource: first }],
});
const parameters = (...parameter: object[]) =>
  notification({
    resourceType: 'Parameters',
    parameter: [{ name: 'subscription', valueReference: { reference: 'Subscription/s1' } }, ...parameter],
  });
const kind = (code: string) => ({ name: 'type', valueCode: code });
const eventNumbered = (number: object, focus?: string) => ({
  name: 'notification-event',
  part: [
    { name: 'event-number', ...number },
    ...(focus === undefined ? [] : [{ name: 'focus', valueReference: { reference: focus } }]),
  ],
});

describe('a deletion of Medplum', () => {
  const deletion = { 'x-medplum-interaction': 'delete', 'x-medplum-deleted-resource': 'Observation/k1' };

  it('is taken when it is signed, and only names what to read', async () => {
    accepted(await post('/signed', '{}', { ...deletion, 'x-signature': hmac('{}') }));
    expect(await storedEvents(store)).toMatchObject([{ kind: 'delete', trust: 'hint' }]);
  });

  it('is refused with a wrong signature, and without one', async () => {
    expect((await post('/signed', '{}', { ...deletion, 'x-signature': hmac('{} ') })).status).toBe(401);
    expect((await post('/signed', '{}', deletion)).status).toBe(401);
    expect(await storedEvents(store)).toEqual([]);
  });
});

describe('athenahealth, which signs as WebSub does', () => {
  const body = notification({
    resourceType: 'SubscriptionStatus',
    type: 'event-notification',
    subscription: { reference: 'Subscription/s1' },
    notificationEvent: [{ id: 'ev-1', focus: { identifier: { system: 'urn:x', value: '1' } } }],
  });

  it.each(['sha256', 'sha384', 'sha512'])(
    'is believed with %s, and a focus that is no reference is swept',
    async (method) => {
      accepted(await post('/websub', body, { 'x-hub-signature': `${method}=${hmac(body, method)}` }));
      expect(await store.sweep.count()).toMatchObject({ waiting: 1 });
    },
  );

  it('is refused with another method than it names', async () => {
    const answer = await post('/websub', body, { 'x-hub-signature': `sha512=${hmac(body)}` });
    expect(answer.status).toBe(401);
  });
});

describe('a secret', () => {
  it('in a header is compared whole', async () => {
    accepted(await post('/secret', POTASSIUM, { authorization: `Bearer ${SECRET}` }));
    expect((await post('/secret', POTASSIUM, { authorization: `Bearer ${SECRET}x` })).status).toBe(401);
  });

  it('in the address proves the sender and makes a hint', async () => {
    accepted(await post(`/address?key=${SECRET}`, POTASSIUM));
    expect(await storedEvents(store)).toMatchObject([{ trust: 'hint', resource: null }]);
    for (const path of ['/address', '/address?key=', `/address?key=${SECRET}&key=${SECRET}`])
      expect((await post(path, POTASSIUM)).status).toBe(401);
  });
});

describe('a token', () => {
  it('of the sender’s authorization server is believed while its keys can be read', async () => {
    accepted(await post('/token', POTASSIUM, await bearer()));
    expect((await post('/token', POTASSIUM, await bearer({ azp: 'somebody' }))).status).toBe(401);
    expect((await post('/token', POTASSIUM)).status).toBe(401);
  });

  it('whose keys can not be read is asked for again, never refused for good', async () => {
    keysAreThere = false;
    const answer = await post('/other-token', POTASSIUM, await bearer());
    keysAreThere = true;
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
  });
});

describe('a client certificate', () => {
  it('that our proxy has checked is believed by its subject', async () => {
    accepted(await post('/proxied', POTASSIUM, { 'x-client-subject': 'CN=north,O=Hospital' }));
    expect(await storedEvents(store)).toMatchObject([{ trust: 'body' }]);
    for (const subject of ['CN=south,O=Hospital', ''])
      expect((await post('/proxied', POTASSIUM, { 'x-client-subject': subject })).status).toBe(401);
  });

  it('is not believed by a header where we check certificates ourselves', async () => {
    const answer = await post('/direct', POTASSIUM, { 'x-client-subject': 'CN=north,O=Hospital' });
    expect(answer.status).toBe(401);
  });
});

describe('a topic notification in the form of R4', () => {
  const send = (body: object) => post('/secret', body, { authorization: `Bearer ${SECRET}` });

  it.each(['handshake', 'heartbeat'])('%s leaves nothing to do', async (code) => {
    accepted(
      await send(parameters(kind(code), { name: 'events-since-subscription-start', valueString: '0' })),
    );
    expect(await storedEvents(store)).toEqual([]);
    expect(await store.sweep.count()).toMatchObject({ waiting: 0 });
  });

  it('that names nothing is swept', async () => {
    accepted(await send(parameters(kind('event-notification'), eventNumbered({ valueString: '1' }))));
    expect(await store.sweep.count()).toMatchObject({ waiting: 1 });
  });

  it('may bring three events, numbered as text, as integers, or not at all', async () => {
    const events = [
      eventNumbered({ valueString: '1' }, 'Observation/k1'),
      eventNumbered({ valueInteger: 2 }, 'Observation/k2/_history/4'),
      {
        name: 'notification-event',
        part: [{ name: 'focus', valueReference: { reference: 'Condition/c1' } }],
      },
    ];
    accepted(await send(parameters(kind('event-notification'), ...events)));
    const stored = await storedEvents(store);
    expect(stored.map(({ type, resource_id: id, trust }) => [type, id, trust])).toEqual([
      ['Condition', 'c1', 'hint'],
      ['Observation', 'k1', 'hint'],
      ['Observation', 'k2', 'hint'],
    ]);
  });
});
