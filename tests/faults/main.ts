/**
 * `npm run faults`: kills the running service many times and writes what came of it to docs/figures.json.
 *
 * FAULT_KILLS says how often, 100 otherwise; DATABASE_URL where, the server on this machine otherwise.
 */
import { keep } from '../../bench/figures.ts';
import { freshDatabase, stopDatabases } from '../store/databases.ts';
import { freePort } from '../store/free-port.ts';
import { killLoop } from './kill-loop.ts';

const KILLS = 100;
const PATIENTS = 40;

const kills = Number(process.env.FAULT_KILLS ?? KILLS);
const { url, drop } = await freshDatabase();
try {
  const figures = await killLoop({
    kills,
    patients: PATIENTS,
    databaseUrl: url,
    port: await freePort(),
    seed: Number(process.env.SEED ?? Date.now() % 2 ** 31),
    onKill: (done) => process.stdout.write(`killed ${done} of ${kills}\n`),
  });
  for (const [name, value] of Object.entries(figures)) process.stdout.write(`${name.padEnd(16)} ${value}\n`);
  keep('faults', figures);
  const { lost, duplicates, wrong, outsidePermit } = figures;
  process.exitCode = lost + duplicates + wrong + outsidePermit === 0 ? 0 : 1;
} finally {
  await drop();
  await stopDatabases();
}
