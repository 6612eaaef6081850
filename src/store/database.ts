/**
 * Opens the database: PostgreSQL by its address, or PGlite in a folder. The same SQL runs on both.
 *
 * PGlite is for trying and for small tests: one process, and it does not flush to the disk, so it
 * survives the death of the process but not of the machine.
 */
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { Kysely, PGliteDialect, PostgresDialect } from 'kysely';
import pg from 'pg';
import { fromPglite, PgBoss } from 'pg-boss';
import { lockFolder } from './folder-lock.ts';
import type { Db, Tables } from './tables.ts';

export const IN_MEMORY = 'memory://';

export interface Database {
  readonly kind: 'pglite' | 'postgres';
  readonly db: Db;
  readonly boss: PgBoss;
  close(): Promise<void>;
}

const CONNECT_MS = 2000; // a sender waits for our answer: rather a 503 than a long silence
const STATEMENT_MS = 15_000;
const BOSS_STATEMENT_MS = 30_000; // it also clears away old jobs
const SILENT_MS = 2000; // after the server should have ended a statement by itself
const ABANDONED_MS = 20_000; // a transaction whose process is gone, or out of reach, holds its locks no longer
const POOL = 10;
const BOSS_POOL = 4;

const BOSS = {
  schedule: false,
  superviseIntervalSeconds: 10,
  monitorIntervalSeconds: 10, // a job of a killed process is found within lease + 10 s
  maintenanceIntervalSeconds: 600,
  flowIntervalSeconds: 3600, // not used
} as const;

/** @param onTrouble hears of lost connections and failed maintenance; must not throw. */
export async function openDatabase(
  databaseUrl: string | undefined,
  dataDir: string,
  onTrouble: (error: unknown) => void,
): Promise<Database> {
  const opened = databaseUrl === undefined ? await openPglite(dataDir) : openPostgres(databaseUrl, onTrouble);
  opened.boss.on('error', onTrouble);
  return opened;
}

function openPostgres(connectionString: string, onTrouble: (error: unknown) => void): Database {
  const pool = openPool({
    connectionString,
    max: POOL,
    statement_timeout: STATEMENT_MS,
    application_name: 'cramp-cds',
    onTrouble,
  });
  const bossPool = openPool({
    connectionString,
    max: BOSS_POOL,
    statement_timeout: BOSS_STATEMENT_MS,
    application_name: 'cramp-cds jobs',
    onTrouble,
  });
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  // A pool of pg-boss's own would wait without end for a server that is silent.
  const boss = new PgBoss({ db: { executeSql: (text, values) => bossPool.query(text, values) }, ...BOSS });
  const close = async (): Promise<void> => {
    await Promise.all([db.destroy(), bossPool.ending ? undefined : bossPool.end()]);
  };
  return { kind: 'postgres', db, boss, close };
}

interface PoolOptions extends pg.PoolConfig {
  readonly statement_timeout: number;
  readonly onTrouble: (error: unknown) => void;
}

/** Connections that end by themselves when the server is silent: a dead one in the pool would be used again and again. */
function openPool({ onTrouble, ...options }: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionTimeoutMillis: CONNECT_MS,
    idle_in_transaction_session_timeout: ABANDONED_MS,
    ...options,
  });
  const silentMs = options.statement_timeout + SILENT_MS;
  pool.on('connect', (client) => {
    // Of a connection in use the pool hears nothing, and an error that nobody hears of ends the process.
    client.on('error', onTrouble);
    const { stream } = (client as pg.Client).connection;
    // Longer than an idle connection stays in the pool, so only one that is waited for is meant.
    (stream as Socket).setTimeout(silentMs, () => stream.destroy(new Error('the database is silent')));
  });
  pool.on('error', () => undefined); // of an idle one: told by the connection
  return pool;
}

async function openPglite(dataDir: string): Promise<Database> {
  const lock = dataDir === IN_MEMORY ? undefined : await lockFolder(dataDir);
  try {
    const pglite = await PGlite.create(dataDir === IN_MEMORY ? IN_MEMORY : join(dataDir, 'pglite'));
    // kysely and pg-boss take turns on the one connection: PGlite runs each transaction exclusively.
    const db = new Kysely<Tables>({ dialect: new PGliteDialect({ pglite }) });
    const boss = new PgBoss({ db: fromPglite(pglite), backend: 'pglite', reindex: false, ...BOSS });
    const close = async (): Promise<void> => {
      await db.destroy();
      await lock?.[Symbol.asyncDispose]();
    };
    return { kind: 'pglite', db, boss, close };
  } catch (error) {
    await lock?.[Symbol.asyncDispose]();
    throw new Error(`the embedded database in ${dataDir} could not be opened`, { cause: error });
  }
}
