/**
 * Mutants of a rule: the same file with one slip in it.
 *
 * Why: vectors that a slip does not break promise nothing about the place of the slip. Each mutant is a
 * slip a person makes: a limit off by one reporting step, "at most" for "below", a clause left out, a
 * neighbour's code, a limit in the other unit, tiers in the wrong order.
 */
import type { Clause, Condition, OperatorName, RuleFile } from '../core/rules/rule.ts';

export interface Mutant {
  /** Where and what, stable while the rule does not change: `firesWhen.all[0]: limit 3.5 -> 3.6`. */
  readonly slip: string;
  readonly file: RuleFile;
}

/** What a slip needs to know about a fact. */
export interface FactKnowledge {
  /** One reporting step in the unit of the fact; of a fact without one, the last digit of the limit. */
  stepOf(fact: string, limit: number): number;
  /** A fact that is easily written instead: the parent or a sibling of its concept; undefined when there is none. */
  neighbourOf(fact: string): string | undefined;
  /** The limit as a number in another unit of the fact; undefined when it has one unit only. */
  inOtherUnit(fact: string, limit: number): number | undefined;
}

/** Every mutant, each slip once. */
export function mutantsOf(rule: RuleFile, facts: FactKnowledge): Mutant[] {
  const mutants = [
    ...settingMutants(rule, facts),
    ...whole(rule, 'firesWhen', facts),
    ...(rule.notWhen === undefined ? [] : [dropped(rule, 'notWhen'), ...whole(rule, 'notWhen', facts)]),
    ...whole(rule, 'clearsWhen', facts),
    ...tierMutants(rule, facts),
    ...listMutants(rule, 'advice', facts),
    ...absorbMutants(rule),
    ...listMutants(rule, 'absorbs', facts),
    ...(rule.ownHandlingOf ?? []).map((note) => ({
      slip: `ownHandlingOf: "${note}" left out`,
      file: { ...rule, ownHandlingOf: rule.ownHandlingOf?.filter((other) => other !== note) ?? [] },
    })),
  ];
  return [...new Map(mutants.map((mutant) => [mutant.slip, mutant])).values()];
}

function settingMutants(rule: RuleFile, facts: FactKnowledge): Mutant[] {
  return Object.entries(rule.settings ?? {}).flatMap(([name, setting]) => {
    const fact = clausesOf(rule).find(
      ({ value }) => typeof value === 'object' && 'setting' in value && value.setting === name,
    )?.fact;
    return [-1, 1].map((sign) => {
      const moved = plainNumber(setting.default + sign * facts.stepOf(fact ?? name, setting.default));
      return {
        slip: `settings.${name}: ${setting.default} -> ${moved}`,
        file: { ...rule, settings: { ...rule.settings, [name]: { ...setting, default: moved } } },
      };
    });
  });
}

function whole(rule: RuleFile, key: 'firesWhen' | 'notWhen' | 'clearsWhen', facts: FactKnowledge): Mutant[] {
  const condition = rule[key];
  if (condition === undefined) return [];
  return slipsIn(condition, facts).map(({ at, what, condition: slipped }) => ({
    slip: `${key}${at}: ${what}`,
    file: { ...rule, [key]: slipped },
  }));
}

function dropped(rule: RuleFile, key: 'notWhen'): Mutant {
  const { [key]: _gone, ...rest } = rule;
  return { slip: `${key}: left out`, file: rest };
}

function tierMutants(rule: RuleFile, facts: FactKnowledge): Mutant[] {
  const { tiers } = rule;
  return tiers.flatMap(({ tier, when }, index) => {
    const at = `tiers[${index}]`;
    if (when === undefined) return [];
    const next = tiers[index + 1];
    const swapped = tiers.map((line, place) =>
      place === index && next ? { ...line, tier: next.tier } : place === index + 1 ? { ...line, tier } : line,
    );
    return [
      { slip: `${at}: left out`, file: { ...rule, tiers: tiers.filter((_line, place) => place !== index) } },
      { slip: `${at}: ${tier} and ${next?.tier} swapped`, file: { ...rule, tiers: swapped } },
      ...slipsIn(when, facts).map(({ at: inner, what, condition }) => ({
        slip: `${at}.when${inner}: ${what}`,
        file: {
          ...rule,
          tiers: tiers.map((line, place) => (place === index ? { tier, when: condition } : line)),
        },
      })),
    ];
  });
}

/** Slips in the `when` of a line of advice or absorption, named by what the line is about. */
function listMutants(rule: RuleFile, key: 'advice' | 'absorbs', facts: FactKnowledge): Mutant[] {
  const lines: readonly AnyLine[] = rule[key] ?? [];
  return lines.flatMap((line, index) => {
    if (typeof line === 'string' || line.when === undefined) return [];
    const name = 'advice' in line ? line.advice : line.rule;
    return slipsIn(line.when, facts).map(({ at, what, condition }) => ({
      slip: `${key} ${name}.when${at}: ${what}`,
      file: {
        ...rule,
        [key]: lines.map((other, place) => (place === index ? { ...line, when: condition } : other)),
      },
    }));
  });
}

type AnyLine = RuleFile['advice'][number] | NonNullable<RuleFile['absorbs']>[number];

function absorbMutants(rule: RuleFile): Mutant[] {
  const absorbs = rule.absorbs ?? [];
  return absorbs.map((line, index) => ({
    slip: `absorbs ${typeof line === 'string' ? line : line.rule}: left out`,
    file: { ...rule, absorbs: absorbs.filter((_line, place) => place !== index) },
  }));
}

interface Slip {
  /** Place below the condition: `.all[0].any[1]`. */
  readonly at: string;
  readonly what: string;
  readonly condition: Condition;
}

/** Every slip inside a condition. */
export function slipsIn(condition: Condition, facts: FactKnowledge): Slip[] {
  if ('all' in condition) return groupSlips('all', condition.all, facts);
  if ('any' in condition) return groupSlips('any', condition.any, facts);
  return clauseSlips(condition, facts).map(({ what, clause }) => ({ at: '', what, condition: clause }));
}

function groupSlips(kind: 'all' | 'any', parts: readonly Condition[], facts: FactKnowledge): Slip[] {
  const group = (list: readonly Condition[], as = kind): Condition =>
    as === 'all' ? { all: list } : { any: list };
  // A list that names several neighbours on purpose is not made shorter by naming what they share.
  const shared = parts.map((part) => ('fact' in part ? facts.neighbourOf(part.fact) : undefined));
  const alone: FactKnowledge = {
    ...facts,
    neighbourOf: (fact) => {
      const neighbour = facts.neighbourOf(fact);
      return kind === 'any' && shared.filter((other) => other === neighbour).length > 1
        ? undefined
        : neighbour;
    },
  };
  const inner = parts.flatMap((part, index) =>
    slipsIn(part, 'fact' in part ? alone : facts).map(({ at, what, condition }) => ({
      at: `.${kind}[${index}]${at}`,
      what,
      condition: group(parts.map((other, place) => (place === index ? condition : other))),
    })),
  );
  if (parts.length < 2) return inner;
  const other = kind === 'all' ? 'any' : 'all';
  return [
    { at: '', what: `${kind} -> ${other}`, condition: group(parts, other) },
    ...parts.map((_part, index) => ({
      at: `.${kind}[${index}]`,
      what: 'left out',
      condition: group(parts.filter((_other, place) => place !== index)),
    })),
    ...inner,
  ];
}

interface ClauseSlip {
  readonly what: string;
  readonly clause: Clause;
}

/** `below` for `at most`, and the opposite; drugs that ended for drugs taken. */
const MISTAKEN_FOR: Readonly<Partial<Record<OperatorName, readonly OperatorName[]>>> = {
  below: ['atMost', 'atLeast'],
  atMost: ['below', 'above'],
  above: ['atLeast', 'atMost'],
  atLeast: ['above', 'below'],
  active: ['activeOrRecent'],
  activeOrRecent: ['active'],
  hasNote: ['lacksNote'],
  lacksNote: ['hasNote'],
};

function clauseSlips(clause: Clause, facts: FactKnowledge): ClauseSlip[] {
  const operators = (MISTAKEN_FOR[clause.operator] ?? []).map((operator) => ({
    what: `${clause.operator} -> ${operator}`,
    clause: { ...clause, operator },
  }));
  return [
    ...operators,
    ...valueSlips(clause, facts),
    ...windowSlips(clause),
    ...neighbourSlips(clause, facts),
  ];
}

function valueSlips(clause: Clause, facts: FactKnowledge): ClauseSlip[] {
  const { value, fact } = clause;
  const limit = (to: Clause['value']) => ({
    what: `limit ${said(value)} -> ${said(to)}`,
    clause: { ...clause, value: to },
  });
  if (typeof value === 'boolean') return [limit(!value)];
  if (typeof value === 'number') {
    const step = facts.stepOf(fact, value);
    const other = facts.inOtherUnit(fact, value);
    const moved = [value - step, value + step].map(plainNumber);
    return [...moved, ...(other === undefined ? [] : [plainNumber(other)])].map(limit);
  }
  if (isCodes(value) && value.length > 1)
    return value.map((code) => ({
      what: `"${code}" left out`,
      clause: { ...clause, value: value.filter((other) => other !== code) },
    }));
  return [];
}

function windowSlips(clause: Clause): ClauseSlip[] {
  const { withinDays, ...ever } = clause;
  if (withinDays === undefined) return [];
  const moved = [withinDays - 1, withinDays + 1].filter((days) => days > 0);
  return [
    ...moved.map((days) => ({
      what: `within ${withinDays} days -> ${days}`,
      clause: { ...clause, withinDays: days },
    })),
    { what: 'at any time', clause: ever },
  ];
}

function neighbourSlips(clause: Clause, facts: FactKnowledge): ClauseSlip[] {
  const fact = facts.neighbourOf(clause.fact);
  return fact === undefined ? [] : [{ what: `${clause.fact} -> ${fact}`, clause: { ...clause, fact } }];
}

/** The condition in which a slip lies: `clearsWhen`, one tier, one line of advice; undefined for slips in lists. */
export function placeOfSlip(rule: RuleFile, slip: string): Condition | undefined {
  const place = slip.split(': ')[0] ?? '';
  const tier = /^tiers\[(\d+)\]/.exec(place)?.[1];
  if (tier !== undefined) return rule.tiers[Number(tier)]?.when;
  const [list, name] = /^(advice|absorbs) ([^.]+)/.exec(place)?.slice(1) ?? [];
  if (list !== undefined) {
    const lines: readonly AnyLine[] = (list === 'advice' ? rule.advice : rule.absorbs) ?? [];
    const line = lines.find(
      (one) => typeof one !== 'string' && ('advice' in one ? one.advice : one.rule) === name,
    );
    return typeof line === 'object' ? line.when : undefined;
  }
  const key = (['firesWhen', 'notWhen', 'clearsWhen'] as const).find((one) => place.startsWith(one));
  return key === undefined ? undefined : rule[key];
}

/** Every clause of a rule, wherever it stands. */
export function clausesOf(rule: RuleFile): Clause[] {
  const lines: readonly AnyLine[] = [...rule.advice, ...(rule.absorbs ?? [])];
  const whens = [...rule.tiers, ...lines.filter((line) => typeof line !== 'string')].map(({ when }) => when);
  return [rule.firesWhen, rule.notWhen, rule.clearsWhen, ...whens].flatMap((condition) =>
    condition === undefined ? [] : clausesIn(condition),
  );
}

export function clausesIn(condition: Condition): Clause[] {
  if ('all' in condition) return condition.all.flatMap(clausesIn);
  if ('any' in condition) return condition.any.flatMap(clausesIn);
  return [condition];
}

function isCodes(value: Clause['value']): value is readonly string[] {
  return Array.isArray(value);
}

function said(value: Clause['value']): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** 3.6, not 3.6000000000000001. */
function plainNumber(value: number): number {
  return Number(value.toPrecision(6));
}
