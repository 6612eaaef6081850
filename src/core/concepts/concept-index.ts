/**
 * All concepts of a rule set, ready to be asked. Built once when the service starts.
 */
import { CodeIndex, directParentsOf, parentsOf } from './code-index.ts';
import type { Concept, Concepts } from './concept.ts';
import type { ConceptFile } from './concept-file.ts';
import { drugNamesOf, namedIn } from './drug-names.ts';
import { namedLike, nameStemsOf } from './name-stems.ts';
import { convert, unitTableOf } from './unit-table.ts';

export interface ConceptOptions {
  /** Also use codes that were seen in one source only; they are marked `unconfirmed`. Off by default. */
  readonly unconfirmedCodes?: boolean;
}

/**
 * Indexes concept files that were checked before.
 *
 * @throws Error when concepts include each other in a circle.
 */
export function conceptsOf(files: readonly ConceptFile[], options: ConceptOptions = {}): Concepts {
  const parents = parentsOf(files);
  const codes = new CodeIndex(files, parents, options.unconfirmedCodes ?? false);
  const names = drugNamesOf(files);
  const units = unitTableOf(files);
  const stems = nameStemsOf(files);
  const includedIn = directParentsOf(files);
  return {
    byId: new Map(files.map((file) => [file.id, conceptIn(file)])),
    includedIn: (concept) => includedIn.get(concept) ?? [],
    memberships: (system, code) => codes.memberships(system, code),
    namedInText: (text) => namedIn(names, parents, text),
    namedLike: (name) => namedLike(stems, name),
    toCanonical: (concept, value, unit) => convert(units, concept, value, unit),
  };
}

/** The part of a file that facts and rules read; the rest is in the indexes. */
function conceptIn(file: ConceptFile): Concept {
  const { note, units, refusedUnits, ingredients, codes, refused, ...concept } = file;
  return Object.freeze(concept);
}
