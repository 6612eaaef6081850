/**
 * Our operators: each reads one fact against one limit and answers true, false or unknown.
 *
 * Why: the operators of json-rules-engine know two answers and coerce; a missing, stale or doubtful
 * value must answer "unknown" here, never "no". Source: clinical foundations 1.1, 1.5 and 1.9.
 */
import { DAY } from '../../vocabulary/instant.ts';
import { notOf, type Truth, truthOf } from '../../vocabulary/truth.ts';
import { type Fact, type FactValue, isAbove, isBelow, isEqual, unknownFact } from '../facts/fact.ts';
import type { OperatorName } from './rule.ts';

/** A limit with every setting already replaced by its number. */
export type PlainLimit = FactValue | readonly string[];

/** What an operator is asked, apart from the fact. Plain JSON: the engine clones it. */
export interface Question {
  readonly operator: OperatorName;
  readonly limit: PlainLimit;
  readonly withinDays?: number;
}

/**
 * What an answer is for. A fact that may only raise (`raisesOnly`) never says "no" to what raises and
 * never says "yes" to what clears.
 */
export type Aim = 'raising' | 'clearing';

/** Drug states. Source: foundations 1.5: active is taking or prescribed. */
const ACTIVE = ['taking', 'prescribed'];
const NOT_ACTIVE = ['recent', 'planned', 'not-taking', 'on-hold'];

const ANSWERS = {
  below: (fact, limit) => (typeof limit === 'number' ? isBelow(fact, limit) : 'unknown'),
  atMost: (fact, limit) => (typeof limit === 'number' ? notOf(isAbove(fact, limit)) : 'unknown'),
  above: (fact, limit) => (typeof limit === 'number' ? isAbove(fact, limit) : 'unknown'),
  atLeast: (fact, limit) => (typeof limit === 'number' ? notOf(isBelow(fact, limit)) : 'unknown'),
  is: (fact, limit) => (Array.isArray(limit) ? 'unknown' : isEqual(fact, limit as FactValue)),
  isIn: (fact, limit) =>
    fact.state === 'known' && typeof fact.value === 'string' && Array.isArray(limit)
      ? truthOf(limit.includes(fact.value))
      : 'unknown',
  active: (fact, limit) => wanted(drugState(fact, ACTIVE, NOT_ACTIVE), limit),
  activeOrRecent: (fact, limit) => wanted(exposure(fact), limit),
  hasNote: (fact, limit) => truthOf(fact.notes.includes(String(limit))),
  // Only of a value that is there: "no record" must not read as "no remark".
  lacksNote: (fact, limit) =>
    fact.state === 'unknown' ? 'unknown' : truthOf(!fact.notes.includes(String(limit))),
  isKnown: (fact, limit) => wanted(truthOf(fact.state !== 'unknown'), limit),
} as const satisfies Record<OperatorName, (fact: Fact, limit: PlainLimit) => Truth>;

/** These speak about the record, not about the patient: a doubtful value does not make them doubtful. */
const ABOUT_THE_RECORD: readonly OperatorName[] = ['hasNote', 'lacksNote', 'isKnown'];

/** The answer of one fact to one question. Numbers that are not finite never answer. */
export function answer(fact: Fact, question: Question, now: Date, aim: Aim): Truth {
  return answerTo(question, aim)(fact, now);
}

/** The same as a closure: what depends on the question alone is settled when a rule is loaded. */
export function answerTo(question: Question, aim: Aim): (fact: Fact, now: Date) => Truth {
  const { operator, limit } = question;
  const answers: (fact: Fact, limit: PlainLimit) => Truth = ANSWERS[operator];
  const neverOfDoubtful = ABOUT_THE_RECORD.includes(operator)
    ? undefined
    : aim === 'raising'
      ? 'false'
      : 'true';
  return (fact, now) => {
    const truth = answers(usable(fact, question, now), limit);
    return truth === neverOfDoubtful && fact.raisesOnly === true ? 'unknown' : truth;
  };
}

/** The fact, or why it can not be used for this question: too old, or not a finite number. */
export function usable(fact: Fact, question: Question, now: Date): Fact {
  if (fact.state === 'unknown') return fact;
  if (!hasFiniteNumbers(fact))
    return unknownFact(fact.concept, 'no-value', { detail: 'not a finite number' });
  if (question.withinDays === undefined) return fact;
  const oldest = now.getTime() - question.withinDays * DAY;
  if (fact.at !== undefined && fact.at.getTime() >= oldest) return fact;
  return unknownFact(fact.concept, 'stale', { detail: `older than ${question.withinDays} days` });
}

function hasFiniteNumbers(fact: Exclude<Fact, { state: 'unknown' }>): boolean {
  if (fact.state === 'known') return typeof fact.value !== 'number' || Number.isFinite(fact.value);
  return Number.isFinite(fact.low ?? 0) && Number.isFinite(fact.high ?? 0);
}

/** A state that is in neither list is not guessed. */
function drugState(fact: Fact, yes: readonly string[], no: readonly string[]): Truth {
  if (fact.state !== 'known' || typeof fact.value !== 'string') return 'unknown';
  if (yes.includes(fact.value)) return 'true';
  return no.includes(fact.value) ? 'false' : 'unknown';
}

/** A record that nobody confirmed for long ended at an assumed date: exposure all the same. Foundations 1.5. */
function exposure(fact: Fact): Truth {
  if (fact.state === 'unknown' && fact.notes.includes('end-assumed')) return 'true';
  return drugState(fact, [...ACTIVE, 'recent'], NOT_ACTIVE);
}

function wanted(truth: Truth, limit: PlainLimit): Truth {
  return limit === false ? notOf(truth) : truth;
}
