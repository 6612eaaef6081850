/**
 * From a chart to facts: every resource is read once, every fact is formed once.
 */
import type { Chart } from '../chart/chart.ts';
import type { Concept, ConceptId, Concepts } from '../concepts/concept.ts';
import { type Assertion, readAssertions } from './assertions.ts';
import { DERIVED } from './derived.ts';
import { type Fact, type FactId, type Facts, unknownFact } from './fact.ts';
import type { FactSource } from './fact-source.ts';
import { latestValue } from './measured.ts';
import { type MedicineRecord, readMedicines } from './medicine-records.ts';
import { type Exposure, exposuresByClass, medicineFacts, unrecognisedMedicines } from './medicines.ts';
import { history, presence } from './presence.ts';
import { type Reading, readObservation } from './reading.ts';
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

const LOOKBACK_OTHERWISE = 14; // days, for a measured concept without one of its own; foundations 1.1
const MEDICINE_PREFIXES = new Set(['drug', 'drug-days', 'drug-new', 'drug-ended-days']);
const LAST_KNOWN_DAYS = 90; // "has been checked", foundations 1.1

/** All facts of the chart that any rule may ask for. Facts nobody recorded are left out: unknown, `no-record`. */
export function formFacts(chart: Chart, inputs: FactInputs, now: Date): FormedFacts {
  const source = new ChartFacts(chart, inputs, now);
  for (const id of DERIVED.keys()) source.fact(id);
  for (const id of source.recordedIds()) source.fact(id);
  return { facts: source.formed(), unrecognised: source.unrecognised, dataQuality: source.setAside() };
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
  readonly #readings: Map<ConceptId, Reading[]>;
  readonly #assertions: ReturnType<typeof readAssertions>;
  readonly #exposures: Map<ConceptId, Exposure[]>;
  readonly #medicineFacts: Map<FactId, Fact>;
  readonly #refused: Map<ConceptId, string[]>;
  readonly #facts = new Map<FactId, Fact>();

  constructor(chart: Chart, { concepts, settings }: FactInputs, now: Date) {
    this.chart = chart;
    this.concepts = concepts;
    this.settings = settings;
    this.now = now;
    this.#readings = readingsOf(this);
    this.#refused = refusedResults(chart, concepts);
    this.#assertions = readAssertions(chart, this);
    this.medicines = readMedicines(this);
    this.#exposures = exposuresByClass(this.medicines, this);
    this.#medicineFacts = medicineFacts(this.#exposures, this);
    this.unrecognised = unrecognisedMedicines(this.medicines);
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
    const formed = this.#form(id);
    this.#facts.set(id, formed);
    return formed;
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

  /** Sorted by id, without those that nobody recorded anything about. */
  formed(): Facts {
    const worthShowing = [...this.#facts].filter(
      ([id, fact]) => DERIVED.has(id) || fact.state !== 'unknown' || fact.why !== 'no-record',
    );
    return new Map(worthShowing.sort(([a], [b]) => (a < b ? -1 : 1)));
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

  #form(id: FactId): Fact {
    const derived = DERIVED.get(id);
    if (derived !== undefined) return derived(this);
    if (id.startsWith('drug')) return this.#medicineFacts.get(id) ?? this.#noMedicine(id);
    if (id.startsWith('history.')) return history(id.slice(8), this.#assertions.get(id.slice(8)) ?? []);
    const last = id.startsWith('last.');
    const concept = this.concepts.byId.get(last ? id.slice(5) : id);
    if (concept === undefined) return unknownFact(id, 'no-record');
    if (concept.unit !== undefined)
      return this.#measured(
        concept,
        id,
        last ? LAST_KNOWN_DAYS : (concept.lookbackDays ?? LOOKBACK_OTHERWISE),
      );
    return presence(id, this.#assertions.get(id) ?? [], this.now);
  }

  #measured(concept: Concept, id: FactId, lookbackDays: number): Fact {
    const readings = this.readings(concept.id);
    const answered = this.#assertions.get(concept.id)?.filter((assertion) => assertion.by === 'answer') ?? [];
    return readings.length === 0 && answered.length > 0
      ? presence(id, answered, this.now)
      : latestValue(readings, concept, this.now, lookbackDays, id);
  }

  /** Nobody recorded this class; a medicine that was not recognised might be in it. */
  #noMedicine(id: FactId): Fact {
    return this.unrecognised.length > 0 ? unknownFact(id, 'not-recognised') : unknownFact(id, 'no-record');
  }
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
function refusedResults(chart: Chart, concepts: Concepts): Map<ConceptId, string[]> {
  const refused = new Map<ConceptId, string[]>();
  for (const resource of chart.resources) {
    if (resource.resourceType !== 'Observation' || resource.status === 'entered-in-error') continue;
    for (const coding of resource.code?.coding ?? []) {
      for (const member of concepts.memberships(coding.system, coding.code)) {
        if (member.refused === undefined) continue;
        refused.set(member.concept, [...(refused.get(member.concept) ?? []), `Observation/${resource.id}`]);
      }
    }
  }
  return refused;
}

function readingsOf(source: ChartFacts): Map<ConceptId, Reading[]> {
  const { chart, concepts, settings, now } = source;
  const specimens = specimenQuality(chart.resources, concepts, settings.homeTimeZone);
  const context = { concepts, settings, now, specimens };
  const byConcept = new Map<ConceptId, Reading[]>();
  for (const resource of chart.resources) {
    if (resource.resourceType !== 'Observation') continue;
    for (const reading of readObservation(resource, context)) {
      const list = byConcept.get(reading.concept);
      if (list === undefined) byConcept.set(reading.concept, [reading]);
      else list.push(reading);
    }
  }
  for (const list of byConcept.values())
    list.sort((a, b) => a.at.getTime() - b.at.getTime() || (a.source < b.source ? -1 : 1));
  return byConcept;
}
