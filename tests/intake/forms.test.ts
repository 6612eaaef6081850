/** Each form in which a sender may tell of a change, and what becomes of it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { PushConnection } from '../../src/intake/receive-push.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import type { ConnectionId } from '../../src/vocabulary/ids.ts';
import { empty } from '../store/databases.ts';
import {
  type Answered,
  accepted,
  type IntakeServer,
  type Row,
  startIntake,
  storedEvents,
} from './intake-server.ts';

const SECRET = 'a-header-secret-0123456789-0123456789';
const NOTIFICATIONS = join(import.meta.dirname, '../../fhir-fixtures/notifications');
const STORE = 'projects/p/locations/eu/datasets/d/fhirStores/ward';

/** Both are the same but for the trust in what they send. */
const connectionOf = (
  id: string,
  trust: 'body' | 'hint',
  rest: Partial<PushConnection> = {},
): PushConnection => ({
  id: id as ConnectionId,
  base: 'https://hospital.example/fhir',
  ingress: [{ type: 'header', header: 'x-secret', secrets: [SECRET], trust }],
  ...rest,
});
const CONNECTIONS = [
  connectionOf('body', 'body'),
  connectionOf('hint', 'hint'),
  // Each example is heard by itself, so the numbers before it would be missing.
  connectionOf('guide', 'body', { base: 'https://example.org/fhir', eventNumbers: 'untrusted' }),
  connectionOf('azure', 'hint', { base: 'https://ward.fhir.azurehealthcareapis.com' }),
  connectionOf('google', 'body', { base: `https://healthcare.googleapis.com/v1/${STORE}/fhir` }),
  connectionOf('linux', 'body', { reportedSite: 'ward' }),
];

const POTASSIUM = {
  resourceType: 'Observation',
  id: 'k1',
  meta: { versionId: '4', lastUpdated: '2026-03-04T06:12:09Z' },
  status: 'final',
  subject: { reference: 'Patient/p1' },
};
const CHANGE = { kind: 'change', type: 'Observation', resource_id: 'k1', version_id: '4', patient_id: 'p1' };
const HINT = { kind: 'hint', type: 'Observation', resource_id: 'k1', trust: 'hint', resource: null };
const DELETION = { kind: 'delete', type: 'Observation', resource_id: 'k1', trust: 'hint', resource: null };
const SWEEP = 'sweep';

let store: Store;
let intake: IntakeServer;
beforeAll(async () => {
  store = await openStore({ dataDir: 'memory://', connections: CONNECTIONS.map(({ id }) => id) });
  intake = await startIntake(store, CONNECTIONS);
}, 60_000);
afterEach(() => empty(store));
afterAll(async () => {
  await intake[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

function send(path: string, { method = 'POST', headers = {}, body }: Sent = {}): Promise<Answered> {
  const sent =
    body === undefined || typeof body === 'string' || body instanceof Buffer ? body : JSON.stringify(body);
  return intake.push(path, {
    method,
    headers: { 'x-secret': SECRET, 'content-type': 'application/fhir+json', ...headers },
    ...(sent !== undefined && { body: sent as BodyInit }),
  });
}

async function left(): Promise<(Row | typeof SWEEP)[]> {
  const { waiting } = await store.sweep.count();
  return [...(await storedEvents(store)), ...(waiting > 0 ? ([SWEEP] as const) : [])];
}

type Case = readonly [says: string, path: string, sent: Sent, left: readonly (object | typeof SWEEP)[]];

async function isTaken(path: string, sent: Sent, expected: readonly (object | string)[]): Promise<void> {
  accepted(await send(path, sent));
  const found = await left();
  expect(found).toHaveLength(expected.length);
  expect(found).toEqual(
    expected.map((one) => (typeof one === 'string' ? one : expect.objectContaining(one))),
  );
}

describe('rest-hooks of R4', () => {
  const bundle = { resourceType: 'Bundle', type: 'transaction', entry: [{ resource: POTASSIUM }] };
  const CASES: readonly Case[] = [
    [
      'HAPI puts a resource to its path',
      '/body/Observation/k1?_format=json',
      { method: 'PUT', headers: { 'if-match': '"4"' }, body: POTASSIUM },
      [{ ...CHANGE, trust: 'body', resource: POTASSIUM }],
    ],
    ['HAPI deletes', '/body/Observation/k1', { method: 'DELETE' }, [DELETION]],
    ['HAPI says only that something matched', '/body', {}, [SWEEP]],
    ['HAPI sends a transaction', '/body', { body: bundle }, [{ ...CHANGE, trust: 'body' }]],
    [
      'Smile CDR puts a version to its path',
      '/hint/Observation/k1/_history/4',
      { method: 'PUT', body: POTASSIUM },
      [{ ...CHANGE, trust: 'hint', resource: null }],
    ],
    [
      'FHIR Works puts nothing to a path',
      '/body/Observation/k1',
      { method: 'PUT' },
      [{ ...HINT, version_id: null }],
    ],
    [
      'Medplum deletes',
      '/body',
      {
        body: '{}',
        headers: { 'x-medplum-interaction': 'delete', 'x-medplum-deleted-resource': 'Observation/k1' },
      },
      [DELETION],
    ],
    ['anybody sends a resource', '/body', { body: POTASSIUM }, [{ ...CHANGE, trust: 'body' }]],
    [
      'anybody sends it in gzip',
      '/body',
      { headers: { 'content-encoding': 'gzip' }, body: gzipSync(JSON.stringify(POTASSIUM)) },
      [CHANGE],
    ],
    [
      'anybody sends it without a type',
      '/body',
      { headers: { 'content-type': '' }, body: POTASSIUM },
      [CHANGE],
    ],
  ];
  it.each(CASES)('%s', async (_, path, sent, expected) => isTaken(path, sent, expected));
});

describe('Event Grid and CloudEvents', () => {
  const data = {
    resourceType: 'Observation',
    resourceFhirAccount: 'ward.fhir.azurehealthcareapis.com',
    resourceFhirId: 'k1',
    resourceVersionId: 4,
  };
  const of = (what: string, rest: object = {}) => ({
    id: 'e4f5',
    topic: '/subscriptions/s',
    subject: 'ward.fhir.azurehealthcareapis.com/Observation/k1',
    eventType: `Microsoft.HealthcareApis.FhirResource${what}`,
    data,
    ...rest,
  });
  const cloud = (what: string, rest: object = {}) => {
    const { eventType: type, ...event } = of(what, rest);
    return { specversion: '1.0', source: 'ward', type, ...event };
  };
  const versioned = { ...HINT, version_id: '4' };
  const CASES: readonly Case[] = [
    ['one event', '/azure', { body: [of('Created')] }, [versioned]],
    [
      'a batch, with an event that is not about FHIR',
      '/azure',
      {
        body: [
          of('Updated'),
          of('Deleted', { data: { ...data, resourceFhirId: 'k2' } }),
          { ...of('x'), eventType: 'Microsoft.HealthcareApis.DicomImageCreated', data: {}, subject: 'x' },
        ],
      },
      [versioned, { ...DELETION, resource_id: 'k2' }],
    ],
    ['an event that only its subject tells', '/azure', { body: [of('Updated', { data: {} })] }, [HINT]],
    [
      'an event that tells nothing we can read',
      '/azure',
      { body: [of('Updated', { data: {}, subject: 'ward' })] },
      [SWEEP],
    ],
    ['one CloudEvent', '/azure', { body: cloud('Updated') }, [versioned]],
    [
      'a batch of CloudEvents',
      '/azure',
      { body: [cloud('Created'), cloud('Deleted')] },
      [versioned, DELETION],
    ],
    [
      'a CloudEvent in headers',
      '/azure',
      {
        headers: {
          'ce-specversion': '1.0',
          'ce-type': 'Microsoft.HealthcareApis.FhirResourceUpdated',
          'ce-id': 'x',
        },
        body: data,
      },
      [versioned],
    ],
    [
      'a CloudEvent that carries the resource',
      '/body',
      { body: { specversion: '1.0', type: 'fhir.updated', id: '1', source: 'x', data: POTASSIUM } },
      [{ ...CHANGE, trust: 'body' }],
    ],
  ];
  it.each(CASES)('%s', async (_, path, sent, expected) => isTaken(path, sent, expected));

  it('the question whether we want the events is answered with its code', async () => {
    const body = [
      { eventType: 'Microsoft.EventGrid.SubscriptionValidationEvent', data: { validationCode: 'a-1' } },
    ];
    const answer = await send('/azure', { body });
    expect(answer).toMatchObject({ status: 200, body: { validationResponse: 'a-1' } });
    expect(await left()).toEqual([]);
  });

  it('the question whether its host may send is answered for that host only', async () => {
    const asking = (origin: string) =>
      intake.push('/azure', { method: 'OPTIONS', headers: { 'WebHook-Request-Origin': origin } });
    const answer = await asking('eventgrid.azure.net');
    accepted(answer);
    expect(answer.headers.get('webhook-allowed-origin')).toBe('eventgrid.azure.net');
    const other = await asking('elsewhere.example');
    expect(other.status).toBe(401);
    expect(other.headers.get('webhook-allowed-origin')).toBeNull();
  });

  it('an event of another account is refused', async () => {
    const body = [
      of('Created', { data: { ...data, resourceFhirAccount: 'clinic.fhir.azurehealthcareapis.com' } }),
    ];
    expect((await send('/azure', { body })).status).toBe(400);
    expect(await left()).toEqual([]);
  });
});

describe('Pub/Sub', () => {
  const wrapped = (data: string, attributes: object) => ({
    message: { data: Buffer.from(data).toString('base64'), attributes, messageId: '77' },
    subscription: 'projects/p/subscriptions/s',
  });
  const name = `${STORE}/fhir/Observation/k1`;
  const attributes = {
    action: 'UpdateResource',
    payloadType: 'NameOnly',
    storeName: STORE,
    versionId: 'MTY3',
  };
  const CASES: readonly Case[] = [
    ['the name', '/google', { body: wrapped(name, attributes) }, [{ ...HINT, version_id: 'MTY3' }]],
    [
      'the name of a version',
      '/google',
      { body: wrapped(`${name}/_history/MTY4`, {}) },
      [{ ...HINT, version_id: 'MTY4' }],
    ],
    [
      'the resource',
      '/google',
      { body: wrapped(JSON.stringify(POTASSIUM), { ...attributes, payloadType: 'FullResource' }) },
      [{ ...CHANGE, trust: 'body' }],
    ],
    [
      'a deletion',
      '/google',
      { body: wrapped(name, { ...attributes, action: 'DeleteResource' }) },
      [DELETION],
    ],
    [
      'a deletion with the resource as it was',
      '/google',
      { body: wrapped(JSON.stringify(POTASSIUM), { action: 'DeleteResource' }) },
      [DELETION],
    ],
    ['nothing', '/google', { body: { message: { attributes: {} } } }, [SWEEP]],
  ];
  it.each(CASES)('%s', async (_, path, sent, expected) => isTaken(path, sent, expected));

  it('a message of another store, or that is no base64, is refused', async () => {
    const other = STORE.replace('ward', 'clinic');
    const bodies = [
      wrapped(name, { ...attributes, storeName: other }),
      wrapped(name.replace(STORE, other), {}),
      { message: { data: '{"no":"base64"}' } },
    ];
    for (const body of bodies) expect((await send('/google', { body })).status).toBe(400);
    expect(await left()).toEqual([]);
  });
});

describe('senders with an envelope of their own', () => {
  const linux = (operationType: string, rest: object = {}) => ({
    lastUpdated: '2026-03-04T06:12:09Z',
    location: 'Observation/k1/_history/4',
    operationType,
    resourceId: 'k1',
    tenantId: 'ward',
    ...rest,
  });
  const cut = { ...POTASSIUM, meta: { ...POTASSIUM.meta, tag: [{ code: 'SUBSETTED' }] } };
  const aidbox = {
    resourceType: 'Observation',
    id: 'k1',
    meta: { versionId: '9' },
    value: { Quantity: { value: 2.4 } },
  };
  const CASES: readonly Case[] = [
    [
      'LinuxForHealth, with the resource',
      '/linux',
      { body: linux('update', { resource: POTASSIUM }) },
      [CHANGE],
    ],
    ['LinuxForHealth, without it', '/linux', { body: linux('create') }, [{ ...HINT, version_id: '4' }]],
    ['LinuxForHealth, with a part of it', '/linux', { body: linux('update', { resource: cut }) }, [HINT]],
    ['LinuxForHealth, a deletion', '/linux', { body: linux('delete') }, [DELETION]],
    ['Aidbox, a handshake', '/body', { body: { id: 's', type: 'handshake' } }, []],
    [
      'Aidbox, a notification, which is not in the format of FHIR',
      '/body',
      { body: { id: 's', type: 'notification', event: 'update', resource: aidbox } },
      [{ ...HINT, version_id: '9' }],
    ],
    [
      'Aidbox, a deletion',
      '/body',
      { body: { id: 's', type: 'notification', event: ['delete'], resource: aidbox } },
      [DELETION],
    ],
    ['Aidbox, without a resource', '/body', { body: { id: 's', type: 'notification' } }, [SWEEP]],
  ];
  it.each(CASES)('%s', async (_, path, sent, expected) => isTaken(path, sent, expected));

  it('LinuxForHealth of another site, or with another resource than it says, is refused', async () => {
    const bodies = [
      linux('update', { tenantId: 'clinic' }),
      linux('update', { resource: { ...POTASSIUM, id: 'k2' } }),
    ];
    for (const body of bodies) expect((await send('/linux', { body })).status).toBe(400);
    expect(await left()).toEqual([]);
  });
});

describe('topic notifications', () => {
  const sample = (name: string): object =>
    JSON.parse(readFileSync(join(NOTIFICATIONS, `Bundle-${name}.json`), 'utf8')) as object;
  const ENCOUNTER = { type: 'Encounter', resource_id: '86009987-eabe-42bf-8c02-b112b18cb616' };
  const HINTED = { ...ENCOUNTER, kind: 'hint', trust: 'hint' };
  const SAMPLES: Readonly<Record<string, readonly (object | typeof SWEEP)[]>> = {
    'r4-notification-handshake': [],
    'r4-notification-error': [],
    'r4-notification-id-only': [HINTED],
    'r4-notification-id-only-with-auth': [HINTED],
    'r4-notification-full-resource': [{ ...ENCOUNTER, kind: 'change', trust: 'body' }],
    'r4b-notification-heartbeat': [],
    'r4b-notification-empty': [SWEEP],
    'r4b-notification-empty-with-auth': [SWEEP],
    'r4b-notification-id-only-with-query': [HINTED],
    'r4b-notification-full-resource-with-query': [{ ...ENCOUNTER, kind: 'change', trust: 'body' }],
    'r4b-notification-multi-resource': [{ ...ENCOUNTER, kind: 'change', trust: 'body' }],
  };

  it.each(Object.keys(SAMPLES))('of the guide: %s', async (name) => {
    await isTaken('/guide', { body: sample(name) }, SAMPLES[name] ?? []);
  });

  it('of the guide: none is left out', () => {
    const files = readdirSync(NOTIFICATIONS).filter((file) => file.endsWith('.json'));
    expect(files.map((file) => file.replace(/^Bundle-(.*)\.json$/, '$1')).sort()).toEqual(
      Object.keys(SAMPLES).sort(),
    );
  });

  const status = (events: readonly object[], rest: object = {}) => ({
    resourceType: 'SubscriptionStatus',
    status: 'active',
    type: 'event-notification',
    subscription: { reference: 'Subscription/s1' },
    notificationEvent: events,
    ...rest,
  });
  const bundle = (first: object, ...entries: object[]) => ({
    resourceType: 'Bundle',
    type: 'subscription-notification',
    entry: [{ resource: first }, ...entries],
  });
  const parameters = (...parameter: object[]) => ({
    resourceType: 'Parameters',
    parameter: [{ name: 'subscription', valueReference: { reference: 'Subscription/s1' } }, ...parameter],
  });
  const event = (...part: object[]) => ({ name: 'notification-event', part });
  const focus = (reference: string) => ({ focus: { reference } });
  const CASES: readonly Case[] = [
    [
      'three events in one Bundle, with numbers and with text for numbers',
      '/hint',
      {
        body: bundle(
          status([
            { eventNumber: 1, ...focus('Observation/k1') },
            { eventNumber: '2', ...focus('Observation/k2') },
            { eventNumber: '3', ...focus('Condition/c1') },
          ]),
        ),
      },
      [{ ...HINT, type: 'Condition', resource_id: 'c1' }, HINT, { ...HINT, resource_id: 'k2' }],
    ],
    [
      'a deletion among its entries',
      '/body',
      {
        body: bundle(status([focus('https://hospital.example/fhir/Observation/k1')]), {
          fullUrl: 'https://hospital.example/fhir/Observation/k1',
          request: { method: 'DELETE', url: 'Observation/k1' },
        }),
      },
      [DELETION],
    ],
    [
      'Microsoft: text/plain, a focus as URI, a status in capitals, no number',
      '/body',
      {
        headers: { 'content-type': 'text/plain' },
        body: bundle(
          parameters(
            { name: 'status', valueCode: 'Active' },
            { name: 'type', valueCode: 'Event-Notification' },
            event({ name: 'focus', valueUri: 'https://hospital.example/fhir/Observation/k1' }),
          ),
        ),
      },
      [HINT],
    ],
    [
      'Microsoft: a heartbeat in capitals',
      '/body',
      { body: bundle(parameters({ name: 'type', valueCode: 'Heartbeat' })) },
      [],
    ],
    [
      'HAPI: a focus with its type doubled, and a date for an instant',
      '/body',
      {
        body: bundle(
          parameters(
            { name: 'type', valueCode: 'event-notification' },
            event(
              { name: 'event-number', valueString: '0' },
              { name: 'timestamp', valueInstant: '2026-03-04' },
              { name: 'focus', valueReference: { reference: 'Observation/Observation/k1' } },
            ),
          ),
        ),
      },
      [HINT],
    ],
    [
      'ISiK: a merged patient, no request, a date for an instant',
      '/hint',
      {
        headers: { authorization: 'Bearer x' },
        body: {
          ...bundle(
            parameters(
              {
                name: 'topic',
                valueCanonical: 'https://gematik.de/fhir/isik/SubscriptionTopic/patient-merge',
              },
              { name: 'status', valueCode: 'active' },
              { name: 'type', valueCode: 'event-notification' },
              event(
                { name: 'event-number', valueString: '1' },
                { name: 'timestamp', valueInstant: '2026-03-04' },
                { name: 'focus', valueReference: { reference: 'Patient/p1' } },
              ),
            ),
            {
              fullUrl: 'https://hospital.example/fhir/Patient/p1',
              resource: { resourceType: 'Patient', id: 'p1', active: true },
            },
          ),
          type: 'history',
        },
      },
      [{ kind: 'change', type: 'Patient', resource_id: 'p1', patient_id: 'p1', trust: 'hint' }],
    ],
    [
      'athenahealth: an identifier for a focus',
      '/hint',
      {
        body: bundle(status([{ id: 'ev-1', focus: { identifier: { system: 'urn:x', value: '1' } } }]), {
          resource: { resourceType: 'AuditEvent', id: 'a1' },
        }),
      },
      [SWEEP],
    ],
    [
      'early HAPI R5: a transaction of resources that the status does not name',
      '/body',
      { body: { ...bundle(status([]), { resource: POTASSIUM }), type: 'transaction' } },
      [{ ...CHANGE, trust: 'body' }],
    ],
  ];
  it.each(CASES)('%s', async (_, path, sent, expected) => isTaken(path, sent, expected));

  it('athenahealth sends one event twice: it is one', async () => {
    const body = bundle(status([{ id: 'ev-1', ...focus('Observation/k1') }]));
    for (let n = 0; n < 2; n++) accepted(await send('/hint', { body }));
    expect(await left()).toMatchObject([HINT]);
  });

  it.each(['handshake', 'heartbeat'])('a %s for a subscription nobody knows is taken', async (type) => {
    await isTaken(
      '/hint',
      { body: bundle(status([], { type, subscription: { reference: 'Subscription/x' } })) },
      [],
    );
  });
});

it.each([
  ['a string', 'meta'],
  ['a list', [1, 2]],
  ['full of strange members', { versionId: 7, lastUpdated: {}, tag: 'x', compartment: [{}], project: 1 }],
])('a resource whose meta is %s is taken, and only what can be read of it is kept', async (_, meta) => {
  accepted(await send('/body', { body: { ...POTASSIUM, meta } }));
  expect(await left()).toMatchObject([
    { kind: 'change', version_id: null, resource: { id: 'k1', meta: {} } },
  ]);
  expect((await storedEvents(store))[0]?.resource).toHaveProperty('meta', {});
});
