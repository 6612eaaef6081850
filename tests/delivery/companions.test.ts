import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { validateResource } from '@medplum/core';
import type { Communication, Flag, Resource, Task } from '@medplum/fhirtypes';
import { capabilityOf } from '../../src/connections/capability.ts';
import type { Companions } from '../../src/connections/connection.ts';
import { Gate } from '../../src/connections/gate.ts';
import { ForbiddenWrite } from '../../src/connections/write-permit.ts';
import type { OwedDelivery } from '../../src/delivery/owed.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { connectionTo, DEVICE_SYSTEM } from '../connections/scripted-server.ts';
import { stopDatabases } from '../store/databases.ts';
import { EPISODE, LOW_POTASSIUM, later, RAISED, WORSE } from './low-potassium.ts';
import { edit, Outbox, on } from './outbox.ts';

const ALL: Companions = { Task: 'low', Flag: 'high', Communication: 'critical' };
const SERVERS = [
  ['under ids of ours', 'allowed', 'hapi'],
  ['by conditional create', 'refused', 'medplum'],
] as const;

let outbox: Outbox;
beforeAll(async () => {
  outbox = await Outbox.open();
});
afterAll(async () => {
  await outbox[Symbol.asyncDispose]();
  await stopDatabases();
});

describe.each(SERVERS)('what a site asked for beside an alert, written %s', (_, clientIds, deliverAs) => {
  let server: Sandbox;
  let number = clientIds === 'allowed' ? 0 : 100;
  beforeAll(async () => {
    server = await startSandbox({ port: 0, clientIds, deliverAs });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const connect = (companions: Companions) =>
    outbox.connect(connectionTo(server.base, { kind: deliverAs, companions }));
  const of = (owed: OwedDelivery): OwedDelivery => ({ ...owed, episode: { ...owed.episode, number } });
  const first = async () => {
    number += 1;
    return outbox.deliver(of(RAISED));
  };
  const mine = async <R extends Resource>(type: R['resourceType'], what: (one: R) => unknown) =>
    (await on<R>(server, type)).slice(before[type] ?? 0).map(what);
  let before: Partial<Record<string, number>> = {};
  const fresh = async () => {
    before = {};
    for (const type of ['Task', 'Flag', 'Communication'] as const)
      before[type] = (await on(server, type)).length;
  };
  const statuses = async () => [
    ...(await mine<Task>('Task', ({ status }) => `Task ${status}`)),
    ...(await mine<Flag>('Flag', ({ status }) => `Flag ${status}`)),
    ...(await mine<Communication>('Communication', ({ status }) => `Communication ${status}`)),
  ];

  it('is nothing when it asked for nothing', async () => {
    connect({});
    await fresh();
    expect(await first()).toMatchObject({ outcome: 'done' });
    expect(await statuses()).toEqual([]);
  });

  it('comes once from its tier up, and ends with the alert, except for what was said', async () => {
    connect(ALL);
    await fresh();
    await first();
    expect(await statuses()).toEqual(['Task draft']);
    expect(await outbox.deliver(of(later('escalate', 1, WORSE)))).toMatchObject({
      outcome: 'done',
      targets: { task: {}, flag: {}, communication: {} },
    });
    const made = ['Task draft', 'Flag active', 'Communication completed'];
    expect(await statuses()).toEqual(made);
    for (const type of ['Task', 'Flag', 'Communication'] as const)
      for (const one of await on(server, type)) validateResource(one);
    const again = of(
      later('update', 2, { ...WORSE, finding: { ...LOW_POTASSIUM, detail: 'Potassium 2.3.' } }),
    );
    await outbox.deliver(again);
    expect(await outbox.deliver(again)).toMatchObject({ outcome: 'unchanged' });
    expect(await statuses()).toEqual(made);
    await outbox.deliver(of(later('resolve', 3, WORSE, 'resolved by data')));
    expect(await statuses()).toEqual(['Task cancelled', 'Flag inactive', 'Communication completed']);
  });

  it('is an error when the alert was', async () => {
    connect(ALL);
    await fresh();
    number += 1;
    await outbox.deliver(of({ ...RAISED, episode: { ...EPISODE, ...WORSE } }));
    await outbox.deliver(of(later('withdraw', 1, WORSE, 'withdrawn: source result deleted')));
    expect(await statuses()).toEqual(
      ['Task', 'Flag', 'Communication'].map((type) => `${type} entered-in-error`),
    );
  });

  it('is left to a person who took it up, and ends when one has closed the alert', async () => {
    connect(ALL);
    await fresh();
    number += 1;
    await outbox.deliver(of({ ...RAISED, episode: { ...EPISODE, ...WORSE } }));
    const task = (await on<Task>(server, 'Task')).at(-1);
    const issue = (await on(server, 'DetectedIssue')).at(-1);
    if (task === undefined || issue === undefined) throw new Error('not written');
    await edit<Task>(server, task, { status: 'in-progress', intent: 'plan' });
    await edit(server, issue, {
      mitigation: [{ action: { text: 'Prescriber consulted' } }],
    } as Partial<Resource>);
    const update = later('update', 1, { ...WORSE, finding: { ...LOW_POTASSIUM, detail: 'Potassium 2.3.' } });
    expect(await outbox.deliver(of(update))).toEqual({ outcome: 'closed-by-clinician' });
    expect(await statuses()).toEqual(['Task in-progress', 'Flag inactive', 'Communication completed']);
  });

  it('is not made for an alert that was put aside', async () => {
    connect(ALL);
    await fresh();
    number += 1;
    const suppression = { reason: 'patient-declined', at: RAISED.decisionAt, tier: 'low' } as const;
    const aside = { ...suppression, basis: { facts: [], doses: {} }, evidence: {} };
    await outbox.deliver(of({ ...RAISED, episode: { ...EPISODE, suppression: aside } }));
    expect(await statuses()).toEqual([]);
  });
});

describe('what may be written beside an alert', () => {
  const permits: readonly (readonly [string, Resource, boolean])[] = (
    [
      ['Task', 'draft', 'proposal', true],
      ['Task', 'cancelled', 'proposal', true],
      ['Task', 'requested', 'proposal', false],
      ['Task', 'ready', 'proposal', false],
      ['Task', 'draft', 'order', false],
      ['Flag', 'active', undefined, true],
      ['Flag', 'inactive', undefined, true],
      ['Flag', 'unknown', undefined, false],
      ['Communication', 'completed', undefined, true],
      ['Communication', 'preparation', undefined, false],
      ['CommunicationRequest', 'draft', undefined, false],
    ] as const
  ).map(([resourceType, status, intent, allowed]) => [
    `${resourceType} ${status} ${intent ?? ''}`,
    { resourceType, status, ...(intent && { intent }) } as unknown as Resource,
    allowed,
  ]);

  it.each(permits)('%s', async (_, resource, allowed) => {
    const connection = connectionTo('http://127.0.0.1:9/fhir', { timeoutMs: 500 });
    const write = (companions: Companions) =>
      new Gate({ ...connection, companions }, DEVICE_SYSTEM).create(resource);
    await expect(write({})).rejects.toThrow(ForbiddenWrite);
    if (allowed) expect((await write(ALL)).outcome).toBe('ambiguous');
    else await expect(write(ALL)).rejects.toThrow(ForbiddenWrite);
  });

  it('is not made on a server that could not end it', () => {
    const resource = (['Task', 'Flag', 'Communication'] as const).map((type) => ({
      type,
      interaction: (['create', 'search-type'] as const).map((code) => ({ code })),
    }));
    const { levels } = capabilityOf(
      {
        resourceType: 'CapabilityStatement',
        status: 'active',
        date: '2026',
        kind: 'instance',
        fhirVersion: '4.0.1',
        format: ['json'],
        rest: [{ mode: 'server', resource }],
      },
      'generic-r4',
    );
    expect([levels.Task, levels.Flag, levels.Communication]).toEqual(['D', 'D', 'C']);
  });
});
