import { afterAll, describe, expect, jest } from '@jest/globals';
import { freshDatabase, stopDatabases } from '../store/databases.ts';
import { freePort } from '../store/free-port.ts';
import { onPostgres } from '../store/on-postgres.ts';
import { killLoop } from './kill-loop.ts';

const itOnPostgres = await onPostgres();

jest.setTimeout(300_000); // a start takes seconds, and there are four
afterAll(stopDatabases);

describe('the service, killed without warning while results come in', () => {
  itOnPostgres('loses nothing it has acknowledged, doubles no alert, and ends as it should', async () => {
    const { url, drop } = await freshDatabase();
    const seed = Number(process.env.SEED ?? 20260512);
    try {
      const figures = await killLoop({
        kills: 3,
        patients: 6,
        databaseUrl: url,
        port: await freePort(),
        seed,
      });
      expect(figures).toMatchObject({ kills: 3, lost: 0, duplicates: 0, wrong: 0, outsidePermit: 0 });
      expect(figures.acknowledged).toBeGreaterThan(10);
    } finally {
      await drop();
    }
  });
});
