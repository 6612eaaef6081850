/**
 * Medicines in free text: by exact ingredient or fixed brand name, as whole words.
 *
 * Why so strict: real names are traps. "moxi" is in amoxicillin; potassium is only the salt in losartan
 * potassium, magnesium in esomeprazole magnesium. So a salt never matches, and a mineral only as the
 * first word of a component ("potassium chloride 600 mg").
 */
import { type Parents, withParents } from './code-index.ts';
import type { Membership } from './concept.ts';
import type { ConceptFile, Ingredient } from './concept-file.ts';

interface Word {
  /** Set when a name ends with this word. */
  members?: Membership[];
  readonly next: Map<string, Word>;
}
export type DrugNames = Word;

const MINERALS = new Set([
  'potassium',
  'magnesium',
  'calcium',
  'sodium',
  'iron',
  'zinc',
  'aluminium',
  'aluminum',
  'lithium',
]);

/** Words that may follow a mineral that stands alone: "iron tablets", "zinc 50 mg". Any other makes another substance. */
const FORM_WORDS = new Set(
  'tablet tablets tab tabs capsule capsules cap caps pill pills oral supplement supplements chewable effervescent powder syrup solution liquid by po daily once twice'.split(
    ' ',
  ),
);
/** What may stand before the first word of a component: "24 HR potassium chloride". */
const MEASURES = new Set(
  'mg mcg ug g ml l meq mmol iu unit units hr h oral tab tablet tablets cap capsule capsules'.split(' '),
);
const WORDS = /[\p{L}\p{N}]+/gu;
/** A comma between digits belongs to the number: "1,000 mg". */
const COMPONENT_END = /[/+;()[\]]|,(?!\d)|\band\b/i;

export function drugNamesOf(files: readonly ConceptFile[]): DrugNames {
  const root: DrugNames = { next: new Map() };
  for (const file of files) {
    for (const ingredient of file.ingredients ?? []) {
      const member = memberOf(file.id, ingredient);
      for (const name of [ingredient.name, ...(ingredient.alsoNamed ?? [])])
        addName(root, wordsOf(name), member);
    }
  }
  return root;
}

/**
 * The classes of every medicine named, each once, parents included. Takes time linear in the text.
 */
export function namedIn(names: DrugNames, parents: Parents, text: string): readonly Membership[] {
  const found = text.split(COMPONENT_END).flatMap((component) => namedInComponent(names, wordsOf(component)));
  return withParents(found, parents);
}

function namedInComponent(names: DrugNames, words: readonly string[]): Membership[] {
  const first = words.findIndex((word) => !isMeasure(word));
  const found: Membership[] = [];
  for (let at = 0; at < words.length; ) {
    const { length, members } = longestName(names, words, at);
    if (members !== undefined && mayCount(words, at, length, first)) found.push(...members);
    at += Math.max(length, 1);
  }
  return found;
}

function longestName(
  names: DrugNames,
  words: readonly string[],
  at: number,
): { length: number; members?: Membership[] } {
  let longest: { length: number; members?: Membership[] } = { length: 0 };
  let word = names.next.get(words[at] ?? '');
  for (let length = 1; word !== undefined; length++) {
    if (word.members !== undefined) longest = { length, members: word.members };
    word = word.next.get(words[at + length] ?? '');
  }
  return longest;
}

function mayCount(words: readonly string[], at: number, length: number, first: number): boolean {
  if (!MINERALS.has(words[at] ?? '')) return true;
  if (at !== first) return false;
  const following = words[at + 1];
  return length > 1 || following === undefined || isMeasure(following) || FORM_WORDS.has(following);
}

function isMeasure(word: string): boolean {
  return MEASURES.has(word) || /^\d/.test(word);
}

function addName(root: DrugNames, words: readonly string[], member: Membership): void {
  let word = root;
  for (const text of words) {
    const next: Word = word.next.get(text) ?? { next: new Map() };
    word.next.set(text, next);
    word = next;
  }
  word.members = [...(word.members ?? []), member];
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(WORDS) ?? [];
}

function memberOf(concept: string, { name, usualRoute }: Ingredient): Membership {
  return Object.freeze({ concept, ingredient: name, ...(usualRoute !== undefined && { usualRoute }) });
}
