/**
 * What would have to be different for a finding to clear, in words.
 *
 * Why: "low potassium" tells what is wrong, "clears at potassium 3.6 mmol/L or more" tells when it is over. Only
 * what was tried is said: the facts are changed, the rules are asked again, and a sentence that does not hold
 * is left out.
 */
import {
  type Fact,
  type FactId,
  type FactLookup,
  type Facts,
  factOf,
  type KnownFact,
} from '../facts/fact.ts';
import type { Compiled, CompiledClause, CompiledRule } from '../rules/compile.ts';

/** Changes of facts, each with its words; undefined when no change of facts makes the condition true. */
type Changes = ReadonlyMap<FactId, Change>;
interface Change {
  readonly fact: Fact;
  readonly words: string;
  /** Of a number: up or down. */
  readonly direction?: 1 | -1;
}

/** Nobody changes these to clear a finding. */
const GIVEN = new Set(['age', 'sex']);

/**
 * `clears at potassium 3.6 mmol/L or more`, `clears with furosemide stopped`.
 *
 * @param rules those that make the finding; all of them must clear.
 * @returns undefined when nothing can be said that holds.
 */
export function counterfactual(rules: readonly CompiledRule[], facts: Facts, now: Date): string | undefined {
  const all = rules.map((rule) => changesFor(rule.clearsWhen, facts, now));
  if (all.some((changes) => changes === undefined)) return undefined;
  const changes = together(all.filter((one) => one !== undefined));
  if (changes.size === 0) return undefined;
  const changed = otherwise(changes, facts);
  const holds = rules.every(
    ({ clearsWhen, firesWhen, notWhen }) =>
      clearsWhen.truth(changed, now) === 'true' &&
      (firesWhen.truth(changed, now) !== 'true' || notWhen?.truth(changed, now) === 'true'),
  );
  return holds
    ? `clears ${[...new Set([...changes.values()].map(({ words }) => words))].join(', ')}`
    : undefined;
}

/** The facts as they would be. */
function otherwise(changes: Changes, facts: Facts): FactLookup {
  const changed = new Map([...changes].flatMap(([id, { fact }]) => renewed(id, fact, facts)));
  return { get: (id) => changed.get(id) ?? facts.get(id) };
}

/** A new value is also the last known one. */
function renewed(id: FactId, fact: Fact, facts: Facts): [FactId, Fact][] {
  const last = `last.${id}`;
  return facts.has(last)
    ? [
        [id, fact],
        [last, { ...fact, concept: last }],
      ]
    : [[id, fact]];
}

/** The fewest changes; none for what is true already. */
function changesFor(condition: Compiled, facts: Facts, now: Date): Changes | undefined {
  if (condition.truth(facts, now) === 'true') return new Map();
  if (condition.kind === 'clause') return changeFor(condition, facts, now);
  const parts = condition.parts.map((part) => changesFor(part, facts, now));
  if (condition.kind === 'all') {
    const needed = parts.filter((part) => part !== undefined);
    return needed.length < parts.length ? undefined : together(needed);
  }
  const [fewest] = parts.filter((part) => part !== undefined).sort((a, b) => a.size - b.size);
  return fewest;
}

/** All changes at once. Of two goals for one number the further one stands; other conflicts show when it is tried. */
function together(all: readonly Changes[]): Changes {
  const joined = new Map<FactId, Change>();
  for (const [id, change] of all.flatMap((changes) => [...changes])) {
    const before = joined.get(id);
    if (before === undefined || !isFurther(before, change)) joined.set(id, change);
  }
  return joined;
}

function isFurther(a: Change, b: Change): boolean {
  if (a.direction === undefined || a.direction !== b.direction) return false;
  const [from, to] = [a, b].map(({ fact }) => (fact.state === 'known' ? Number(fact.value) : Number.NaN));
  return (Number(from) - Number(to)) * a.direction > 0;
}

function changeFor(clause: CompiledClause, facts: Facts, now: Date): Changes | undefined {
  const { fact: id, question } = clause;
  const { operator, limit } = question;
  if (GIVEN.has(id)) return undefined;
  const before = factOf(facts, id);
  const change = (value: KnownFact['value'], words: string, direction?: 1 | -1): Changes =>
    new Map([
      [
        id,
        { fact: { ...plain(before, now), state: 'known', value }, words, ...(direction && { direction }) },
      ],
    ]);
  switch (operator) {
    case 'below':
    case 'above': {
      if (typeof limit !== 'number') return undefined;
      // The next number does: in which step the laboratory reports does not change the words.
      const direction = operator === 'below' ? -1 : 1;
      return change(limit + direction * Math.max(Math.abs(limit), 1) * 1e-6, `at ${clause.words}`, direction);
    }
    case 'atMost':
    case 'atLeast':
      if (typeof limit !== 'number') return undefined;
      return change(limit, `at ${clause.goal}`, operator === 'atMost' ? -1 : 1);
    case 'is':
      if (Array.isArray(limit)) return undefined;
      return limit === false && hasNames(before)
        ? change(false, stopped(before))
        : change(limit as KnownFact['value'], `when ${clause.words}`);
    case 'isIn':
      return Array.isArray(limit) && limit[0] !== undefined
        ? change(limit[0], `when ${clause.words}`)
        : undefined;
    case 'active':
      return limit === false && hasNames(before) ? change('not-taking', stopped(before)) : undefined;
    case 'activeOrRecent':
      return limit === false && hasNames(before)
        ? change('not-taking', `${stopped(before)} and no longer recent`)
        : undefined;
    case 'lacksNote': // a result without the remark; the number stays or is changed by another clause
      return new Map();
    default:
      return undefined; // what is about the record alone says nothing to a clinician
  }
}

/** A new fact in place of the old one: of now, certain, without remarks. */
function plain({ concept, unit, names }: Fact, now: Date) {
  return { concept, from: [], notes: [], at: now, ...(unit && { unit }), ...(names && { names }) };
}

function hasNames({ names }: Fact): boolean {
  return names !== undefined && names.length > 0;
}

function stopped({ names = [] }: Fact): string {
  return `with ${names.join(' and ')} stopped`;
}
