import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Subscription } from '@medplum/fhirtypes';
import type { Connection } from '../../src/connections/connection.ts';
import { Gate } from '../../src/connections/gate.ts';
import { ensureSubscriptions, subscriptionFor } from '../../src/connections/subscribe.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { Receiver } from '../sandbox/receiver.ts';
import { connectionTo, DEVICE_SYSTEM, HOOK_URL } from './scripted-server.ts';

const SECRET = 'a-secret-of-at-least-32-characters';
const NOON = new Date('2026-05-12T12:00:00Z');
const CRITERIA = ['Observation', 'MedicationRequest'];

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ port: 0, clientIds: 'refused', deliverAs: 'medplum' });
});
afterEach(async () => {
  await sandbox[Symbol.asyncDispose]();
});

function gateOf(kind: Connection['kind'], rest: Partial<Connection> = {}): Gate {
  const connection = connectionTo(sandbox.base, { kind, criteria: CRITERIA, ingressSecret: SECRET, ...rest });
  return new Gate(connection, DEVICE_SYSTEM);
}

async function subscriptions(gate: Gate): Promise<Subscription[]> {
  const found = await gate.searchAll('Subscription', {});
  if (found.outcome !== 'found') throw new Error(found.outcome);
  return found.resource.filter((one) => one.resourceType === 'Subscription');
}

function writes(): number {
  return sandbox.requests.filter(({ method }) => method !== 'GET').length;
}

describe('subscriptions of a connection', () => {
  it.each(['medplum', 'hapi', 'generic-r4'] as const)(
    'are made once on a %s server, whatever the number of starts',
    async (kind) => {
      const gate = gateOf(kind);
      expect((await ensureSubscriptions(gate, { now: NOON })).map(({ outcome }) => outcome)).toEqual([
        'created',
        'created',
      ]);
      expect((await ensureSubscriptions(gate, { now: NOON })).map(({ outcome }) => outcome)).toEqual([
        'unchanged',
        'unchanged',
      ]);
      expect(writes()).toBe(2);
      expect((await subscriptions(gate)).map(({ criteria }) => criteria).sort()).toEqual(
        [...CRITERIA].sort(),
      );
    },
  );

  it('are changed when the secret changes, and switched on again when off', async () => {
    await ensureSubscriptions(gateOf('hapi'), { now: NOON });
    const rotated = gateOf('hapi', { ingressSecret: `${SECRET}-2` });
    expect((await ensureSubscriptions(rotated, { now: NOON })).map(({ outcome }) => outcome)).toEqual([
      'updated',
      'updated',
    ]);
    const [first] = await subscriptions(rotated);
    if (first?.id === undefined) throw new Error('no subscription');
    await rotated.update({ ...first, id: first.id, status: 'off' }, first.meta?.versionId);
    expect((await ensureSubscriptions(rotated, { now: NOON })).map(({ outcome }) => outcome).sort()).toEqual([
      'reactivated',
      'unchanged',
    ]);
    expect(await subscriptions(rotated)).toHaveLength(2);
  });

  it('that two processes made at the same time become one', async () => {
    const gate = gateOf('hapi');
    await ensureSubscriptions(gate, { now: NOON });
    await gate.create(subscriptionFor(gate.connection, 'Observation'));
    for (let start = 0; start < 3; start++) {
      const ensured = await ensureSubscriptions(gate, { now: NOON });
      expect(ensured.map(({ outcome }) => outcome)).toEqual(['unchanged', 'unchanged']);
    }
    const found = await subscriptions(gate);
    const of = (criteria: string) => found.filter((one) => one.criteria === criteria);
    expect(of('Observation').filter(({ status }) => status !== 'off')).toHaveLength(1);
    expect(of('Observation')).toHaveLength(2);
    expect(of('MedicationRequest')).toHaveLength(1);
  });

  it('of somebody else are left alone', async () => {
    const channel = { type: 'rest-hook', endpoint: 'https://elsewhere.example/hook' } as const;
    await sandbox.load([
      {
        resourceType: 'Subscription',
        id: 's1',
        status: 'off',
        reason: 'r',
        criteria: 'Observation',
        channel,
      },
    ]);
    await ensureSubscriptions(gateOf('medplum'), { now: NOON });
    const gate = gateOf('medplum');
    expect(await gate.read('Subscription', 's1')).toMatchObject({ resource: { status: 'off', channel } });
    expect(await subscriptions(gate)).toHaveLength(3);
  });

  it('that one server refuses do not keep the others from being made', async () => {
    sandbox.faults.onRequest({ method: 'POST', path: /Subscription/, answer: { status: 422 } });
    const ensured = await ensureSubscriptions(gateOf('hapi'), { now: NOON });
    expect(ensured.map(({ outcome, because }) => [outcome, because])).toEqual([
      ['failed', 'unprocessable'],
      ['created', undefined],
    ]);
  });

  it('ask Medplum for three days of retries, for deletes and for a signature', () => {
    const { status, extension = [] } = subscriptionFor(
      connectionTo('https://x.example/', { kind: 'medplum', ingressSecret: SECRET }),
      'Observation',
    );
    expect(status).toBe('active');
    expect(extension.map(({ url, ...value }) => [url, Object.values(value)[0]])).toEqual([
      ['https://medplum.com/fhir/StructureDefinition/subscription-supported-interaction', 'create'],
      ['https://medplum.com/fhir/StructureDefinition/subscription-supported-interaction', 'update'],
      ['https://medplum.com/fhir/StructureDefinition/subscription-supported-interaction', 'delete'],
      ['https://medplum.com/fhir/StructureDefinition/subscription-max-attempts', 18],
      ['https://www.medplum.com/fhir/StructureDefinition/subscription-secret', SECRET],
      ['https://medplum.com/fhir/StructureDefinition/subscription-secret', SECRET],
    ]);
  });

  it('ask HAPI for deletes and carry the secret in a header', () => {
    const { status, channel } = subscriptionFor(
      connectionTo('https://x.example/', { kind: 'hapi', ingressSecret: SECRET, ingressHeader: 'X-Proof' }),
      'Observation',
    );
    expect(status).toBe('requested');
    expect(channel).toEqual({
      type: 'rest-hook',
      endpoint: HOOK_URL,
      payload: 'application/fhir+json',
      header: [`X-Proof: ${SECRET}`],
      extension: [
        {
          url: 'http://hapifhir.io/fhir/StructureDefinition/subscription-send-delete-messages',
          valueBoolean: true,
        },
      ],
    });
  });

  it('ask by topic where the server wants that: ids only, with the criteria as filter', () => {
    const connection = connectionTo('https://x.example/', {
      kind: 'generic-backport',
      ingressSecret: SECRET,
      topics: { 'Observation?category=laboratory': 'https://x.example/topics/lab' },
    });
    const guide = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition';
    expect(subscriptionFor(connection, 'Observation?category=laboratory')).toMatchObject({
      status: 'requested',
      meta: { profile: [`${guide}/backport-subscription`] },
      criteria: 'https://x.example/topics/lab',
      _criteria: {
        extension: [
          { url: `${guide}/backport-filter-criteria`, valueString: 'Observation?category=laboratory' },
        ],
      },
      channel: {
        header: [`X-Cramp-Secret: ${SECRET}`],
        _payload: { extension: [{ url: `${guide}/backport-payload-content`, valueCode: 'id-only' }] },
        extension: expect.arrayContaining([
          { url: `${guide}/backport-heartbeat-period`, valueUnsignedInt: 300 },
        ]),
      },
    });
  });

  it('that Aidbox gave up are made once more, because there none wakes', async () => {
    await using receiver = await Receiver.listen();
    await using aidbox = await startSandbox({
      port: 0,
      clientIds: 'allowed',
      deliverAs: 'aidbox',
      retryAfterMs: [5, 5],
    });
    const connection = connectionTo(aidbox.base, {
      kind: 'aidbox',
      criteria: ['Observation'],
      topics: { Observation: 'https://x.example/topics/lab' },
      hookUrl: receiver.url,
    });
    const gate = new Gate(connection, DEVICE_SYSTEM);
    const statuses = async (): Promise<string[]> => {
      await aidbox.deliveriesIdle();
      return (await subscriptions(gate)).map(({ status }) => status).sort();
    };
    const ensure = async () => (await ensureSubscriptions(gate, { now: NOON })).map(({ outcome }) => outcome);
    receiver.statuses.push(503, 503, 503); // the service was not up
    expect(await ensure()).toEqual(['created']);
    expect(await statuses()).toEqual(['error']);
    expect(await ensure()).toEqual(['reactivated']);
    expect(await statuses()).toEqual(['active', 'error']);
    expect(await ensure()).toEqual(['unchanged']);
  });

  it('are not looked for by an address that holds a secret', async () => {
    const gate = gateOf('hapi', { hookUrl: `${HOOK_URL}?key=${SECRET}` });
    for (const outcome of ['created', 'unchanged'])
      expect((await ensureSubscriptions(gate, { now: NOON })).map((one) => one.outcome)).toEqual([
        outcome,
        outcome,
      ]);
    expect(JSON.stringify(sandbox.requests)).not.toContain(SECRET);
  });
});
