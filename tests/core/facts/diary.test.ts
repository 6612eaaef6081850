import { describe, expect, it } from '@jest/globals';
import { factIn, valueIn } from './in-words.ts';

const weeks = (before: readonly [number, number], now: readonly [number, number], of = 'frequency') => ({
  diary: [
    `${of} ${before[0]}, 40 days ago`,
    `${of} ${before[1]}, 33 days ago`,
    `${of} ${now[0]}, 10 days ago`,
    `${of} ${now[1]}, 3 days ago`,
  ],
});

describe('cramps a week', () => {
  it('are the mean of each window of 28 days', () => {
    expect(valueIn('cramp-week-now', weeks([2, 3], [4, 5]))).toBe(4.5);
    expect(valueIn('cramp-week-before', weeks([2, 3], [4, 5]))).toBe(2.5);
    expect(valueIn('cramp-week-ratio', weeks([2, 3], [4, 5]))).toBeCloseTo(1.8);
  });

  it('need two responses at least five days apart', () => {
    expect(valueIn('cramp-week-now', { diary: 'frequency 4' })).toBe('unknown');
    expect(valueIn('cramp-week-now', { diary: ['frequency 4, 5 days ago', 'frequency 4'] })).toBe('unknown');
    expect(valueIn('cramp-week-now', { diary: ['frequency 4, 6 days ago', 'frequency 4'] })).toBe(4);
  });

  it('count one response a day, the later one', () => {
    const words = { diary: ['frequency 9, 30 h ago', 'frequency 4, 25 h ago', 'frequency 4, 8 days ago'] };
    expect(valueIn('cramp-week-now', words)).toBe(4);
    expect(valueIn('diary-entries', words)).toBe(2);
  });

  it('are counted from the cramps where the count is missing, as a lower bound', () => {
    const week = 'episode daytime-rest, episode daytime-rest';
    const fact = factIn('cramp-week-now', { diary: [`${week}, 8 days ago`, `${week}, 1 day ago`] });
    expect(fact).toMatchObject({ value: 2, notes: ['counted-from-episodes'], raisesOnly: true });
  });

  it('below the nights with cramps are a conflict: the larger raises', () => {
    const fact = factIn('cramp-week-now', {
      diary: ['frequency 1, nights 4, 8 days ago', 'frequency 1, nights 4'],
    });
    expect(fact).toMatchObject({ value: 4, notes: ['conflict'], raisesOnly: true });
  });

  it('as text are not guessed', () => {
    expect(valueIn('cramp-week-now', { diary: ['frequency a few, 8 days ago', 'frequency a few'] })).toBe(
      'unknown',
    );
  });
});

describe('worsening', () => {
  it.each([
    [[2, 2], [4, 4], 'frequency', true],
    [[2, 3], [4, 5], 'frequency', true],
    [[2, 2], [3, 3], 'frequency', false],
    [[6, 6], [8, 8], 'frequency', false],
    [[0, 1], [2, 3], 'frequency', false],
    [[4, 4], [6, 6], 'worst', true],
    [[2, 2], [4, 4], 'worst', false],
  ] as const)('from %j to %j (%s) is %s', (before, now, of, expected) => {
    expect(valueIn('cramp-worsening', weeks(before, now, of))).toBe(expected);
  });

  it('is not known with one response in the earlier window', () => {
    expect(
      valueIn('cramp-worsening', {
        diary: ['frequency 2, 33 days ago', 'frequency 4, 10 days ago', 'frequency 4'],
      }),
    ).toBe('unknown');
  });
});

describe('improving', () => {
  it.each([
    [[4, 4], [2, 2], 'frequency', true],
    [[4, 4], [3, 3], 'frequency', false],
    [[7, 7], [5, 5], 'worst', true],
    [[7, 7], [6, 6], 'worst', false],
  ] as const)('from %j to %j (%s) is %s', (before, now, of, expected) => {
    expect(valueIn('cramp-improving', weeks(before, now, of))).toBe(expected);
  });
});

describe('the timing of most cramps', () => {
  const cramps = (...timings: string[]) => ({
    diary: timings.map((timing) => `episode ${timing}`).join(', '),
  });
  it('is that of 60 % of at least five', () => {
    const [bed, sport, rest] = ['in-bed-or-asleep', 'during-exercise', 'daytime-rest'] as const;
    expect(valueIn('cramp-timing-majority', cramps(bed, bed, bed, sport, rest))).toBe(bed);
    expect(valueIn('cramp-timing-share', cramps(bed, bed, bed, sport, rest))).toBe(60);
    expect(valueIn('cramp-timing-majority', cramps(bed, bed, sport, sport, rest))).toBe('none');
    expect(valueIn('cramp-timing-majority', cramps(bed, bed, bed, bed))).toBe('unknown');
  });
});

describe('an exercise cramp', () => {
  it('is the item, or a cramp during exercise or within two hours after it', () => {
    expect(valueIn('exercise-cramp', { 'cramp-timing': 'during-exercise' })).toBe(true);
    expect(valueIn('exercise-cramp', { diary: 'episode within-2h-after-exercise' })).toBe(true);
    expect(valueIn('exercise-cramp', { 'cramp-timing': 'in-bed-or-asleep' })).toBe(false);
    expect(valueIn('exercise-cramp', {})).toBe('unknown');
  });

  it('is outranked by a newer "no"', () => {
    const words = { diary: 'episode during-exercise, 9 days ago', 'exercise-associated-muscle-cramp': false };
    expect(valueIn('exercise-cramp', words)).toBe(false);
  });
});

describe('a night cramp', () => {
  it('is a cramp in bed or the item, never a count of nights alone', () => {
    expect(valueIn('night-cramp', { diary: 'nights 3' })).toBe('unknown');
    expect(valueIn('night-cramp', { diary: 'nights 3, episode in-bed-or-asleep' })).toBe(true);
    expect(valueIn('night-cramp', { 'nocturnal-leg-cramp': true })).toBe(true);
  });
});

describe('the longest severe cramp', () => {
  it('takes length and strength from one cramp', () => {
    expect(valueIn('severe-cramp-minutes', { diary: 'episode daytime-rest intensity 7 minutes 61' })).toBe(
      61,
    );
    expect(valueIn('severe-cramp-minutes', { diary: 'episode daytime-rest intensity 6 minutes 61' })).toBe(
      'unknown',
    );
    expect(
      valueIn('severe-cramp-minutes', {
        diary: 'episode daytime-rest intensity 9 minutes 5, episode daytime-rest intensity 2 minutes 90',
      }),
    ).toBe(5);
  });
});
