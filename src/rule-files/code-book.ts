/**
 * One code per idea: what a vector writes when it says "potassium" or "furosemide".
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CodeableConcept } from '@medplum/fhirtypes';
import { CODE_SYSTEMS } from '../core/concepts/code-systems.ts';
import type { CodeMatch, ConceptFile } from '../core/concepts/concept-file.ts';

export interface CodeBook {
  /** Sorted by id. */
  readonly files: readonly ConceptFile[];
  concept(id: string): ConceptFile | undefined;
  /**
   * The first confirmed code of a concept, those of laboratories and symptoms before classifications; of a
   * concept that only refuses, the first refused one.
   */
  codeOf(id: string): CodeableConcept | undefined;
  /** The RxNorm ingredient of this name; of one without a code, the name as text. */
  ingredient(name: string): CodeableConcept | undefined;
}

/** Reads the concept files once more, for writing instead of for recognising. The files are checked elsewhere. */
export function readCodeBook(folder: string): CodeBook {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as ConceptFile);
  const byId = new Map(files.map((file) => [file.id, file]));
  const ingredients = new Map(
    files
      .flatMap((file) => file.codes ?? [])
      .filter(
        ({ system, level, ingredient }) => system === 'rxnorm' && level === 'IN' && ingredient !== undefined,
      )
      .map((row) => [row.ingredient as string, row]),
  );
  const uncoded = new Set(files.flatMap((file) => (file.ingredients ?? []).map(({ name }) => name)));
  return {
    files,
    concept: (id) => byId.get(id),
    codeOf: (id) => {
      const file = byId.get(id);
      const exact = (file?.codes ?? []).filter(
        ({ code, unconfirmed }) => code !== undefined && unconfirmed === undefined,
      );
      const [first] = [...exact.filter(({ system }) => system === 'loinc' || system === 'snomed'), ...exact];
      if (first !== undefined) return codeable(first);
      return codeable(file?.refused?.find(({ code }) => code !== undefined));
    },
    ingredient: (name) => codeable(ingredients.get(name)) ?? (uncoded.has(name) ? { text: name } : undefined),
  };
}

function codeable(row: CodeMatch | undefined): CodeableConcept | undefined {
  if (row?.code === undefined) return undefined;
  const { system, code, display } = row;
  return { coding: [{ system: CODE_SYSTEMS[system].uri, code, display }], text: display };
}
