/**
 * All files of a rule folder, each checked alone and then against the others.
 */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import type { z } from 'zod';
import { blockOf } from '../core/advice/blocks.ts';
import type { AdviceFile, Condition, InterlockFile, RuleFile } from '../core/rules/rule.ts';
import { isObject } from '../vocabulary/json.ts';
import { type ConditionNames, checkCondition, type Report } from './condition-check.ts';
import { type Problem, RuleFilesError } from './problems.ts';
import { readJson } from './read-json.ts';
import {
  adviceSchema,
  type InterlockVector,
  interlockSchema,
  interlockVectorsSchema,
  readShape,
  ruleSchema,
  type Vector,
  vectorsSchema,
  type Waiver,
  waiversSchema,
} from './rule-schema.ts';

export interface RuleFiles {
  readonly rules: readonly RuleFile[];
  readonly advice: readonly AdviceFile[];
  readonly interlocks: readonly InterlockFile[];
  /** By rule id. */
  readonly vectors: ReadonlyMap<string, readonly Vector[]>;
  /** By interlock id. */
  readonly interlockVectors: ReadonlyMap<string, readonly InterlockVector[]>;
  /** By id of rule or interlock. */
  readonly waivers: ReadonlyMap<string, readonly Waiver[]>;
}

/** Folders that hold no rules. */
const OTHER_FOLDERS = new Set(['concepts', 'advice', 'interlocks', 'sites', 'gate']);
const VECTORS = '.vectors.json';
const WAIVERS = '.waivers.json';

/**
 * Reads and checks `<domain>/<rule>.json` and `interlocks/<interlock>.json`, each with `.vectors.json` and perhaps
 * `.waivers.json` beside it, and `advice/`.
 *
 * @throws RuleFilesError with every problem of every file.
 */
export function readRuleFiles(folder: string, isKnownFact: (id: string) => boolean): RuleFiles {
  const problems: Problem[] = [];
  const reporter =
    (path: string): Report =>
    (at, reason) =>
      problems.push({ file: relative(folder, path), at, reason });

  const rulePaths = jsonFiles(folder).filter((path) => !OTHER_FOLDERS.has(topFolder(folder, path)));
  const interlockPaths = jsonFiles(join(folder, 'interlocks'));
  const each = <T>(
    paths: readonly string[],
    read: (path: string, known: typeof isKnownFact, report: Report) => T | undefined,
  ): T[] =>
    paths
      .filter((path) => !path.endsWith(VECTORS) && !path.endsWith(WAIVERS))
      .flatMap((path) => {
        if (!paths.includes(path.replace(/\.json$/, VECTORS)))
          reporter(path)('', 'has no vectors beside it, so it does not load');
        return read(path, isKnownFact, reporter(path)) ?? [];
      });
  const beside = <T>(paths: readonly string[], end: string, schema: z.ZodType<T>): Map<string, T> =>
    new Map(
      paths
        .filter((path) => path.endsWith(end))
        .flatMap((path) => {
          const read = readShape(schema, readJson(path, reporter(path)) ?? [], reporter(path));
          return read === undefined ? [] : [[basename(path, end), read] as const];
        }),
    );
  const rules = each(rulePaths, readRule);
  const interlocks = each(interlockPaths, readInterlock);
  const vectors = beside(rulePaths, VECTORS, vectorsSchema);
  const interlockVectors = beside(interlockPaths, VECTORS, interlockVectorsSchema);
  const waivers = beside([...rulePaths, ...interlockPaths], WAIVERS, waiversSchema);
  const advice = jsonFiles(join(folder, 'advice')).flatMap(
    (path) => readAdvice(path, isKnownFact, reporter(path)) ?? [],
  );
  const files: RuleFiles = {
    rules: rules.sort(byId),
    advice: advice.sort(byId),
    interlocks: interlocks.sort(byId),
    vectors,
    interlockVectors,
    waivers,
  };
  if (problems.length === 0)
    checkReferences(files, (file, at, reason) => problems.push({ file, at, reason }));
  if (problems.length > 0) throw new RuleFilesError(problems);
  return files;
}

function readRule(
  path: string,
  isKnownFact: ConditionNames['isKnownFact'],
  report: Report,
): RuleFile | undefined {
  const json = readJson(path, report);
  if (json === undefined) return undefined;
  const names: ConditionNames = { isKnownFact, settings: settingsOf(json) };
  checkConditionsOf(json, names, report);
  const rule = readShape(ruleSchema, json, report) as RuleFile | undefined;
  if (rule === undefined) return undefined;
  if (rule.id !== basename(path, '.json')) report('id', 'must be the name of the file');
  if (rule.domain !== basename(dirname(path))) report('domain', 'must be the name of the folder');
  const latest = rule.source.revisions?.at(-1)?.version;
  if (latest !== undefined && latest !== rule.version)
    report('source.revisions', `ends with ${latest}; say in a line what version ${rule.version} changes`);
  for (const fact of [...rule.implicated, ...rule.evidence]) {
    if (!isKnownFact(fact)) report('', `no fact is called "${fact}" (implicated or evidence)`);
  }
  for (const reason of wrongSlots(rule.summary, isKnownFact)) report('summary', reason);
  return rule;
}

function checkConditionsOf(json: unknown, names: ConditionNames, report: Report): void {
  if (!isObject(json)) return;
  for (const key of ['firesWhen', 'notWhen', 'clearsWhen', 'lowerTierWhen']) {
    if (json[key] !== undefined) checkCondition(json[key], [key], names, report);
  }
  for (const key of ['tiers', 'advice', 'absorbs', 'blocks', 'cautions', 'needs']) {
    const lines = Array.isArray(json[key]) ? json[key] : [];
    lines.forEach((line: unknown, index: number) => {
      if (isObject(line) && line.when !== undefined)
        checkCondition(line.when as Condition, [key, index, 'when'], names, report);
    });
  }
}

const SLOT = /\{([^{}]*)\}/g;
const SLOT_ENDS = ['value', 'date', 'name', 'note'];

/** `{potassium.value}`, `{drug.loop-diuretic.name}`: a known fact and what to show of it. */
function wrongSlots(summary: string, isKnownFact: (id: string) => boolean): string[] {
  return [...summary.matchAll(SLOT)].flatMap(([, slot = '']) => {
    const dot = slot.lastIndexOf('.');
    const fact = slot.slice(0, dot);
    if (!SLOT_ENDS.includes(slot.slice(dot + 1)))
      return [`{${slot}} must end in .value, .date, .name or .note`];
    return isKnownFact(fact) ? [] : [`no fact is called "${fact}"`];
  });
}

function readAdvice(
  path: string,
  isKnownFact: ConditionNames['isKnownFact'],
  report: Report,
): AdviceFile | undefined {
  const json = readJson(path, report);
  if (isObject(json) && json.shownWhen !== undefined)
    checkCondition(json.shownWhen, ['shownWhen'], { isKnownFact, settings: new Set() }, report);
  const advice =
    json === undefined ? undefined : (readShape(adviceSchema, json, report) as AdviceFile | undefined);
  if (advice !== undefined && advice.id !== basename(path, '.json'))
    report('id', 'must be the name of the file');
  return advice;
}

function readInterlock(
  path: string,
  isKnownFact: ConditionNames['isKnownFact'],
  report: Report,
): InterlockFile | undefined {
  const json = readJson(path, report);
  if (json === undefined) return undefined;
  checkConditionsOf(json, { isKnownFact, settings: new Set() }, report);
  const interlock = readShape(interlockSchema, json, report) as InterlockFile | undefined;
  if (interlock === undefined) return undefined;
  if (interlock.id !== basename(path, '.json')) report('id', 'must be the name of the file');
  interlock.needs.forEach(({ fact }, index) => {
    if (!isKnownFact(fact)) report(`needs[${index}].fact`, `no fact is called "${fact}"`);
  });
  return interlock;
}

type ReportFile = (file: string, at: string, reason: string) => void;

/** Ids that one file uses and another must define. */
function checkReferences(files: RuleFiles, report: ReportFile): void {
  const rules = new Set(files.rules.map(({ id }) => id));
  const advice = new Set(files.advice.flatMap(({ id }) => [id, blockOf(id) ?? id]));
  const interlocks = new Set(files.interlocks.map(({ id }) => id));
  if (rules.size !== files.rules.length) report('', '', 'two rules have the same id');
  for (const rule of files.rules) {
    const file = `${rule.domain}/${rule.id}.json`;
    for (const line of rule.advice)
      expectIn(advice, typeof line === 'string' ? line : line.advice, 'advice', file, report);
    for (const line of rule.absorbs ?? [])
      expectIn(rules, typeof line === 'string' ? line : line.rule, 'rule', file, report);
  }
  for (const { id, interlocks: used, opposes = [] } of files.advice) {
    for (const interlock of used) expectIn(interlocks, interlock, 'interlock', `advice/${id}.json`, report);
    for (const other of opposes) expectIn(advice, other, 'advice', `advice/${id}.json`, report);
  }
  const stand = [
    ...[...files.vectors.keys(), ...files.interlockVectors.keys()].map((id) => [id, VECTORS] as const),
    ...[...files.waivers.keys()].map((id) => [id, WAIVERS] as const),
  ];
  for (const [id, end] of stand)
    if (!rules.has(id) && !interlocks.has(id))
      report(`${id}${end}`, '', 'stands beside no rule or interlock');
}

function expectIn(
  known: ReadonlySet<string>,
  id: string,
  what: string,
  file: string,
  report: ReportFile,
): void {
  if (!known.has(id)) report(file, '', `no ${what} is called "${id}"`);
}

function settingsOf(json: unknown): ReadonlySet<string> {
  return new Set(isObject(json) && isObject(json.settings) ? Object.keys(json.settings) : []);
}

/** Every JSON file below a folder, sorted; none when the folder is not there. */
function jsonFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const found = readdirSync(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function topFolder(folder: string, path: string): string {
  return relative(folder, path).split(/[/\\]/)[0] ?? '';
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}
