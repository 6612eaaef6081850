/**
 * Where derived facts get their inputs from: every fact is formed once, when it is first asked for.
 */
import type { Observation, Resource, ResourceType } from '@medplum/fhirtypes';
import type { Chart } from '../chart/chart.ts';
import type { ConceptId, Concepts } from '../concepts/concept.ts';
import type { Assertion } from './assertions.ts';
import type { Fact, FactId } from './fact.ts';
import type { MedicineRecord } from './medicine-records.ts';
import type { Exposure } from './medicines.ts';
import type { Reading } from './reading.ts';
import type { FactSettings } from './settings.ts';

export interface FactSource {
  readonly chart: Chart;
  readonly concepts: Concepts;
  readonly settings: FactSettings;
  readonly now: Date;
  /** Every medication record that says something about exposure. */
  readonly medicines: readonly MedicineRecord[];
  /** Those of the chart that have this type, in its order. */
  resources<T extends ResourceType>(type: T): readonly Extract<Resource, { resourceType: T }>[];
  /** Observations, of any status, whose own code means the concept. */
  observations(concept: ConceptId): readonly Observation[];
  /** All countable readings of a concept, oldest first. */
  readings(concept: ConceptId): readonly Reading[];
  /** What records say about a symptom, diagnosis or procedure, oldest first. */
  assertions(concept: ConceptId): readonly Assertion[];
  /** Every medication record that reaches a class. */
  exposures(concept: ConceptId): readonly Exposure[];
  /** Results whose code looks like the concept and is refused: `Observation/id`. */
  refused(concept: ConceptId): readonly string[];
  fact(id: FactId): Fact;
}

/** Forms one derived fact. */
export type Former = (source: FactSource) => Fact;
