/**
 * Our rules for stock json-rules-engine, with its own operators where it has them.
 */
import { Engine } from 'json-rules-engine';
import type { Compiled, CompiledRule } from '../src/core/rules/compile.ts';

type Condition =
  | { all: Condition[] }
  | { any: Condition[] }
  | { fact: string; operator: string; value: unknown };

/** One Engine, made once and used again, as its documentation recommends. */
export function stockEngine(rules: readonly CompiledRule[]): Engine {
  const engine = new Engine([], { allowUndefinedFacts: true });
  engine.addOperator('isAbsent', (value: unknown, absent: boolean) => (value === null) === absent);
  for (const { id, firesWhen } of rules) {
    const condition = conditionOf(firesWhen);
    const conditions = 'fact' in condition ? { all: [condition] } : condition;
    engine.addRule({ name: id, conditions: conditions as never, event: { type: id } });
  }
  return engine;
}

function conditionOf(condition: Compiled): Condition {
  if (condition.kind !== 'clause') {
    const parts = condition.parts.map(conditionOf);
    return condition.kind === 'all' ? { all: parts } : { any: parts };
  }
  const { fact, question } = condition;
  const { operator, limit, withinDays } = question;
  const asked = clauseOf(fact, operator, limit);
  if (withinDays === undefined) return asked;
  return { all: [{ fact: `${fact} age`, operator: 'lessThanInclusive', value: withinDays }, asked] };
}

const SAME: Readonly<Record<string, string>> = {
  below: 'lessThan',
  atMost: 'lessThanInclusive',
  above: 'greaterThan',
  atLeast: 'greaterThanInclusive',
  is: 'equal',
  isIn: 'in',
};
const ACTIVE = ['taking', 'prescribed'];

function clauseOf(fact: string, operator: string, limit: unknown): Condition {
  const same = SAME[operator];
  if (same !== undefined) return { fact, operator: same, value: limit };
  switch (operator) {
    case 'active':
      if (limit === true) return { fact, operator: 'in', value: ACTIVE };
      return {
        all: [
          { fact, operator: 'isAbsent', value: false },
          { fact, operator: 'notIn', value: ACTIVE },
        ],
      };
    case 'activeOrRecent':
      return { fact, operator: 'in', value: [...ACTIVE, 'recent'] };
    case 'isKnown':
      return { fact, operator: 'isAbsent', value: limit === false };
    case 'hasNote':
      return { fact: `${fact} notes`, operator: 'contains', value: limit };
    case 'lacksNote':
      return {
        all: [
          { fact, operator: 'isAbsent', value: false },
          { fact: `${fact} notes`, operator: 'doesNotContain', value: limit },
        ],
      };
    default:
      throw new Error(`json-rules-engine has nothing for the operator ${operator}`);
  }
}
