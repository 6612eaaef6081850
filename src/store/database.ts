/**
 * Opens the database: PostgreSQL by its address, or PGlite in a folder. The same SQL runs on both.
 *
 * PGlite is for trying and for small tests: one process, and it does not flush to the disk, so it
 * survives the death of the process but not of the machine.
 */
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
  const pool = new pg.Pool({
    connectionString,
    max: POOL,
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    query_timeout: STATEMENT_MS + 1000,
    application_name: 'cramp-cds',
  });
  pool.on('error', onTrouble);
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  const boss = new PgBoss({
    connectionString,
    max: BOSS_POOL,
    connectionTimeoutMillis: CONNECT_MS,
    application_name: 'cramp-cds jobs',
    ...BOSS,
  });
  return { kind: 'postgres', db, boss, close: () => db.destroy() };
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
