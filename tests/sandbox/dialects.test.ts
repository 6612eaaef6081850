/** What the sandbox says when it plays other servers than Medplum and HAPI, and how Subscriptions live there. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Subscription } from '@medplum/fhirtypes';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/sandbox.ts';
import { until } from '../store/until.ts';
import { call, potassium, Receiver } from './receiver.ts';

const BACKPORT = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition';
const TOPIC = 'https://hospital.example/topics/lab';

let receiver: Receiver;
let sandbox: Sandbox;
beforeEach(async () => {
  receiver = await Receiver.listen();
});
afterEach(async () => {
  await sandbox[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

async function play(
  deliverAs: SandboxOptions['deliverAs'],
  rest: Partial<SandboxOptions> = {},
): Promise<void> {
  sandbox = await startSandbox({ port: 0, clientIds: 'allowed', deliverAs, retryAfterMs: [10, 10], ...rest });
}

const put = (id: string, value: number) =>
  call('PUT', `${sandbox.base}/Observation/${id}`, potassium(value, { id }));
const statusOf = async (id: string) => (await call('GET', `${sandbox.base}/Subscription/${id}`)).body.status;

/** By topic, with the criteria as its filter. */
async function subscribeToTopic(content: string, topic = TOPIC): Promise<string> {
  const asked = {
    resourceType: 'Subscription',
    status: 'requested',
    reason: 'test',
    criteria: topic,
    _criteria: { extension: [{ url: `${BACKPORT}/backport-filter-criteria`, valueString: 'Observation' }] },
    channel: {
      type: 'rest-hook',
      endpoint: receiver.url,
      payload: 'application/fhir+json',
      header: ['X-Proof: planted'],
      _payload: { extension: [{ url: `${BACKPORT}/backport-payload-content`, valueCode: content }] },
    },
  };
  const { body } = await call('POST', `${sandbox.base}/Subscription`, asked);
  await sandbox.deliveriesIdle();
  return body.id;
}

/** The status entry of each Bundle that came. */
// biome-ignore lint/suspicious/noExplicitAny: Parameters or SubscriptionStatus
const statuses = (): any[] =>
  receiver.resources.map((one) => (one.resourceType === 'Bundle' ? one.entry?.[0]?.resource : undefined));

describe('Aidbox, by topic', () => {
  beforeEach(() => play('aidbox'));

  it('asks first, and then numbers its events and names what changed', async () => {
    const id = await subscribeToTopic('id-only');
    expect(await statusOf(id)).toBe('active');
    await put('a', 3.1);
    await put('a', 3.2);
    await sandbox.deliveriesIdle();
    expect(statuses()).toMatchObject([
      { resourceType: 'SubscriptionStatus', type: 'handshake', eventsSinceSubscriptionStart: 0 },
      { type: 'event-notification', notificationEvent: [{ eventNumber: 1 }] },
      {
        topic: TOPIC,
        notificationEvent: [{ eventNumber: 2, focus: { reference: `${sandbox.base}/Observation/a` } }],
      },
    ]);
    expect(receiver.received.map(({ headers }) => headers['x-proof'])).toEqual(Array(3).fill('planted'));
    expect(receiver.received[2]?.bytes.toString()).not.toContain('valueQuantity');
  });

  it('gives up after three refusals, and then only another Subscription helps', async () => {
    receiver.statuses.push(401, 401, 401);
    const id = await subscribeToTopic('id-only');
    expect(await statusOf(id)).toBe('error');
    const { body } = await call('GET', `${sandbox.base}/Subscription/${id}`);
    await call('PUT', `${sandbox.base}/Subscription/${id}`, { ...body, status: 'requested' });
    await sandbox.deliveriesIdle();
    expect(await statusOf(id)).toBe('requested');
    expect(await statusOf(await subscribeToTopic('id-only'))).toBe('active');
  });

  it('tells again what did not arrive, and how the Subscription is', async () => {
    const id = await subscribeToTopic('full-resource');
    sandbox.faults.onDeliveries({ drop: 1 });
    await put('a', 3.1);
    await put('b', 3.2);
    const again = await call(
      'GET',
      `${sandbox.base}/Subscription/${id}/$events?eventsSinceNumber=1&eventsUntilNumber=1`,
    );
    expect(again.body.entry[0].resource).toMatchObject({
      type: 'query-event',
      notificationEvent: [{ eventNumber: 1 }],
    });
    expect(again.body.entry[1].resource).toMatchObject({ id: 'a' });
    const status = await call('GET', `${sandbox.base}/Subscription/${id}/$status`);
    expect(status.body.entry[0].resource).toMatchObject({
      type: 'query-status',
      eventsSinceSubscriptionStart: 2,
    });
  });
});

describe('HealthLake, by topic', () => {
  it('takes its time, shows a token, and writes the form of R4', async () => {
    const sender = { issuer: 'https://login.example', audience: 'cds', azp: 'healthlake' };
    await play('healthlake', { activateAfterMs: 100, sender });
    const { body } = await call('POST', `${sandbox.base}/Subscription`, {
      ...BARE,
      criteria: TOPIC,
      _criteria: { extension: [{ url: `${BACKPORT}/backport-filter-criteria`, valueString: 'Observation' }] },
    });
    expect(await statusOf(body.id)).toBe('requested');
    await until('it is active', async () => (await statusOf(body.id)) === 'active');
    await put('a', 3.1);
    await sandbox.deliveriesIdle();
    expect(statuses().map(({ resourceType }) => resourceType)).toEqual(['Parameters', 'Parameters']);
    const keys = await call('GET', new URL('/auth/sender-keys', sandbox.base).href);
    const token = receiver.received[1]?.headers.authorization?.replace('Bearer ', '') ?? '';
    const { payload } = await jwtVerify(token, createLocalJWKSet(keys.body as JSONWebKeySet));
    expect(payload).toMatchObject({ iss: 'https://login.example', aud: 'cds', azp: 'healthlake' });
  });
});

const BARE = {
  resourceType: 'Subscription',
  status: 'requested',
  reason: 'test',
  criteria: 'Observation',
  channel: {
    type: 'rest-hook' as const,
    get endpoint() {
      return receiver.url;
    },
  },
};

describe('HAPI', () => {
  const subscribe = (rest: Partial<Subscription> = {}) =>
    call('POST', `${sandbox.base}/Subscription`, { ...BARE, ...rest });

  it('with rest-hooks switched off leaves every Subscription as it was asked for', async () => {
    await play('hapi', { activateAfterMs: Number.POSITIVE_INFINITY });
    const { body } = await subscribe();
    await sandbox.deliveriesIdle();
    expect(await statusOf(body.id)).toBe('requested');
  });

  it('by topic doubles the type in the focus, and has a date for an instant', async () => {
    await play('hapi');
    await subscribeToTopic('id-only');
    await put('a', 3.1);
    await sandbox.deliveriesIdle();
    const { parameter } = statuses().at(-1);
    const part = parameter.at(-1).part;
    expect(part[1].valueInstant).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(part[2].valueReference.reference).toBe('Observation/Observation/a');
  });

  it('tells the history of a type, deletions included, and says that it does', async () => {
    await play('hapi');
    await put('a', 3.1);
    const since = new Date().toISOString();
    await call('DELETE', `${sandbox.base}/Observation/a`);
    const { body } = await call('GET', `${sandbox.base}/Observation/_history?_since=${since}`);
    expect(body.entry).toMatchObject([{ request: { method: 'DELETE', url: 'Observation/a' } }]);
    const { rest } = (await call('GET', `${sandbox.base}/metadata`)).body;
    expect(rest[0].resource[0].interaction).toContainEqual({ code: 'history-type' });
  });
});

describe('R4 as it is written', () => {
  it('says nothing of deletions, and no version', async () => {
    await play('rest-hook');
    const channel = { type: 'rest-hook', endpoint: receiver.url, payload: 'application/fhir+json' };
    await call('POST', `${sandbox.base}/Subscription`, { ...BARE, channel });
    await put('a', 3.1);
    await call('DELETE', `${sandbox.base}/Observation/a`);
    await sandbox.deliveriesIdle();
    expect(receiver.received.map(({ method, path }) => [method, path])).toEqual([
      ['PUT', '/hooks/ward/Observation/a'],
    ]);
    expect(receiver.received[0]?.headers).not.toHaveProperty('if-match');
  });
});

describe('servers whose pushes are set up beside FHIR', () => {
  it.each(['azure', 'google', 'poll-only'] as const)('%s knows no Subscriptions', async (dialect) => {
    await play(dialect);
    expect((await call('GET', `${sandbox.base}/Subscription`)).status).toBe(404);
    const { rest } = (await call('GET', `${sandbox.base}/metadata`)).body;
    expect(rest[0].resource.map(({ type }: { type: string }) => type)).not.toContain('Subscription');
  });

  it('Azure sends nothing to who does not give its code back', async () => {
    await play('azure');
    await expect(sandbox.pushTo(receiver.url)).rejects.toThrow('does not want the events');
    expect(JSON.parse(receiver.received[0]?.bytes.toString() ?? '')).toMatchObject([
      { eventType: 'Microsoft.EventGrid.SubscriptionValidationEvent' },
    ]);
  });

  it('Google names a resource in base64, and says what was done', async () => {
    await play('google');
    await sandbox.pushTo(receiver.url);
    await put('a', 3.1);
    await call('DELETE', `${sandbox.base}/Observation/a`);
    await sandbox.deliveriesIdle();
    const sent = receiver.received.map(({ bytes }) => JSON.parse(bytes.toString()).message);
    expect(sent).toMatchObject([
      { attributes: { action: 'CreateResource', payloadType: 'NameOnly' } },
      { attributes: { action: 'DeleteResource' } },
    ]);
    expect(Buffer.from(sent[0].data, 'base64').toString()).toMatch(/\/fhir\/Observation\/a$/);
  });
});

it('a server may refuse search parameters, and does not say that it knows them', async () => {
  await play('poll-only', { refusedParameters: ['_sort', '_lastUpdated'] });
  expect((await call('GET', `${sandbox.base}/Observation?_lastUpdated=ge2026-01-01`)).status).toBe(400);
  expect((await call('GET', `${sandbox.base}/Observation?_sort=date`)).status).toBe(400);
  expect((await call('GET', `${sandbox.base}/Observation?date=ge2026-01-01`)).status).toBe(200);
  const text = JSON.stringify((await call('GET', `${sandbox.base}/metadata`)).body);
  expect(text).not.toContain('"_lastUpdated"');
});
