/**
 * What each rule reads of a record: concepts and properties of the Patient, seen while its facts are formed.
 *
 * Why: a rule page names the inputs of a rule, and the attributes it says it uses are checked against them. A
 * list written by hand would miss what a fact reads three facts deeper.
 *
 * Facts are formed again for the chart of every vector of every rule, through a source that takes notes. What
 * no vector makes a fact read is not seen, which is one more reason for vectors on every branch.
 */
import type { Patient } from '@medplum/fhirtypes';
import type { Chart } from '../core/chart/chart.ts';
import type { ConceptId, Concepts } from '../core/concepts/concept.ts';
import { DERIVED } from '../core/facts/derived.ts';
import type { FactId } from '../core/facts/fact.ts';
import type { FactSource } from '../core/facts/fact-source.ts';
import { type FactInputs, factSource } from '../core/facts/form-facts.ts';
import type { Compiled, CompiledRule } from '../core/rules/compile.ts';
import { allClauses } from '../core/rules/explain.ts';

/** Sorted. */
export interface InputsRead {
  readonly concepts: readonly ConceptId[];
  /** Properties of the Patient resource, such as `birthDate`. */
  readonly patient: readonly string[];
}

/** What one derived fact asked its source for. */
interface Asked {
  readonly facts: Set<FactId>;
  readonly concepts: Set<ConceptId>;
  readonly patient: Set<string>;
}

const MEDICINE_FACT = /^(?:drug|drug-days|drug-new|drug-ended-days)\.(.+)$/;
const RECORD_FACT = /^(?:history|last)\.(.+)$/;
/** The guard over every rule asks for it: adults only. */
const ASKED_BY_EVERY_RULE: readonly FactId[] = ['age'];
/** Identity and plumbing of a resource, no input about the person. */
const NO_INPUT: ReadonlySet<string> = new Set(['id', 'resourceType', 'meta']);

/** Every derived fact formed once per chart, with notes on what it asked for. */
export class InputNotes {
  readonly #asked = new Map<FactId, Asked>();
  readonly #concepts: Concepts;

  constructor(concepts: Concepts) {
    this.#concepts = concepts;
  }

  take(chart: Chart, inputs: FactInputs, now: Date): void {
    const source = factSource(chart, inputs, now);
    for (const [id, former] of DERIVED) former(noting(source, this.#askedBy(id)));
  }

  /** What the rule reads to fire, grade and clear, through all facts beneath. */
  readBy(rule: CompiledRule): InputsRead {
    const concepts = new Set<ConceptId>();
    const patient = new Set<string>();
    const seen = new Set<FactId>();
    const waiting = [...ASKED_BY_EVERY_RULE, ...factsAskedBy(rule)];
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      if (seen.has(id)) continue;
      seen.add(id);
      const concept = MEDICINE_FACT.exec(id)?.[1] ?? RECORD_FACT.exec(id)?.[1] ?? id;
      if (!DERIVED.has(id) && this.#concepts.byId.has(concept)) concepts.add(concept);
      const asked = this.#asked.get(id);
      if (asked === undefined) continue;
      waiting.push(...asked.facts);
      for (const one of asked.concepts) concepts.add(one);
      for (const one of asked.patient) patient.add(one);
    }
    return { concepts: [...concepts].sort(), patient: [...patient].sort() };
  }

  #askedBy(id: FactId): Asked {
    const known = this.#asked.get(id);
    if (known !== undefined) return known;
    const asked: Asked = { facts: new Set(), concepts: new Set(), patient: new Set() };
    this.#asked.set(id, asked);
    return asked;
  }
}

/** Facts in the conditions that make a rule fire, stop, grade, clear and advise. */
export function factsAskedBy(rule: CompiledRule): FactId[] {
  const conditions: readonly (Compiled | undefined)[] = [
    rule.firesWhen,
    rule.notWhen,
    rule.clearsWhen,
    rule.lowerTierWhen,
    ...rule.tiers.map(({ when }) => when),
    ...rule.advice.map(({ when }) => when),
  ];
  const clauses = conditions.flatMap((condition) => (condition === undefined ? [] : allClauses(condition)));
  return [...new Set(clauses.map(({ fact }) => fact))];
}

function noting(source: FactSource, asked: Asked): FactSource {
  const of =
    <T>(read: (concept: ConceptId) => T) =>
    (concept: ConceptId): T => {
      asked.concepts.add(concept);
      return read(concept);
    };
  const { chart, concepts, settings, now, medicines } = source;
  return {
    chart: { ...chart, patient: notingReads(chart.patient, asked.patient) },
    concepts,
    settings,
    now,
    medicines,
    resources: (type) => source.resources(type),
    observations: of((concept) => source.observations(concept)),
    readings: of((concept) => source.readings(concept)),
    assertions: of((concept) => source.assertions(concept)),
    exposures: of((concept) => source.exposures(concept)),
    refused: of((concept) => source.refused(concept)),
    fact: (id) => {
      asked.facts.add(id);
      return source.fact(id);
    },
  };
}

function notingReads(patient: Patient, read: Set<string>): Patient {
  return new Proxy(patient, {
    get: (target, property) => {
      if (typeof property === 'string' && !NO_INPUT.has(property)) read.add(property);
      return Reflect.get(target, property);
    },
  });
}
