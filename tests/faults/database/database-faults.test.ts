import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { FAULTS, sufferFaults } from './database-faults.ts';
import { hostileBodies } from './hostile-bodies.ts';
import { hasBinaries } from './own-postgres.ts';
import { openPlace, type Place } from './place.ts';
import { poison } from './poison.ts';

jest.setTimeout(300_000);

/** Found out only when a statement should have ended; `npm run faults` waits for it. */
const LONG = ['connections are silent for good'];
const MOST_RSS_MIB = 512; // trust section 1
const seed = Number(process.env.SEED ?? 20260512);

if (!hasBinaries() && process.env.REQUIRE_POSTGRES === '1')
  throw new Error('REQUIRE_POSTGRES is set and no PostgreSQL can be started');
const describeWithServer = hasBinaries() ? describe : describe.skip;
const why = hasBinaries() ? '' : ' (skipped: no PostgreSQL can be started)';

describeWithServer(`one process of the service${why}`, () => {
  let place: Place;
  beforeAll(async () => {
    place = await openPlace({ seed });
  });
  afterAll(async () => {
    await place?.[Symbol.asyncDispose]();
  });

  it('answers large, deep and false bodies, five of each at once, and takes the good ones beside them', async () => {
    const figures = await hostileBodies(place, 5);
    expect(figures).toMatchObject({ otherAnswers: 0, goodLost: 0 });
    expect(figures.goodPushes).toBeGreaterThan(3);
    expect(figures.maxRssMiB).toBeLessThan(MOST_RSS_MIB);
  });

  it('does the good work among work that can not be done, which is set aside by its reason and can be tried again', async () => {
    const { goodThroughput, maxRssMiB, loopDelayP99Ms, loopDelayMaxMs, ...figures } = await poison(place, {
      good: 40,
      malformed: 40,
      failing: 6,
      gone: 5,
    });
    expect(figures).toEqual({
      malformedAnswers: [400],
      setAside: [{ what: 'event', reason: 'patient-gone', count: 5 }],
      redriven: 5,
      setAsideAfterwards: 0,
      alertsOfReturned: 5,
      lost: 0,
      duplicates: 0,
      wrong: 0,
    });
    expect(maxRssMiB).toBeLessThan(MOST_RSS_MIB);
    expect(loopDelayMaxMs).toBeGreaterThanOrEqual(loopDelayP99Ms);
    expect(goodThroughput).toBeGreaterThan(0.2); // both share this machine; `npm run faults` measures it
  });

  it('keeps what it acknowledged, takes nothing it can not keep, and works again by itself, whatever befalls its database', async () => {
    const only = FAULTS.map(({ name }) => name).filter((name) => !LONG.includes(name));
    const figures = await sufferFaults(place, { only, lastsMs: 500 });
    expect(figures).toMatchObject({
      lost: 0,
      duplicates: 0,
      wrong: 0,
      answeredWhileDown: 0,
      readyWhileDown: 0,
      otherAnswers: 0,
      crashes: 0,
    });
    expect(figures.faults).toBe(only.length - figures.skipped.length);
    expect(figures.refused).toBeGreaterThan(5);
    expect(figures.longestRecoveryMs).toBeLessThan(60_000);
    expect(figures.maxRssMiB).toBeLessThan(MOST_RSS_MIB);
  });
});
