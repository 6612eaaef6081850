/**
 * Our rules as ELM, the form that cql-execution runs: the same conditions, every fact a parameter.
 *
 * A missing parameter is null, and CQL is three-valued as well, so the logic is equal.
 */
import type { Compiled, CompiledRule } from '../src/core/rules/compile.ts';
import { factsAskedBy } from './plain-facts.ts';

type Elm = Record<string, unknown>;

const COMPARISON = {
  below: 'Less',
  atMost: 'LessOrEqual',
  above: 'Greater',
  atLeast: 'GreaterOrEqual',
} as const;
const ACTIVE = ['taking', 'prescribed'];

/** One library with a definition per rule. */
export function libraryOf(rules: readonly CompiledRule[]): Elm {
  return {
    library: {
      identifier: { id: 'CrampRules', version: '1.0.0' },
      schemaIdentifier: { id: 'urn:hl7-org:elm', version: 'r1' },
      usings: { def: [{ localIdentifier: 'System', uri: 'urn:hl7-org:elm-types:r1' }] },
      parameters: {
        def: factsAskedBy(rules).flatMap((name) => [
          { name, accessLevel: 'Public' },
          { name: `${name} notes`, accessLevel: 'Public' },
          { name: `${name} age`, accessLevel: 'Public' },
        ]),
      },
      statements: {
        def: rules.map((rule) => ({
          name: rule.id,
          context: 'Unfiltered',
          accessLevel: 'Public',
          expression: expressionOf(rule.firesWhen),
        })),
      },
    },
  };
}

function expressionOf(condition: Compiled): Elm {
  if (condition.kind !== 'clause') {
    const type = condition.kind === 'all' ? 'And' : 'Or';
    return condition.parts.map(expressionOf).reduce((left, right) => ({ type, operand: [left, right] }));
  }
  const { fact, question } = condition;
  const asked = askedOf(fact, question.operator, question.limit);
  if (question.withinDays === undefined) return asked;
  const fresh = {
    type: 'LessOrEqual',
    operand: [{ type: 'ParameterRef', name: `${fact} age` }, literal(question.withinDays)],
  };
  return { type: 'And', operand: [fresh, asked] };
}

function askedOf(fact: string, operator: string, limit: unknown): Elm {
  const value = { type: 'ParameterRef', name: fact };
  const comparison = COMPARISON[operator as keyof typeof COMPARISON];
  if (comparison !== undefined) return { type: comparison, operand: [value, literal(limit)] };
  switch (operator) {
    case 'is':
      return { type: 'Equal', operand: [value, literal(limit)] };
    case 'isIn':
      return inList(value, limit as string[]);
    case 'active':
      return limit === false ? { type: 'Not', operand: inList(value, ACTIVE) } : inList(value, ACTIVE);
    case 'activeOrRecent':
      return inList(value, [...ACTIVE, 'recent']);
    case 'isKnown':
      return limit === true
        ? { type: 'Not', operand: { type: 'IsNull', operand: value } }
        : { type: 'IsNull', operand: value };
    case 'hasNote':
      return inList(literal(limit), { type: 'ParameterRef', name: `${fact} notes` });
    case 'lacksNote':
      return {
        type: 'And',
        operand: [
          { type: 'Not', operand: { type: 'IsNull', operand: value } },
          {
            type: 'Not',
            operand: inList(literal(limit), { type: 'ParameterRef', name: `${fact} notes` }),
          },
        ],
      };
    default:
      throw new Error(`no ELM for the operator ${operator}`);
  }
}

function inList(value: Elm, list: string[] | Elm): Elm {
  const right = Array.isArray(list) ? { type: 'List', element: list.map(literal) } : list;
  return { type: 'In', operand: [value, right] };
}

function literal(value: unknown): Elm {
  if (typeof value === 'boolean')
    return { type: 'Literal', valueType: '{urn:hl7-org:elm-types:r1}Boolean', value: String(value) };
  if (typeof value === 'number')
    return { type: 'Literal', valueType: '{urn:hl7-org:elm-types:r1}Decimal', value: String(value) };
  return { type: 'Literal', valueType: '{urn:hl7-org:elm-types:r1}String', value: String(value) };
}
