/**
 * Results come in by the thousand: repeated, shuffled, stale, corrected, taken back and deleted; and the processes
 * that take them are killed without warning, at a named point or at any.
 *
 * Everything is real: processes on one PostgreSQL, a FHIR server that they read and write over HTTP. At the end a
 * plain model, which knows nothing of the service, says which alerts must be open.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { randomFrom } from '../../src/sandbox/random.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import type { Role } from '../../src/start.ts';
import { freePort } from '../store/free-port.ts';
import { until } from '../store/until.ts';
import type { CrashPoint } from './crash-points.ts';
import { isQuiet, lostOf, setAsideOf } from './kept.ts';
import { pick } from './random.ts';
import { SECRET, Sender } from './sender.ts';
import { ServiceProcess } from './service-process.ts';
import { StormHospital } from './storm-hospital.ts';
import { type ProcessFigures, worst } from './watch-process.ts';

/**
 * `any`: killed at no particular point. `freeze`: stopped for longer than its leases last, then woken.
 * `end`: asked to end, which it must do in order and in time.
 */
export type Crash = CrashPoint | 'any' | 'freeze' | 'end';

export interface StormOptions {
  /** One process each, on one database. */
  readonly replicas: readonly Role[];
  /** Pushes, repeats included. */
  readonly pushes: number;
  readonly patients: number;
  /** One after the other while the pushes come. */
  readonly crashes: readonly Crash[];
  /** An empty database; left to the caller. */
  readonly databaseUrl: string;
  readonly seed: number;
  readonly onCrash?: (crashes: number) => void;
}

export interface StormFigures extends ProcessFigures {
  readonly replicas: number;
  readonly pushes: number;
  readonly kills: number;
  /** Versions and deletions that were answered 200. */
  readonly acknowledged: number;
  /** Acknowledged and not kept. */
  readonly lost: number;
  /** Open alerts beyond the first of a patient and rule. */
  readonly duplicates: number;
  /** Patients whose open alerts are not as the model says. */
  readonly wrong: number;
  /** Events and deliveries that were set aside. */
  readonly setAside: number;
  /** Writes to the hospital other than what may be written. */
  readonly outsidePermit: number;
}

const MAY_BE_WRITTEN = /^\/fhir\/R4\/(?:DetectedIssue|CarePlan|Provenance|Device|Subscription)(?:[/?]|$)/;
const QUIET_WITHIN_MS = 300_000;
const LOOK_EVERY_MS = 500;
const BETWEEN_PUSHES_MS = 2000;
const DIES_WITHIN_MS = 180_000; // patients of the process that died before wait for its leases
const FREEZE_MS = 50_000; // a lease and the time until it is noticed are forty seconds

export async function storm(options: StormOptions): Promise<StormFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'cramp-cds-storm-'));
  const sandbox = await startSandbox({ port: 0, clientIds: 'refused', deliverAs: 'medplum' });
  const processes = await processesOf(options, folder, sandbox);
  const hospital = new StormHospital(sandbox, options.patients, options.seed);
  const watching = setInterval(() => {
    for (const one of processes) void one.note();
  }, LOOK_EVERY_MS);
  try {
    await hospital.admit();
    const sender = new Sender(
      processes.filter(({ options: { role } }) => role === 'all' || role === 'intake'),
    );
    let over = false;
    const crashing = crashAll(processes, options).then(
      () => {
        over = true;
      },
      (error: unknown) => {
        sender.stop(); // nobody may be there to answer
        throw error;
      },
    );
    const sending = (async () => {
      while (!sender.isStopped && (sender.sent < options.pushes || !over)) {
        await sender.send(await hospital.nextPushes());
        if (sender.sent >= options.pushes) await pause(BETWEEN_PUSHES_MS); // enough; some for the processes that still die
      }
    })();
    await Promise.all([crashing, sending]);
    await until('nothing waits', () => isQuiet(options.databaseUrl), QUIET_WITHIN_MS);
    return {
      replicas: processes.length,
      pushes: sender.sent,
      kills: options.crashes.length,
      acknowledged: sender.acknowledged.size,
      lost: await lostOf(sender.acknowledged, options.databaseUrl),
      ...(await hospital.compare()),
      setAside: await setAsideOf(options.databaseUrl),
      outsidePermit: sandbox.requests.filter(
        ({ method, path }) => method !== 'GET' && !/^\/fhir\/R4\/?$/.test(path) && !isAllowed(method, path),
      ).length,
      ...processes.map(({ used }) => used).reduce(worst),
    };
  } finally {
    clearInterval(watching);
    for (const process of processes) await process.kill();
    await sandbox[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
}

function isAllowed(method: string, path: string): boolean {
  // The storm itself deletes results at the server.
  return MAY_BE_WRITTEN.test(path) || (method === 'DELETE' && /^\/fhir\/R4\/Observation\//.test(path));
}

async function processesOf(
  { replicas, databaseUrl }: StormOptions,
  folder: string,
  sandbox: Sandbox,
): Promise<ServiceProcess[]> {
  const ports = await Promise.all(replicas.map(() => freePort()));
  const config = await configFile(folder, sandbox, `http://127.0.0.1:${ports[0]}`);
  const env = { PUSH_SECRET: SECRET, SITE_SECRET: SECRET };
  return replicas.map(
    (role, n) => new ServiceProcess({ port: ports[n] ?? 0, role, config, databaseUrl, env, token: SECRET }),
  );
}

/** Kills one process after the other, each when it comes to its point, and starts it again. */
async function crashAll(
  processes: readonly ServiceProcess[],
  { crashes, seed, onCrash }: StormOptions,
): Promise<void> {
  const random = randomFrom(seed + 1);
  const [first, ...others] = processes as [ServiceProcess, ...ServiceProcess[]];
  if (crashes.includes('mid-migration')) await dieAt(first, 'mid-migration', random);
  await first.start(); // migrates alone, as the first of several does
  await Promise.all(others.map((one) => one.start()));
  let done = crashes.includes('mid-migration') ? 1 : 0;
  for (const crash of crashes) {
    if (crash === 'mid-migration') continue;
    await crashOne(processes, crash, random);
    onCrash?.(++done);
  }
}

async function crashOne(
  processes: readonly ServiceProcess[],
  crash: Crash,
  random: () => number,
): Promise<void> {
  const isPoint = crash !== 'any' && crash !== 'freeze' && crash !== 'end';
  const able = processes.filter(({ options: { role } }) => !isPoint || comesTo(role, crash));
  const victim = pick(random, able);
  if (crash === 'freeze') return await victim.freeze(FREEZE_MS);
  if (!isPoint) await pause(100 + random() * 1500);
  await (crash === 'end' ? victim.end() : victim.kill());
  if (isPoint) await dieAt(victim, crash, random);
  await victim.start();
}

async function dieAt(victim: ServiceProcess, at: CrashPoint, random: () => number): Promise<void> {
  await victim.start({ at, nth: 1 + Math.floor(random() * 3) });
  await until(`a process dies ${at}`, () => victim.isDown, DIES_WITHIN_MS);
}

function comesTo(role: Role, point: CrashPoint): boolean {
  if (role === 'all') return true;
  switch (point) {
    case 'mid-migration':
      return true;
    case 'before-inbox-commit':
    case 'after-inbox-commit':
    case 'after-answer':
      return role === 'intake';
    case 'mid-evaluation':
    case 'before-outbox-commit':
    case 'after-outbox-commit':
      return role === 'evaluate';
    case 'after-send':
    case 'before-answer-is-read':
    case 'before-mark':
      return role === 'deliver';
  }
}

async function configFile(folder: string, sandbox: Sandbox, publicUrl: string): Promise<string> {
  const file = join(folder, 'cramp-cds.yaml');
  const settings = {
    homeTimeZone: 'Europe/London',
    publicUrl,
    secretFrom: 'env:SITE_SECRET',
    metrics: { tokenFrom: 'env:SITE_SECRET' },
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
