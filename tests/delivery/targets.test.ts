import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { validateResource } from '@medplum/core';
import type { Connection } from '../../src/connections/connection.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import type { ConnectionId } from '../../src/vocabulary/ids.ts';
import { connectionTo } from '../connections/scripted-server.ts';
import { stopDatabases } from '../store/databases.ts';
import { EPISODE, later, RAISED } from './low-potassium.ts';
import { Outbox, on } from './outbox.ts';

const SOUTH = 'south' as ConnectionId;
const WRITTEN = ['DetectedIssue', 'CarePlan', 'Provenance', 'Device'] as const;

let [records, repository]: Sandbox[] = [];
let outbox: Outbox;
beforeAll(async () => {
  records = await startSandbox({ port: 0, clientIds: 'allowed', deliverAs: 'hapi' });
  repository = await startSandbox({ port: 0, clientIds: 'refused', deliverAs: 'medplum' });
  outbox = await Outbox.open();
});
afterAll(async () => {
  await outbox[Symbol.asyncDispose]();
  await records?.[Symbol.asyncDispose]();
  await repository?.[Symbol.asyncDispose]();
  await stopDatabases();
});

/** The connection of the records, with its alerts written where the test says. */
function connect(target: Connection['target'] & string): [Sandbox, Sandbox] {
  if (records === undefined || repository === undefined) throw new Error('no servers');
  outbox.connect(
    connectionTo(records.base, { kind: 'hapi', target }),
    connectionTo(repository.base, { id: SOUTH }),
  );
  return [records, repository];
}

describe('a hospital whose server must not hold alerts', () => {
  it('has them on another server, with references to records as addresses on its own', async () => {
    const [source, target] = connect(SOUTH);
    const mitigation = { code: '9', display: 'x', at: RAISED.decisionAt, author: 'Practitioner/dr-a' };
    const episode = { ...EPISODE, mitigation };
    expect((await outbox.deliver({ ...RAISED, episode })).outcome).toBe('done');
    for (const type of WRITTEN) {
      expect(await on(source, type)).toEqual([]);
      const [written, ...more] = await on(target, type);
      if (written === undefined) throw new Error(`no ${type}`);
      expect(more).toEqual([]);
      validateResource(written);
      const references = JSON.stringify(written).matchAll(/"reference":"([^"]+)"/g);
      for (const [, reference = ''] of references)
        if (!reference.includes('/rules/'))
          expect(reference).toMatch(
            /\b(?:Device|DetectedIssue|CarePlan)\//.test(reference) ? /^[DC]/ : `${source.base}/`,
          );
    }
    const [issue] = await on(target, 'DetectedIssue');
    expect(issue).toMatchObject({
      patient: { reference: `${source.base}/Patient/p-204` },
      mitigation: [{ author: { reference: `${source.base}/Practitioner/dr-a` } }],
    });

    const before = target.requests.length;
    expect((await outbox.deliver({ ...later('resolve', 6, {}, 'resolved by data'), episode })).outcome).toBe(
      'done',
    );
    expect(await on(target, 'DetectedIssue')).toMatchObject([
      { id: issue?.id, status: 'final', identifiedPeriod: { end: expect.anything() } },
    ]);
    expect(await on(target, 'CarePlan')).toMatchObject([{ status: 'revoked' }]);
    const updates = target.requests.slice(before).filter(({ method }) => method === 'PUT');
    expect(updates.map(({ path }) => path.split('/').at(-2))).toEqual(['DetectedIssue', 'CarePlan']);
    expect(source.requests.map(({ method }) => method)).toEqual(WRITTEN.map(() => 'GET')); // the test's own
  });

  it('has them with us only, and its server is not even asked', async () => {
    const [source, target] = connect('local-only');
    const before = target.requests.length;
    expect(await outbox.deliver({ ...RAISED, episode: { ...EPISODE, number: 2 } })).toEqual({
      outcome: 'kept-locally',
    });
    expect([source.requests.length, target.requests.length]).toEqual([4, before]);
  });
});
