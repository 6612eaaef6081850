/**
 * `npm run faults [part...]`: what goes wrong in a hospital, done on purpose to the running service, and what came of
 * it, written to docs/figures.json. Every part when none is named; minutes each.
 *
 * SEED repeats a run; DATABASE_URL says where, the server on this machine otherwise.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FIGURES, keep } from '../../bench/figures.ts';
import { freshDatabase, stopDatabases } from '../store/databases.ts';
import { CRASH_POINTS } from './crash-points.ts';
import { databaseFaults } from './database/database-faults.ts';
import { hostileBodies } from './database/hostile-bodies.ts';
import { openPlace } from './database/place.ts';
import { poison } from './database/poison.ts';
import { withFigures } from './figures-table.ts';
import { collisions } from './servers/collisions.ts';
import { lostAnswers } from './servers/lost-answers.ts';
import { type Crash, type StormFigures, type StormOptions, storm } from './storm.ts';

const PAGE = join(import.meta.dirname, '../../docs/faults.md');
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const PARTS: Readonly<Record<string, () => Promise<object>>> = {
  /** The database of one process, taken from under it in ten ways, a few times each. */
  database: () => databaseFaults({ seed, rounds: 4, patients: 20, lastsMs: 5000 }),
  /** Bodies too large, too deep and false, fifty of each kind at once, a second between two kinds. */
  hostile: async () => {
    await using place = await openPlace({ seed, sizeMiB: 4096 });
    return await hostileBodies(place, 50);
  },
  /** Work that can not be done among work that can. */
  poison: async () => {
    await using place = await openPlace({ seed, patients: 200, sizeMiB: 4096 });
    return await poison(place, { good: 5000, malformed: 500, failing: 50, gone: 50 });
  },
  /** One process, killed a hundred times: six times at each named point, and at any other. */
  kills: () =>
    onFreshDatabase({
      replicas: ['all'],
      pushes: 3000,
      patients: 200,
      crashes: killsOf(100, 6),
    }),
  /** Ten thousand pushes for two hundred patients on three processes that die at random. */
  storm: () =>
    onFreshDatabase({
      replicas: ['all', 'all', 'all'],
      pushes: 10_000,
      patients: 200,
      crashes: Array.from({ length: 20 }, (_, n) => (n % 7 === 6 ? 'freeze' : 'any')),
    }),
  /** Four and sixteen deliveries at once to a server whose conditional writes collide, within its default quota. */
  'collisions-4': () => collisions({ writers: 4, alerts: 300, seed, quota: DEFAULT_QUOTA }),
  'collisions-16': () => collisions({ writers: 16, alerts: 300, seed, quota: DEFAULT_QUOTA }),
  /** A thousand writes whose answer never came. */
  'lost-answers': () => lostAnswers({ writes: 1000, seed }),
};

const DEFAULT_QUOTA = { units: 50_000, windowMs: 60_000 }; // Medplum 5.1
const ENDS = 5; // beside the kills: it is asked to end

function killsOf(kills: number, each: number): Crash[] {
  const named = CRASH_POINTS.flatMap((point) =>
    // A database is made once.
    point === 'mid-migration' ? [point] : Array.from({ length: each }, () => point),
  );
  const ended = Array.from({ length: ENDS }, () => 'end' as const);
  return [...named, ...Array.from({ length: kills - named.length }, () => 'any' as const), ...ended];
}

async function onFreshDatabase(options: Omit<StormOptions, 'databaseUrl' | 'seed'>): Promise<StormFigures> {
  const { url, drop } = await freshDatabase();
  const onCrash = (done: number): void =>
    void process.stdout.write(`killed ${done} of ${options.crashes.length}\n`);
  try {
    return await storm({ ...options, databaseUrl: url, seed, onCrash });
  } finally {
    await drop();
  }
}

const MUST_BE_NONE = [
  ...['lost', 'duplicates', 'wrong', 'outsidePermit'],
  ...['answeredWhileDown', 'readyWhileDown', 'otherAnswers', 'crashes', 'goodLost'],
];

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in PARTS));
if (unknown.length > 0) {
  process.stderr.write(
    `there is no part ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}\n`,
  );
  process.exit(2);
}
try {
  for (const [name, run] of Object.entries(PARTS)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    process.stdout.write(`${name}, seed ${seed}\n`);
    const figures: Record<string, unknown> = { ...(await run()) };
    for (const [what, value] of Object.entries(figures))
      process.stdout.write(`  ${what.padEnd(20)} ${JSON.stringify(value)}\n`);
    keep(`faults ${name}`, { seed, ...figures });
    writeFileSync(PAGE, withFigures(readFileSync(PAGE, 'utf8'), JSON.parse(readFileSync(FIGURES, 'utf8'))));
    if (MUST_BE_NONE.some((what) => (figures[what] ?? 0) !== 0)) process.exitCode = 1;
  }
} finally {
  await stopDatabases();
}
