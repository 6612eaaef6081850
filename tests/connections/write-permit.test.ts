import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { BundleEntry, Questionnaire, Resource } from '@medplum/fhirtypes';
import { Gate } from '../../src/connections/gate.ts';
import { ForbiddenWrite } from '../../src/connections/write-permit.ts';
import {
  connectionTo,
  DEVICE_SYSTEM,
  HOOK_URL,
  reply,
  type ScriptedServer,
  startScripted,
} from './scripted-server.ts';

const SUBJECT = { reference: 'Patient/p1' };

let server: ScriptedServer;
let gate: Gate;
beforeEach(async () => {
  server = await startScripted((_, response) => reply(response, 201));
  gate = new Gate(connectionTo(server.base), DEVICE_SYSTEM);
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

function subscription(endpoint: string): unknown {
  return {
    resourceType: 'Subscription',
    status: 'requested',
    criteria: 'Observation',
    channel: { type: 'rest-hook', endpoint },
  };
}

const FORBIDDEN: readonly [string, unknown][] = [
  [
    'an active MedicationRequest',
    { resourceType: 'MedicationRequest', status: 'active', intent: 'order', subject: SUBJECT },
  ],
  [
    'a draft MedicationRequest',
    { resourceType: 'MedicationRequest', status: 'draft', intent: 'proposal', subject: SUBJECT },
  ],
  [
    'a ServiceRequest',
    { resourceType: 'ServiceRequest', status: 'draft', intent: 'proposal', subject: SUBJECT },
  ],
  [
    'an active CarePlan',
    { resourceType: 'CarePlan', status: 'active', intent: 'proposal', subject: SUBJECT },
  ],
  [
    'a completed CarePlan',
    { resourceType: 'CarePlan', status: 'completed', intent: 'proposal', subject: SUBJECT },
  ],
  [
    'a CarePlan that is an order',
    { resourceType: 'CarePlan', status: 'draft', intent: 'order', subject: SUBJECT },
  ],
  ['a mitigated DetectedIssue', { resourceType: 'DetectedIssue', status: 'mitigated' }],
  ['a Patient', { resourceType: 'Patient' }],
  ['a Questionnaire', { resourceType: 'Questionnaire', status: 'active' }],
  ['an Observation', { resourceType: 'Observation', status: 'final' }],
  ['a Device of somebody else', { resourceType: 'Device', identifier: [{ system: 'urn:pump', value: '1' }] }],
  ['a Subscription that pushes elsewhere', subscription('https://elsewhere.example/hook')],
  ['a resource without a type', { status: 'final' }],
];

const ALLOWED: readonly [string, unknown][] = [
  ...['preliminary', 'final', 'amended', 'corrected', 'cancelled', 'entered-in-error'].map(
    (status) => [`a ${status} DetectedIssue`, { resourceType: 'DetectedIssue', status }] as [string, unknown],
  ),
  ...['draft', 'revoked', 'entered-in-error'].map(
    (status) =>
      [
        `a ${status} CarePlan`,
        { resourceType: 'CarePlan', status, intent: 'proposal', subject: SUBJECT },
      ] as [string, unknown],
  ),
  ['a Provenance', { resourceType: 'Provenance' }],
  ['an AuditEvent', { resourceType: 'AuditEvent' }],
  ['its own Device', { resourceType: 'Device', identifier: [{ system: DEVICE_SYSTEM, value: '1' }] }],
  ['its own Subscription', subscription(HOOK_URL)],
];

describe('what may be written to a hospital', () => {
  it.each(FORBIDDEN)('refuses %s in every way of writing, before a socket opens', async (_, written) => {
    const resource = { ...(written as Resource), id: 'x1' };
    const url = resource.resourceType;
    const entry: BundleEntry[] = [{ resource, request: { method: 'POST', url } }];
    await expect(gate.create(resource)).rejects.toThrow(ForbiddenWrite);
    await expect(gate.createIfNone(resource, { system: 'urn:x', value: '1' })).rejects.toThrow(
      ForbiddenWrite,
    );
    await expect(gate.put(resource)).rejects.toThrow(ForbiddenWrite);
    await expect(gate.update(resource, '1')).rejects.toThrow(ForbiddenWrite);
    await expect(gate.transaction({ resourceType: 'Bundle', type: 'transaction', entry })).rejects.toThrow(
      ForbiddenWrite,
    );
    expect(server.asked).toHaveLength(0);
  });

  it.each(ALLOWED)('writes %s', async (_, written) => {
    expect((await gate.create(written as Resource)).outcome).toBe('written');
  });

  it.each([
    ['deletes', { request: { method: 'DELETE', url: 'DetectedIssue/1' } }],
    [
      'patches',
      { resource: { resourceType: 'Provenance' }, request: { method: 'PATCH', url: 'Provenance/1' } },
    ],
    [
      'writes to another type than it carries',
      { resource: { resourceType: 'Provenance' }, request: { method: 'PUT', url: 'MedicationRequest/1' } },
    ],
    ['has no request', { resource: { resourceType: 'Provenance' } }],
  ])('refuses a transaction that %s', async (_, entry) => {
    const bundle = { resourceType: 'Bundle', type: 'transaction', entry: [entry as BundleEntry] } as const;
    await expect(gate.transaction({ ...bundle, entry: [...bundle.entry] })).rejects.toThrow(ForbiddenWrite);
    expect(server.asked).toHaveLength(0);
  });

  it('writes a Questionnaire only through a gate that was given it, and only to the letter', async () => {
    const form: Questionnaire & { url: string } = {
      resourceType: 'Questionnaire',
      status: 'active',
      url: 'https://cds.example.org/q',
      item: [{ linkId: 'a', text: 'Cramps?', type: 'boolean' }],
    };
    const given = new Gate(connectionTo(server.base), DEVICE_SYSTEM, { forms: [form] });
    await expect(given.createIfNoneAt({ ...form, status: 'draft' })).rejects.toThrow(ForbiddenWrite);
    await expect(given.update({ ...form, id: 'x1', item: [] }, '1')).rejects.toThrow(ForbiddenWrite);
    await expect(gate.createIfNoneAt(form)).rejects.toThrow(ForbiddenWrite);
    expect(server.asked).toHaveLength(0);
    expect((await given.createIfNoneAt(form)).outcome).toBe('written');
    expect(server.asked[0]?.headers['if-none-exist']).toBe(`url=${encodeURIComponent(form.url)}`);
    expect((await given.update({ ...form, id: 'x1' }, '1')).outcome).toBe('written');
  });

  it('names no patient when it refuses', async () => {
    const plan = {
      resourceType: 'CarePlan',
      status: 'active',
      intent: 'proposal',
      subject: { reference: 'Patient/planted-134418' },
    } as const;
    await expect(gate.create(plan)).rejects.toThrow('never writes a CarePlan with status active');
  });
});
