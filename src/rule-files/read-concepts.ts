/**
 * Reads `rules/concepts/`: one file per concept, closed schemas, every problem told at once.
 *
 * The service does not start on a doubtful code table.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CODE_SYSTEMS, type CodeSystem } from '../core/concepts/code-systems.ts';
import type { Concepts } from '../core/concepts/concept.ts';
import { type ConceptFile, KINDS, ROUTES, USUAL_ROUTES } from '../core/concepts/concept-file.ts';
import { type ConceptOptions, conceptsOf } from '../core/concepts/concept-index.ts';
import { conceptPath, conceptProblems } from './check-concepts.ts';
import { type Problem, placeOf, RuleFilesError } from './problems.ts';
import { parseJson } from './read-json.ts';

const Text = z.string().min(1);
const Shown = {
  system: z.enum(Object.keys(CODE_SYSTEMS) as [CodeSystem, ...CodeSystem[]]),
  code: Text.optional(),
  prefix: Text.optional(),
  display: Text,
};
const Member = z.strictObject({
  ...Shown,
  level: Text.optional(),
  ingredient: Text.optional(),
  route: z.enum(ROUTES).optional(),
  value: Text.optional(),
  unconfirmed: z.literal(true).optional(),
  note: Text.optional(),
});
const Refused = z.strictObject({ ...Shown, reason: Text });
const Ingredient = z.strictObject({
  name: Text,
  alsoNamed: z.array(Text).min(1).optional(),
  usualRoute: z.enum(USUAL_ROUTES).optional(),
});

const Schema = z.strictObject({
  id: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case words joined by hyphens'),
  kind: z.enum(KINDS),
  unit: Text.optional(),
  plausible: z.tuple([z.number(), z.number()]).optional(),
  reference: z.strictObject({ low: z.number().optional(), high: z.number().optional() }).optional(),
  decimals: z.int().min(0).max(4).optional(),
  lookbackDays: z.int().positive().optional(),
  note: Text.optional(),
  includes: z.array(Text).min(1).optional(),
  units: z
    .record(z.string(), z.union([z.number().positive(), z.enum(['fahrenheit', 'ngsp-percent'])]))
    .optional(),
  refusedUnits: z.array(Text).optional(),
  ingredients: z.array(Ingredient).optional(),
  codes: z.array(Member).optional(),
  refused: z.array(Refused).optional(),
});

/**
 * Reads and checks a folder of concept files.
 *
 * @returns the concepts, and a SHA-256 over names and contents of all files in order of their names:
 *   two services with the same hash (and the same options) read codes and units alike.
 * @throws RuleFilesError with every problem of every file.
 */
export function readConcepts(
  folder: string,
  options: ConceptOptions = {},
): { readonly concepts: Concepts; readonly hash: string } {
  const hash = createHash('sha256');
  const files: ConceptFile[] = [];
  const problems: Problem[] = [];
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  if (names.length === 0)
    problems.push({ file: conceptPath(''), at: '', reason: 'there is no concept file' });
  for (const name of names.sort()) {
    const text = readFileSync(join(folder, name), 'utf8');
    hash.update(`${name}\0${text}\0`);
    const read = readConcept(name, text);
    if (Array.isArray(read)) problems.push(...read);
    else files.push(read);
  }
  problems.push(...conceptProblems(files, new Set(names.map((name) => name.replace(/\.json$/, '')))));
  if (problems.length > 0) throw new RuleFilesError(problems);
  return { concepts: conceptsOf(files, options), hash: hash.digest('hex') };
}

function readConcept(name: string, text: string): ConceptFile | Problem[] {
  const file = conceptPath(name);
  const problems: Problem[] = [];
  const json = parseJson(text, (at, reason) => problems.push({ file, at, reason }));
  if (problems.length > 0) return problems;
  const result = Schema.safeParse(json);
  if (!result.success) {
    return result.error.issues.map(({ path, message }) => ({ file, at: placeOf(path), reason: message }));
  }
  const { id } = result.data;
  if (`${id}.json` !== name) return [{ file, at: 'id', reason: `is ${id}; file and id must agree` }];
  // zod types "optional" as "or undefined"; JSON has no undefined.
  return result.data as ConceptFile;
}
