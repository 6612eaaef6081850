/**
 * What was reported inside a window of a rule's own, and whether it is over.
 *
 * Why: a symptom holds for the time of foundations 1.7; where a rule names another window, the rule's holds.
 * Source: clinical foundations 1.7; wider rules, conventions.
 */
import { daysBetween, HOUR } from '../../vocabulary/instant.ts';
import { anyOf, type Truth } from '../../vocabulary/truth.ts';
import type { ConceptId } from '../concepts/concept.ts';
import type { Assertion } from './assertions.ts';
import { type Fact, type FactId, unknownFact } from './fact.ts';
import type { FactSource } from './fact-source.ts';
import type { Reading } from './reading.ts';

const CLOCK_SKEW = HOUR / 6; // ten minutes, foundations 1.3
const DOUBTFUL = ['suspected', 'preliminary', 'in-progress'];

/** Yes and no words about one symptom, oldest first, none from the future. */
export function wordsAbout(source: FactSource, concept: ConceptId): readonly Assertion[] {
  const until = source.now.getTime() + CLOCK_SKEW;
  return source.assertions(concept).filter(({ says, at }) => says !== 'unclear' && at.getTime() <= until);
}

/** Was any of these reported within so many days? The newest word on each counts; false when all are "no". */
export function reportedWithin(
  id: FactId,
  concepts: readonly ConceptId[],
  days: number,
  source: FactSource,
): Fact {
  const newest = concepts.map((concept) =>
    wordsAbout(source, concept).findLast(({ at }) => daysBetween(at, source.now) <= days),
  );
  const truth = anyOf(newest.map(truthOfWord));
  if (truth === 'unknown') return unknownFact(id, 'no-record', { missing: concepts });
  const deciding = newest.filter((word) => word !== undefined && truthOfWord(word) === truth) as Assertion[];
  return saidBy(id, truth === 'true', deciding);
}

/**
 * Is everything of these that was reported within so many days now answered "no"?
 * Unknown when nothing was reported; false while one of them still stands.
 */
export function isOver(id: FactId, concepts: readonly ConceptId[], days: number, source: FactSource): Fact {
  const reported = concepts
    .map((concept) => wordsAbout(source, concept).filter(({ at }) => daysBetween(at, source.now) <= days))
    .filter((words) => words.some(({ says }) => says === 'present'));
  const newest = reported.map((words) => words.at(-1) as Assertion);
  if (newest.length === 0) return unknownFact(id, 'no-record', { missing: concepts });
  const standing = newest.filter(({ says }) => says === 'present');
  return saidBy(id, standing.length === 0, standing.length === 0 ? newest : standing);
}

/** No "yes" on any of these for so many days, and the latest answer on each that was asked is "no". Resolution 5. */
export function absentFor(
  id: FactId,
  concepts: readonly ConceptId[],
  days: number,
  source: FactSource,
): Fact {
  const words = concepts.flatMap((concept) => wordsAbout(source, concept).slice(-1));
  const stillThere = concepts.flatMap((concept) =>
    wordsAbout(source, concept).filter(
      ({ says, at }) => says === 'present' && daysBetween(at, source.now) < days,
    ),
  );
  if (stillThere.length > 0) return saidBy(id, false, stillThere);
  const fresh = words.filter(({ at }) => daysBetween(at, source.now) <= days);
  if (fresh.length === 0) return unknownFact(id, 'no-record', { missing: concepts });
  return saidBy(id, true, fresh);
}

/** The newest usable number of a measured concept within so many days: not preliminary, no bound. */
export function newestNumber(
  source: FactSource,
  concept: ConceptId,
  days: number,
): (Reading & { readonly value: number }) | undefined {
  return source
    .readings(concept)
    .filter(isPlainNumber)
    .findLast(({ at }) => daysBetween(at, source.now) <= days);
}

export function isPlainNumber(reading: Reading): reading is Reading & { readonly value: number } {
  return reading.value !== undefined && reading.comparator === undefined && reading.problem === undefined;
}

/** Days since the newest reading with a value, a bound included; unknown when there never was one. */
export function daysSince(id: FactId, concept: ConceptId, source: FactSource): Fact {
  const last = source.readings(concept).findLast(({ value }) => value !== undefined);
  if (last === undefined) return unknownFact(id, 'no-record', { missing: [concept] });
  return daysFact(id, last.at, [last.source], source);
}

/** Days from a moment to now, with fraction. */
export function daysFact(id: FactId, at: Date, from: readonly string[], source: FactSource): Fact {
  const value = daysBetween(at, source.now);
  return { concept: id, state: 'known', value, unit: 'd', decimals: 0, from, notes: [], at };
}

function truthOfWord(word: Assertion | undefined): Truth {
  if (word === undefined) return 'unknown';
  return word.says === 'present' ? 'true' : 'false';
}

function saidBy(id: FactId, value: boolean, words: readonly Assertion[]): Fact {
  const newest = words.reduce((a, b) => (b.at > a.at ? b : a));
  const doubtful = words.every(({ notes }) => notes.some((note) => DOUBTFUL.includes(note)));
  return {
    concept: id,
    state: 'known',
    value,
    from: [...new Set(words.map(({ source }) => source))].sort(),
    notes: doubtful ? [...new Set(words.flatMap(({ notes }) => notes))] : [],
    at: newest.at,
    ...(doubtful ? { raisesOnly: true as const } : {}),
  };
}
