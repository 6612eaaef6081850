/**
 * Facts about cramps over time: how many a week now and before, how strong, when, and after what.
 *
 * Why: a change from one's own pattern carries more weight than any single count.
 * Source: wider rules A.6 and F; resolutions 24 to 26.
 */
import { daysBetween } from '../../vocabulary/instant.ts';
import { anyOf, type Truth } from '../../vocabulary/truth.ts';
import { type DiaryWeek, diaryOf, type Episode } from './diary-entries.ts';
import { DIARY_PATTERN } from './diary-pattern.ts';
import { type Fact, type FactId, isEqual, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import { absentFor, wordsAbout } from './windows.ts';

const WINDOW_DAYS = 28; // A.6
const MIN_RESPONSES = 2; // diaryMinResponses, wider rules K
const APART_DAYS = 5; // A.6: at least two responses this far apart
const EXERCISE_TIMINGS = ['during-exercise', 'within-2h-after-exercise']; // A.6

type Number = (week: DiaryWeek) => number | undefined;

function weeksIn(source: FactSource, window: 'now' | 'before', number: Number): DiaryWeek[] {
  const [from, to] = window === 'now' ? [-1, WINDOW_DAYS] : [WINDOW_DAYS, 2 * WINDOW_DAYS];
  return diaryOf(source).weeks.filter((week) => {
    const days = daysBetween(week.at, source.now);
    return days > from && days <= to && number(week) !== undefined;
  });
}

/** Mean over a window; unknown with fewer than two responses, or none of them five days apart. */
function meanFact(
  id: FactId,
  window: 'now' | 'before',
  number: Number,
  source: FactSource,
  apartDays = APART_DAYS,
): Fact {
  const weeks = weeksIn(source, window, number);
  const [first, last] = [weeks.at(0), weeks.at(-1)];
  if (first === undefined || last === undefined || weeks.length < MIN_RESPONSES)
    return unknownFact(id, 'needs', { from: weeks.map((week) => week.source), missing: ['diary-entries'] });
  if (daysBetween(first.at, last.at) < apartDays)
    return unknownFact(id, 'needs', { missing: ['diary-entries'] });
  const doubtful = weeks.some((week) => week.raisesOnly);
  return {
    concept: id,
    state: 'known',
    value: weeks.reduce((sum, week) => sum + (number(week) as number), 0) / weeks.length,
    decimals: 1,
    from: weeks.map((week) => week.source).sort(),
    notes: [...new Set(weeks.flatMap((week) => week.notes))],
    at: last.at,
    ...(doubtful ? { raisesOnly: true as const } : {}),
  };
}

const cramps: Number = (week) => week.cramps;
const worst: Number = (week) => week.worst;
const nights: Number = (week) => week.nights;

/** Responses with a weekly count in the last 28 days. */
const diaryEntries: Former = (source) => {
  const weeks = weeksIn(source, 'now', cramps);
  const from = weeks.map((week) => week.source).sort();
  return { concept: 'diary-entries', state: 'known', value: weeks.length, from, notes: [] };
};

const WORSE = { perWeek: 3, times: 1.5, more: 2, intensity: 5, stronger: 2 } as const; // A.6, local figures
const BETTER = { times: 0.5, weaker: 2 } as const; // A.6, local figures
const HAIR = 1e-9; // means are fractions

function numberOf(fact: Fact): number | undefined {
  return fact.state === 'known' && typeof fact.value === 'number' ? fact.value : undefined;
}

type Compare = (now: number, before: number) => boolean;

function compared(now: Fact, before: Fact, compare: Compare): Truth {
  const [a, b] = [numberOf(now), numberOf(before)];
  if (a === undefined || b === undefined) return 'unknown';
  return compare(a, b) ? 'true' : 'false';
}

/** A statement about both windows; cites what it compared. */
function trend(id: FactId, counts: Compare, strength: Compare | undefined, source: FactSource): Fact {
  const pairs = [
    { facts: [source.fact('cramp-week-now'), source.fact('cramp-week-before')] as const, compare: counts },
    {
      facts: [source.fact('cramp-intensity-now'), source.fact('cramp-intensity-before')] as const,
      compare: strength,
    },
  ].filter(({ compare }) => compare !== undefined);
  const truths = pairs.map(({ facts, compare }) => compared(facts[0], facts[1], compare as Compare));
  const known = truths.filter((truth) => truth !== 'unknown');
  // A form need not ask for both: what was counted in both windows answers.
  const truth = known.length === 0 ? 'unknown' : anyOf(known);
  if (truth === 'unknown')
    return unknownFact(id, 'needs', { missing: ['cramp-week-now', 'cramp-week-before'] });
  const deciding = pairs.filter((_pair, index) => truths[index] === truth).flatMap(({ facts }) => facts);
  const doubtful = deciding.some((fact) => fact.raisesOnly === true);
  const at = deciding[0]?.at;
  return {
    concept: id,
    state: 'known',
    value: truth === 'true',
    from: [...new Set(deciding.flatMap(({ from }) => from))].sort(),
    notes: [...new Set(deciding.flatMap(({ notes }) => notes))],
    ...(at === undefined ? {} : { at }),
    ...(doubtful ? { raisesOnly: true as const } : {}),
  };
}

const crampWorsening: Former = (source) =>
  trend(
    'cramp-worsening',
    (now, before) =>
      now >= WORSE.perWeek - HAIR && now >= WORSE.times * before - HAIR && now - before >= WORSE.more - HAIR,
    (now, before) => now >= WORSE.intensity - HAIR && now - before >= WORSE.stronger - HAIR,
    source,
  );

const crampImproving: Former = (source) =>
  trend(
    'cramp-improving',
    (now, before) => now <= BETTER.times * before + HAIR && before > 0,
    (now, before) => before - now >= BETTER.weaker - HAIR,
    source,
  );

/** Not more cramps a week than before. */
const crampsNotMore: Former = (source) =>
  trend('cramps-not-more', (now, before) => now <= before + HAIR, undefined, source);

/** How many times as many cramps a week as before; unknown when there were none before. */
const crampWeekRatio: Former = (source) => {
  const id = 'cramp-week-ratio';
  const [now, before] = [source.fact('cramp-week-now'), source.fact('cramp-week-before')];
  const [a, b] = [numberOf(now), numberOf(before)];
  if (a === undefined || b === undefined || b === 0)
    return unknownFact(id, 'needs', { missing: ['cramp-week-now', 'cramp-week-before'] });
  return { ...now, concept: id, state: 'known', value: a / b };
};

function recentEpisodes(source: FactSource, days: number): Episode[] {
  return diaryOf(source).episodes.filter(({ at }) => daysBetween(at, source.now) <= days);
}

/** Cramps during exercise or within two hours after it. A newer "no" outranks an older cramp (resolution 24). */
const exerciseCramp: Former = (source) => {
  const id = 'exercise-cramp';
  const item = source.fact('exercise-associated-muscle-cramp');
  const timed = recentEpisodes(source, WINDOW_DAYS).filter(({ timing }) => timing !== undefined);
  const newest = timed.findLast(({ timing }) => EXERCISE_TIMINGS.includes(timing as string));
  if (isEqual(item, true) === 'true') return { ...item, concept: id };
  const outranked =
    isEqual(item, false) === 'true' && newest !== undefined && item.at !== undefined && item.at > newest.at;
  if (newest !== undefined && !outranked) return episodeFact(id, true, newest);
  const last = timed.at(-1);
  if (item.state === 'unknown' && last !== undefined) return episodeFact(id, false, last);
  return { ...item, concept: id };
};

/** Cramps in bed: the item, a cramp noted in bed, or a condition; a night count alone is none (resolution 25). */
const nightCramp: Former = (source) => {
  const id = 'night-cramp';
  const item = source.fact('nocturnal-leg-cramp');
  const newest = recentEpisodes(source, WINDOW_DAYS).findLast(({ timing }) => timing === 'in-bed-or-asleep');
  const outranked =
    item.state === 'known' && newest !== undefined && (item.at?.getTime() ?? 0) >= newest.at.getTime();
  return newest === undefined || outranked || isEqual(item, true) === 'true'
    ? { ...item, concept: id }
    : episodeFact(id, true, newest);
};

const EARLY = { from: 4, below: 9 } as const; // local hours read as early morning; local convention

/** A cramp that began in the early morning, when the last dose of the evening before wears off. */
const crampEarlyMorning: Former = (source) => {
  const id = 'cramp-early-morning';
  const zone = source.settings.homeTimeZone;
  const newest = recentEpisodes(source, WINDOW_DAYS)
    .filter(({ timed }) => timed)
    .findLast(({ at }) => {
      const hour = hourOf(at, zone);
      return hour >= EARLY.from && hour < EARLY.below;
    });
  return newest === undefined ? unknownFact(id, 'no-record') : episodeFact(id, true, newest);
};

function hourOf(at: Date, zone: string): number {
  return Number(
    new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', hourCycle: 'h23' }).format(at),
  );
}

const SEVERE = 7; // of 10, dy-differs-from-usual
const DIFFERS_DAYS = 7; // dy-differs-from-usual

/** The longest cramp of 7 days, minutes; `severe` only those of intensity 7 or more. */
function longest(id: FactId, source: FactSource, severe: boolean): Fact {
  const found = recentEpisodes(source, DIFFERS_DAYS).filter(
    ({ minutes, intensity }) => minutes !== undefined && (!severe || (intensity ?? 0) >= SEVERE),
  );
  const [most] = found.toSorted((a, b) => (b.minutes as number) - (a.minutes as number));
  if (most === undefined) return unknownFact(id, 'no-record');
  const { at, source: from, minutes } = most;
  return { concept: id, state: 'known', value: minutes as number, unit: 'min', from: [from], notes: [], at };
}

function episodeFact(id: FactId, value: boolean, { source, at }: Episode): Fact {
  return { concept: id, state: 'known', value, from: [source], notes: [], at };
}

/** Days since the oldest of the newest results; unknown while one of them was never recorded. Resolution 26. */
function checkedDays(id: FactId, groups: readonly (readonly string[])[], source: FactSource): Fact {
  const newest = groups.map((concepts) =>
    concepts
      .flatMap((concept) => source.readings(concept).filter(({ value }) => value !== undefined))
      .reduce<Date | undefined>((a, { at }) => (a === undefined || at > a ? at : a), undefined),
  );
  if (newest.includes(undefined)) return unknownFact(id, 'no-record');
  const oldest = new Date(Math.min(...newest.map(Number)));
  return {
    concept: id,
    state: 'known',
    value: daysBetween(oldest, source.now),
    unit: 'd',
    decimals: 0,
    from: [],
    notes: [],
    at: oldest,
  };
}

const ELECTROLYTES = [
  ['potassium-serum', 'potassium-blood'],
  ['magnesium-serum'],
  ['calcium-total-serum', 'calcium-ionized', 'calcium-corrected-serum'],
];
const KIDNEY = [['creatinine-serum', 'egfr-reported', 'egfr-cystatin']];

/** Sleep answered "not disturbed" twice in a row. Source: dy-night-cramps, Clears when. */
const sleepDeniedTwice: Former = (source) => {
  const id = 'sleep-denied-twice';
  const words = wordsAbout(source, 'sleep-disturbance-by-cramps').slice(-2);
  if (words.length < 2) return unknownFact(id, 'needs', { missing: ['sleep-disturbance-by-cramps'] });
  const value = words.every(({ says, notes }) => says !== 'present' && !notes.includes('in-progress'));
  const from = words.map((word) => word.source).sort();
  return { concept: id, state: 'known', value, from, notes: [] };
};

/** Facts of the diary rules, by id. */
export const DIARY: readonly (readonly [string, Former])[] = [
  ['diary-entries', diaryEntries],
  ['cramp-week-now', (source) => meanFact('cramp-week-now', 'now', cramps, source)],
  ['cramp-week-before', (source) => meanFact('cramp-week-before', 'before', cramps, source)],
  ['cramp-intensity-now', (source) => meanFact('cramp-intensity-now', 'now', worst, source)],
  ['cramp-intensity-before', (source) => meanFact('cramp-intensity-before', 'before', worst, source)],
  ['cramp-nights-mean', (source) => meanFact('cramp-nights-mean', 'now', nights, source, 0)],
  ['cramp-worsening', crampWorsening],
  ['cramp-improving', crampImproving],
  ['cramps-not-more', crampsNotMore],
  ['cramp-week-ratio', crampWeekRatio],
  ['exercise-cramp', exerciseCramp],
  [
    'exercise-cramp-absent-28d',
    (source) =>
      absentFor('exercise-cramp-absent-28d', ['exercise-associated-muscle-cramp'], WINDOW_DAYS, source),
  ],
  ['night-cramp', nightCramp],
  ['cramp-early-morning', crampEarlyMorning],
  ['sleep-denied-twice', sleepDeniedTwice],
  ['cramp-longest-minutes', (source) => longest('cramp-longest-minutes', source, false)],
  ['severe-cramp-minutes', (source) => longest('severe-cramp-minutes', source, true)],
  ['electrolytes-checked-days', (source) => checkedDays('electrolytes-checked-days', ELECTROLYTES, source)],
  ['kidney-checked-days', (source) => checkedDays('kidney-checked-days', KIDNEY, source)],
  ...DIARY_PATTERN,
];
