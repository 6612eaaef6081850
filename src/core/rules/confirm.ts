/**
 * json-rules-engine confirms what our closures decided.
 *
 * Why: two readers of one rule file must agree before anybody is alerted. The engine runs only the rules
 * that fired, because it is a hundred times slower; a disagreement is an alarm, never silence.
 */
import { Engine, Rule } from 'json-rules-engine';
import { type Fact, type Facts, factOf } from '../facts/fact.ts';
import { type Compiled, type CompiledRule, RuleError } from './compile.ts';
import { allClauses } from './explain.ts';
import { answer, type PlainLimit, type Question } from './operators.ts';
import { OPERATORS, type OperatorName } from './rule.ts';

/** Kleene as two two-valued runs: what is certainly so, and what could be so. */
export type TwoValued = 'definite' | 'possible';

/** What the engine says of each rule: it holds, it does not, or why it could not tell. */
export type Confirmation = 'holds' | 'does not hold' | Error;

/**
 * Asks json-rules-engine about `firesWhen` of these rules.
 *
 * One rule that makes the engine throw would take the others with it, so then each is asked alone.
 */
export async function confirm(
  rules: readonly CompiledRule[],
  facts: Facts,
  now: Date,
  reading: TwoValued = 'definite',
): Promise<Map<string, Confirmation>> {
  try {
    return await ask(rules, facts, now, reading);
  } catch (error) {
    const [only] = rules;
    if (only === undefined || rules.length > 1) return askEachAlone(rules, facts, now, reading);
    return new Map([[only.id, error instanceof Error ? error : new Error(String(error))]]);
  }
}

async function askEachAlone(rules: readonly CompiledRule[], facts: Facts, now: Date, reading: TwoValued) {
  const answers = new Map<string, Confirmation>();
  for (const rule of rules) {
    for (const [id, found] of await confirm([rule], facts, now, reading)) answers.set(id, found);
  }
  return answers;
}

/** The Engine and its Rules are of this run only: an Engine shared by runs in flight skips rules silently. */
async function ask(rules: readonly CompiledRule[], facts: Facts, now: Date, reading: TwoValued) {
  const answers = new Map<string, Confirmation>();
  if (rules.length === 0) return answers;
  const engine = emptyEngine(now, reading);
  for (const rule of rules) {
    engine.addRule(
      new Rule({ name: rule.id, conditions: topLevel(rule.firesWhen), event: { type: 'fired' } }),
    );
    for (const { fact } of allClauses(rule.firesWhen)) engine.addFact(fact, factOf(facts, fact), UNCACHED);
  }
  const { results, failureResults } = await engine.run();
  if (results.length + failureResults.length !== rules.length) {
    throw new RuleError(
      `${results.length + failureResults.length} of ${rules.length} rules were answered by json-rules-engine`,
    );
  }
  for (const { name } of results) answers.set(String(name), 'holds');
  for (const { name } of failureResults) answers.set(String(name), 'does not hold');
  return answers;
}

/** A constant needs no cache: its key would be a hash of every fact on every run. */
const UNCACHED = { cache: false };

const LIBRARY_OPERATORS = [
  'equal',
  'notEqual',
  'in',
  'notIn',
  'contains',
  'doesNotContain',
  'lessThan',
  'lessThanInclusive',
  'greaterThan',
  'greaterThanInclusive',
];
const LIBRARY_DECORATORS = ['someFact', 'someValue', 'everyFact', 'everyValue', 'swap', 'not'];

/** An Engine that knows our operators and no others, and never follows a path. */
function emptyEngine(now: Date, reading: TwoValued): Engine {
  const engine = new Engine([], { pathResolver: refusePath });
  for (const operator of LIBRARY_OPERATORS) engine.removeOperator(operator);
  for (const decorator of LIBRARY_DECORATORS) engine.removeOperatorDecorator(decorator);
  for (const operator of OPERATORS) {
    engine.addOperator(operator, (fact: Fact, asked: Asked) => {
      const truth = answer(fact, questionOf(operator, asked), now, 'raising');
      return reading === 'definite' ? truth === 'true' : truth !== 'false';
    });
  }
  return engine;
}

/** A path would reach jsonpath-plus, which has run code from rule files before (CVE-2024-21534). */
function refusePath(): never {
  throw new RuleError('rules have no path');
}

type EngineCondition = { all: EngineCondition[] } | { any: EngineCondition[] } | EngineClause;
interface EngineClause {
  readonly fact: string;
  readonly operator: string;
  readonly value: Asked;
}

/** A limit, alone where there is no window: the engine clones every object of a rule on every run. */
type Asked = PlainLimit | Pick<Question, 'limit' | 'withinDays'>;

function askedOf({ limit, withinDays }: Question): Asked {
  return withinDays === undefined ? limit : { limit, withinDays };
}

function questionOf(operator: OperatorName, asked: Asked): Question {
  return typeof asked === 'object' && 'limit' in asked ? { ...asked, operator } : { operator, limit: asked };
}

function topLevel(condition: Compiled): { all: EngineCondition[] } | { any: EngineCondition[] } {
  if (condition.kind === 'clause') return { all: [engineCondition(condition)] };
  const parts = condition.parts.map(engineCondition);
  return condition.kind === 'all' ? { all: parts } : { any: parts };
}

function engineCondition(condition: Compiled): EngineCondition {
  if (condition.kind !== 'clause') return topLevel(condition);
  const { fact, question } = condition;
  return { fact, operator: question.operator, value: askedOf(question) };
}
