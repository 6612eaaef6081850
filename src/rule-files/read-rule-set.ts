/**
 * Reads the rule folder into the rule set that decide() runs: checked, compiled, frozen, with one hash.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Concepts } from '../core/concepts/concept.ts';
import { isKnownFact } from '../core/facts/form-facts.ts';
import { DEFAULT_FACT_SETTINGS, type FactSettings } from '../core/facts/settings.ts';
import {
  type CompiledRule,
  compileAdvice,
  compileInterlock,
  compileRule,
  type Overlay,
  RuleError,
} from '../core/rules/compile.ts';
import type { RuleFile } from '../core/rules/rule.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import type { UnitOf } from '../core/rules/words.ts';
import { canonicalJson } from '../vocabulary/canonical-json.ts';
import { type Problem, RuleFilesError } from './problems.ts';
import { readConcepts } from './read-concepts.ts';
import { readRuleFiles } from './rule-files.ts';
import type { InterlockVector, Vector, Waiver } from './rule-schema.ts';

export interface RuleSetOptions {
  readonly settings?: Partial<FactSettings>;
  /** Settings that a site moved, by rule id; each inside the range of its file. */
  readonly overlay?: Readonly<Record<string, Overlay>>;
}

/** A rule set with the promises that its rules must keep. */
export interface CheckedRuleSet {
  readonly ruleSet: RuleSet;
  /** By rule id. */
  readonly vectors: ReadonlyMap<string, readonly Vector[]>;
  /** By interlock id. */
  readonly interlockVectors: ReadonlyMap<string, readonly InterlockVector[]>;
  /** Mutants that need no killing vector, by id of rule or interlock. */
  readonly waivers: ReadonlyMap<string, readonly Waiver[]>;
}

/**
 * Reads rules, advice, interlocks and concepts of one folder.
 *
 * @throws RuleFilesError naming every problem of every file at once.
 */
export function readRuleSet(folder: string, options: RuleSetOptions = {}): RuleSet {
  return readCheckedRuleSet(folder, options).ruleSet;
}

/** As `readRuleSet`, with the vectors beside the rules. */
export function readCheckedRuleSet(folder: string, options: RuleSetOptions = {}): CheckedRuleSet {
  const { concepts, hash: conceptsHash } = readConcepts(join(folder, 'concepts'));
  const files = readRuleFiles(folder, (id) => isKnownFact(id, concepts));
  const settings: FactSettings = { ...DEFAULT_FACT_SETTINGS, ...options.settings };
  const overlay = options.overlay ?? {};
  const unitOf = unitsFrom(concepts);
  const rules = compileAll(files.rules, overlay, unitOf);
  const hash = hashOf([files.rules, files.advice, files.interlocks, conceptsHash, overlay, settings]);
  const ruleSet: RuleSet = {
    rules,
    byId: new Map(rules.map((rule) => [rule.id, rule])),
    advice: new Map(files.advice.map((advice) => [advice.id, compileAdvice(advice, unitOf)])),
    interlocks: new Map(files.interlocks.map((file) => [file.id, compileInterlock(file, unitOf)])),
    concepts,
    settings,
    hash,
  };
  const { vectors, interlockVectors, waivers } = files;
  return { ruleSet: frozen(ruleSet), vectors, interlockVectors, waivers };
}

function compileAll(
  files: readonly RuleFile[],
  overlay: Readonly<Record<string, Overlay>>,
  unitOf: UnitOf,
): CompiledRule[] {
  const problems: Problem[] = Object.keys(overlay)
    .filter((id) => !files.some((file) => file.id === id))
    .map((id) => ({ file: 'overlay', at: id, reason: 'no rule has this id' }));
  const rules = files.flatMap((file) => {
    try {
      return compileRule(file, overlay[file.id], unitOf);
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      problems.push({ file: `${file.domain}/${file.id}.json`, at: '', reason: error.message });
      return [];
    }
  });
  if (problems.length > 0) throw new RuleFilesError(problems);
  return rules;
}

/** Units of derived facts, UCUM; a concept brings its own. */
const DERIVED_UNITS: ReadonlyMap<string, string> = new Map([
  ['potassium', 'mmol/L'],
  ['potassium-high-unconfirmed', 'mmol/L'],
  ['potassium-30d', 'mmol/L'],
  ['sodium', 'mmol/L'],
  ['calcium-best', 'mmol/L'],
  ['calcium-total-only', 'mmol/L'],
  ['calcium-best-90d', 'mmol/L'],
  ['sodium-for-grading', 'mmol/L'],
  ['sodium-glucose-adjusted', 'mmol/L'],
  ['egfr-fall-12m', '%'],
  ['egfr-fall-12m-points', 'mL/min/{1.73_m2}'],
  ['creatinine-clearance', 'mL/min'],
  ['urea', 'mmol/L'],
  ['egfr', 'mL/min/{1.73_m2}'],
  ['age', 'years'],
  ['alcohol-units-per-week', 'units/week'],
  ['temperature-highest-48h', 'Cel'],
  ['osmolarity-calculated', 'mmol/L'],
  ['fluid-intake-24h', 'mL'],
  ['iron-saturation', '%'],
  ['foot-exam-days', 'd'],
  ['tsh-days', 'd'],
  ['deficit-onset-days', 'd'],
  ['sudden-weakness-hours', 'h'],
  ['heat-exposure-days', 'd'],
  ['electrolytes-checked-days', 'd'],
  ['kidney-checked-days', 'd'],
  ['self-care-plan-days', 'd'],
  ['cramp-longest-minutes', 'min'],
  ['severe-cramp-minutes', 'min'],
  ['cramp-daytime-share', '%'],
  ['cramp-timing-share', '%'],
]);

function unitsFrom(concepts: Concepts): UnitOf {
  return (fact) => DERIVED_UNITS.get(fact) ?? concepts.byId.get(fact.replace(/^last\./, ''))?.unit;
}

/** SHA-256 over canonical JSON, so that the order of keys in a file changes nothing. */
export function hashOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(canonicalJson(parts)).digest('hex');
}

/** Frozen through and through, except the concepts, which guard themselves. */
function frozen(ruleSet: RuleSet): RuleSet {
  for (const part of [
    ruleSet.rules,
    [...ruleSet.advice.values()],
    [...ruleSet.interlocks.values()],
    ruleSet.settings,
  ]) {
    deepFreeze(part);
  }
  return Object.freeze(ruleSet);
}

function deepFreeze(value: unknown): void {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || Object.isFrozen(value))
    return;
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
}
