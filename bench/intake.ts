/**
 * How many pushes intake acknowledges, each committed before its answer, and how long the slowest wait.
 *
 * Beside it, in turns of the same run: the floor, which keeps the same bytes with one insert of many rows
 * behind the same express stack, and echoes, which tell what HTTP alone costs.
 */
import type { ChildProcess } from 'node:child_process';
import { freshDatabase, stopDatabases } from '../tests/store/databases.ts';
import { CANDIDATES } from './intake-candidates.ts';
import type { Answered, Turn } from './intake-load.ts';
import { asked, child, medianOf, percentile, rounded, told } from './processes.ts';

export interface IntakeFigures {
  readonly connections: number;
  readonly rounds: number;
  readonly secondsPerTurn: number;
  readonly candidates: Readonly<Record<string, Measured>>;
  readonly ratios: Readonly<Record<string, number>>;
}

/** Medians of the rounds. */
interface Measured {
  readonly acknowledgedPerSecond: number;
  readonly ms: { readonly p50: number; readonly p99: number };
  /** Processor time of the serving process alone; PostgreSQL is another. */
  readonly cpuUsPerPush: number;
}

const CONNECTIONS = 64;
const ROUNDS = 7;
const TURN_S = 3;
const WARM_UP_S = 4; // 8 contenders: less than four minutes in all

const PANEL = 12; // results of one patient that come together

interface Running {
  readonly name: string;
  readonly process: ChildProcess;
  readonly port: number;
}

interface Contender extends Running {
  readonly panel: number;
  readonly turns: { perSecond: number; p50: number; p99: number; cpuUs: number }[];
}

/** @throws when an acknowledged push was not kept, or its patient is not due */
export async function benchIntake(): Promise<IntakeFigures> {
  const load = child('./intake-load.ts', []);
  const databases: { drop(): Promise<void> }[] = [];
  const running: Running[] = [];
  try {
    for (const name of Object.keys(CANDIDATES)) {
      const database = name.endsWith('PostgreSQL') ? await freshDatabase() : undefined;
      if (database !== undefined) databases.push(database);
      const process = child('./intake-server.ts', [name, database?.url ?? '']);
      running.push({ name, process, port: (await told<{ port: number }>(process)).port });
    }
    const contenders = running.flatMap(contendersOf);
    for (const one of contenders) await turn(one, load, WARM_UP_S);
    for (let round = 0; round < ROUNDS; round++)
      for (const one of contenders) one.turns.push(await turn(one, load, TURN_S));
    const candidates = Object.fromEntries(contenders.map(({ name, turns }) => [name, measured(turns)]));
    return {
      connections: CONNECTIONS,
      rounds: ROUNDS,
      secondsPerTurn: TURN_S,
      candidates,
      ratios: ratiosOf(candidates),
    };
  } finally {
    load.kill();
    await Promise.all(running.map(({ process }) => ended(process)));
    for (const database of databases) await database.drop();
    await stopDatabases();
  }
}

/** What we do depends on whose results come: in panels, or each of another patient, the hardest for us. */
function contendersOf(running: Running): Contender[] {
  const inPanels = { ...running, panel: PANEL, turns: [] };
  if (!isOurs(running.name)) return [inPanels];
  return [inPanels, { ...running, name: `${running.name}${ONE_EACH}`, panel: 1, turns: [] }];
}

const ONE_EACH = ', one result a patient';

function isOurs(name: string): boolean {
  return name.startsWith('cramp-cds');
}

async function turn(
  { name, process, port, panel }: Contender,
  load: ChildProcess,
  seconds: number,
): Promise<Contender['turns'][number]> {
  const before = await asked<{ begins: number }>(process, {});
  const answered = await asked<Answered>(load, {
    port,
    seconds,
    connections: CONNECTIONS,
    panel,
  } satisfies Turn);
  const after = await asked<{ events: number; due?: number; used: number }>(process, {});
  const { acknowledged, refused } = answered;
  if (refused > 0) throw new Error(`${name}: ${refused} pushes were refused`);
  if (!name.endsWith('echo') && after.events !== acknowledged)
    throw new Error(`${name}: ${acknowledged} pushes were acknowledged and ${after.events} kept`);
  if (after.due !== undefined && after.due !== answered.patients)
    throw new Error(`${name}: ${answered.patients} patients had pushes and ${after.due} are due`);
  return {
    perSecond: acknowledged / answered.seconds,
    p50: percentile(answered.ms, 0.5),
    p99: percentile(answered.ms, 0.99),
    cpuUs: ((after.used - before.begins) * 1000) / acknowledged,
  };
}

function measured(turns: Contender['turns']): Measured {
  const median = (of: keyof Contender['turns'][number]): number => medianOf(turns.map((one) => one[of]));
  return {
    acknowledgedPerSecond: Math.round(median('perSecond')),
    ms: { p50: rounded(median('p50')), p99: rounded(median('p99')) },
    cpuUsPerPush: Math.round(median('cpuUs')),
  };
}

function ratiosOf(candidates: Readonly<Record<string, Measured>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(candidates)
      .filter(([name]) => isOurs(name))
      .flatMap(([name, ours]) => {
        const where = name.replace(/^cramp-cds, /, '');
        const floor = candidates[`raw insert, ${where.replace(ONE_EACH, '')}`] as Measured;
        const rate = ours.acknowledgedPerSecond / floor.acknowledgedPerSecond;
        return [
          [`pushes acknowledged / raw insert, ${where}`, rounded(rate, 2)],
          [`p99 of a push / raw insert, ${where}`, rounded(ours.ms.p99 / floor.ms.p99, 2)],
        ];
      }),
  );
}

async function ended(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || !process.connected) return;
  const exit = new Promise((resolve) => process.once('exit', resolve));
  process.send({ end: true });
  const timer = setTimeout(() => process.kill(), 5000);
  await exit;
  clearTimeout(timer);
}
