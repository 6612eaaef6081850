/**
 * A service that is killed without warning, again and again, while results come in.
 *
 * Everything is real: the service is a process of its own on PostgreSQL, a FHIR server pushes to it and is written to,
 * and what was acknowledged is written down on the way. At the end a plain model, which knows nothing of the service,
 * says which alerts must be open.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bundle, DetectedIssue, Observation, Patient, Resource } from '@medplum/fhirtypes';
import pg from 'pg';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { until } from '../store/until.ts';

export interface KillLoopOptions {
  readonly kills: number;
  readonly patients: number;
  /** An empty database; left to the caller. */
  readonly databaseUrl: string;
  /** Where the service listens. */
  readonly port: number;
  readonly seed: number;
  readonly onKill?: (kills: number) => void;
}

export interface KillFigures {
  readonly kills: number;
  readonly results: number;
  readonly acknowledged: number;
  /** Acknowledged and not kept. */
  readonly lost: number;
  /** Open alerts beyond the first of a patient. */
  readonly duplicates: number;
  /** Patients whose alert is not as the model says. */
  readonly wrong: number;
  /** Writes to the hospital other than what may be written. */
  readonly outsidePermit: number;
}

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const SECRET = 'kill-loop-secret-0123456789abcdef0123456789';
const VALUES = [2.2, 2.9, 3.2, 3.9, 4.4]; // mmol/L, none between firing and clearing
const LOW = 3.5; // mmol/L
const MAY_BE_WRITTEN = /^\/fhir\/R4\/(?:DetectedIssue|CarePlan|Provenance|Device|Subscription)(?:[/?]|$)/;
const READY_WITHIN_MS = 120_000;

export async function killLoop(options: KillLoopOptions): Promise<KillFigures> {
  const random = randomFrom(options.seed);
  const folder = await mkdtemp(join(tmpdir(), 'cramp-cds-kills-'));
  const sandbox = await startSandbox({
    port: 0,
    clientIds: 'refused',
    deliverAs: 'medplum',
    retryAfterMs: [50, 100, 200, 400, 800, 1600, 3000],
  });
  const acknowledged = new Set<string>();
  const witness = await startWitness(options.port, acknowledged);
  const service = new Service(await configFile(folder, sandbox, witness), options);
  try {
    const newest = await baseline(sandbox, options.patients);
    await service.start();
    let results = 0;
    for (let kills = 0; kills < options.kills; kills++) {
      const killAt = performance.now() + 100 + random() * 1500;
      while (performance.now() < killAt) {
        await result(sandbox, newest, random);
        results += 1;
        await pause(5 + random() * 40);
      }
      await service.kill();
      options.onKill?.(kills + 1);
      await result(sandbox, newest, random); // while nobody listens
      results += 1;
      await service.start();
    }
    await sandbox.deliveriesIdle();
    await until('nothing waits', () => service.isQuiet(), 300_000);
    return {
      kills: options.kills,
      results,
      acknowledged: acknowledged.size,
      lost: await lostOf(acknowledged, options.databaseUrl),
      ...(await compare(sandbox, newest)),
      outsidePermit: sandbox.requests.filter(
        ({ method, path }) => isWrite(method, path) && !MAY_BE_WRITTEN.test(path),
      ).length,
    };
  } finally {
    await service.kill();
    witness.close();
    witness.closeAllConnections();
    await sandbox[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The service as a process: killed, never asked to stop. */
class Service {
  readonly #config: string;
  readonly #options: KillLoopOptions;
  #child: ChildProcess | undefined;

  constructor(config: string, options: KillLoopOptions) {
    this.#config = config;
    this.#options = options;
  }

  async start(): Promise<void> {
    const { port, databaseUrl } = this.#options;
    const env = {
      ...process.env,
      PORT: String(port),
      DATABASE_URL: databaseUrl,
      PUSH_SECRET: SECRET,
      LOG_LEVEL: 'error',
    };
    this.#child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', MAIN, '-c', this.#config, 'serve'],
      {
        env,
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    );
    await until('the service is ready', () => answers(`http://127.0.0.1:${port}/readyz`), READY_WITHIN_MS);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Nothing waits to be evaluated or written, twice in a row. */
  async isQuiet(): Promise<boolean> {
    for (let look = 0; look < 2; look++) {
      const { connections } = (await (
        await fetch(`http://127.0.0.1:${this.#options.port}/statusz`)
      ).json()) as {
        connections: { events: { waiting: number }; deliveries: { owed: number } }[];
      };
      if (connections.some(({ events, deliveries }) => events.waiting + deliveries.owed > 0)) return false;
      await pause(500);
    }
    return true;
  }
}

/** Stands between the server and the service, and writes down which versions were acknowledged. */
async function startWitness(port: number, acknowledged: Set<string>): Promise<Server> {
  const witness = createServer(async (incoming, outgoing) => {
    const body = await bodyOf(incoming);
    const forward = request(
      { host: '127.0.0.1', port, path: incoming.url, method: incoming.method, headers: incoming.headers },
      async (answer) => {
        const text = await bodyOf(answer);
        if (answer.statusCode === 200) {
          const { resourceType, id, meta } = JSON.parse(body.toString() || '{}') as Partial<Resource>;
          if (id !== undefined) acknowledged.add(`${resourceType}/${id}|${meta?.versionId}`);
        }
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers).end(text);
      },
    );
    forward.on('error', () => outgoing.destroy());
    forward.end(body);
  });
  witness.listen(0, '127.0.0.1');
  await once(witness, 'listening');
  return witness;
}

async function configFile(folder: string, sandbox: Sandbox, witness: Server): Promise<string> {
  const file = join(folder, 'cramp-cds.yaml');
  const settings = {
    homeTimeZone: 'Europe/London',
    publicUrl: `http://127.0.0.1:${(witness.address() as AddressInfo).port}`,
    dataDir: join(folder, 'data'),
    connections: [
      {
        id: 'ward',
        kind: 'medplum',
        base: sandbox.base,
        ingress: {
          auth: [{ type: 'hmac', header: 'X-Signature', secretFrom: 'env:PUSH_SECRET' }],
          trust: 'body',
        },
        subscriptions: [{ criteria: 'Observation' }],
        quiet: { ms: 0, maxMs: 0 },
      },
    ],
  };
  await writeFile(file, JSON.stringify(settings));
  return file;
}

/** Patients with normal magnesium and creatinine. @returns the newest potassium of each, as the model knows it */
async function baseline(sandbox: Sandbox, patients: number): Promise<Map<string, number>> {
  const newest = new Map<string, number>();
  for (let n = 0; n < patients; n++) {
    const id = `kill-${n}`;
    const person: Patient = { resourceType: 'Patient', id, gender: 'female', birthDate: '1960-02-03' };
    await sandbox.load(
      [
        person,
        observation(id, 'mg', '19123-9', 0.85, 'mmol/L'),
        observation(id, 'cr', '14682-9', 70, 'umol/L'),
      ],
      { notify: false },
    );
    newest.set(id, Number.NaN);
  }
  return newest;
}

/** One more potassium of somebody, at the server; the model takes note. */
async function result(sandbox: Sandbox, newest: Map<string, number>, random: () => number): Promise<void> {
  const id = `kill-${Math.floor(random() * newest.size)}`;
  const value = VALUES[Math.floor(random() * VALUES.length)] ?? 4.4;
  newest.set(id, value);
  await sandbox.load([observation(id, 'k', '2823-3', value, 'mmol/L')]);
}

/** The same result corrected again and again: only its newest version counts. */
function observation(patient: string, what: string, code: string, value: number, unit: string): Observation {
  return {
    resourceType: 'Observation',
    id: `${patient}-${what}`,
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code }] },
    subject: { reference: `Patient/${patient}` },
    effectiveDateTime: new Date().toISOString(),
    valueQuantity: { value, unit, code: unit, system: 'http://unitsofmeasure.org' },
  };
}

async function lostOf(acknowledged: ReadonlySet<string>, databaseUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ dedupe_key: string }>('select dedupe_key from event');
    const kept = new Set(rows.map(({ dedupe_key }) => dedupe_key));
    return [...acknowledged].filter((version) => !kept.has(version)).length;
  } finally {
    await client.end();
  }
}

/** The model: one open alert for each patient whose newest potassium is low, and none for the others. */
async function compare(sandbox: Sandbox, newest: ReadonlyMap<string, number>) {
  let [duplicates, wrong] = [0, 0];
  for (const [patient, value] of newest) {
    const url = `${sandbox.base}/DetectedIssue?patient=Patient/${patient}&_count=1000`;
    const bundle = (await (await fetch(url)).json()) as Bundle<DetectedIssue>;
    const open = (bundle.entry ?? []).filter(
      ({ resource }) =>
        resource?.status !== 'entered-in-error' && resource?.identifiedPeriod?.end === undefined,
    ).length;
    duplicates += Math.max(0, open - 1);
    if (open > 0 !== value < LOW) wrong += 1;
  }
  return { duplicates, wrong };
}

function isWrite(method: string, path: string): boolean {
  return method !== 'GET' && path !== '/fhir/R4' && path !== '/fhir/R4/';
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A small generator with a seed: the same run again. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
