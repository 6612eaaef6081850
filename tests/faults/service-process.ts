/**
 * The service as a process of its own: started, killed without warning, or asked to end.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Role } from '../../src/start.ts';
import { until } from '../store/until.ts';
import type { CrashPoint } from './crash-points.ts';
import { isReady, isRunning, spawnService } from './spawn-service.ts';
import {
  highestRss,
  NOTHING_USED,
  type ProcessFigures,
  type WatchedProcess,
  watchProcess,
  worst,
} from './watch-process.ts';

const CRASH_AT = join(import.meta.dirname, 'crash-at.ts');
const READY_WITHIN_MS = 120_000;
const ENDS_WITHIN_MS = 20_000;
const WINDOW_MS = 10_000;

export interface ProcessOptions {
  readonly port: number;
  readonly role: Role;
  readonly config: string;
  readonly databaseUrl: string;
  readonly env: Readonly<Record<string, string>>;
  /** Opens the counters. */
  readonly token: string;
}

export class ServiceProcess {
  readonly options: ProcessOptions;
  #child: ChildProcess | undefined;
  #watched: WatchedProcess | undefined;
  #used = NOTHING_USED;
  #lookAt = 0;

  constructor(options: ProcessOptions) {
    this.options = options;
  }

  get url(): string {
    return `http://127.0.0.1:${this.options.port}`;
  }

  /** Killed, or ended by itself. */
  get isDown(): boolean {
    return this.#child === undefined || !isRunning(this.#child);
  }

  /** @param crash where it dies, the nth time it comes there; then nobody waits for it to be ready */
  async start(crash?: { readonly at: CrashPoint; readonly nth: number }): Promise<void> {
    const { port, role, config, databaseUrl, env } = this.options;
    const child = spawnService({
      preload: crash === undefined ? [] : ['--import', CRASH_AT],
      args: ['-c', config, 'serve', '--role', role],
      env: {
        ...env,
        PORT: String(port),
        DATABASE_URL: databaseUrl,
        LOG_LEVEL: 'error',
        ...(crash === undefined ? {} : { CRASH_AT: `${crash.at}:${crash.nth}` }),
      },
    });
    this.#child = child;
    await until(
      'the service is ready',
      async () => {
        if (this.isDown && crash === undefined)
          throw new Error(`the service ended with ${child.exitCode ?? child.signalCode}`);
        return this.isDown || (await isReady(this.url));
      },
      READY_WITHIN_MS,
    );
    await this.#watch();
  }

  async #watch(): Promise<void> {
    this.#lookAt = performance.now() + WINDOW_MS;
    this.#watched = await watchProcess(
      this.#child?.pid ?? 0,
      `${this.url}/metrics`,
      this.options.token,
    ).catch(
      () => undefined, // it may have died at its point
    );
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || this.isDown) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Asked to end. @throws when it takes too long, or ends with a complaint */
  async end(): Promise<void> {
    const child = this.#child;
    if (child === undefined || this.isDown) return;
    child.kill('SIGTERM');
    await until('the service ends in order', () => this.isDown, ENDS_WITHIN_MS);
    if (child.exitCode !== 0) throw new Error(`asked to end, it ended with ${child.exitCode}`);
  }

  /** Sleeps, and knows nothing of it when it wakes up. */
  async freeze(ms: number): Promise<void> {
    this.#watched = undefined; // the sleep is ours and no delay of its own
    this.#child?.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.#child?.kill('SIGCONT');
    await this.#watch();
  }

  /** The most it used, so far, of all its lives. */
  get used(): ProcessFigures {
    return this.#used;
  }

  /** Takes note of what it uses; to be called often. A delay is one among those of ten seconds of one life. */
  async note(): Promise<void> {
    const maxRssMiB = Math.round(highestRss(this.#child?.pid ?? 0) ?? 0);
    this.#used = worst(this.#used, { ...NOTHING_USED, maxRssMiB });
    const watched = this.#watched;
    if (watched === undefined || this.isDown || performance.now() < this.#lookAt) return;
    this.#lookAt = performance.now() + WINDOW_MS;
    const figures = await watched.figures().catch(() => NOTHING_USED);
    if (watched === this.#watched) this.#used = worst(this.#used, figures); // else it slept meanwhile
  }
}
