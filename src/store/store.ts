/**
 * The store: all tables, and the three queues of each connection that live in the same database.
 *
 * Beneath the shell: nothing above it writes SQL. Table queries are functions that take `store.db`, or
 * the transaction they belong to.
 */
import { sql } from 'kysely';
import type { ConnectionId, PatientId } from '../vocabulary/ids.ts';
import { ConnectionQueues } from './connection-queues.ts';
import { type Database, openDatabase } from './database.ts';
import { parkDeliveries } from './delivery.ts';
import { finishEvents, setAsideResource, waitingOfPatient } from './event.ts';
import type { Mark, QueueSetup } from './job-queue.ts';
import { RETRY_PLAN, type RetryPlan } from './job-worker.ts';
import { migrate } from './migrations.ts';
import type { Db, Trx } from './tables.ts';

/** A patient, or a resource whose patient is not known yet, that waits for evaluation. */
export type Due =
  | { readonly connectionId: ConnectionId; readonly patientId: PatientId }
  | {
      readonly connectionId: ConnectionId;
      readonly reference: { readonly type: string; readonly id: string };
    };

/** A patient about whom something is owed to the target. */
export interface Owing {
  readonly connectionId: ConnectionId;
  readonly patientId: PatientId;
}

/** A connection whose changes should be searched for. */
export interface Sweeping {
  readonly connectionId: ConnectionId;
}

export interface StoreOptions {
  /** PostgreSQL; without it PGlite in `dataDir`. */
  readonly databaseUrl?: string;
  /** Folder of the embedded database, or `memory://`. */
  readonly dataDir: string;
  /** Whose jobs this store takes and marks. */
  readonly connections: readonly ConnectionId[];
  /** Waits between attempts, for tests that can not wait. */
  readonly retry?: RetryPlan;
  /** How long a stop waits for running jobs; what still runs then is done again later. */
  readonly stopWithinMs?: number;
  /** Hears of lost connections and failed maintenance; must not throw. */
  readonly onTrouble?: (error: unknown) => void;
}

export interface Store extends AsyncDisposable {
  readonly kind: 'pglite' | 'postgres';
  readonly db: Db;
  /** Patients to evaluate. */
  readonly due: ConnectionQueues<Due>;
  /** Patients whose deliveries are owed. */
  readonly deliver: ConnectionQueues<Owing>;
  /** Connections to sweep. */
  readonly sweep: ConnectionQueues<Sweeping>;
  /** All or nothing. Workers hear of marked jobs when it is committed. */
  transaction<T>(fn: (trx: Trx) => Promise<T>): Promise<T>;
  /** @throws when the database does not answer, or takes no writes. */
  ping(): Promise<void>;
}

const STOP_WITHIN_MS = 15_000; // the whole shutdown may take 20 s; trust W5

/** The key of a job about a patient: one per patient, or per resource while the patient is unknown. */
export function dueKey(due: Due): string {
  return 'patientId' in due
    ? `${due.connectionId}|${due.patientId}`
    : `${due.connectionId}|${due.reference.type}/${due.reference.id}`;
}

/** Work about a patient that may begin with the commit. */
export function dueNow<Data extends Due>(data: Data): Mark<Data> {
  return { key: dueKey(data), data, afterMs: 0 };
}

/** Opens the database, brings its schema up to date, and frees what a killed process held. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const onTrouble = options.onTrouble ?? (() => undefined);
  const database = await openDatabase(options.databaseUrl, options.dataDir, onTrouble);
  try {
    await migrate(database.db);
    await database.boss.start();
    return await storeOf(database, options);
  } catch (error) {
    await database.boss.stop({ graceful: false }).catch(() => undefined);
    await database.close().catch(() => undefined);
    throw error;
  }
}

async function storeOf(
  { kind, db, boss, close }: Database,
  { connections, retry = RETRY_PLAN, stopWithinMs = STOP_WITHIN_MS }: StoreOptions,
): Promise<Store> {
  const pending = new WeakMap<Trx, (() => void)[]>();
  const transaction = async <T>(fn: (trx: Trx) => Promise<T>): Promise<T> => {
    const acts: (() => void)[] = [];
    const result = await db.transaction().execute((trx) => {
      pending.set(trx, acts);
      return fn(trx);
    });
    for (const act of acts) act();
    return result;
  };
  const afterCommit = (trx: Trx, act: () => void): void => {
    pending.get(trx)?.push(act);
  };
  const base = { db, boss, retry, afterCommit, transaction };
  const due = new ConnectionQueues<Due>({ ...base, name: 'due', giveUp: killEvents }, connections);
  const deliver = new ConnectionQueues<Owing>({ ...base, name: 'deliver', giveUp: parkOwed }, connections);
  const sweep = new ConnectionQueues<Sweeping>(
    { ...base, name: 'sweep', giveUp: async () => undefined },
    connections,
  );
  for (const queue of [due, deliver, sweep]) {
    await queue.create();
    // The folder is ours alone, so a job that runs is a job whose process was killed.
    if (kind === 'pglite') await queue.freeAll();
  }
  return {
    kind,
    db,
    due,
    deliver,
    sweep,
    transaction,
    async ping() {
      const { rows } = await sql<{ readOnly: boolean }>`
        select current_setting('transaction_read_only')::boolean as "readOnly"`.execute(db);
      if (rows[0]?.readOnly) throw new Error('the database takes no writes');
    },
    async [Symbol.asyncDispose]() {
      const stopped = Promise.all([due.stop(), deliver.stop(), sweep.stop()]);
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise((resolve) => {
        timer = setTimeout(resolve, stopWithinMs);
      });
      await Promise.race([stopped, late]).finally(() => clearTimeout(timer));
      await boss.stop({ graceful: false });
      await close();
    },
  };
}

const killEvents: QueueSetup<Due>['giveUp'] = async (trx, due, code) => {
  if ('patientId' in due) {
    const waiting = await waitingOfPatient(trx, due.connectionId, due.patientId);
    const ids = waiting.map(({ id }) => id);
    await finishEvents(trx, due.connectionId, ids, 'dead', code);
  } else {
    await setAsideResource(trx, due.connectionId, due.reference, 'dead', code);
  }
};

const parkOwed: QueueSetup<Owing>['giveUp'] = (trx, { connectionId, patientId }, code) =>
  parkDeliveries(trx, connectionId, patientId, code);
