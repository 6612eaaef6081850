import { describe, expect, it } from '@jest/globals';
import { type CallEnd, Lane } from '../../src/connections/lane.ts';

const WELL: CallEnd = { busy: false, down: false };
const BUSY: CallEnd = { busy: true, down: false };
const DOWN: CallEnd = { busy: false, down: true };

/** A lane with a clock of its own, and calls that end when the test says so. */
function laneOf(concurrency = 4) {
  let now = 0;
  const lane = new Lane({ concurrency, now: () => now });
  return {
    lane,
    pass: (ms: number) => {
      now += ms;
    },
    ends: (end: CallEnd) =>
      lane.run(
        async () => end,
        (one) => one,
      ),
  };
}

/** Calls that wait: how many are running, and a way to end one. */
function held(lane: Lane, calls: number) {
  const running: (() => void)[] = [];
  const all = Array.from({ length: calls }, () =>
    lane.run(
      () => new Promise<CallEnd>((resolve) => running.push(() => resolve(WELL))),
      (end) => end,
    ),
  );
  return { running, all };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('a connection', () => {
  it('is asked four times at once and no more; who waits longest is next', async () => {
    const { lane } = laneOf();
    const { running, all } = held(lane, 6);
    await settled();
    expect(running).toHaveLength(4);
    running[0]?.();
    await settled();
    expect(running).toHaveLength(5);
    for (let ended = 1; ended < 6; ended++) {
      running[ended]?.();
      await settled();
    }
    expect(await Promise.all(all)).toEqual(Array(6).fill(WELL));
  });

  it('that says "too many" is asked half as often at once, and more again after five minutes each', async () => {
    const { lane, pass, ends } = laneOf(8);
    await ends(BUSY);
    expect(lane.allowed).toBe(4);
    await ends(BUSY);
    await ends(BUSY);
    await ends(BUSY);
    expect(lane.allowed).toBe(1);
    pass(5 * 60_000);
    expect(lane.allowed).toBe(2);
    pass(60_000);
    expect(lane.allowed).toBe(2);
    pass(4 * 60_000);
    expect(lane.allowed).toBe(4);
  });

  it('that gave no answer five times in a row is left alone for half a minute, then asked once', async () => {
    const { lane, pass, ends } = laneOf();
    for (let call = 0; call < 5; call++) await ends(DOWN);
    expect(lane.state).toBe('open');
    let asked = 0;
    const ask = (end: CallEnd) =>
      lane.run(
        async () => {
          asked += 1;
          return end;
        },
        (one) => one,
      );
    expect(await ask(WELL)).toEqual({ outcome: 'try-later', because: 'left-alone', afterMs: 30_000 });
    pass(30_000);
    const both = await Promise.all([ask(DOWN), ask(DOWN)]);
    expect(both).toContainEqual({ outcome: 'try-later', because: 'left-alone', afterMs: 30_000 });
    expect([asked, lane.state]).toEqual([1, 'open']);
    pass(30_000);
    expect(await ask(WELL)).toEqual(WELL);
    expect(lane.state).toBe('closed');
  });

  it('of which half the calls of the last half minute failed is left alone too, however they came', async () => {
    const { lane, pass, ends } = laneOf();
    for (let call = 0; call < 9; call++) {
      await ends(WELL);
      await ends(DOWN);
    }
    expect(lane.state).toBe('closed');
    await ends(WELL);
    await ends(DOWN);
    expect(lane.state).toBe('open');
    pass(31_000);
    await ends(WELL);
    expect(lane.state).toBe('closed');
  });

  it('answers that came long ago do not count', async () => {
    const { lane, pass, ends } = laneOf();
    for (let call = 0; call < 30; call++) {
      await ends(DOWN);
      await ends(WELL);
      pass(10_000);
    }
    expect(lane.state).toBe('closed');
  });

  it('that goes down keeps the calls that waited from asking', async () => {
    const { lane, ends } = laneOf(1);
    const { running } = held(lane, 1);
    await settled();
    const waiting = Array.from({ length: 6 }, () => ends(DOWN));
    running[0]?.();
    const ended = await Promise.all(waiting);
    expect(ended.slice(0, 5)).toEqual(Array(5).fill(DOWN));
    expect(ended[5]).toMatchObject({ because: 'left-alone' });
  });

  it('halves once for several calls that were on their way together', async () => {
    const { lane, pass } = laneOf(8);
    const together = Array.from({ length: 4 }, () =>
      lane.run(
        async () => {
          await settled();
          pass(1);
          return BUSY;
        },
        (end) => end,
      ),
    );
    await Promise.all(together);
    expect(lane.allowed).toBe(4);
  });

  it('that asked to wait is asked nothing until then', async () => {
    const { pass, ends } = laneOf();
    await ends({ ...BUSY, restMs: 7_000 });
    pass(5_000);
    expect(await ends(WELL)).toEqual({ outcome: 'try-later', because: 'asked-to-wait', afterMs: 2_000 });
    pass(2_000);
    expect(await ends(WELL)).toEqual(WELL);
  });
});

describe('a server that tells what is left of its quota', () => {
  const left = (units: number, seconds: number, name = 'fhirInteractions'): CallEnd => ({
    ...WELL,
    headers: new Headers({ ratelimit: `"requests";r=59999;t=60, "${name}";r=${units};t=${seconds}` }),
  });

  it('is asked nothing more that the rest may not pay for, until its next window', async () => {
    const { lane, pass, ends } = laneOf();
    for (const units of [1000, 660, 640, 300]) await ends(left(units, 12));
    expect(await ends(WELL)).toEqual({ outcome: 'try-later', because: 'quota', afterMs: 12_000 });
    expect(lane.waits).toEqual({ because: 'quota', seconds: 12 });
    pass(12_000);
    expect(lane.waits).toBeUndefined();
    expect(await ends(left(700, 60))).not.toHaveProperty('outcome');
  });

  it('counts what is already on its way', async () => {
    const { lane, ends } = laneOf();
    for (const units of [1000, 700]) await ends(left(units, 12));
    const { running, all } = held(lane, 3);
    await settled();
    expect(running).toHaveLength(2);
    for (const end of running) end();
    expect(await Promise.all(all)).toContainEqual({
      outcome: 'try-later',
      because: 'quota',
      afterMs: 12_000,
    });
  });

  it('is not left alone for what was dear once: half of it is forgotten with each window', async () => {
    const { pass, ends } = laneOf();
    for (const units of [1000, 100]) await ends(left(units, 1));
    for (let window = 0; window < 4; window++) {
      pass(1_000);
      await ends(left(1000, 1));
    }
    await ends(left(990, 1));
    await ends(left(60, 1));
    expect(await ends(WELL)).toMatchObject({ because: 'quota' });
    pass(1_000);
    await ends(left(500, 1));
    expect(await ends(WELL)).toEqual(WELL);
  });

  it('whose answers overtake each other is believed when it says less', async () => {
    const { ends } = laneOf();
    for (const units of [1000, 400, 700]) await ends(left(units, 12));
    expect(await ends(WELL)).toMatchObject({ because: 'quota' });
  });

  it('and says nothing usable is asked as before', async () => {
    const { ends } = laneOf();
    for (const ratelimit of ['limit=100, remaining=0, reset=30', '"a";t=30', '"a";r=0', ''])
      await ends({ ...WELL, headers: new Headers({ ratelimit }) });
    expect(await ends(WELL)).toEqual(WELL);
  });
});
