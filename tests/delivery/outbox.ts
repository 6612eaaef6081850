/** The delivering part at work: a store, FHIR servers behind connections, and what was owed and written. */
import type { Bundle, Resource } from '@medplum/fhirtypes';
import type { Connection } from '../../src/connections/connection.ts';
import { LiveConnection } from '../../src/connections/live-connection.ts';
import { type Delivered, type DeliveryParts, deliverOwed, owedFor } from '../../src/delivery/deliver-owed.ts';
import type { OwedDelivery } from '../../src/delivery/owed.ts';
import { deviceSystem } from '../../src/delivery/service.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { oweDelivery } from '../../src/store/delivery.ts';
import { dueKey } from '../../src/store/store.ts';
import { databases, type TestStore } from '../store/databases.ts';
import { until } from '../store/until.ts';
import { SERVICE_URI } from './low-potassium.ts';

const RETRY = { delaysMs: [20], giveUpAfterMs: 60_000, attempts: 5 };

export class Outbox implements AsyncDisposable {
  readonly opened: TestStore;
  readonly delivered: Delivered[] = [];
  #connections = new Map<string, LiveConnection>();

  private constructor(opened: TestStore) {
    this.opened = opened;
  }

  /** On PostgreSQL where there is one: what a delivery does to the store is tried on both elsewhere. */
  static async open(parts: Partial<Pick<DeliveryParts, 'now'>> = {}): Promise<Outbox> {
    const database = (await databases()).at(-1);
    if (database === undefined) throw new Error('no database');
    const outbox = new Outbox(await database.open({ retry: RETRY }));
    const { store } = outbox.opened;
    const delivery: DeliveryParts = {
      store,
      connection: (id) => outbox.#connections.get(id),
      now: () => new Date(),
      serviceUri: SERVICE_URI,
      onDelivered: (one) => outbox.delivered.push(one),
      ...parts,
    };
    store.deliver.work((job) => deliverOwed(job, delivery), { concurrency: 1, pollMs: 200 });
    return outbox;
  }

  /** Servers from here on; what was known of earlier ones is forgotten. */
  connect(...connections: readonly Connection[]): void {
    this.#connections = new Map(
      connections.map((one) => [one.id, new LiveConnection(one, deviceSystem(SERVICE_URI))]),
    );
  }

  /** @returns how it ended */
  async deliver(what: OwedDelivery): Promise<Delivered['outcome']> {
    const { store } = this.opened;
    const { connectionId, patientId, change, episode, decisionAt: at, reason } = what;
    const before = this.delivered.length;
    const changed = { change, key: episode.key, episode, notify: false, ...(reason && { reason }) };
    const verdicts = [{ rule: episode.rule, version: '1.0.0' }];
    await store.transaction(async (trx) => {
      await oweDelivery(
        trx,
        owedFor({ connectionId, patientId, change: changed as never, decision: { at, verdicts } }),
      );
      const owing = { connectionId, patientId };
      await store.deliver.mark(trx, [{ key: dueKey(owing), data: owing, afterMs: 0 }]);
    });
    await until('the delivery ended', () => this.delivered.length > before, 20_000);
    const last = this.delivered.at(-1);
    if (last === undefined) throw new Error('nothing was delivered');
    return last.outcome;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.opened.store.deliver.stop();
    await this.opened.close();
  }
}

export async function on<R extends Resource>({ base }: Sandbox, type: R['resourceType']): Promise<R[]> {
  const bundle = (await (await fetch(`${base}/${type}?_count=50`)).json()) as Bundle;
  return (bundle.entry ?? []).map(({ resource }) => resource as R);
}

/** A person, or a program of the hospital, changes a resource. */
export async function edit<R extends Resource>(
  { base }: Sandbox,
  resource: R,
  change: Partial<R>,
): Promise<void> {
  const response = await fetch(`${base}/${resource.resourceType}/${resource.id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify({ ...resource, ...change }),
  });
  if (!response.ok) throw new Error(`PUT ${resource.resourceType}: ${response.status}`);
}
