/**
 * Checks one condition tree of a rule file and says in words what is wrong with it.
 *
 * Why by hand and not as a recursive union: a union answers "no branch matched"; a pharmacist needs
 * "a group must not be empty". Source of the limits: E3 of the rule engine promises.
 */
import type { Condition, OperatorName } from '../core/rules/rule.ts';
import { OPERATORS } from '../core/rules/rule.ts';
import { isObject } from '../vocabulary/json.ts';
import { placeOf } from './problems.ts';

export const MAX_DEPTH = 8;
export const MAX_CLAUSES = 200;

/** Says where and why; the file is known to the caller. */
export type Report = (at: string, reason: string) => void;

export interface ConditionNames {
  readonly isKnownFact: (id: string) => boolean;
  /** Settings of the same file. */
  readonly settings: ReadonlySet<string>;
}

type Path = readonly PropertyKey[];

/** Reports everything that is wrong; true when nothing is. */
export function checkCondition(
  value: unknown,
  path: Path,
  names: ConditionNames,
  report: Report,
): value is Condition {
  let problems = 0;
  let clauses = 0;
  const say = (at: Path, reason: string): void => {
    problems += 1;
    report(placeOf(at), reason);
  };
  const walkGroup = (node: Record<string, unknown>, group: 'all' | 'any', at: Path, depth: number): void => {
    for (const key of Object.keys(node))
      if (key !== group) say([...at, key], `is not allowed beside "${group}"`);
    const parts = node[group];
    if (!Array.isArray(parts)) say([...at, group], 'must be a list of conditions');
    else if (parts.length === 0) say([...at, group], 'must not be empty: an empty group would always hold');
    else for (const [index, part] of parts.entries()) walk(part, [...at, group, index], depth + 1);
  };
  const walk = (node: unknown, at: Path, depth: number): void => {
    if (!isObject(node)) say(at, 'must be { "all": [...] }, { "any": [...] } or a clause');
    else if (depth > MAX_DEPTH) say(at, `groups are nested deeper than ${MAX_DEPTH}`);
    else if ('all' in node) walkGroup(node, 'all', at, depth);
    else if ('any' in node) walkGroup(node, 'any', at, depth);
    else {
      clauses += 1;
      checkClause(node, at, names, say);
    }
  };
  walk(value, path, 1);
  if (clauses > MAX_CLAUSES) say(path, `has ${clauses} clauses; at most ${MAX_CLAUSES} are allowed`);
  return problems === 0;
}

const CLAUSE_KEYS = ['fact', 'operator', 'value', 'withinDays'];

function checkClause(
  node: Record<string, unknown>,
  at: Path,
  names: ConditionNames,
  say: (at: Path, reason: string) => void,
): void {
  for (const key of Object.keys(node)) {
    if (CLAUSE_KEYS.includes(key)) continue;
    say(
      [...at, key],
      REFUSED_KEYS.get(key) ?? `is not a key of a clause; keys are ${CLAUSE_KEYS.join(', ')}`,
    );
  }
  const { fact, operator, value, withinDays } = node;
  if (typeof fact !== 'string') say([...at, 'fact'], 'must name a fact');
  else if (!names.isKnownFact(fact)) say([...at, 'fact'], `no fact is called "${fact}"`);
  if (withinDays !== undefined && !(isNumber(withinDays) && withinDays > 0))
    say([...at, 'withinDays'], 'must be a number of days above 0');
  if (!isOperator(operator)) {
    say(
      [...at, 'operator'],
      `no operator is called ${JSON.stringify(operator)}; there are ${OPERATORS.join(', ')}`,
    );
    return;
  }
  const reason = wrongValue(operator, value, names);
  if (reason !== undefined) say([...at, 'value'], reason);
}

const REFUSED_KEYS: ReadonlyMap<string, string> = new Map([
  ['path', 'does not exist in the rule language: a path would be run as code by the library behind it'],
  [
    'not',
    'does not exist: a missing value must never satisfy a "not"; use an operator that says what is known',
  ],
  ['condition', 'shared conditions do not exist: a rule must read alone'],
]);

/** What each operator compares with; says what is wrong. */
function wrongValue(operator: OperatorName, value: unknown, names: ConditionNames): string | undefined {
  switch (operator) {
    case 'below':
    case 'atMost':
    case 'above':
    case 'atLeast':
      if (isNumber(value)) return undefined;
      if (!isObject(value) || typeof value.setting !== 'string' || Object.keys(value).length !== 1)
        return 'must be a finite number or { "setting": name }';
      return names.settings.has(value.setting)
        ? undefined
        : `no setting of this file is called "${value.setting}"`;
    case 'is':
      return typeof value === 'boolean' || typeof value === 'string' || isNumber(value)
        ? undefined
        : 'must be true, false, a code or a finite number';
    case 'isIn':
      return Array.isArray(value) && value.length > 0 && value.every((code) => typeof code === 'string')
        ? undefined
        : 'must be a list of codes that is not empty';
    case 'active':
    case 'activeOrRecent':
    case 'isKnown':
      return typeof value === 'boolean' ? undefined : 'must be true or false';
    case 'hasNote':
    case 'lacksNote':
      return typeof value === 'string' && value !== '' ? undefined : 'must be the word of a note';
  }
}

function isOperator(value: unknown): value is OperatorName {
  return OPERATORS.some((operator) => operator === value);
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
