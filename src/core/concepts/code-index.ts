/**
 * From a coding to the concepts it belongs to.
 *
 * Why: this is asked for every coding of every chart, so an answer costs one map lookup, or one per
 * letter of the code where a whole branch of ICD-10-CM or ATC belongs to a concept.
 * A display is never evidence: public data carry wrong ones.
 */
import { type CodeSystem, codeSystemOf, plainCode } from './code-systems.ts';
import type { ConceptId, Membership } from './concept.ts';
import type { CodeMatch, CodeRow, ConceptFile } from './concept-file.ts';

type Bucket = Map<string, Membership[]>;

/** Codes of feeds are not ours to limit; the cache is. */
const CACHED_CODES = 20_000;

export class CodeIndex {
  readonly #exact = new Map<CodeSystem, Bucket>();
  readonly #prefixes = new Map<CodeSystem, Bucket>();
  readonly #parents: Parents;
  /** As the codings were written, by system and code. */
  readonly #known = new Map<string, Map<string, readonly Membership[]>>();
  #knownCodes = 0;

  constructor(files: readonly ConceptFile[], parents: Parents, unconfirmedCodes: boolean) {
    this.#parents = parents;
    for (const file of files) {
      const usual = new Map(
        file.ingredients?.map(({ name, usualRoute }) => [name.toLowerCase(), usualRoute]),
      );
      for (const row of file.codes ?? []) {
        if (row.unconfirmed && !unconfirmedCodes) continue;
        this.#add(row, memberOf(file.id, row, usual.get(row.ingredient?.toLowerCase() ?? '')));
      }
      for (const row of file.refused ?? []) this.#add(row, { concept: file.id, refused: row.reason });
    }
  }

  /** Every concept of a coding, parents included; empty when it is in none. */
  memberships(uri: string | undefined, code: string | undefined): readonly Membership[] {
    if (uri === undefined || !code) return NONE;
    return this.#known.get(uri)?.get(code) ?? this.#lookUp(uri, code);
  }

  #lookUp(uri: string, code: string): readonly Membership[] {
    const system = codeSystemOf(uri);
    if (system === undefined) return NONE;
    const found = withParents(this.#direct(system, plainCode(system, code)), this.#parents);
    if (found.length > 0) this.#remember(uri, code, found);
    return found;
  }

  #remember(uri: string, code: string, found: readonly Membership[]): void {
    if (this.#knownCodes >= CACHED_CODES) {
      this.#known.clear();
      this.#knownCodes = 0;
    }
    const codes = this.#known.get(uri) ?? new Map<string, readonly Membership[]>();
    this.#known.set(uri, codes.set(code, found));
    this.#knownCodes += 1;
  }

  #direct(system: CodeSystem, code: string): Membership[] {
    const found = [...(this.#exact.get(system)?.get(code) ?? NONE)];
    const prefixes = this.#prefixes.get(system);
    if (prefixes === undefined) return found;
    for (let length = 1; length <= Math.min(code.length, LONGEST_CODE); length++) {
      found.push(...(prefixes.get(code.slice(0, length)) ?? NONE));
    }
    return found;
  }

  #add(row: CodeMatch, member: Membership): void {
    const buckets = row.prefix === undefined ? this.#exact : this.#prefixes;
    const bucket = buckets.get(row.system) ?? new Map<string, Membership[]>();
    buckets.set(row.system, bucket);
    const code = plainCode(row.system, row.prefix ?? row.code ?? '');
    const members = bucket.get(code);
    if (members === undefined) bucket.set(code, [member]);
    else members.push(member);
  }
}

/** Concept -> every concept that includes it, at any distance. */
export type Parents = ReadonlyMap<ConceptId, readonly ConceptId[]>;

const NONE: readonly Membership[] = Object.freeze([]);
/** No code of ICD-10-CM (7) or ATC (7) is longer without its dot. */
const LONGEST_CODE = 7;

/** @throws Error naming the circle when a concept includes itself. */
export function parentsOf(files: readonly Pick<ConceptFile, 'id' | 'includes'>[]): Parents {
  const direct = directParentsOf(files);
  return new Map([...direct.keys()].map((id) => [id, [...above(id, direct, [id])]]));
}

/** Concept -> the concepts that name it among what they include, in the order of the files. */
export function directParentsOf(
  files: readonly Pick<ConceptFile, 'id' | 'includes'>[],
): Map<ConceptId, ConceptId[]> {
  const direct = new Map<ConceptId, ConceptId[]>();
  for (const { id, includes } of files) {
    for (const child of includes ?? []) direct.set(child, [...(direct.get(child) ?? []), id]);
  }
  return direct;
}

function above(
  id: ConceptId,
  direct: ReadonlyMap<ConceptId, ConceptId[]>,
  path: readonly ConceptId[],
): Set<ConceptId> {
  const found = new Set<ConceptId>();
  for (const parent of direct.get(id) ?? []) {
    if (path.includes(parent))
      throw new Error(`concepts include each other in a circle: ${[...path, parent].join(', ')}`);
    found.add(parent);
    for (const further of above(parent, direct, [...path, parent])) found.add(further);
  }
  return found;
}

/**
 * Adds the parents of each member, and keeps one membership per concept and ingredient: where a class
 * prefix and a listed product both answer, the one that names its ingredient stays.
 * A refused code is a member of nothing, so it has no parents.
 */
export function withParents(direct: readonly Membership[], parents: Parents): readonly Membership[] {
  const all = direct.flatMap((member) => {
    if (member.refused !== undefined) return [member];
    return [member, ...(parents.get(member.concept) ?? []).map((concept) => ({ ...member, concept }))];
  });
  const named = new Set(
    all.filter((member) => member.ingredient !== undefined).map((member) => member.concept),
  );
  const kept = new Map<string, Membership>();
  for (const member of all) {
    if (member.ingredient === undefined && member.refused === undefined && named.has(member.concept))
      continue;
    const key = `${member.concept}|${member.ingredient ?? ''}|${member.refused ?? ''}`;
    if (!kept.has(key)) kept.set(key, member);
  }
  return Object.freeze([...kept.values()]);
}

function memberOf(concept: ConceptId, row: CodeRow, usualRoute: Membership['usualRoute']): Membership {
  const { ingredient, route, value, unconfirmed } = row;
  return {
    concept,
    ...(ingredient !== undefined && { ingredient }),
    ...(route !== undefined && { route }),
    ...(usualRoute !== undefined && { usualRoute }),
    ...(value !== undefined && { value }),
    ...(unconfirmed && { unconfirmed }),
  };
}
