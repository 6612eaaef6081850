/**
 * The cramp diary as its answers: weeks and single cramps.
 *
 * A response counts once per authored day; a later one of the same day replaces it. Source: wider rules F;
 * care-plan blocks 3.1.
 */
import type { Quantity, QuestionnaireResponseItem } from '@medplum/fhirtypes';
import { DAY, localDay, readInstant } from '../../vocabulary/instant.ts';
import { oncePer } from '../../vocabulary/remembered.ts';
import type { ConceptId } from '../concepts/concept.ts';
import { itemsOf } from './assertions.ts';
import type { FactSource } from './fact-source.ts';

/** What one cramp was like. */
export interface Episode {
  /** When it began; the time of the form when nobody said. */
  readonly at: Date;
  /** The start was given to the minute. */
  readonly timed: boolean;
  readonly timing?: string;
  readonly intensity?: number;
  readonly minutes?: number;
  readonly triggers: readonly string[];
  readonly source: string;
}

/** One week as one form told it. */
export interface DiaryWeek {
  readonly at: Date;
  readonly source: string;
  /** Cramps in the week; the larger of frequency and nights when they contradict each other. */
  readonly cramps?: number;
  readonly nights?: number;
  readonly worst?: number;
  readonly notes: readonly string[];
  /** Unfinished, or the counts contradict each other: may raise and never clears. */
  readonly raisesOnly: boolean;
}

export interface Diary {
  /** Oldest first, one per day. */
  readonly weeks: readonly DiaryWeek[];
  /** Oldest first. */
  readonly episodes: readonly Episode[];
}

/** Read once per evaluation. */
export const diaryOf = oncePer(readDiary);

function readDiary(source: FactSource): Diary {
  const weeks = new Map<string, DiaryWeek>();
  const episodes: Episode[] = [];
  const zone = source.settings.homeTimeZone;
  const forms = source
    .resources('QuestionnaireResponse')
    .filter(({ status }) => ['completed', 'amended', 'in-progress'].includes(status ?? ''))
    .flatMap((form) => {
      const at = readInstant(form.authored ?? form.meta?.lastUpdated, zone)?.at;
      const items = itemsOf(form.item);
      const isDiary = items.some(({ linkId }) => linkId?.startsWith('diary.'));
      return at === undefined || at > source.now || !isDiary ? [] : [{ form, at, items }];
    })
    .sort((a, b) => a.at.getTime() - b.at.getTime());
  const replaced = new Map(forms.map(({ form, at }) => [localDay(at, zone).join('-'), form.id]));
  for (const { form, at, items } of forms) {
    const day = localDay(at, zone).join('-');
    if (replaced.get(day) !== form.id) continue;
    const reference = `QuestionnaireResponse/${form.id}`;
    const cramps = items
      .filter(({ linkId }) => linkId === 'diary.episode')
      .map((item) => episodeOf(item, at, reference, zone));
    episodes.push(...cramps);
    weeks.set(
      day,
      weekOf(items, cramps, { at, source: reference, unfinished: form.status === 'in-progress' }),
    );
  }
  for (const week of countedElsewhere(source)) {
    const day = localDay(week.at, zone).join('-');
    if (!weeks.has(day)) weeks.set(day, week);
  }
  episodes.push(...observedCramps(source));
  return {
    weeks: [...weeks.values()].sort((a, b) => a.at.getTime() - b.at.getTime()),
    episodes: episodes.sort((a, b) => a.at.getTime() - b.at.getTime()),
  };
}

function weekOf(
  items: readonly QuestionnaireResponseItem[],
  cramps: readonly Episode[],
  { at, source, unfinished }: { at: Date; source: string; unfinished: boolean },
): DiaryWeek {
  const frequency = integerOf(items, 'diary.frequency');
  const nights = integerOf(items, 'diary.nights');
  const worst = integerOf(items, 'diary.worst') ?? highest(cramps.map(({ intensity }) => intensity));
  const inWeek = cramps.filter((cramp) => at.getTime() - cramp.at.getTime() <= 7 * DAY).length;
  const counted = frequency ?? (inWeek > 0 ? inWeek : undefined);
  const conflict = counted !== undefined && nights !== undefined && nights > counted;
  const count = conflict ? nights : counted;
  const notes = [
    ...(unfinished ? ['in-progress'] : []),
    ...(conflict ? ['conflict'] : []),
    ...(frequency === undefined && counted !== undefined ? ['counted-from-episodes'] : []),
  ];
  return {
    at,
    source,
    ...(count === undefined ? {} : { cramps: count }),
    ...(nights === undefined ? {} : { nights }),
    ...(worst === undefined ? {} : { worst }),
    notes,
    raisesOnly: notes.length > 0,
  };
}

function episodeOf(item: QuestionnaireResponseItem, asked: Date, source: string, zone: string): Episode {
  const parts = itemsOf(item.item);
  const when = answerOf(parts, 'diary.episode.when');
  const read = readInstant(when?.valueDateTime ?? when?.valueDate, zone);
  const timing = answerOf(parts, 'diary.episode.timing')?.valueCoding?.code;
  const intensity = integerOf(parts, 'diary.episode.intensity');
  const minutes = minutesOf(answerOf(parts, 'diary.episode.duration')?.valueQuantity);
  const triggers = parts
    .filter(({ linkId }) => linkId === 'diary.episode.trigger')
    .flatMap(({ answer }) => answer ?? [])
    .flatMap(({ valueCoding }) => valueCoding?.code ?? []);
  return {
    at: read?.at ?? asked,
    timed: read?.precision === 'time',
    ...(timing === undefined ? {} : { timing }),
    ...(intensity === undefined ? {} : { intensity }),
    ...(minutes === undefined ? {} : { minutes }),
    triggers,
    source,
  };
}

/** Weekly counts that arrive as Observations. */
function countedElsewhere(source: FactSource): DiaryWeek[] {
  const counts = (concept: ConceptId, as: 'nights' | 'cramps' | 'worst') =>
    source
      .assertions(concept)
      .filter(({ by, count, at }) => by === 'observation' && count !== undefined && at <= source.now)
      .map(({ at, source: from, count, notes }) => ({
        at,
        source: from,
        [as]: count as number,
        notes,
        raisesOnly: notes.length > 0,
      }));
  const parts = [
    ...counts('cramp-night-count-per-week', 'nights'),
    ...counts('cramp-frequency-per-week', 'cramps'),
    ...counts('cramp-intensity', 'worst'),
  ];
  const byDay = Map.groupBy(parts, ({ at }) => localDay(at, source.settings.homeTimeZone).join('-'));
  return [...byDay.values()].map((ofDay) => Object.assign({}, ...ofDay) as DiaryWeek);
}

const SAME_CRAMP = DAY; // intensity and duration observed within a day are of one cramp; local convention

/** A cramp whose duration or timing was observed outside the diary. */
function observedCramps(source: FactSource): Episode[] {
  const durations = source.observations('cramp-duration');
  const found = new Set([...durations, ...source.observations('cramp-timing')]);
  const intensities = source.assertions('cramp-intensity').filter(({ count }) => count !== undefined);
  return source.resources('Observation').flatMap((observation): Episode[] => {
    if (!found.has(observation)) return [];
    const isDuration = durations.includes(observation);
    const at = readInstant(observation.effectiveDateTime, source.settings.homeTimeZone)?.at;
    if (
      at === undefined ||
      at > source.now ||
      !['final', 'amended', 'corrected'].includes(observation.status ?? '')
    )
      return [];
    const timing = isDuration ? undefined : observation.valueCodeableConcept?.coding?.[0]?.code;
    const minutes = isDuration ? minutesOf(observation.valueQuantity) : undefined;
    const intensity = intensities.findLast(
      (one) => Math.abs(one.at.getTime() - at.getTime()) <= SAME_CRAMP,
    )?.count;
    return [
      {
        at,
        timed: false,
        ...(timing === undefined ? {} : { timing }),
        ...(minutes === undefined ? {} : { minutes }),
        ...(intensity === undefined ? {} : { intensity }),
        triggers: [],
        source: `Observation/${observation.id}`,
      },
    ];
  });
}

/** Minutes in each unit of time; arithmetic. */
const MINUTES: Readonly<Record<string, number>> = {
  s: 1 / 60,
  sec: 1 / 60,
  min: 1,
  h: 60,
  hours: 60,
  hour: 60,
};

/** Minutes of a duration; undefined without a unit of time. */
export function minutesOf(quantity: Quantity | undefined): number | undefined {
  const factor = MINUTES[quantity?.code ?? ''] ?? MINUTES[quantity?.unit ?? ''];
  return quantity?.value === undefined || factor === undefined ? undefined : quantity.value * factor;
}

function answerOf(items: readonly QuestionnaireResponseItem[], linkId: string) {
  return items.find((item) => item.linkId === linkId)?.answer?.[0];
}

/** A whole number; numbers sent as text are never guessed. */
function integerOf(items: readonly QuestionnaireResponseItem[], linkId: string): number | undefined {
  const answer = answerOf(items, linkId);
  return answer?.valueInteger ?? answer?.valueDecimal;
}

function highest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
