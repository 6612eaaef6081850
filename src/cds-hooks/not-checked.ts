/**
 * The "not checked" card: a danger could not be ruled out because something could not be read.
 *
 * Why not silence: many EHRs show a failed service like one without findings, and a clinician reads safety
 * into it. Why not always: with a badly set up prefetch it would be on every chart, and teach people to look
 * away. So only where part of a rule that matters is there and its other part could not be read.
 */
import type { Resource } from '@medplum/fhirtypes';
import type { Chart } from '../core/chart/chart.ts';
import { type FactId, type Facts, factOf } from '../core/facts/fact.ts';
import type { CompiledRule } from '../core/rules/compile.ts';
import { allClauses } from '../core/rules/explain.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { factInWords } from '../core/rules/words.ts';
import { parseReference } from '../vocabulary/ids.ts';
import { orderName } from './card-words.ts';
import type { Evaluation } from './evaluate-call.ts';
import { cut, plainLine } from './md-text.ts';
import { TEMPLATES } from './services.ts';

export interface NotChecked {
  /** Facts that could not be told, in words. */
  readonly facts: readonly string[];
  /** Kinds of record that could not be read, in words. */
  readonly records: readonly string[];
  /** Names of the orders it is about; empty on a chart hook. */
  readonly orders: readonly string[];
}

const RECORDS: Readonly<Record<string, string>> = {
  Patient: 'patient details',
  Observation: 'laboratory results',
  MedicationRequest: 'medicines',
  MedicationStatement: 'medicines',
  Condition: 'problems',
  AllergyIntolerance: 'allergies',
};
const FACTS_SHOWN = 5;

/** undefined when everything that matters could be told. */
export function notCheckedIn(evaluation: Evaluation, ruleSet: RuleSet, now: Date): NotChecked | undefined {
  const { decision, chosen, notSeen } = evaluation;
  const unreadable = new Set(TEMPLATES.filter(({ key }) => notSeen.includes(key)).map(({ type }) => type));
  const facts: Facts = new Map(decision.facts.map((fact) => [fact.concept, fact]));
  const open = decision.verdicts
    .filter(({ verdict, guard }) => verdict === 'unknown' && guard === undefined)
    .flatMap(({ rule, missing = [] }) => {
      const compiled = ruleSet.byId.get(rule);
      if (compiled === undefined || !matters(compiled)) return [];
      const present = isHalfPresent(compiled, facts, chosen, now);
      return present ? missing.filter((fact) => isUnreadable(fact, facts, ruleSet, unreadable)) : [];
    });
  const unnamed = chosen.filter((order) =>
    isUnresolved(evaluation.chart.byReference.get(order), evaluation.chart),
  );
  if (open.length === 0 && unnamed.length === 0) return undefined;
  const types = new Set(open.flatMap((fact) => [typeOf(fact, facts, ruleSet) ?? 'Observation']));
  return {
    facts: [...new Set(open.map(factInWords))].slice(0, FACTS_SHOWN),
    records: [...new Set([...types].flatMap((type) => RECORDS[type] ?? []))],
    orders: (unnamed.length > 0 && open.length === 0 ? unnamed : chosen).map((order) =>
      cut(plainLine(orderName(order, evaluation)), 40),
    ),
  };
}

/** The order points to a medicine that nobody sent: which one it is can not be told. No medicine chosen yet is none. */
function isUnresolved(order: Resource | undefined, chart: Chart): boolean {
  if (order?.resourceType !== 'MedicationRequest' || order.medicationCodeableConcept !== undefined)
    return false;
  const { reference, display } = order.medicationReference ?? {};
  if (reference === undefined || display !== undefined) return false;
  const isContained = order.contained?.some(({ id }) => `#${id}` === reference) === true;
  const named = parseReference(reference);
  return !isContained && (named === undefined || !chart.byReference.has(`${named.type}/${named.id}`));
}

/** A rule that can only say something mild is no reason for a notice. */
function matters({ tiers }: CompiledRule): boolean {
  return tiers.some(({ tier }) => tier === 'critical' || tier === 'high');
}

/** A clause holds on something that was recorded; on an order hook, on one of the orders. */
function isHalfPresent(rule: CompiledRule, facts: Facts, chosen: readonly string[], now: Date): boolean {
  return allClauses(rule.firesWhen).some((clause) => {
    if (clause.truth(facts, now) !== 'true') return false;
    const { from } = factOf(facts, clause.fact);
    return chosen.length === 0 ? from.length > 0 : from.some((one) => chosen.includes(one));
  });
}

function isUnreadable(id: FactId, facts: Facts, ruleSet: RuleSet, unreadable: ReadonlySet<string>): boolean {
  const type = typeOf(id, facts, ruleSet);
  return type !== undefined && unreadable.has(type);
}

/** The type of record that a fact is read from; of a derived fact, from what it needed. */
function typeOf(id: FactId, facts: Facts, { concepts }: RuleSet, depth = 3): string | undefined {
  const plain = id.replace(/^[a-z0-9-]+\./, '');
  if (id.startsWith('drug')) return 'MedicationRequest';
  switch ([id, plain, `${plain}-serum`].map((one) => concepts.byId.get(one)?.kind).find(Boolean)) {
    case 'observation':
      return 'Observation';
    case 'medication':
      return 'MedicationRequest';
    case 'condition':
      return 'Condition';
    case undefined: {
      const fact = factOf(facts, id);
      if (fact.state !== 'unknown' || depth === 0) return undefined;
      return (fact.missing ?? [])
        .map((one) => typeOf(one, facts, { concepts } as RuleSet, depth - 1))
        .find((type) => type !== undefined);
    }
    default:
      return undefined;
  }
}
