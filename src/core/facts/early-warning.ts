/**
 * The adult early-warning score as a lower bound: what was measured, and nothing for what was not.
 *
 * Source: Royal College of Physicians, National Early Warning Score (NEWS) 2, 2017, reproduced with
 * acknowledgement; wider rules A.3. Reading it with missing parameters is this project's own use and no
 * official score. Oxygen given has no concept yet and scores nothing. Not used in pregnancy.
 */
import { DAY, daysBetween, HOUR } from '../../vocabulary/instant.ts';
import type { ConceptId } from '../concepts/concept.ts';
import { anyPart, atLeast, over, type Part, present, under } from './counts.ts';
import { type Fact, type FactId, isAbove, isEqual, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import type { Reading } from './reading.ts';

const WINDOW = 6 * HOUR; // A.3
const NEWEST_WITHIN = DAY; // A.3
const CHRONIC_DAYS = 30; // in-sepsis-red-flags, "Not when"
const SETTLED_SCORE = 2; // in-sepsis-red-flags, "Clears when"
const SETTLED_APART = 12 * HOUR; // in-sepsis-red-flags, "Clears when"
const SETTLED_LOOKBACK = 2 * DAY; // long enough for two sets 12 h apart
const LACTATE_RAISED = 2.0; // mmol/L, in-sepsis-red-flags
const ONE_PARAMETER = 3; // points, the single-parameter alarm of NEWS2

type Band = readonly [upTo: number, points: number];

/** Values are rounded to the printed precision first; each band reaches up to its number. Source: NEWS2 2017. */
const MEASURED: readonly { concept: ConceptId; decimals: number; bands: readonly Band[] }[] = [
  {
    concept: 'respiratory-rate',
    decimals: 0,
    bands: [
      [8, 3],
      [11, 1],
      [20, 0],
      [24, 2],
      [Infinity, 3],
    ],
  },
  {
    concept: 'oxygen-saturation',
    decimals: 0,
    bands: [
      [91, 3],
      [93, 2],
      [95, 1],
      [Infinity, 0],
    ],
  },
  {
    concept: 'systolic-blood-pressure',
    decimals: 0,
    bands: [
      [90, 3],
      [100, 2],
      [110, 1],
      [219, 0],
      [Infinity, 3],
    ],
  },
  {
    concept: 'heart-rate',
    decimals: 0,
    bands: [
      [40, 3],
      [50, 1],
      [90, 0],
      [110, 1],
      [130, 2],
      [Infinity, 3],
    ],
  },
  {
    concept: 'body-temperature',
    decimals: 1,
    bands: [
      [35.0, 3],
      [36.0, 1],
      [38.0, 0],
      [39.0, 1],
      [Infinity, 2],
    ],
  },
];
const CONSCIOUSNESS = 'consciousness-level';
const PARAMETERS = MEASURED.length + 1;
const NOT_ALERT = new Set([
  'voice',
  'pain',
  'unresponsive',
  'decreased',
  'confused',
  'confusion',
  'v',
  'p',
  'u',
  'c',
]);

/** One parameter as it was seen once. */
interface Sign {
  readonly parameter: ConceptId;
  readonly points: number;
  readonly at: Date;
  readonly source: string;
  readonly preliminary: boolean;
}

/** Signs of the newest six hours: one per parameter. */
interface SignSet {
  readonly at: Date;
  readonly signs: readonly Sign[];
  readonly score: number;
}

/** Points of the newest six hours within a day: exact when all parameters are there, else "at least". */
export const news2Partial: Former = (source) => {
  const id = 'news2-partial';
  const set = newestSet(source);
  if (set === undefined) return notScored(id, source);
  const cited = citedBy(id, set.signs, set.at);
  return isComplete(set)
    ? { ...cited, state: 'known', value: set.score }
    : { ...cited, state: 'bounded', low: set.score };
};

/** One parameter alone scores 3. */
export const news2Any3: Former = (source) => {
  const id = 'news2-any-3';
  const set = newestSet(source);
  if (set === undefined) return notScored(id, source);
  const alarming = set.signs.filter(({ points }) => points >= ONE_PARAMETER);
  if (alarming.length > 0) return { ...citedBy(id, alarming, set.at), state: 'known', value: true };
  return isComplete(set)
    ? { ...citedBy(id, set.signs, set.at), state: 'known', value: false }
    : unknownFact(id, 'needs', { missing: missingFrom(set) });
};

/**
 * Every sign that scores has scored the same for more than 30 days, as with oxygen at home, and lactate is
 * not raised. False when one is newer, unknown when nothing scores.
 */
export const news2Chronic: Former = (source) => {
  const id = 'news2-chronic';
  const set = newestSet(source);
  const scoring = set?.signs.filter(({ points }) => points > 0) ?? [];
  if (set === undefined || scoring.length === 0) return notScored(id, source);
  const raised = isAbove(source.fact('lactate-24h'), LACTATE_RAISED) === 'true';
  const all = signsOf(source);
  const value = !raised && scoring.every((sign) => isUnchanged(sign, all, source.now));
  return { ...citedBy(id, scoring, set.at), state: 'known', value };
};

function isUnchanged(sign: Sign, all: readonly Sign[], now: Date): boolean {
  const own = all.filter(({ parameter }) => parameter === sign.parameter);
  const old = own.findLastIndex(({ at }) => daysBetween(at, now) > CHRONIC_DAYS);
  return old >= 0 && own.slice(old).every(({ points }) => points === sign.points);
}

/** Two complete sets of at most 2 points, 12 h apart or more, and none above between them or since. */
export const news2Settled: Former = (source) => {
  const id = 'news2-settled';
  const since = source.now.getTime() - SETTLED_LOOKBACK;
  const final = signsOf(source).filter(({ at, preliminary }) => at.getTime() >= since && !preliminary);
  const sets = onePerHour(final).map((at) => setEndingAt(at, final));
  const newest = sets.at(-1);
  if (newest === undefined || newestSet(source) === undefined) return notScored(id, source);
  const lastHigh = sets.findLastIndex(({ score }) => score > SETTLED_SCORE);
  const calm = sets.slice(lastHigh + 1).filter(isComplete);
  const [first, last] = [calm[0], calm.at(-1)];
  const apart = first && last ? last.at.getTime() - first.at.getTime() : 0;
  if (lastHigh === sets.length - 1)
    return { ...citedBy(id, newest.signs, newest.at), state: 'known', value: false };
  if (first === undefined || last === undefined || apart < SETTLED_APART)
    return unknownFact(id, 'needs', { missing: missingFrom(newest) });
  return { ...citedBy(id, [...first.signs, ...last.signs], last.at), state: 'known', value: true };
};

/** The last sign of each clock hour: sets are compared hourly, however often a monitor writes. */
function onePerHour(signs: readonly Sign[]): Date[] {
  const byHour = new Map(signs.map(({ at }) => [Math.floor(at.getTime() / HOUR), at]));
  return [...byHour.values()].sort((a, b) => a.getTime() - b.getTime());
}

function newestSet(source: FactSource): SignSet | undefined {
  if (isEqual(source.fact('pregnant'), true) === 'true') return undefined;
  const since = source.now.getTime() - NEWEST_WITHIN;
  const signs = signsOf(source).filter(({ at }) => at.getTime() >= since);
  const newest = signs.at(-1);
  return newest === undefined ? undefined : setEndingAt(newest.at, signs);
}

/** Of each parameter the newest in the six hours; of one moment the worst. */
function setEndingAt(at: Date, signs: readonly Sign[]): SignSet {
  const within = signs.filter((sign) => sign.at <= at && at.getTime() - sign.at.getTime() <= WINDOW);
  const byParameter = new Map<ConceptId, Sign>();
  for (const sign of within) {
    const held = byParameter.get(sign.parameter);
    if (held === undefined || sign.at > held.at || sign.points > held.points)
      byParameter.set(sign.parameter, sign);
  }
  const chosen = [...byParameter.values()];
  return { at, signs: chosen, score: chosen.reduce((sum, { points }) => sum + points, 0) };
}

/** Every sign of the chart, oldest first. A value without an hour, or beyond a limit (`>90`), gives none. */
function signsOf(source: FactSource): Sign[] {
  const measured = MEASURED.flatMap(({ concept, decimals, bands }) =>
    source.readings(concept).flatMap((reading) => {
      if (reading.value === undefined || reading.comparator !== undefined || !hasHour(reading)) return [];
      const shown = Math.round(reading.value * 10 ** decimals + 1e-9) / 10 ** decimals;
      return [signFrom(reading, concept, bands.find(([upTo]) => shown <= upTo)?.[1] ?? 0)];
    }),
  );
  const levels = source.readings(CONSCIOUSNESS).flatMap((reading) => {
    const word = String(reading.answer ?? '').toLowerCase();
    if (!hasHour(reading) || (word !== 'alert' && word !== 'a' && !NOT_ALERT.has(word))) return [];
    return [signFrom(reading, CONSCIOUSNESS, NOT_ALERT.has(word) ? ONE_PARAMETER : 0)];
  });
  const confused = source
    .assertions('confusion')
    .filter(({ says, at }) => says === 'present' && at <= source.now)
    .map(({ at, source: reference, notes }) => ({
      parameter: CONSCIOUSNESS,
      points: ONE_PARAMETER,
      at,
      source: reference,
      preliminary: notes.some((note) => note === 'preliminary' || note === 'suspected'),
    }));
  return [...measured, ...levels, ...confused].sort((a, b) => a.at.getTime() - b.at.getTime());
}

function hasHour({ notes, problem }: Reading): boolean {
  return problem === undefined && !notes.includes('date-only');
}

function signFrom(reading: Reading, parameter: ConceptId, points: number): Sign {
  const { at, source, status } = reading;
  return { parameter, points, at, source, preliminary: status === 'preliminary' };
}

function isComplete({ signs }: SignSet): boolean {
  return signs.length === PARAMETERS;
}

function missingFrom({ signs }: SignSet): ConceptId[] {
  const seen = signs.map(({ parameter }) => parameter);
  return [...MEASURED.map(({ concept }) => concept), CONSCIOUSNESS].filter((each) => !seen.includes(each));
}

function notScored(id: FactId, source: FactSource): Fact {
  return isEqual(source.fact('pregnant'), true) === 'true'
    ? unknownFact(id, 'not-applicable', { detail: 'the score is not used in pregnancy' })
    : unknownFact(id, 'no-record', { missing: MEASURED.map(({ concept }) => concept) });
}

/** A score that rests on a preliminary sign may raise and never clears. */
function citedBy(concept: FactId, signs: readonly Sign[], at: Date) {
  const doubtful = signs.some(({ preliminary, points }) => preliminary && points > 0);
  const from = [...new Set(signs.map(({ source }) => source))].sort();
  return {
    concept,
    from,
    at,
    notes: doubtful ? ['preliminary'] : [],
    ...(doubtful ? { raisesOnly: true as const } : {}),
  };
}

/** Lactate of the last 24 h, mmol/L: an older one says nothing about now. */
export const lactateNow: Former = (source) => {
  const lactate = source.fact('lactate');
  const old = lactate.at === undefined || source.now.getTime() - lactate.at.getTime() > NEWEST_WITHIN;
  return lactate.state !== 'unknown' && old
    ? unknownFact('lactate-24h', 'stale', { from: lactate.from, ...(lactate.at ? { at: lactate.at } : {}) })
    : { ...lactate, concept: 'lactate-24h' };
};

const IN_PREGNANCY = { systolicBelow: 90, pulseAbove: 120, breathingFrom: 25 }; // mm[Hg], /min, /min; in-sepsis-red-flags

/** A danger sign of a pregnant woman within 24 h, where the score is not used. */
export const pregnancyDangerSign: Former = (source) => {
  const lately = (part: Part): Part => ({
    fact: part.fact,
    holds: (fact) => {
      const old = fact.at === undefined || source.now.getTime() - fact.at.getTime() > NEWEST_WITHIN;
      return old ? 'unknown' : part.holds(fact);
    },
  });
  const signs = [
    under('systolic-blood-pressure', IN_PREGNANCY.systolicBelow),
    over('heart-rate', IN_PREGNANCY.pulseAbove),
    atLeast('respiratory-rate', IN_PREGNANCY.breathingFrom),
    present('confusion'),
  ];
  const id = 'pregnancy-danger-sign';
  const expecting = source.fact('pregnant');
  return isEqual(expecting, true) === 'true'
    ? anyPart(id, signs.map(lately), source)
    : { ...expecting, concept: id };
};

const SCORE_ALARM = 5; // NEWS2: urgent response; in-sepsis-red-flags

/** Infection with an alarming score or lactate: what fires in-sepsis-red-flags, for rules that ask for it. */
export const sepsisBranch: Former = (source) => {
  const id = 'sepsis-branch';
  const infection = anyPart(id, ['uti-likely', 'urosepsis-or-sepsis', 'fever'].map(present), source);
  if (isEqual(infection, true) !== 'true') return infection;
  const alarms = [
    atLeast('news2-partial', SCORE_ALARM),
    present('news2-any-3'),
    over('lactate-24h', LACTATE_RAISED),
  ];
  return anyPart(id, alarms, source);
};

export const EARLY_WARNING: readonly (readonly [FactId, Former])[] = [
  ['news2-partial', news2Partial],
  ['news2-any-3', news2Any3],
  ['news2-chronic', news2Chronic],
  ['news2-settled', news2Settled],
  ['lactate-24h', lactateNow],
  ['pregnancy-danger-sign', pregnancyDangerSign],
  ['sepsis-branch', sepsisBranch],
];
