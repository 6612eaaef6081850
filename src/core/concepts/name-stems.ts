/**
 * Which analyte a code that is in no concept may be about, by the name it goes by.
 *
 * Why: a feed that changes its codes makes rules fall silent without a fault anywhere. A name is never evidence
 * about a patient; it is only good enough to tell a person to look.
 */
import type { ConceptId } from './concept.ts';
import type { ConceptFile } from './concept-file.ts';

export type NameStems = ReadonlyMap<string, readonly ConceptId[]>;

/** Words that many analytes share say nothing. */
const SHORTEST_STEM = 4; // letters: tsh and crp are found by the names of their codes
const SAYS_NOTHING = new Set(['body', 'blood', 'urine', 'total', 'free', 'ratio', 'local', 'rate', 'output']);

/** First words of the names of measured concepts and of their codes, in small letters. */
export function nameStemsOf(files: readonly ConceptFile[]): NameStems {
  const stems = new Map<string, ConceptId[]>();
  for (const { id, unit, codes } of files) {
    if (unit === undefined) continue;
    const names = [id, ...(codes ?? []).map(({ display }) => display)];
    for (const stem of new Set(names.flatMap((name) => wordsOf(name).slice(0, 1))))
      stems.set(stem, [...(stems.get(stem) ?? []), id]);
  }
  return stems;
}

/** Measured concepts that this name may mean. */
export function namedLike(stems: NameStems, name: string): readonly ConceptId[] {
  return [...new Set(wordsOf(name).flatMap((word) => stems.get(word) ?? []))];
}

function wordsOf(name: string): string[] {
  return name
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word.length >= SHORTEST_STEM && !SAYS_NOTHING.has(word));
}
