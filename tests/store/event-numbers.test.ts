/** Numbered notices that come late, twice, not at all, or after the counter began anew. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type EventNumbers,
  hear,
  holeOf,
  NOTHING_HEARD,
  settle,
  type Told,
} from '../../src/store/event-numbers.ts';

const NOON = Date.parse('2026-05-12T12:00:00Z');
/** Event n happened n minutes after noon. */
const event = (number: number, minute = number): Told['events'][number] & object => ({
  number,
  at: new Date(NOON + minute * 60_000),
});
const of = (...numbers: number[]): Told => ({ events: numbers.map((number) => event(number)) });
const HANDSHAKE: Told = { handshake: true, events: [], total: 0 };

/** Hears notices one after the other; says how often all was to be looked at. */
function heard(...notices: readonly Told[]): { numbers: EventNumbers; looks: number } {
  let numbers = NOTHING_HEARD;
  let looks = 0;
  for (const told of notices) {
    const after = hear(numbers, told);
    numbers = after.numbers;
    looks += after.lookAtAll ? 1 : 0;
  }
  return { numbers, looks };
}

describe('the numbers of a subscription', () => {
  it('that all came have no hole, in whatever order and however often they came', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }).chain((last) =>
          fc.tuple(
            fc.constant(last),
            fc.shuffledSubarray(
              Array.from({ length: last }, (_, n) => n + 1),
              { minLength: last },
            ),
            fc.array(fc.integer({ min: 1, max: last })),
          ),
        ),
        ([last, once, again]) => {
          const timeless = [...once, ...again].map((number): Told => ({ events: [{ number }] }));
          const { numbers, looks } = heard(HANDSHAKE, ...timeless);
          expect(holeOf(numbers)).toBeUndefined();
          expect([numbers.contiguous, numbers.above, looks]).toEqual([last, [], 0]);
        },
      ),
    );
  });

  it('of which some are missing have a hole from the first missing to the highest', () => {
    const { numbers } = heard(HANDSHAKE, of(1), of(4), of(6));
    expect(holeOf(numbers)).toEqual({ from: 2, until: 6 });
    expect(holeOf(heard(HANDSHAKE, of(1), of(4), of(6), of(2), of(3)).numbers)).toEqual({
      from: 5,
      until: 6,
    });
    expect(holeOf(heard(HANDSHAKE, of(1), of(3), of(2)).numbers)).toBeUndefined();
  });

  it('are missing too when only the total tells: a heartbeat after lost notices', () => {
    const { numbers, looks } = heard(HANDSHAKE, of(1), { events: [], total: 3 });
    expect([holeOf(numbers), looks]).toEqual([{ from: 2, until: 3 }, 0]);
  });

  it('come several in one notice', () => {
    expect(heard(HANDSHAKE, of(2, 1, 3)).numbers).toMatchObject({ contiguous: 3, above: [] });
  });

  it('count as come once they were looked for; what is missing above stays missing', () => {
    const { numbers } = heard(HANDSHAKE, of(1), of(4), of(7));
    expect(settle(numbers, 4)).toMatchObject({ contiguous: 4, above: [7] });
    expect(holeOf(settle(numbers, 4))).toEqual({ from: 5, until: 7 });
    expect(holeOf(settle(numbers, 7))).toBeUndefined();
  });

  it('that begin anew make us look at all once, and go on from there', () => {
    const anew: Told = { events: [event(1, 60)] };
    const { numbers, looks } = heard(HANDSHAKE, of(1), of(2), of(3), anew, { events: [event(2, 61)] });
    expect([looks, numbers.contiguous, holeOf(numbers)]).toEqual([1, 2, undefined]);
  });

  it('that come a second time are no beginning', () => {
    const { numbers, looks } = heard(HANDSHAKE, of(1), of(2), of(3), of(1), of(3), of(2));
    expect([looks, numbers.contiguous]).toEqual([0, 3]);
  });

  it.each([
    ['a handshake', { handshake: true, events: [], total: 0 }],
    ['a newer heartbeat', { events: [], total: 1, sentAt: new Date(NOON + 600_000) }],
  ])('begin anew when %s says a smaller total', (_, told) => {
    expect(heard(HANDSHAKE, of(1), of(2), of(3), told)).toMatchObject({
      looks: 1,
      numbers: { contiguous: told.total, total: told.total },
    });
  });

  it('do not begin anew because an old heartbeat was late', () => {
    const late: Told = { events: [], total: 1, sentAt: new Date(NOON + 60_000) };
    expect(heard(HANDSHAKE, of(1), of(2), of(3), late).looks).toBe(0);
  });

  it('that we join in the middle make us look at what was before, once', () => {
    expect(heard(of(7), of(8))).toMatchObject({ looks: 1, numbers: { contiguous: 8 } });
    expect(heard({ events: [], total: 7 }, of(8))).toMatchObject({ looks: 1, numbers: { contiguous: 8 } });
    expect(heard(of(1), of(2)).looks).toBe(0);
  });

  it('that are not given leave nothing to miss', () => {
    expect(heard({ events: [{}] }, { events: [{}] })).toEqual({ numbers: NOTHING_HEARD, looks: 0 });
  });

  it('with a hole that never closes do not fill the table', () => {
    const many = Array.from({ length: 2500 }, (_, n) => of(n + 3));
    const { numbers, looks } = heard(HANDSHAKE, of(1), ...many);
    expect(numbers.above.length).toBeLessThan(2100);
    expect(looks).toBe(1);
  });
});
