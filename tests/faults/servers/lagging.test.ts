import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { Bundle, CarePlan, DetectedIssue } from '@medplum/fhirtypes';
import type { KnownTargets } from '../../../src/delivery/outcome.ts';
import type { OwedDelivery } from '../../../src/delivery/owed.ts';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { later, RAISED, WORSE } from '../../delivery/low-potassium.ts';
import { WAYS, type Way } from '../../delivery/ways.ts';
import { until } from '../../store/until.ts';
import { target } from './alerts.ts';

const LAG_MS = 400;
jest.setTimeout(60_000);

let sandbox: Sandbox;
afterEach(async () => {
  await sandbox[Symbol.asyncDispose]();
});

async function start([level, transaction]: Way) {
  sandbox = await startSandbox({
    port: 0,
    clientIds: level === 'A' ? 'allowed' : 'refused',
    deliverAs: 'medplum',
    replicaLagMs: LAG_MS,
  });
  return target(sandbox, { level, transaction });
}

/** As the service does: again while it may come right, with what it knows of its last write. */
async function deliverAll(
  { deliver }: ReturnType<typeof target>,
  owed: OwedDelivery,
  known: KnownTargets = {},
): Promise<KnownTargets> {
  for (let tries = 0; tries < 100; tries++) {
    const end = await deliver(owed, known);
    if (end.outcome === 'done' || end.outcome === 'unchanged') return fresh(end.targets);
    const conflict = end.outcome === 'parked' && end.reason === 'conflict';
    if (end.outcome !== 'try-later' && !conflict) throw new Error(JSON.stringify(end));
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  throw new Error('tried a hundred times');
}

function fresh(targets: KnownTargets): KnownTargets {
  return Object.fromEntries(
    Object.entries(targets).map(([name, one]) => [name, { ...one, fresh: true as const }]),
  );
}

async function shown<R extends DetectedIssue | CarePlan>(type: R['resourceType']): Promise<R[]> {
  const bundle = (await (await fetch(`${sandbox.base}/${type}?_count=50`)).json()) as Bundle<R>;
  return (bundle.entry ?? []).flatMap(({ resource = [] }) => resource);
}

describe.each(WAYS)(
  'a server that reads from a copy that lags behind, at level %s, transactions: %p',
  (...way) => {
    it('shows an alert once that was delivered twice, and is not thought to have lost it', async () => {
      const at = await start(way);
      const known = await deliverAll(at, RAISED);
      await deliverAll(at, RAISED, known);
      await until('the issue is shown', async () => (await shown('DetectedIssue')).length > 0);
      await until('the plan is shown', async () => (await shown('CarePlan')).length > 0);
      expect([await shown('DetectedIssue'), await shown('CarePlan')].map(({ length }) => length)).toEqual([
        1, 1,
      ]);
    });

    it('shows the newest of an alert that got worse, better and worse again before it was shown', async () => {
      const at = await start(way);
      let known = await deliverAll(at, RAISED);
      known = await deliverAll(at, later('escalate', 1, WORSE), known);
      known = await deliverAll(at, later('update', 2), known);
      known = await deliverAll(at, later('escalate', 3, WORSE), known);
      const versions = async () =>
        (await shown<DetectedIssue>('DetectedIssue')).map(({ meta }) => meta?.versionId);
      await until('the newest is shown', async () => (await versions())[0] === known.issue?.versionId);
      expect((await shown<DetectedIssue>('DetectedIssue')).map(({ severity }) => severity)).toEqual(['high']);
    });

    it('shows an alert once whose first answer was lost', async () => {
      const at = await start(way);
      const method = way[0] === 'A' && !way[1] ? 'PUT' : 'POST';
      sandbox.faults.onRequest({ method, path: /./, answer: 'answer-lost' });
      const first = await at.deliver(RAISED);
      if (way[0] === 'C') expect(first).toMatchObject({ outcome: 'try-later', afterMs: 60_000 });
      if (way[0] === 'C') await until('it is shown', async () => (await shown('DetectedIssue')).length > 0);
      await deliverAll(at, RAISED);
      await until('the plan is shown', async () => (await shown('CarePlan')).length > 0);
      expect([await shown('DetectedIssue'), await shown('CarePlan')].map(({ length }) => length)).toEqual([
        1, 1,
      ]);
    });
  },
);
