/**
 * The sandbox: a FHIR R4 server inside this process, for a first run without a hospital and for tests.
 *
 * Why: the service must meet a real server over real HTTP, with its refusals, its rest-hooks and its bad
 * days, on a machine that has nothing but Node. It is open to everybody who can reach it, so it listens
 * on the loopback address and never holds a real patient.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Bundle, Patient, Resource } from '@medplum/fhirtypes';
import type { Express } from 'express';
import { capabilityStatementOf } from './capability-statement.ts';
import { loadDefinitions } from './definitions.ts';
import { Deliveries } from './deliveries.ts';
import { Faults } from './faults.ts';
import { sandboxApp } from './http.ts';
import { Journal } from './journal.ts';
import { resourcesOf } from './load.ts';
import type { DeliveryForm } from './notification.ts';
import { SandboxRouter } from './router.ts';
import { smartRoutes } from './smart.ts';
import { Store } from './store.ts';
import type { Version } from './version.ts';

export interface SandboxOptions {
  /** 0 for any free port. */
  readonly port: number;
  readonly host?: string;
  /** May a client choose the id of a new resource by PUT (HAPI), or is that 404 (Medplum)? */
  readonly clientIds: 'allowed' | 'refused';
  readonly deliverAs: DeliveryForm;
  /** Where the stored resources survive a restart; without it they do not. */
  readonly folder?: string;
  readonly now?: () => Date;
  /** Waits between the tries of one notification. */
  readonly retryAfterMs?: readonly number[];
}

export interface SeenRequest {
  readonly method: string;
  /** Path with its query, from the root. */
  readonly path: string;
  /** 0 when it was never answered. */
  readonly status: number;
}

const RETRY_AFTER_MS = [1000, 2000, 4000, 8000]; // as a Medplum server does by default
const REQUESTS_KEPT = 10_000;
const PATIENTS_OFFERED = 200; // to who signs in without a patient

/** Listening from `startSandbox` until it is disposed of. */
export class Sandbox implements AsyncDisposable {
  /** The FHIR base, without a slash at the end. */
  readonly base: string;
  /** The latest requests in the order of their answers; older ones than 10 000 are forgotten. */
  readonly requests: readonly SeenRequest[];
  readonly faults: Faults;
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.base = parts.base;
    this.requests = parts.requests;
    this.faults = parts.faults;
  }

  /**
   * Stores resources directly, all or none, under the ids they bring.
   *
   * @param notify whether Subscriptions are told, as they are of any write.
   * @param ifAbsent leaves resources alone whose id the sandbox already knows, also deleted ones.
   * @returns how many were stored.
   * @throws OperationOutcomeError when one of them is not valid R4.
   */
  async load(
    input: Bundle | readonly Resource[],
    { notify = true, ifAbsent = false }: { notify?: boolean; ifAbsent?: boolean } = {},
  ): Promise<number> {
    const { store } = this.#parts;
    const all = resourcesOf(input);
    return store.inTurn(async () => {
      const wanted = all.filter(({ resourceType, id = '' }) => !(ifAbsent && store.knows(resourceType, id)));
      await store.load(wanted, { notify });
      return wanted.length;
    });
  }

  /** Resolves when every notification was delivered or given up, or waits because faults hold it. */
  deliveriesIdle(): Promise<void> {
    return this.#parts.deliveries.idle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { server, deliveries, journal } = this.#parts;
    await close(server);
    await deliveries[Symbol.asyncDispose]();
    journal?.[Symbol.dispose]();
  }
}

interface Parts {
  readonly base: string;
  readonly server: Server;
  readonly store: Store;
  readonly deliveries: Deliveries;
  readonly faults: Faults;
  readonly journal: Journal | undefined;
  readonly requests: SeenRequest[];
}

/**
 * Starts a sandbox and takes back what its folder holds.
 *
 * @throws when the port is taken or the folder can not be read.
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { host = '127.0.0.1' } = options;
  loadDefinitions();
  const server = createServer();
  const port = await listen(server, options.port, host);
  try {
    const parts = await assemble(options, `http://${host}:${port}/fhir/R4`, server);
    server.on('request', appOf(parts, options)); // no request came before: nothing above waits for I/O
    return new Sandbox(parts);
  } catch (error) {
    await close(server);
    throw error;
  }
}

async function assemble(options: SandboxOptions, base: string, server: Server): Promise<Parts> {
  const { clientIds, deliverAs, folder, now = () => new Date(), retryAfterMs = RETRY_AFTER_MS } = options;
  const { journal, commits = [] } = folder === undefined ? {} : Journal.open(folder);
  const faults = new Faults(() => deliveries.resume());
  const store = new Store({
    base,
    clientIds,
    now,
    write: (versions) => journal?.append(versions),
    tell: (changes, notify) => deliveries.take(changes, notify),
  });
  const current = (type: string, id: string): Version | undefined => store.current(type, id);
  const deliveries: Deliveries = new Deliveries({ form: deliverAs, faults, retryAfterMs, current });
  for (const version of commits.flat()) {
    await store.restore(version);
    deliveries.learn(version);
  }
  return { base, server, store, deliveries, faults, journal, requests: [] };
}

function appOf({ base, store, faults, requests }: Parts, { clientIds, host, now }: SandboxOptions): Express {
  return sandboxApp({
    base,
    hostNames: ownNames(host),
    store,
    router: new SandboxRouter((type, id) => store.holds(type, id)),
    faults,
    capabilities: capabilityStatementOf(base, clientIds, now?.() ?? new Date()),
    smart: smartRoutes({
      base,
      patients: () =>
        store.inTurn(() =>
          store.searchResources<Patient>({ resourceType: 'Patient', count: PATIENTS_OFFERED }),
        ),
      now: now ?? (() => new Date()),
    }),
    note: (method, path, status) => {
      if (requests.push({ method, path, status }) > REQUESTS_KEPT) requests.shift();
    },
  });
}

/** Bound to the loopback address, only its names are ours; else we can not know them. */
function ownNames(host = '127.0.0.1'): Set<string> | undefined {
  return host.startsWith('127.') || host === 'localhost'
    ? new Set(['localhost', '127.0.0.1', host])
    : undefined;
}

async function listen(server: Server, port: number, host: string): Promise<number> {
  server.listen(port, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
