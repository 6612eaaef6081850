/**
 * The service as a process of its own, on a configuration file, as an operator runs it.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../store/free-port.ts';
import { until } from '../../store/until.ts';
import { isReady, isRunning, spawnService } from '../spawn-service.ts';
import { type WatchedProcess, watchProcess } from '../watch-process.ts';

const READY_WITHIN_MS = 120_000;
const STOPPED_WITHIN_MS = 20_000; // trust W5

export const PUSH_SECRET = 'database-faults-secret-0123456789abcdef';
const METRICS_TOKEN = 'database-faults-metrics-0123456789abcdef';

export interface ServiceOptions {
  readonly databaseUrl: string;
  /** Base of the FHIR server. */
  readonly base: string;
}

/** Running from `startService` until it is disposed of. */
export class ServiceProcess implements AsyncDisposable {
  readonly url: string;
  readonly watched: WatchedProcess;
  readonly #child: ChildProcess;
  readonly #folder: string;

  constructor(url: string, child: ChildProcess, folder: string, watched: WatchedProcess) {
    this.url = url;
    this.#child = child;
    this.#folder = folder;
    this.watched = watched;
  }

  get isRunning(): boolean {
    return isRunning(this.#child);
  }

  /** Does it say that it can keep events? */
  isReady(): Promise<boolean> {
    return isReadyOrEnded(this.url, this.#child);
  }

  /** Jobs by queue and state, and what was set aside. */
  async status(): Promise<ConnectionStatus> {
    const { connections } = (await (await fetch(`${this.url}/statusz`)).json()) as {
      connections: ConnectionStatus[];
    };
    const [status] = connections;
    if (status === undefined) throw new Error('the service has no connection');
    return status;
  }

  /** Nothing waits to be evaluated or written, three times in a row. */
  async drained(deadlineMs: number): Promise<void> {
    let quiet = 0;
    await until(
      'nothing waits',
      async () => {
        const { events, deliveries } = await this.status();
        quiet = events.waiting + deliveries.owed === 0 ? quiet + 1 : 0;
        return quiet === 3;
      },
      deadlineMs,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#child);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

interface ConnectionStatus {
  readonly events: { readonly waiting: number };
  readonly deliveries: { readonly owed: number };
  readonly setAside: readonly { readonly what: string; readonly reason: string; readonly count: number }[];
}

export async function startService({ databaseUrl, base }: ServiceOptions): Promise<ServiceProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const folder = await mkdtemp(join(tmpdir(), 'cramp-cds-service-'));
  const file = join(folder, 'cramp-cds.yaml');
  const settings = {
    homeTimeZone: 'Europe/London',
    publicUrl: url,
    dataDir: join(folder, 'data'),
    metrics: { tokenFrom: 'env:METRICS_TOKEN' },
    connections: [
      {
        id: 'ward',
        kind: 'medplum',
        base,
        ingress: {
          auth: [
            { type: 'hmac', header: 'X-Signature', secretFrom: 'env:PUSH_SECRET' },
            { type: 'header', header: 'X-Proof', secretFrom: 'env:PUSH_SECRET' },
          ],
          trust: 'body',
        },
        subscriptions: [{ criteria: 'Observation' }],
        quiet: { ms: 0, maxMs: 0 },
        sweepEveryMs: 3_600_000, // a sweep would find what a push lost, and hide it
      },
    ],
  };
  await writeFile(file, JSON.stringify(settings));
  const child = spawnService({
    args: ['-c', file, 'serve'],
    env: { PORT: String(port), DATABASE_URL: databaseUrl, PUSH_SECRET, METRICS_TOKEN, LOG_LEVEL: 'silent' },
  });
  try {
    await until('the service is ready', () => isReadyOrEnded(url, child), READY_WITHIN_MS);
    const watched = await watchProcess(child.pid ?? 0, `${url}/metrics`, METRICS_TOKEN);
    return new ServiceProcess(url, child, folder, watched);
  } catch (error) {
    await end(child);
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** @throws when the process has ended */
async function isReadyOrEnded(url: string, child: ChildProcess): Promise<boolean> {
  if (!isRunning(child)) throw new Error('the service ended');
  return isReady(url);
}

/** Asks it to stop; what does not stop in time is killed. */
async function end(child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOPPED_WITHIN_MS);
  await ended;
  clearTimeout(timer);
}
