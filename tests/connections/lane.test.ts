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
});
