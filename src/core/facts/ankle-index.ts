/**
 * Ankle-brachial index: lowest and highest of the latest study, per leg, after exercise, and what followed.
 *
 * Source: wider rules A.4; 2024 ACC/AHA multisociety guideline on peripheral artery disease.
 */
import type { CodeableConcept } from '@medplum/fhirtypes';
import { daysBetween, localDay, readInstant } from '../../vocabulary/instant.ts';
import type { ConceptId } from '../concepts/concept.ts';
import { type Fact, type FactId, isBelow, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import type { Reading } from './reading.ts';

export const ABI_DAYS = 730; // A.4 and K, abiValidDays
export const ABI_ABNORMAL = 0.9; // A.4 and K, abiAbnormal

type Side = 'left' | 'right' | 'unspecified';
/** Readings of one calendar day. */
interface Study {
  readonly day: string;
  readonly at: Date;
  readonly readings: readonly Reading[];
}

/** Lowest resting index of both legs on the latest study day. */
export const abi: Former = (source) => extreme('abi', 'ankle-brachial-index', lowest, source);
/** Highest resting index of that day. */
export const abiMax: Former = (source) => extreme('abi-max', 'ankle-brachial-index', highest, source);
export const abiLeft: Former = (source) =>
  extreme('abi-left', 'ankle-brachial-index', lowest, source, 'left');
export const abiRight: Former = (source) =>
  extreme('abi-right', 'ankle-brachial-index', lowest, source, 'right');
/** Lowest index after exercise, of a study not older than the resting one. */
export const abiExercise: Former = (source) => {
  const after = extreme('abi-exercise', 'ankle-brachial-index-exercise', lowest, source);
  const resting = source.fact('abi');
  return after.state !== 'unknown' && resting.at !== undefined && !isSameDayOrLater(after, resting, source)
    ? unknownFact('abi-exercise', 'stale', { from: after.from })
    : after;
};

/** The leg with the lowest index: `left`, `right`, `both`; unknown when no side is recorded. */
export const abiLowestSide: Former = (source) => {
  const id = 'abi-lowest-side';
  const [left, right] = [source.fact('abi-left'), source.fact('abi-right')];
  const low = source.fact('abi');
  if (low.state !== 'known') return unknownFact(id, 'needs', { missing: ['abi'] });
  const sides = [left, right].map((leg) => leg.state === 'known' && leg.value === low.value);
  const value = sides[0] ? (sides[1] ? 'both' : 'left') : sides[1] ? 'right' : undefined;
  return value === undefined
    ? unknownFact(id, 'no-value', { from: low.from })
    : { concept: id, state: 'known', value, from: low.from, notes: [], ...(low.at ? { at: low.at } : {}) };
};

type Pick = (values: readonly Reading[]) => Reading | undefined;
const lowest: Pick = (readings) => [...readings].sort((a, b) => roundedIndex(a) - roundedIndex(b))[0];
const highest: Pick = (readings) => [...readings].sort((a, b) => roundedIndex(b) - roundedIndex(a))[0];

/** Two decimals, half up: 0.904 is 0.90, 0.905 is 0.91. Source: A.4. */
function roundedIndex({ value }: Reading): number {
  return Math.round((value as number) * 100 + 1e-9) / 100;
}

function extreme(id: FactId, concept: ConceptId, pick: Pick, source: FactSource, side?: Side): Fact {
  const readings = source
    .readings(concept)
    .filter(({ at, problem }) => problem !== 'future-dated' && daysBetween(at, source.now) <= ABI_DAYS)
    .filter((reading) => side === undefined || [side, 'unspecified'].includes(sideOf(reading, source)));
  const final = latestStudy(
    readings.filter(({ status }) => status !== 'preliminary'),
    source,
  );
  const early = latestStudy(
    readings.filter(({ status }) => status === 'preliminary'),
    source,
  );
  const study = chosenStudy(final, early, pick);
  if (study === undefined) return notMeasured(id, concept, source);
  const reading = pick(usable(study));
  const [unreadable] = study.readings.filter(({ value }) => value === undefined);
  if (reading === undefined) {
    const { problem = 'no-value', detail, source: from, notes, at } = unreadable as Reading;
    return unknownFact(id, problem, { from: [from], notes, at, ...(detail ? { detail } : {}) });
  }
  return factFrom(id, reading, study, unreadable);
}

function factFrom(id: FactId, reading: Reading, study: Study, unreadable: Reading | undefined): Fact {
  const value = roundedIndex(reading);
  const preliminary = reading.status === 'preliminary';
  const cited = {
    concept: id,
    unit: '{ratio}',
    decimals: 2,
    from: [...new Set(study.readings.map(({ source }) => source))].sort(),
    notes: [...reading.notes, ...(unreadable?.notes ?? [])],
    at: reading.at,
    ...(preliminary ? { raisesOnly: true as const } : {}),
  };
  switch (reading.comparator) {
    case '<':
    case '<=':
      return { ...cited, state: 'bounded', high: value, ...(reading.comparator === '<' ? EXCLUSIVE : {}) };
    case '>':
    case '>=':
      return { ...cited, state: 'bounded', low: value, ...(reading.comparator === '>' ? EXCLUSIVE : {}) };
    default:
      return { ...cited, state: 'known', value };
  }
}

const EXCLUSIVE = { exclusive: true as const };

/** A preliminary study is used when it is newer and worse, or the only one. Source: foundations 1.1. */
function chosenStudy(final: Study | undefined, early: Study | undefined, pick: Pick): Study | undefined {
  if (final === undefined || early === undefined) return final ?? early;
  const [known, newer] = [pick(usable(final)), pick(usable(early))];
  if (early.at <= final.at || newer === undefined) return final;
  return known === undefined || pick([known, newer]) === newer ? early : final;
}

function usable({ readings }: Study): Reading[] {
  return readings.filter(({ value }) => value !== undefined);
}

function latestStudy(readings: readonly Reading[], source: FactSource): Study | undefined {
  const newest = readings.at(-1);
  if (newest === undefined) return undefined;
  const day = dayOf(newest.at, source);
  return { day, at: newest.at, readings: readings.filter(({ at }) => dayOf(at, source) === day) };
}

function dayOf(at: Date, { settings }: FactSource): string {
  return localDay(at, settings.homeTimeZone)
    .map((part) => String(part).padStart(2, '0'))
    .join('-');
}

function notMeasured(id: FactId, concept: ConceptId, source: FactSource): Fact {
  const last = source.readings(concept).findLast(({ problem }) => problem !== 'future-dated');
  return last === undefined
    ? unknownFact(id, 'no-record', { missing: [concept] })
    : unknownFact(id, 'stale', { at: last.at, from: [last.source] });
}

const SIDE_CODES: ReadonlyMap<string, Side> = new Map([
  ['32153003', 'left'], // SNOMED CT: structure of left lower limb
  ['62175007', 'right'], // SNOMED CT: structure of right lower limb
  ['7771000', 'left'], // SNOMED CT: left (qualifier)
  ['24028007', 'right'], // SNOMED CT: right (qualifier)
]);

/** By code of the body site, else by the word in its text; a side that nobody says counts for both legs. */
function sideOf(reading: Reading, source: FactSource): Side {
  const resource = source.chart.byReference.get(reading.source);
  if (resource?.resourceType !== 'Observation') return 'unspecified';
  const sites = [resource.bodySite, resource.code].filter((site) => site !== undefined);
  return sites.map(sideIn).find((side) => side !== 'unspecified') ?? 'unspecified';
}

function sideIn({ coding = [], text }: CodeableConcept): Side {
  const byCode = coding.map(({ code }) => SIDE_CODES.get(code ?? '')).find((side) => side !== undefined);
  const words = [text, ...coding.map(({ display }) => display)].join(' ').toLowerCase();
  const [left, right] = [/\bleft\b/.test(words), /\bright\b/.test(words)];
  return byCode ?? (left === right ? 'unspecified' : left ? 'left' : 'right');
}

/** Fall from the resting to the exercise index of the same leg, in percent of the resting one; the larger of both legs. */
export const abiExerciseFall: Former = (source) => {
  const id = 'abi-exercise-fall';
  const after = source.fact('abi-exercise');
  if (after.state !== 'known') return unknownFact(id, 'needs', { missing: ['abi-exercise'] });
  const falls = (['left', 'right'] as const).flatMap((side) => {
    const [rest, exercise] = ['ankle-brachial-index', 'ankle-brachial-index-exercise'].map((concept) =>
      extreme(id, concept, lowest, source, side),
    );
    if (rest?.state !== 'known' || exercise?.state !== 'known' || Number(rest.value) === 0) return [];
    const percent = (100 * (Number(rest.value) - Number(exercise.value))) / Number(rest.value);
    return [{ percent: Math.round(percent * 1e6) / 1e6, from: [...rest.from, ...exercise.from] }];
  });
  const [largest] = falls.sort((a, b) => b.percent - a.percent);
  if (largest === undefined) return unknownFact(id, 'needs', { missing: ['abi'] });
  const from = [...new Set(largest.from)].sort();
  const { notes, at, raisesOnly } = after;
  const cited = {
    concept: id,
    unit: '%',
    from,
    notes,
    ...(at ? { at } : {}),
    ...(raisesOnly ? { raisesOnly } : {}),
  };
  return { ...cited, state: 'known', value: largest.percent };
};

/** Newest toe-brachial index on or after the day of the ankle index. */
export const toeIndexSinceAbi: Former = (source) => {
  const id = 'toe-index-since-abi';
  const toe = extreme(id, 'toe-brachial-index', lowest, source);
  const ankle = source.fact('abi-max');
  if (toe.state === 'unknown') return toe;
  return ankle.at === undefined || isSameDayOrLater(toe, ankle, source)
    ? toe
    : unknownFact(id, 'stale', { from: toe.from });
};

function isSameDayOrLater(fact: Fact, than: Fact, source: FactSource): boolean {
  if (fact.at === undefined || than.at === undefined) return false;
  return fact.at >= than.at || dayOf(fact.at, source) === dayOf(than.at, source);
}

/** Any final resting index of 0.90 or below, ever; true or unknown. */
export const abiLowEver: Former = (source) => {
  const id = 'abi-low-ever';
  const low = source
    .readings('ankle-brachial-index')
    .filter(
      (reading) =>
        reading.value !== undefined &&
        reading.status !== 'preliminary' &&
        reading.comparator !== '>' &&
        reading.comparator !== '>=' &&
        roundedIndex(reading) <= ABI_ABNORMAL &&
        reading.at <= source.now,
    );
  const newest = low.at(-1);
  if (newest === undefined) return unknownFact(id, 'no-record');
  const from = [...new Set(low.map((reading) => reading.source))].sort();
  return { concept: id, state: 'known', value: true, from, notes: [], at: newest.at };
};

/** An index of the leg arteries asked for within 14 days; two-valued. Source: va-claudication-check-abi. */
export const abiOrdered: Former = (source) => {
  const isLately = (at?: Date) => at !== undefined && daysBetween(at, source.now) <= ORDERED_DAYS;
  const ordered = source.resources('ServiceRequest').flatMap((resource) => {
    if (resource.status !== 'active') return [];
    const codes = resource.code?.coding ?? [];
    const asks = codes.some(({ system, code }) =>
      source.concepts.memberships(system, code).some(({ concept }) => concept === 'ankle-brachial-index'),
    );
    const authored = readInstant(resource.authoredOn, source.settings.homeTimeZone)?.at;
    const isOrder = resource.intent !== 'proposal' && resource.intent !== 'plan';
    return asks && isOrder && isLately(authored) ? [`ServiceRequest/${resource.id}`] : [];
  });
  return { concept: 'abi-ordered', state: 'known', value: ordered.length > 0, from: ordered, notes: [] };
};
const ORDERED_DAYS = 14; // va-claudication-check-abi, "Not when"

/** Both legs between the limits: 1.00 to 1.40, in a study with both sides or none named. */
export const abiNormal: Former = (source) => {
  const [low, high] = [source.fact('abi'), source.fact('abi-max')];
  const id = 'abi-normal';
  if (low.state !== 'known' || high.state !== 'known') return unknownFact(id, 'needs', { missing: ['abi'] });
  const value = isBelow(low, 1.0) === 'false' && Number(high.value) <= 1.4; // va-abi-low, "Clears when"
  const { from, notes, at, raisesOnly } = low;
  const cited = { concept: id, from, notes, ...(at ? { at } : {}), ...(raisesOnly ? { raisesOnly } : {}) };
  return { ...cited, state: 'known', value };
};

export const ANKLE_INDEX: readonly (readonly [FactId, Former])[] = [
  ['abi', abi],
  ['abi-max', abiMax],
  ['abi-left', abiLeft],
  ['abi-right', abiRight],
  ['abi-lowest-side', abiLowestSide],
  ['abi-exercise', abiExercise],
  ['abi-exercise-fall', abiExerciseFall],
  ['abi-low-ever', abiLowEver],
  ['abi-normal', abiNormal],
  ['abi-ordered', abiOrdered],
  ['toe-index-since-abi', toeIndexSinceAbi],
];
