import { describe, expect, it, jest } from '@jest/globals';
import { collisions } from './collisions.ts';
import { lostAnswers } from './lost-answers.ts';

const SEED = Number(process.env.SEED ?? 20260512);
jest.setTimeout(120_000); // hundreds of writes over HTTP, on a machine that may be busy

describe('two hundred writes of which nobody knows whether they happened', () => {
  it('leave every alert once, with all its parts, however a server lets us create', async () => {
    const figures = await lostAnswers({ writes: 200, seed: SEED });
    expect(figures).toMatchObject({ lost: 0, duplicates: 0 });
    expect(figures.doubtful).toBeGreaterThanOrEqual(200);
    expect(figures.carriedOut).toBeGreaterThan(60);
  });
});

describe('a server whose conditional writes collide', () => {
  it.each([4, 16])('loses and doubles no alert of %i deliveries at once', async (writers) => {
    const figures = await collisions({ writers, alerts: 40, seed: SEED, strangers: 3 });
    expect(figures).toMatchObject({ lost: 0, duplicates: 0 });
    expect(figures.refusedWrites).toBeGreaterThan(0);
  });

  it.each([4, 16])(
    'and whose quota is small is asked beyond it in one window at most, by %i deliveries at once',
    async (writers) => {
      const quota = { units: 6_000, windowMs: 1_000 };
      const figures = await collisions({ writers, alerts: 40, seed: SEED, quota });
      expect(figures).toMatchObject({ lost: 0, duplicates: 0 });
      expect(figures.overrunWindows).toBeLessThanOrEqual(1);
      expect(figures.windows).toBeGreaterThan(2);
    },
  );
});
