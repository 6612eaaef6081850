/**
 * Takes the database from under the running service, in every way that operators know, while results come in.
 *
 * Everything is real: a PostgreSQL of our own, the service as a process, a FHIR server that is written to. One process of the service
 * lives through all of it.
 */

import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { until } from '../../store/until.ts';
import { END_OUR_CONNECTIONS, MAX_CONNECTIONS, OUR_CONNECTIONS, type OwnPostgres } from './own-postgres.ts';
import { openPlace, type Place } from './place.ts';
import type { Answer, Outcome } from './ward.ts';

export interface SufferOptions {
  /** How often each of the faults; once when absent. */
  readonly rounds?: number;
  /** By name; all of them when absent. */
  readonly only?: readonly string[];
  /** How long each fault lasts, in milliseconds. */
  readonly lastsMs?: number;
  readonly onFault?: (name: string, recoveryMs: number) => void;
}

export interface DatabaseFaultsOptions extends SufferOptions {
  readonly seed: number;
  readonly patients?: number;
}

export interface DatabaseFaultFigures extends Outcome {
  readonly faults: number;
  readonly acknowledged: number;
  readonly refused: number;
  /** 2xx while nothing could be committed. */
  readonly answeredWhileDown: number;
  /** Faults during which `/readyz` went on to say that events can be kept. */
  readonly readyWhileDown: number;
  /** Answers other than 200, or 503 with Retry-After; also none at all. */
  readonly otherAnswers: number;
  /** Processes of the service that ended. */
  readonly crashes: number;
  readonly longestAnswerMs: number;
  /** From the moment that the database was back to the first event acknowledged. */
  readonly longestRecoveryMs: number;
  /** From the last event acknowledged to the last alert written. */
  readonly drainedMs: number;
  readonly maxRssMiB: number;
  readonly loopDelayP99Ms: number;
  readonly loopDelayMaxMs: number;
  /** Faults that could not be made here, with the reason. */
  readonly skipped: readonly string[];
}

interface Fault {
  readonly name: string;
  /** Nothing at all can be committed from the end of `breakIt` to the beginning of `mend`. */
  readonly total: boolean;
  readonly breakIt: (place: Place) => Promise<void>;
  readonly mend: (place: Place) => Promise<void>;
}

const AT_ONCE = 4;
const BEFORE_MS = 300; // of work between two faults
const RECOVERS_WITHIN_MS = 60_000; // trust section 1
const DRAINED_WITHIN_MS = 180_000;

export const FAULTS: readonly Fault[] = [
  stopping('fast stop and start', 'fast'),
  stopping('immediate stop and start', 'immediate'),
  stopping('kill of the server and restart', 'kill'),
  {
    name: 'kill of one connection',
    total: false,
    breakIt: ({ postgres }) => postgres.killBackend(),
    mend: ({ postgres }) => postgres.start(), // it starts itself again
  },
  {
    name: 'read-only',
    total: true,
    breakIt: ({ postgres }) => setReadOnly(postgres, 'on'),
    mend: ({ postgres }) => setReadOnly(postgres, 'off'),
  },
  connectionsTaken(),
  tableLocked(),
  connectionsHung(),
  {
    name: 'connections are silent for good', // and nobody tells us, as after a failover
    total: false,
    breakIt: async ({ line }) => line.goSilent(),
    mend: async () => undefined,
  },
  {
    name: 'disk full',
    total: false, // what fits into pages that exist can be committed
    async breakIt({ postgres }) {
      postgres.fillDisk();
    },
    async mend({ postgres }) {
      postgres.freeDisk();
      await postgres.start(); // without room for its log it may have ended
    },
  },
];

export async function databaseFaults(options: DatabaseFaultsOptions): Promise<DatabaseFaultFigures> {
  await using place = await openPlace(options);
  return await sufferFaults(place, options);
}

/** One fault after the other, work before and between; then everything must be as it should. */
export async function sufferFaults(place: Place, options: SufferOptions): Promise<DatabaseFaultFigures> {
  const { rounds = 1, lastsMs = 1000 } = options;
  const { postgres, ward, service } = place;
  const first = ward.answers.length;
  const faults = FAULTS.filter(({ name }) => options.only?.includes(name) ?? true);
  const possible = faults.filter(({ name }) => name !== 'disk full' || postgres.unfillable === undefined);
  let [answeredWhileDown, readyWhileDown, longestRecoveryMs] = [0, 0, 0];
  ward.startLoad(service.url, AT_ONCE);
  for (let round = 0; round < rounds; round++)
    for (const fault of possible) {
      const found = await suffer(fault, place, lastsMs);
      answeredWhileDown += found.answeredWhileDown;
      readyWhileDown += found.ready ? 1 : 0;
      longestRecoveryMs = Math.max(longestRecoveryMs, found.recoveryMs);
      options.onFault?.(fault.name, found.recoveryMs);
    }
  await ward.settle();
  const settled = performance.now();
  await service.drained(DRAINED_WITHIN_MS);
  const drainedMs = Math.round(performance.now() - settled);
  const answers = ward.answers.slice(first);
  return {
    faults: rounds * possible.length,
    acknowledged: ward.acknowledged.size,
    refused: answers.filter(({ status }) => status === 503).length,
    ...(await ward.outcome(postgres.url)),
    answeredWhileDown,
    readyWhileDown,
    otherAnswers: answers.filter((answer) => !isAccepted(answer) && !isComeAgain(answer)).length,
    crashes: service.isRunning ? 0 : 1,
    longestAnswerMs: Math.round(Math.max(...answers.map(({ sentAt, at }) => at - sentAt))),
    longestRecoveryMs: Math.round(longestRecoveryMs),
    drainedMs,
    ...(await service.watched.figures()),
    skipped: possible.length === faults.length ? [] : [`disk full: ${postgres.unfillable}`],
  };
}

/** Work, fault, work again. @throws when the service ended, or does not work again in time */
async function suffer(
  fault: Fault,
  place: Place,
  lastsMs: number,
): Promise<{ answeredWhileDown: number; ready: boolean; recoveryMs: number }> {
  const { ward, service } = place;
  await pause(BEFORE_MS);
  const first = ward.answers.length;
  const seen = (isSo: (answer: Answer) => boolean): boolean => {
    if (!service.isRunning) throw new Error(`${fault.name}: the service ended`);
    return ward.answers.slice(first).some(isSo);
  };
  await fault.breakIt(place);
  const broken = performance.now();
  const down = (answer: Answer): boolean => answer.sentAt > broken;
  if (fault.total)
    await until(
      `${fault.name}: a push is refused`,
      () => seen((answer) => down(answer) && isComeAgain(answer)),
      60_000,
    );
  await pause(Math.max(0, lastsMs - (performance.now() - broken)));
  const ready = fault.total && (await service.isReady());
  const answered = ward.answers.slice(first);
  await fault.mend(place);
  const mended = performance.now();
  await until(
    `${fault.name}: events are taken again`,
    () => seen((answer) => answer.at > mended && isAccepted(answer)),
    2 * RECOVERS_WITHIN_MS,
  );
  const recoveryMs = performance.now() - mended;
  return {
    answeredWhileDown: fault.total
      ? answered.filter((answer) => down(answer) && isAccepted(answer)).length
      : 0,
    ready,
    recoveryMs,
  };
}

function isAccepted({ status }: Answer): boolean {
  return status === 200;
}

function isComeAgain({ status, retryAfter }: Answer): boolean {
  return status === 503 && retryAfter !== null;
}

function stopping(name: string, how: 'fast' | 'immediate' | 'kill'): Fault {
  return {
    name,
    total: true,
    breakIt: ({ postgres }) => postgres.stop(how),
    mend: ({ postgres }) => postgres.start(),
  };
}

async function setReadOnly(postgres: OwnPostgres, value: 'on' | 'off'): Promise<void> {
  await postgres.ask(`alter system set default_transaction_read_only = ${value}`);
  await postgres.ask('select pg_reload_conf()');
  // The server tells the connections that there are before it makes new ones.
  await until('new connections know', async () => (await postgres.isReadOnly()) === (value === 'on'));
}

/** Others hold every connection that there is, and ours were ended. */
function connectionsTaken(): Fault {
  const others: pg.Client[] = [];
  return {
    name: 'connections taken by others',
    total: true,
    async breakIt({ postgres }) {
      const first = await postgres.connect();
      others.push(first);
      const ofService = async (): Promise<number> => (await first.query(OUR_CONNECTIONS)).rowCount ?? 0;
      for (let ours = Number.NaN; ours !== 0; ours = await ofService()) {
        await first.query(END_OUR_CONNECTIONS);
        const opened = await Promise.allSettled(
          Array.from({ length: MAX_CONNECTIONS }, () => postgres.connect()),
        );
        others.push(...opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])));
      }
    },
    async mend() {
      for (const other of others.splice(0)) await other.end();
    },
  };
}

function tableLocked(): Fault {
  let holder: { end(): Promise<void> } | undefined;
  return {
    name: 'the table of events is locked',
    total: false, // nobody can tell that a commit will wait for ever
    async breakIt({ postgres }) {
      const client = await postgres.connect();
      holder = client;
      await client.query('begin');
      await client.query('lock table event in access exclusive mode');
    },
    mend: async () => holder?.end(),
  };
}

function connectionsHung(): Fault {
  let pids: readonly number[] = [];
  return {
    name: 'connections hang for a while',
    total: false, // new connections are possible
    async breakIt({ postgres }) {
      pids = await postgres.pidsOfService();
      for (const pid of pids) process.kill(pid, 'SIGSTOP');
    },
    async mend() {
      for (const pid of pids) process.kill(pid, 'SIGCONT');
    },
  };
}
