import { afterAll, describe, expect, jest } from '@jest/globals';
import { freshDatabase, stopDatabases } from '../store/databases.ts';
import { onPostgres } from '../store/on-postgres.ts';
import { CRASH_POINTS } from './crash-points.ts';
import { storm } from './storm.ts';

const itOnPostgres = await onPostgres();

jest.setTimeout(600_000); // a start takes seconds, and there are more than a dozen
afterAll(stopDatabases);

describe('three processes, one for each role, while results come in shuffled, repeated and corrected', () => {
  itOnPostgres(
    'lose nothing, double no alert and end as they should, killed once at each point where they could come apart',
    async () => {
      const { url, drop } = await freshDatabase();
      try {
        const figures = await storm({
          replicas: ['intake', 'evaluate', 'deliver'],
          pushes: 300,
          patients: 40, // those of a killed process wait forty seconds
          crashes: [...CRASH_POINTS, 'end'],
          databaseUrl: url,
          seed: Number(process.env.SEED ?? 20260512),
        });
        expect(figures).toMatchObject({ lost: 0, duplicates: 0, wrong: 0, setAside: 0, outsidePermit: 0 });
        expect(figures.kills).toBe(CRASH_POINTS.length + 1);
        expect(figures.acknowledged).toBeGreaterThan(100);
        expect(figures.maxRssMiB).toBeLessThan(512);
      } finally {
        await drop();
      }
    },
  );
});
