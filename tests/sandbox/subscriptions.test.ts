import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Subscription } from '@medplum/fhirtypes';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/sandbox.ts';
import { call, issue, PATIENT, potassium, type Received, Receiver } from './receiver.ts';

let receiver: Receiver;
let sandbox: Sandbox;
let sandboxDialect: SandboxOptions['deliverAs'];

const SECRET = 'https://www.medplum.com/fhir/StructureDefinition/subscription-secret';
const SEND_DELETES = 'http://hapifhir.io/fhir/StructureDefinition/subscription-send-delete-messages';

async function start(deliverAs: SandboxOptions['deliverAs'], retryAfterMs = [10, 20, 40]): Promise<void> {
  sandboxDialect = deliverAs;
  sandbox = await startSandbox({ port: 0, clientIds: 'allowed', deliverAs, retryAfterMs });
}

async function subscribe(criteria: string, more: Partial<Subscription> = {}): Promise<Subscription> {
  const { status, body } = await call('POST', `${sandbox.base}/Subscription`, {
    resourceType: 'Subscription',
    status: sandboxDialect === 'medplum' ? 'active' : 'requested',
    reason: 'test',
    criteria,
    ...more,
    channel: { type: 'rest-hook', endpoint: receiver.url, payload: 'application/fhir+json', ...more.channel },
  });
  expect(status).toBe(201);
  return body;
}

const put = (id: string, value: number): Promise<unknown> =>
  call('PUT', `${sandbox.base}/Observation/${id}`, potassium(value, { id }));
const remove = (id: string): Promise<unknown> => call('DELETE', `${sandbox.base}/Observation/${id}`);
const brief = ({ method, path, headers }: Received): unknown[] => [
  method,
  path,
  headers['x-medplum-interaction'],
];
const values = (): unknown[] =>
  receiver.resources.map((one) => ('valueQuantity' in one ? one.valueQuantity?.value : undefined));

async function until(isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error('It did not happen within 5 s.');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

beforeEach(async () => {
  receiver = await Receiver.listen();
});
afterEach(async () => {
  await sandbox[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

describe('a notification in the form of Medplum', () => {
  beforeEach(() => start('medplum'));

  it('tells of a create, an update and a delete at the endpoint itself', async () => {
    const { id } = await subscribe('Observation');
    await put('k', 3.1);
    await put('k', 3.2);
    await remove('k');
    await sandbox.deliveriesIdle();
    expect(receiver.received.map(brief)).toEqual([
      ['POST', '/hooks/ward', 'create'],
      ['POST', '/hooks/ward', 'update'],
      ['POST', '/hooks/ward', 'delete'],
    ]);
    const [created, , deleted] = receiver.received;
    expect(created?.headers).toMatchObject({
      'content-type': 'application/fhir+json',
      'x-medplum-subscription': id,
    });
    expect(created?.headers).not.toHaveProperty('x-medplum-deleted-resource');
    expect(deleted?.headers).toMatchObject({ 'x-medplum-deleted-resource': 'Observation/k' });
    expect(deleted?.bytes.toString()).toBe('{}');
  });

  it('carries the version that was written, and what only Medplum puts into meta', async () => {
    await subscribe('Observation');
    const written = await call('POST', `${sandbox.base}/Observation`, potassium(3.1));
    await sandbox.deliveriesIdle();
    expect(receiver.resources[0]).toMatchObject(written.body);
    expect(receiver.resources[0]?.meta).toMatchObject({ project: 'sandbox' });
  });

  it.each([SECRET, SECRET.replace('www.', '')])(
    'is signed over its exact bytes when %s is set',
    async (url) => {
      await subscribe('Observation', { extension: [{ url, valueString: 'planted-secret' }] });
      await call(
        'PUT',
        `${sandbox.base}/Observation/k`,
        potassium(3.1, { id: 'k', note: [{ text: 'µ — ✓' }] }),
      );
      await remove('k');
      await sandbox.deliveriesIdle();
      expect(receiver.received).toHaveLength(2);
      for (const { headers, bytes } of receiver.received) {
        const signature = createHmac('sha256', 'planted-secret').update(bytes).digest('hex');
        expect(headers['x-signature']).toBe(signature);
      }
    },
  );

  it('has no signature without a secret', async () => {
    await subscribe('Observation');
    await put('k', 3.1);
    await sandbox.deliveriesIdle();
    expect(receiver.received[0]?.headers).not.toHaveProperty('x-signature');
  });

  it('carries the header lines of the channel, cut at a second colon', async () => {
    const header = ['Authorization: Bearer abc', 'X-Site: north: wing'];
    await subscribe('Observation', { channel: { header } as Subscription['channel'] });
    await put('k', 3.1);
    await sandbox.deliveriesIdle();
    expect(receiver.received[0]?.headers).toMatchObject({ authorization: 'Bearer abc', 'x-site': 'north' });
  });

  it('follows conditional creates and transactions, and nothing that was not stored', async () => {
    await subscribe('DetectedIssue');
    const once = { 'If-None-Exist': 'identifier=https://cds.example.org/issue|one' };
    await call('POST', `${sandbox.base}/DetectedIssue`, issue('one'), once);
    await call('POST', `${sandbox.base}/DetectedIssue`, issue('one'), once);
    const post = (url: string, resource: object): object => ({ request: { method: 'POST', url }, resource });
    const bundle = (...entry: object[]): object => ({ resourceType: 'Bundle', type: 'transaction', entry });
    await call('POST', sandbox.base, bundle(post('DetectedIssue', issue('two'))));
    const refused = bundle(post('DetectedIssue', issue('three')), post('Observation', {}));
    expect((await call('POST', sandbox.base, refused)).status).toBe(400);
    await sandbox.deliveriesIdle();
    const identifiers = receiver.resources.map((one) => 'identifier' in one && one.identifier);
    expect(identifiers).toMatchObject([[{ value: 'one' }], [{ value: 'two' }]]);
  });

  it('is only sent for the interactions that were asked for', async () => {
    const url = 'https://medplum.com/fhir/StructureDefinition/subscription-supported-interaction';
    await subscribe('Observation', { extension: [{ url, valueCode: 'update' }] });
    await put('k', 3.1);
    await put('k', 3.2);
    await remove('k');
    await sandbox.deliveriesIdle();
    expect(receiver.received.map(brief)).toEqual([['POST', '/hooks/ward', 'update']]);
  });

  it('never comes for a quantity in the criteria, and an unreadable one spoils no other', async () => {
    await subscribe('Observation?value-quantity=gt3');
    await subscribe('Observation?date=yesterday');
    await subscribe('Observation?code=http://loinc.org|2823-3');
    await put('k', 3.1);
    await sandbox.deliveriesIdle();
    expect(receiver.received).toHaveLength(1);
  });

  it('is dropped instead of tried again once the resource has moved on', async () => {
    await subscribe('Observation');
    let open = (): void => {};
    receiver.gate = new Promise((resolve) => {
      open = resolve;
    });
    receiver.statuses.push(500);
    await put('k', 3.1);
    await until(() => receiver.received.length === 1);
    await put('k', 3.2);
    open();
    await sandbox.deliveriesIdle();
    expect(values()).toEqual([3.1, 3.2]);
  });
});

describe('a notification in the form of HAPI', () => {
  beforeEach(() => start('hapi'));

  it('updates the endpoint as if it were a FHIR server', async () => {
    const header = ['X-Site: north: wing'];
    await subscribe('Observation', { channel: { header } as Subscription['channel'] });
    const { body } = await call('PUT', `${sandbox.base}/Observation/k`, potassium(3.1, { id: 'k' }));
    await sandbox.deliveriesIdle();
    const [one] = receiver.received;
    expect([one?.method, one?.path]).toEqual(['PUT', '/hooks/ward/Observation/k']);
    expect(one?.headers).toMatchObject({
      'content-type': 'application/fhir+json; charset=UTF-8',
      'if-match': `"${body.meta.versionId}"`,
      'x-site': 'north: wing',
    });
    expect(receiver.resources).toEqual([body]);
  });

  it('tells of a delete only when it was asked to', async () => {
    await subscribe('Observation');
    await put('k', 3.1);
    await remove('k');
    await sandbox.deliveriesIdle();
    expect(receiver.received.map(({ method }) => method)).toEqual(['PUT']);
    await subscribe('Observation', { extension: [{ url: SEND_DELETES, valueBoolean: true }] });
    await put('j', 3.1);
    await remove('j');
    await sandbox.deliveriesIdle();
    const deletes = receiver.received.filter(({ method }) => method === 'DELETE');
    expect(deletes.map(({ path, bytes }) => [path, bytes.length])).toEqual([
      ['/hooks/ward/Observation/j', 0],
    ]);
  });

  it('is an empty POST when no payload was asked for', async () => {
    await subscribe('Observation', { channel: { payload: undefined } as never });
    await put('k', 3.1);
    await sandbox.deliveriesIdle();
    const [one] = receiver.received;
    expect([one?.method, one?.path, one?.bytes.length]).toEqual(['POST', '/hooks/ward', 0]);
  });

  it('is tried again as it was, even when the resource has moved on', async () => {
    await subscribe('Observation');
    let open = (): void => {};
    receiver.gate = new Promise((resolve) => {
      open = resolve;
    });
    receiver.statuses.push(500);
    await put('k', 3.1);
    await until(() => receiver.received.length === 1);
    await put('k', 3.2);
    open();
    await sandbox.deliveriesIdle();
    expect(values()).toEqual([3.1, 3.1, 3.2]);
  });
});

describe('a Subscription', () => {
  beforeEach(() => start('medplum'));

  it('that is only requested is never made active by Medplum', async () => {
    const { id } = await subscribe('Observation', { status: 'requested' });
    await put('k', 3.1);
    await sandbox.deliveriesIdle();
    expect((await call('GET', `${sandbox.base}/Subscription/${id}`)).body.status).toBe('requested');
    expect(receiver.received).toHaveLength(0);
  });

  it('tells nothing while it is off or after it is deleted', async () => {
    const subscription = await subscribe('Observation');
    const url = `${sandbox.base}/Subscription/${subscription.id}`;
    await call('PUT', url, { ...subscription, status: 'off' });
    await put('k', 3.1);
    await sandbox.deliveriesIdle();
    expect(receiver.received).toHaveLength(0);
    await call('PUT', url, { ...subscription, status: 'active' });
    await call('DELETE', url);
    await put('k', 3.2);
    await sandbox.deliveriesIdle();
    expect(receiver.received).toHaveLength(0);
  });

  it('does not hear of what is loaded quietly', async () => {
    await subscribe('Patient');
    await sandbox.load([PATIENT], { notify: false });
    await sandbox.load([{ ...PATIENT, id: 'p2' }]);
    await sandbox.deliveriesIdle();
    expect(receiver.resources.map(({ id }) => id)).toEqual(['p2']);
  });
});

describe('delivery', () => {
  beforeEach(() => start('medplum'));

  it.each([400, 401, 413, 429, 500, 503])('is tried again after %i', async (status) => {
    await subscribe('Observation');
    receiver.statuses.push(status, status);
    await put('k', 3.1);
    await sandbox.deliveriesIdle();
    expect(receiver.received).toHaveLength(3);
  });

  it('is given up after the last try, and the next one is sent', async () => {
    await subscribe('Observation');
    receiver.statuses.push(500, 500, 500, 500);
    await put('a', 3.1);
    await put('b', 3.2);
    await sandbox.deliveriesIdle();
    expect(values()).toEqual([3.1, 3.1, 3.1, 3.1, 3.2]);
  });

  it('is tried again when nobody listens', async () => {
    await subscribe('Observation', {
      channel: { endpoint: 'http://127.0.0.1:1/nobody' } as Subscription['channel'],
    });
    await put('a', 3.1);
    await sandbox.deliveriesIdle();
    expect((await call('GET', `${sandbox.base}/Observation/a`)).status).toBe(200);
  });

  it('does not hold up writes, keeps their order and has one on its way at a time', async () => {
    await subscribe('Observation');
    let open = (): void => {};
    receiver.gate = new Promise((resolve) => {
      open = resolve;
    });
    for (const value of [1, 2, 3, 4, 5]) await put(`k${value}`, value);
    await until(() => receiver.received.length > 0);
    expect(receiver.received).toHaveLength(1);
    open();
    await sandbox.deliveriesIdle();
    expect(values()).toEqual([1, 2, 3, 4, 5]);
  });

  it('can be twice, backwards, late or never', async () => {
    await subscribe('Observation');
    sandbox.faults.onDeliveries({ copies: 2, reversed: true, held: true, delayMs: 1 });
    for (const value of [1, 2, 3]) await put(`k${value}`, value);
    await sandbox.deliveriesIdle();
    expect(receiver.received).toHaveLength(0);
    sandbox.faults.onDeliveries({ held: false });
    await sandbox.deliveriesIdle();
    expect(values()).toEqual([3, 3, 2, 2, 1, 1]);

    sandbox.faults.clear();
    sandbox.faults.onDeliveries({ drop: 1 });
    await put('lost', 8);
    await put('found', 9);
    await sandbox.deliveriesIdle();
    expect(values().slice(6)).toEqual([9]);
  });

  it('stops at once when the sandbox closes', async () => {
    await sandbox[Symbol.asyncDispose]();
    await start('medplum', [60_000]);
    await subscribe('Observation');
    receiver.statuses.push(500);
    await put('k', 3.1);
    await until(() => receiver.received.length === 1);
    await sandbox[Symbol.asyncDispose]();
    await start('medplum');
    expect(receiver.received).toHaveLength(1);
  });
});
