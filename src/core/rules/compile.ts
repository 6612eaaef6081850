/**
 * A rule file made ready to run: every condition tree becomes plain synchronous closures, once, at load.
 *
 * Why: stock json-rules-engine clones every rule and makes a promise per condition on each run, which
 * costs about a hundred times as much; it still confirms what fires (see judge.ts).
 */
import type { Truth } from '../../vocabulary/truth.ts';
import type { Tier } from '../decision.ts';
import { type FactId, type FactLookup, noRecord } from '../facts/fact.ts';
import { type Aim, answerTo, type PlainLimit, type Question } from './operators.ts';
import type { AdviceFile, Clause, Condition, InterlockFile, Limit, RuleFile } from './rule.ts';
import { clauseInWords, goalInWords, type UnitOf } from './words.ts';

export type { Aim } from './operators.ts';

/** Answers a compiled condition. Pure; the same facts and time give the same answer. */
type Ask = (facts: FactLookup, now: Date) => Truth;

export interface CompiledClause {
  readonly kind: 'clause';
  readonly fact: FactId;
  readonly question: Question;
  /** For people: `potassium below 3.5 mmol/L`. */
  readonly words: string;
  /** The same as something to reach: `potassium 3.6 mmol/L or more`. */
  readonly goal: string;
  readonly truth: Ask;
}
export interface CompiledGroup {
  readonly kind: 'all' | 'any';
  readonly parts: readonly Compiled[];
  /** Every clause at any depth, in the order of the file. */
  readonly clauses: readonly CompiledClause[];
  readonly truth: Ask;
}
export type Compiled = CompiledClause | CompiledGroup;

export interface CompiledRule {
  readonly id: string;
  readonly file: RuleFile;
  readonly firesWhen: Compiled;
  readonly notWhen?: Compiled;
  readonly clearsWhen: Compiled;
  readonly tiers: readonly { readonly tier: Tier; readonly when?: Compiled }[];
  readonly lowerTierWhen?: Compiled;
  readonly advice: readonly { readonly advice: string; readonly when?: Compiled }[];
  readonly absorbs: readonly {
    readonly rule: string;
    readonly when?: Compiled;
    readonly unlessCritical?: true;
  }[];
}

export interface CompiledInterlock {
  readonly id: string;
  readonly file: InterlockFile;
  readonly blocks: readonly { readonly when: Compiled; readonly because: string }[];
  readonly cautions: readonly { readonly when: Compiled; readonly because: string }[];
  readonly needs: readonly { readonly fact: FactId; readonly check: string; readonly when?: Compiled }[];
}

/** Advice with the condition under which it is shown. */
export type CompiledAdvice = AdviceFile & { readonly shown?: Compiled };

/** A site's moved settings of one rule, by setting name. */
export type Overlay = Readonly<Record<string, number>>;

export class RuleError extends Error {}

/**
 * Compiles a checked rule file.
 *
 * @param overlay settings that a site moved; each inside the range of the file.
 * @param unitOf for the words of clauses; units are never converted here.
 * @throws RuleError when a setting is unknown or outside its range.
 */
export function compileRule(file: RuleFile, overlay: Overlay = {}, unitOf: UnitOf = noUnit): CompiledRule {
  const build: Build = { settings: settingsOf(file, overlay), unitOf, aim: 'raising' };
  return {
    id: file.id,
    file,
    firesWhen: compile(file.firesWhen, build),
    ...(file.notWhen && { notWhen: compile(file.notWhen, build) }),
    clearsWhen: compile(file.clearsWhen, { ...build, aim: 'clearing' }),
    tiers: file.tiers.map(({ tier, when }) => ({ tier, ...compiledWhen(when, build) })),
    ...(file.lowerTierWhen && { lowerTierWhen: compile(file.lowerTierWhen, build) }),
    advice: file.advice.map((line) =>
      typeof line === 'string'
        ? { advice: line }
        : { advice: line.advice, ...compiledWhen(line.when, build) },
    ),
    absorbs: (file.absorbs ?? []).map((line) =>
      typeof line === 'string' ? { rule: line } : absorption(line, build),
    ),
  };
}

/** Compiles an interlock. Its blocks and cautions raise: a doubtful value may block, never unblock. */
export function compileInterlock(file: InterlockFile, unitOf: UnitOf = noUnit): CompiledInterlock {
  const build: Build = { settings: new Map(), unitOf, aim: 'raising' };
  const guard = (line: { when: Condition; because: string }) => ({
    when: compile(line.when, build),
    because: line.because,
  });
  return {
    id: file.id,
    file,
    blocks: file.blocks.map(guard),
    cautions: file.cautions.map(guard),
    needs: file.needs.map(({ fact, check, when }) => ({ fact, check, ...compiledWhen(when, build) })),
  };
}

/** Compiles the condition of an advice file, where it has one. */
export function compileAdvice(file: AdviceFile, unitOf: UnitOf = noUnit): CompiledAdvice {
  if (file.shownWhen === undefined) return file;
  return { ...file, shown: compileCondition(file.shownWhen, 'raising', unitOf) };
}

/** Compiles one condition outside a rule file, without settings. */
export function compileCondition(condition: Condition, aim: Aim, unitOf: UnitOf = noUnit): Compiled {
  return compile(condition, { settings: new Map(), unitOf, aim });
}

interface Build {
  readonly settings: ReadonlyMap<string, number>;
  readonly unitOf: UnitOf;
  readonly aim: Aim;
}

function compile(condition: Condition, build: Build): Compiled {
  if ('all' in condition) return group('all', condition.all, build);
  if ('any' in condition) return group('any', condition.any, build);
  return compileClause(condition, build);
}

function group(kind: 'all' | 'any', conditions: readonly Condition[], build: Build): CompiledGroup {
  const parts = conditions.map((part) => compile(part, build));
  const decides: Truth = kind === 'all' ? 'false' : 'true';
  const otherwise: Truth = kind === 'all' ? 'true' : 'false';
  const asks = parts.map((part) => part.truth);
  const truth: Ask = (facts, now) => {
    let answered: Truth = otherwise;
    for (const ask of asks) {
      const one = ask(facts, now);
      if (one === decides) return decides;
      if (one === 'unknown') answered = 'unknown';
    }
    return answered;
  };
  const clauses = parts.flatMap((part) => (part.kind === 'clause' ? [part] : part.clauses));
  return { kind, parts, clauses, truth };
}

function compileClause(clause: Clause, build: Build): CompiledClause {
  const { fact, operator, withinDays } = clause;
  const limit = plainLimit(clause.value, build.settings);
  const question: Question = { operator, limit, ...(withinDays !== undefined && { withinDays }) };
  return {
    kind: 'clause',
    fact,
    question,
    words: clauseInWords(fact, question, build.unitOf),
    goal: goalInWords(fact, question, build.unitOf),
    truth: truthOfClause(fact, question, build.aim),
  };
}

/** Most facts of most charts are absent, and what an absent one answers is known at load. */
function truthOfClause(id: FactId, question: Question, aim: Aim): Ask {
  const answer = answerTo(question, aim);
  const whenAbsent = answer(noRecord(id), NEVER);
  return (facts, now) => {
    const fact = facts.get(id);
    return fact === undefined ? whenAbsent : answer(fact, now);
  };
}

const NEVER = new Date(0); // an absent fact has no age

function plainLimit(limit: Limit, settings: ReadonlyMap<string, number>): PlainLimit {
  if (typeof limit !== 'object' || !('setting' in limit)) return limit;
  const value = settings.get(limit.setting);
  if (value === undefined) throw new RuleError(`the setting "${limit.setting}" is not in the file`);
  return value;
}

function settingsOf(file: RuleFile, overlay: Overlay): ReadonlyMap<string, number> {
  const settings = new Map(
    Object.entries(file.settings ?? {}).map(([name, { default: value }]) => [name, value]),
  );
  for (const [name, value] of Object.entries(overlay)) {
    const allowed = file.settings?.[name]?.allowed;
    if (allowed === undefined) throw new RuleError(`${file.id} has no setting "${name}"`);
    if (!(value >= allowed[0] && value <= allowed[1])) {
      throw new RuleError(`${file.id}: "${name}" may be ${allowed[0]} to ${allowed[1]}, not ${value}`);
    }
    settings.set(name, value);
  }
  return settings;
}

function compiledWhen(when: Condition | undefined, build: Build): { readonly when?: Compiled } {
  return when === undefined ? {} : { when: compile(when, build) };
}

function absorption(line: { rule: string; when?: Condition; unless?: 'critical' }, build: Build) {
  return {
    rule: line.rule,
    ...compiledWhen(line.when, build),
    ...(line.unless === 'critical' && { unlessCritical: true as const }),
  };
}

function noUnit(): undefined {
  return undefined;
}
