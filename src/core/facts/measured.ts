/**
 * The latest value of a measured concept, chosen between readings.
 *
 * Why: duplicates, corrections, preliminary and conflicting results are settled here once, so that a
 * rule sees one number, a bound, or why there is none.
 * Source: clinical foundations 1.1, 1.2 and 1.4.
 */
import { DAY } from '../../vocabulary/instant.ts';
import type { Concept } from '../concepts/concept.ts';
import { type Fact, type FactId, type KnownFact, type Note, noRecord, unknownFact } from './fact.ts';
import { type Reading, statusRank } from './reading.ts';

/** Haemolysis makes these falsely high: what is measured is an upper bound. Source: foundations 1.2. */
const RAISED_BY_HAEMOLYSIS = new Set(['potassium-serum', 'phosphate-serum', 'magnesium-serum', 'ck-serum']);

/**
 * The latest value as a fact.
 *
 * @param readings of one concept, any order.
 * @param lookbackDays older readings answer nothing: unknown, `stale`.
 * @returns known, or bounded for a comparator or a haemolysed sample, or unknown with its reason. An
 *   implausible or unreadable latest value is not replaced by an older one.
 */
export function latestValue(
  readings: readonly Reading[],
  concept: Concept,
  now: Date,
  lookbackDays: number,
  id: FactId = concept.id,
): Fact<number> {
  if (readings.length === 0) return noRecord(id);
  const usable = readings.filter(
    (reading) => reading.problem !== 'future-dated' && reading.problem !== 'no-value',
  );
  const recent = usable.filter((reading) => reading.at.getTime() >= now.getTime() - lookbackDays * DAY);
  if (recent.length === 0) return noValue(id, readings, usable);

  const final = latestOf(
    recent.filter((reading) => reading.status !== 'preliminary'),
    concept,
  );
  const preliminary = latestOf(
    recent.filter((reading) => reading.status === 'preliminary'),
    concept,
  );
  const chosen = choose(final, preliminary, concept);
  return factFrom(chosen, concept, id);
}

/** One chosen reading with the others that say the same, or a conflict between two. */
export interface Chosen {
  readonly reading: Reading;
  readonly sources: readonly string[];
  readonly conflict: boolean;
}

/** The newest reading; readings of the same time are settled by status, laboratory, issued. */
export function latestOf(readings: readonly Reading[], concept: Concept): Chosen | undefined {
  const newest = Math.max(...readings.map((reading) => reading.at.getTime()));
  const [first, ...others] = readings.filter((reading) => reading.at.getTime() === newest).sort(bestFirst);
  if (first === undefined) return undefined;
  const agreeing = others.filter((other) => sameValue(first, other, concept));
  const sources = [first, ...agreeing].map((reading) => reading.source).sort();
  const rival = others.find((other) => !sameValue(first, other, concept) && rank(other) === rank(first));
  if (rival === undefined) return { reading: first, sources: unique(sources), conflict: false };
  const [worse] = [first, rival].sort((a, b) => abnormality(b, concept) - abnormality(a, concept));
  return { reading: worse ?? first, sources: unique([...sources, rival.source].sort()), conflict: true };
}

/** A preliminary value is used when it is newer and worse; it may raise and never clears. */
function choose(
  final: Chosen | undefined,
  preliminary: Chosen | undefined,
  concept: Concept,
): Chosen | undefined {
  if (final === undefined || preliminary === undefined) return final ?? preliminary;
  const newer = preliminary.reading.at > final.reading.at;
  return newer && abnormality(preliminary.reading, concept) > abnormality(final.reading, concept)
    ? preliminary
    : final;
}

/** How far outside its reference range, as a share of the limit; 0 inside. */
export function abnormality(reading: Reading, concept: Concept): number {
  const { low, high } = concept.reference ?? {};
  const value = reading.value;
  if (value === undefined) return 0;
  if (low !== undefined && value < low) return (low - value) / low;
  return high !== undefined && value > high ? (value - high) / high : 0;
}

export function factFrom(chosen: Chosen | undefined, concept: Concept, id: FactId): Fact<number> {
  if (chosen === undefined) return unknownFact(id, 'no-record');
  const { reading, sources, conflict } = chosen;
  const notes: Note[] = [...reading.notes];
  if (conflict) notes.push('conflict');
  if (reading.haemolysed === 'true') notes.push('haemolysed');
  const cited = {
    concept: id,
    from: sources,
    notes,
    at: reading.at,
    ...(concept.unit ? { unit: concept.unit } : {}),
    ...(concept.decimals === undefined ? {} : { decimals: concept.decimals }),
  };
  if (reading.problem !== undefined || reading.value === undefined) {
    const detail = reading.detail === undefined ? {} : { detail: reading.detail };
    return unknownFact(id, reading.problem ?? 'no-value', { ...cited, ...detail });
  }
  const doubt = conflict || reading.status === 'preliminary' ? { raisesOnly: true as const } : {};
  return { ...cited, ...doubt, ...measuredValue(reading, concept) };
}

type Measured =
  | Pick<KnownFact<number>, 'state' | 'value'>
  | { state: 'bounded'; low?: number; high?: number; exclusive?: true };

function measuredValue(reading: Reading, concept: Concept): Measured {
  const value = reading.value as number;
  switch (reading.comparator) {
    case '<':
      return { state: 'bounded', high: value, exclusive: true };
    case '<=':
      return { state: 'bounded', high: value };
    case '>':
      return { state: 'bounded', low: value, exclusive: true };
    case '>=':
      return { state: 'bounded', low: value };
    default:
      if (reading.haemolysed === 'true' && RAISED_BY_HAEMOLYSIS.has(concept.id))
        return { state: 'bounded', high: value };
      return { state: 'known', value };
  }
}

function noValue(id: FactId, readings: readonly Reading[], usable: readonly Reading[]): Fact<number> {
  const [last] = [...usable].sort((a, b) => b.at.getTime() - a.at.getTime());
  if (last !== undefined) return unknownFact(id, 'stale', { at: last.at, from: [last.source] });
  const [attempt] = readings;
  if (attempt === undefined) return unknownFact(id, 'no-record');
  return unknownFact(id, attempt.problem ?? 'no-value', {
    from: [attempt.source],
    notes: attempt.notes,
    at: attempt.at,
  });
}

function bestFirst(a: Reading, b: Reading): number {
  return (
    statusRank(b.status) - statusRank(a.status) ||
    Number(a.pointOfCare) - Number(b.pointOfCare) ||
    b.issued - a.issued ||
    (a.source < b.source ? -1 : 1)
  );
}

function rank(reading: Reading): string {
  return `${statusRank(reading.status)}|${reading.pointOfCare}|${reading.issued}`;
}

/** Equal within one unit of the last digit kept. */
function sameValue(a: Reading, b: Reading, concept: Concept): boolean {
  if (a.value === undefined || b.value === undefined) return a.problem === b.problem && a.value === b.value;
  return (
    a.comparator === b.comparator && Math.abs(a.value - b.value) <= 10 ** -(concept.decimals ?? 0) + 1e-9
  );
}

function unique<T>(items: readonly T[]): T[] {
  return [...new Set(items)];
}
