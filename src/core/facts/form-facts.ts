/**
 * From a chart to facts: every resource is read once, every fact is formed once.
 */
import type { Observation, Resource, ResourceType } from '@medplum/fhirtypes';
import { oncePer, remembered } from '../../vocabulary/remembered.ts';
import type { Chart } from '../chart/chart.ts';
import type { Concept, ConceptId, Concepts } from '../concepts/concept.ts';
import { type Assertion, readAssertions } from './assertions.ts';
import { DERIVED } from './derived.ts';
import { type Fact, type FactId, type Facts, noRecord, unknownFact } from './fact.ts';
import type { FactSource } from './fact-source.ts';
import { latestValue } from './measured.ts';
import { type MedicineRecord, readMedicines } from './medicine-records.ts';
import { type Exposure, exposuresByClass, medicineFacts, unrecognisedMedicines } from './medicines.ts';
import { history, presence } from './presence.ts';
import { conceptsOf, type Reading, readObservation } from './reading.ts';
import type { FactSettings } from './settings.ts';
import { specimenQuality } from './specimen-quality.ts';

export interface FactInputs {
  readonly concepts: Concepts;
  readonly settings: FactSettings;
}

export interface FormedFacts {
  readonly facts: Facts;
  readonly unrecognised: readonly string[];
  /** Results set aside, in words. */
  readonly dataQuality: readonly string[];
}

export const LOOKBACK_OTHERWISE = 14; // days, for a measured concept without one of its own; foundations 1.1
const MEDICINE_PREFIXES = new Set(['drug', 'drug-days', 'drug-new', 'drug-ended-days']);
/** Sorted once, so that only what a chart adds is sorted again. */
const DERIVED_IN_ORDER = [...DERIVED.keys()].sort();
const LAST_KNOWN_DAYS = 90; // "has been checked", foundations 1.1

/** All facts of the chart that any rule may ask for. Facts nobody recorded are left out: unknown, `no-record`. */
export function formFacts(chart: Chart, inputs: FactInputs, now: Date): FormedFacts {
  const source = new ChartFacts(chart, inputs, now);
  for (const id of DERIVED.keys()) source.fact(id);
  for (const id of source.recordedIds()) source.fact(id);
  return { facts: source.formed(), unrecognised: source.unrecognised, dataQuality: source.setAside() };
}

/** The same facts one at a time, for those who want to know where a fact comes from. */
export function factSource(chart: Chart, inputs: FactInputs, now: Date): FactSource {
  return new ChartFacts(chart, inputs, now);
}

/** Is this the id of a fact that can be formed? */
export function isKnownFact(id: FactId, concepts: Concepts): boolean {
  if (DERIVED.has(id) || concepts.byId.has(id)) return true;
  const [prefix, ...rest] = id.split('.');
  const concept = concepts.byId.get(rest.join('.'));
  if (concept === undefined) return false;
  if (MEDICINE_PREFIXES.has(prefix ?? '')) return concept.kind === 'medication';
  return prefix === 'history' || (prefix === 'last' && concept.unit !== undefined);
}

class ChartFacts implements FactSource {
  readonly chart: Chart;
  readonly concepts: Concepts;
  readonly settings: FactSettings;
  readonly now: Date;
  readonly medicines: readonly MedicineRecord[];
  readonly unrecognised: readonly string[];
  readonly #byType: Map<ResourceType, Resource[]>;
  readonly #observations: Map<ConceptId, Observation[]>;
  readonly #readings: Map<ConceptId, Reading[]>;
  readonly #assertions: ReturnType<typeof readAssertions>;
  readonly #exposures: Map<ConceptId, Exposure[]>;
  readonly #medicineFacts: Map<FactId, Fact>;
  readonly #refused: Map<ConceptId, string[]>;
  readonly #howToForm: (id: FactId) => Recipe;
  /** Without those that nobody recorded anything about. */
  readonly #facts = new Map<FactId, Fact>();

  constructor(chart: Chart, { concepts, settings }: FactInputs, now: Date) {
    this.chart = chart;
    this.concepts = concepts;
    this.settings = settings;
    this.now = now;
    this.#howToForm = recipesOf(concepts);
    this.#byType = Map.groupBy(chart.resources, ({ resourceType }) => resourceType);
    const observations = this.resources('Observation');
    this.#observations = observationsByConcept(observations, concepts);
    this.#readings = readingsOf(this);
    this.#refused = refusedResults(observations, concepts);
    this.#assertions = readAssertions(chart, this);
    this.medicines = readMedicines(this);
    this.#exposures = exposuresByClass(this.medicines, this);
    this.#medicineFacts = medicineFacts(this.#exposures, this);
    this.unrecognised = unrecognisedMedicines(this.medicines);
  }

  resources<T extends ResourceType>(type: T): readonly Extract<Resource, { resourceType: T }>[] {
    return (this.#byType.get(type) ?? []) as Extract<Resource, { resourceType: T }>[];
  }

  observations(concept: ConceptId): readonly Observation[] {
    return this.#observations.get(concept) ?? [];
  }

  refused(concept: ConceptId): readonly string[] {
    return this.#refused.get(concept) ?? [];
  }

  assertions(concept: ConceptId): readonly Assertion[] {
    return this.#assertions.get(concept) ?? [];
  }

  exposures(concept: ConceptId): readonly Exposure[] {
    return this.#exposures.get(concept) ?? [];
  }

  readings(concept: ConceptId): readonly Reading[] {
    return this.#readings.get(concept) ?? [];
  }

  fact(id: FactId): Fact {
    const known = this.#facts.get(id);
    if (known !== undefined) return known;
    const { form, isDerived } = this.#howToForm(id);
    const formed = form(this);
    if (isDerived || formed.state !== 'unknown' || formed.why !== 'no-record') this.#facts.set(id, formed);
    return formed;
  }

  /** `drug.<class>` and its times. Where nobody recorded the class, a medicine that was not recognised might be in it. */
  medicineFact(id: FactId): Fact {
    const recorded = this.#medicineFacts.get(id);
    if (recorded !== undefined) return recorded;
    return this.unrecognised.length > 0 ? unknownFact(id, 'not-recognised') : noRecord(id);
  }

  /** Ids that the chart itself says something about. */
  recordedIds(): FactId[] {
    const measured = [...this.#readings.keys()].filter(
      (id) => this.concepts.byId.get(id)?.unit !== undefined,
    );
    const asserted = [...this.#assertions.keys()];
    const medicines =
      this.unrecognised.length === 0 ? [...this.#medicineFacts.keys()] : everyMedicine(this.concepts);
    return [
      ...measured,
      ...measured.map((id) => `last.${id}`),
      ...asserted,
      ...asserted.map((id) => `history.${id}`),
      ...medicines,
    ];
  }

  /** Sorted by id. */
  formed(): Facts {
    const recorded = [...this.#facts.keys()].filter((id) => !DERIVED.has(id));
    return new Map([...DERIVED_IN_ORDER, ...recorded].sort().map((id) => [id, this.fact(id)]));
  }

  setAside(): string[] {
    const problems = [...this.#readings.values()]
      .flat()
      .filter(
        (reading) =>
          reading.problem === 'implausible' ||
          reading.problem === 'unit-unrecognised' ||
          reading.problem === 'future-dated',
      );
    return [
      ...new Set(
        problems.map(
          (reading) =>
            `${reading.source}: ${reading.concept.replaceAll('-', ' ')} set aside, ${PROBLEM_WORDS[reading.problem as keyof typeof PROBLEM_WORDS]}`,
        ),
      ),
    ].sort();
  }
}

interface Recipe {
  readonly form: (source: ChartFacts) => Fact;
  /** Shown also when nobody recorded anything. */
  readonly isDerived: boolean;
}

/** How the fact of an id is formed, found once per id. */
const recipesOf = oncePer((concepts: Concepts) => remembered((id) => recipeOf(id, concepts)));

function recipeOf(id: FactId, concepts: Concepts): Recipe {
  const derived = DERIVED.get(id);
  return derived === undefined
    ? { form: formerOf(id, concepts), isDerived: false }
    : { form: derived, isDerived: true };
}

/** What the chart itself says: about a medicine class, a measured concept, or whether something is present. */
function formerOf(id: FactId, concepts: Concepts): (source: ChartFacts) => Fact {
  if (id.startsWith('drug')) return (source) => source.medicineFact(id);
  if (id.startsWith('history.')) {
    const concept = id.slice('history.'.length);
    return (source) => history(concept, source.assertions(concept));
  }
  const last = id.startsWith('last.');
  const concept = concepts.byId.get(last ? id.slice('last.'.length) : id);
  if (concept === undefined) return () => noRecord(id);
  if (concept.unit === undefined) return (source) => presence(id, source.assertions(id), source.now);
  const lookbackDays = last ? LAST_KNOWN_DAYS : (concept.lookbackDays ?? LOOKBACK_OTHERWISE);
  return (source) => measured(concept, id, lookbackDays, source);
}

/** The latest result; where there is none, what was answered about it. */
function measured(concept: Concept, id: FactId, lookbackDays: number, source: FactSource): Fact {
  const readings = source.readings(concept.id);
  const answered = source.assertions(concept.id).filter((assertion) => assertion.by === 'answer');
  return readings.length === 0 && answered.length > 0
    ? presence(id, answered, source.now)
    : latestValue(readings, concept, source.now, lookbackDays, id);
}

const PROBLEM_WORDS = {
  implausible: 'implausible: check with the laboratory',
  'unit-unrecognised': 'its unit is missing or not one this result is reported in',
  'future-dated': 'its time lies in the future',
} as const;

/** While a medicine is not recognised, no class can be said to be absent from the record. */
function everyMedicine(concepts: Concepts): FactId[] {
  return [...concepts.byId.values()]
    .filter(({ kind }) => kind === 'medication')
    .map(({ id }) => `drug.${id}`);
}

/** Results whose code looks like the concept and is refused, such as an eGFR with a race term. */
function refusedResults(observations: readonly Observation[], concepts: Concepts): Map<ConceptId, string[]> {
  const refused = new Map<ConceptId, string[]>();
  for (const resource of observations) {
    if (resource.status === 'entered-in-error') continue;
    for (const coding of resource.code?.coding ?? []) {
      for (const member of concepts.memberships(coding.system, coding.code)) {
        if (member.refused === undefined) continue;
        refused.set(member.concept, [...(refused.get(member.concept) ?? []), `Observation/${resource.id}`]);
      }
    }
  }
  return refused;
}

function observationsByConcept(
  observations: readonly Observation[],
  concepts: Concepts,
): Map<ConceptId, Observation[]> {
  const byConcept = new Map<ConceptId, Observation[]>();
  for (const observation of observations) {
    for (const { id } of conceptsOf(observation.code, concepts)) add(byConcept, id, observation);
  }
  return byConcept;
}

function add<T>(lists: Map<ConceptId, T[]>, concept: ConceptId, item: T): void {
  const list = lists.get(concept);
  if (list === undefined) lists.set(concept, [item]);
  else list.push(item);
}

function readingsOf(source: ChartFacts): Map<ConceptId, Reading[]> {
  const { chart, concepts, settings, now } = source;
  const specimens = specimenQuality(chart.resources, concepts, settings.homeTimeZone);
  const context = { concepts, settings, now, specimens };
  const byConcept = new Map<ConceptId, Reading[]>();
  for (const observation of source.resources('Observation')) {
    for (const reading of readObservation(observation, context)) add(byConcept, reading.concept, reading);
  }
  for (const list of byConcept.values())
    list.sort((a, b) => a.at.getTime() - b.at.getTime() || (a.source < b.source ? -1 : 1));
  return byConcept;
}
