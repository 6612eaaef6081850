/**
 * The sandbox: a FHIR R4 server inside this process, for a first run without a hospital and for tests.
 *
 * Why: the service must meet a real server over real HTTP, with its refusals, its rest-hooks and its bad
 * days, on a machine that has nothing but Node. It is open to everybody who can reach it, so it listens
 * on the loopback address and never holds a real patient.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Bundle, Patient, Resource } from '@medplum/fhirtypes';
import type { Express } from 'express';
import { Activation } from './activation.ts';
import { capabilityStatementOf } from './capability-statement.ts';
import { Collisions } from './collisions.ts';
import { loadDefinitions } from './definitions.ts';
import { Deliveries } from './deliveries.ts';
import { DIALECTS, type DialectName } from './dialect.ts';
import { Faults } from './faults.ts';
import { furtherRead, unservedBy } from './further-reads.ts';
import { sandboxApp } from './http.ts';
import { Journal } from './journal.ts';
import { resourcesOf } from './load.ts';
import { handshakeOf, topicShapeOf, validationOf } from './notification.ts';
import { Quota, type QuotaFigures, type QuotaOptions } from './quota.ts';
import { randomFrom } from './random.ts';
import { Replica } from './replica.ts';
import { SandboxRouter } from './router.ts';
import { type SenderClaims, SenderToken } from './sender-token.ts';
import { smartRoutes } from './smart.ts';
import { Store } from './store.ts';
import { SubscriptionBook } from './subscription-book.ts';
import type { Version } from './version.ts';

export interface SandboxOptions {
  /** 0 for any free port. */
  readonly port: number;
  readonly host?: string;
  /** May a client choose the id of a new resource by PUT (HAPI), or is that 404 (Medplum)? */
  readonly clientIds: 'allowed' | 'refused';
  /** Which server it plays: how it pushes, and what becomes of Subscriptions. */
  readonly deliverAs: DialectName;
  /** Where the stored resources survive a restart; without it they do not. */
  readonly folder?: string;
  readonly now?: () => Date;
  /** Waits between the tries of one notification. */
  readonly retryAfterMs?: readonly number[];
  /** Conditional writes that run at the same time collide by chance, as on Medplum; never when absent. */
  readonly conditionalWrites?: 'collide';
  /** Of what is left to chance. */
  readonly seed?: number;
  /** So much may be asked in a window of time; without end when absent. */
  readonly quota?: QuotaOptions;
  /** Reads and searches show what was written only after so long. */
  readonly replicaLagMs?: number;
  /** Until a requested Subscription is looked at; Infinity where rest-hooks are switched off. */
  readonly activateAfterMs?: number;
  /** What the token of its pushes says; without it they carry none. Keys are at `/auth/sender-keys`. */
  readonly sender?: SenderClaims;
  /** Search parameters that it refuses, such as `_sort` or `_lastUpdated`. */
  readonly refusedParameters?: readonly string[];
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
const SEED = 1; // any

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

  /** What its limits have cost those who asked. */
  get limits(): QuotaFigures & { readonly collisions: number } {
    const { quota, collisions } = this.#parts;
    const none = { refused: 0, overrun: 0, overrunWindows: 0, windows: 0 };
    return { ...(quota?.figures ?? none), collisions: collisions?.refused ?? 0 };
  }

  /**
   * Sends every change to this address from now on, as it is set up beside FHIR on some servers.
   *
   * @throws Error when Event Grid asks for its code and does not get it back.
   */
  async pushTo(endpoint: string): Promise<void> {
    const { dialect, deliveries, book } = this.#parts;
    if (dialect === 'azure') {
      const code = randomUUID();
      const answer = await deliveries.post(validationOf(endpoint, code));
      const told = answer?.ok ? await answer.text() : '';
      if (!told.includes(`"validationResponse":"${code}"`))
        throw new Error(`the endpoint does not want the events: ${answer?.status ?? 'no answer'}`);
    }
    book.pushTo(endpoint);
  }

  /** Resolves when every notification was delivered or given up, or waits because faults hold it. */
  async deliveriesIdle(): Promise<void> {
    await this.#parts.activation.idle();
    await this.#parts.deliveries.idle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { server, deliveries, activation, journal, replica } = this.#parts;
    await close(server);
    replica?.[Symbol.dispose]();
    await activation[Symbol.asyncDispose]();
    await deliveries[Symbol.asyncDispose]();
    journal?.[Symbol.dispose]();
  }
}

interface Parts {
  readonly dialect: DialectName;
  readonly base: string;
  readonly server: Server;
  readonly store: Store;
  readonly deliveries: Deliveries;
  readonly activation: Activation;
  readonly book: SubscriptionBook;
  readonly token: SenderToken;
  readonly faults: Faults;
  readonly journal: Journal | undefined;
  readonly collisions: Collisions | undefined;
  readonly quota: Quota | undefined;
  readonly replica: Replica | undefined;
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
  const { clientIds, deliverAs: dialect, folder, now = () => new Date(), sender } = options;
  const { retryAfterMs = RETRY_AFTER_MS, activateAfterMs: afterMs = 0 } = options;
  const { journal, commits = [] } = folder === undefined ? {} : Journal.open(folder);
  const faults = new Faults(() => deliveries.resume());
  const store = new Store({
    base,
    clientIds,
    now,
    write: (versions) => journal?.append(versions),
    tell: (changes, notify) => {
      replica?.take(changes.map(({ version }) => version));
      deliveries.take(changes, notify);
      activation.take(changes);
    },
  });
  const replica = replicaOf(options, base);
  const current = (type: string, id: string): Version | undefined => store.current(type, id);
  const book = new SubscriptionBook();
  const token = new SenderToken();
  const deliveries: Deliveries = new Deliveries({
    ...{ dialect, base, now, book, faults, retryAfterMs, current },
    ...(sender && { token: () => token.sign(sender) }),
  });
  const shape = topicShapeOf(dialect);
  const activation: Activation = new Activation({
    ...{ dialect: DIALECTS[dialect], afterMs, retryAfterMs },
    handshake: (subscription) => shape && handshakeOf(shape, { subscription, base, at: now() }),
    send: (notification) => deliveries.send(notification),
    settle: (id, status) => settle(store, id, status),
  });
  for (const version of commits.flat()) {
    await store.restore(version);
    await replica?.store.restore(version);
    book.learn(version);
  }
  const { conditionalWrites, seed = SEED } = options;
  const collisions = conditionalWrites === 'collide' ? new Collisions(randomFrom(seed)) : undefined;
  const quota = options.quota === undefined ? undefined : new Quota(options.quota);
  return {
    ...{ dialect, base, server, store, deliveries, activation, book, token, faults, journal },
    ...{ collisions, quota, replica, requests: [] },
  };
}

function replicaOf({ replicaLagMs, clientIds, now }: SandboxOptions, base: string): Replica | undefined {
  if (replicaLagMs === undefined) return undefined;
  const none = () => undefined;
  const store = new Store({ base, clientIds, now: now ?? (() => new Date()), write: none, tell: none });
  return new Replica(store, replicaLagMs);
}

/** The server's own answer to a requested Subscription. */
function settle(store: Store, id: string, status: 'active' | 'error'): Promise<void> {
  return store.inTurn(async () => {
    const subscription = store.current('Subscription', id)?.resource;
    if (subscription?.resourceType === 'Subscription' && subscription.status === 'requested')
      await store.updateResource<Resource>({ ...subscription, status });
  });
}

function appOf(
  parts: Parts,
  { clientIds, host, now = () => new Date(), refusedParameters }: SandboxOptions,
): Express {
  const { base, store, requests, dialect, token } = parts;
  const refused = refusedParameters ?? [];
  const patients = () =>
    store.inTurn(() => store.searchResources<Patient>({ resourceType: 'Patient', count: PATIENTS_OFFERED }));
  return sandboxApp({
    ...parts,
    hostNames: ownNames(host),
    router: new SandboxRouter({
      holds: (type, id) => store.holds(type, id),
      unserved: unservedBy(dialect),
      refused,
    }),
    capabilities: capabilityStatementOf(base, { dialect, clientIds, refused }, now()),
    beside: [smartRoutes({ base, patients, now }), token.router()],
    furtherRead: (path, query) => furtherRead(path, query, { ...parts, now }),
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
