/**
 * One measured or coded answer as an Observation, or a component of one, gave it.
 *
 * Why: every policy on statuses, units, times and specimens is applied here once. What is left
 * for the facts is to choose between readings.
 * Source: clinical foundations 1.1 to 1.4.
 */
import type { CodeableConcept, Observation, ObservationComponent, Quantity } from '@medplum/fhirtypes';
import { parseReference } from '../../vocabulary/ids.ts';
import { readInstant } from '../../vocabulary/instant.ts';
import type { Truth } from '../../vocabulary/truth.ts';
import type { Concept, ConceptId, Concepts } from '../concepts/concept.ts';
import type { Note, Why } from './fact.ts';
import type { FactSettings } from './settings.ts';
import { haemolysisOf, type SpecimenQuality } from './specimen-quality.ts';

/** Later in the list wins when two results share one time. Source: foundations 1.4. */
const STATUS_RANK = ['preliminary', 'final', 'amended', 'corrected'] as const;
export type ReadingStatus = (typeof STATUS_RANK)[number];

export interface Reading {
  readonly concept: ConceptId;
  /** `Observation/id`. */
  readonly source: string;
  readonly status: ReadingStatus;
  readonly at: Date;
  readonly issued: number;
  readonly notes: readonly Note[];
  /** Canonical unit, not rounded. */
  readonly exact?: number;
  /** As rules compare it: converted values rounded to the concept's decimals. */
  readonly value?: number;
  readonly comparator?: '<' | '<=' | '>' | '>=';
  /** Upper limit of the report's own reference range, canonical unit. */
  readonly upperLimit?: number;
  /** A coded or yes/no answer. */
  readonly answer?: string | boolean;
  /** Why there is no value. */
  readonly problem?: Why;
  readonly detail?: string;
  readonly haemolysed: Truth;
  /** From a device beside the patient rather than the laboratory. */
  readonly pointOfCare: boolean;
}

export interface ReadingContext {
  readonly concepts: Concepts;
  readonly settings: FactSettings;
  readonly now: Date;
  readonly specimens: SpecimenQuality;
}

export function statusRank(status: ReadingStatus): number {
  return STATUS_RANK.indexOf(status);
}

/** All readings of one Observation: its own and one per component. Statuses that never count give none. */
export function readObservation(observation: Observation, context: ReadingContext): Reading[] {
  const status = STATUS_RANK.find((counted) => counted === observation.status);
  if (status === undefined) return [];
  const time = observedTime(observation, context.settings.homeTimeZone);
  if (time === undefined || observation.id === undefined) return [];
  const parts: (Observation | ObservationComponent)[] = [observation, ...(observation.component ?? [])];
  return parts.flatMap((part) =>
    conceptsOf(part.code, context.concepts).map((concept) =>
      readPart(part, concept, { observation, status, ...time, context }),
    ),
  );
}

interface PartContext {
  readonly observation: Observation;
  readonly status: ReadingStatus;
  readonly at: Date;
  readonly notes: readonly Note[];
  readonly context: ReadingContext;
}

function readPart(part: Observation | ObservationComponent, concept: Concept, from: PartContext): Reading {
  const { observation, status, context } = from;
  const notes = [...from.notes];
  if (status === 'preliminary') notes.push('preliminary');
  const base = {
    concept: concept.id,
    source: `Observation/${observation.id}`,
    status,
    at: from.at,
    issued: Date.parse(observation.issued ?? observation.meta?.lastUpdated ?? '') || 0,
    haemolysed: haemolysisOf(observation, from.at, context.specimens),
    pointOfCare: parseReference(observation.device?.reference) !== undefined,
  };
  if (from.at.getTime() > context.now.getTime() + context.settings.clockSkewMinutes * 60_000) {
    return { ...base, notes, problem: 'future-dated' };
  }
  return { ...base, ...readValue(part, concept, context, notes) };
}

type Value = Pick<
  Reading,
  'notes' | 'exact' | 'value' | 'comparator' | 'upperLimit' | 'answer' | 'problem' | 'detail'
>;

function readValue(
  part: Observation | ObservationComponent,
  concept: Concept,
  context: ReadingContext,
  notes: Note[],
): Value {
  if (part.valueQuantity !== undefined && concept.unit !== undefined) {
    const limit = upperLimitOf(part, concept, context.concepts);
    return {
      ...readQuantity(part.valueQuantity, concept, context.concepts, notes),
      ...(limit === undefined ? {} : { upperLimit: limit }),
    };
  }
  if (concept.unit !== undefined) return { notes, problem: 'no-value' };
  const answer = answerOf(part, context.concepts);
  return answer === undefined ? { notes, problem: 'no-value' } : { notes, answer };
}

/** The lowest upper limit of the ranges called normal; a range without a unit is in that of the value. */
function upperLimitOf(
  part: Observation | ObservationComponent,
  concept: Concept,
  concepts: Concepts,
): number | undefined {
  const limits = (part.referenceRange ?? [])
    .filter(({ type }) => type === undefined || type.coding?.some(({ code }) => code === 'normal'))
    .flatMap(({ high }) => {
      if (high?.value === undefined) return [];
      const unit = high.unit === undefined && high.code === undefined ? part.valueQuantity : high;
      return concepts.toCanonical(concept.id, high.value, unit ?? {}) ?? [];
    });
  return limits.length === 0 ? undefined : Math.min(...limits);
}

function readQuantity(quantity: Quantity, concept: Concept, concepts: Concepts, notes: Note[]): Value {
  const { value } = quantity;
  if (value === undefined || !Number.isFinite(value)) return { notes, problem: 'no-value' };
  const exact = concepts.toCanonical(concept.id, value, quantity);
  if (exact === undefined) {
    return {
      notes: [...notes, 'unit-unrecognised'],
      problem: 'unit-unrecognised',
      detail: `unit ${quantity.unit ?? quantity.code ?? 'missing'}`,
    };
  }
  const shown = Math.abs(exact - value) < 1e-9 ? value : rounded(exact, concept);
  const comparator = quantity.comparator as Reading['comparator'];
  const [low, high] = concept.plausible ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  if (comparator === undefined && (shown < low || shown > high)) {
    const suspect = concept.id === 'body-temperature' ? ['unit-suspect'] : ['implausible'];
    return { notes: [...notes, ...suspect], problem: 'implausible', detail: `${shown} ${concept.unit}` };
  }
  const measured = { notes, exact, value: shown };
  return comparator === undefined ? measured : { ...measured, notes: [...notes, 'comparator'], comparator };
}

/** Half away from zero at the concept's decimals; a hair is added because 2.005 is stored as less. */
export function rounded(value: number, concept: Concept): number {
  if (concept.decimals === undefined) return value;
  const scale = 10 ** concept.decimals;
  return Math.round(value * scale * (1 + Number.EPSILON)) / scale;
}

/** The word of a coded, yes/no or text answer: `yes`, `no`, `positive`, a code, or the text itself. */
function answerOf(
  part: Observation | ObservationComponent,
  concepts: Concepts,
): string | boolean | undefined {
  if (part.valueBoolean !== undefined) return part.valueBoolean;
  const coded = part.valueCodeableConcept;
  if (coded === undefined) return part.valueString?.trim().toLowerCase();
  for (const coding of coded.coding ?? []) {
    const [meaning] = concepts
      .memberships(coding.system, coding.code)
      .filter((member) => member.value !== undefined);
    if (meaning?.value !== undefined) return meaning.value;
  }
  return coded.coding?.[0]?.code ?? coded.text?.trim().toLowerCase();
}

/** Concepts of a code, without look-alikes that are refused. */
export function conceptsOf(code: CodeableConcept | undefined, concepts: Concepts): Concept[] {
  const found = new Map<ConceptId, Concept>();
  for (const coding of code?.coding ?? []) {
    for (const member of concepts.memberships(coding.system, coding.code)) {
      const concept = concepts.byId.get(member.concept);
      if (concept !== undefined && member.refused === undefined) found.set(concept.id, concept);
    }
  }
  return [...found.values()];
}

/** When the Observation was true: effective time, else period end or start, else when it was issued. */
function observedTime(observation: Observation, zone: string): { at: Date; notes: Note[] } | undefined {
  const { effectiveDateTime, effectivePeriod, effectiveInstant, issued } = observation;
  const effective = effectiveDateTime ?? effectivePeriod?.end ?? effectivePeriod?.start ?? effectiveInstant;
  const read = readInstant(effective ?? issued, zone);
  if (read === undefined) return undefined;
  const notes = [
    ...(effective === undefined ? ['issued-time'] : []),
    ...(read.precision === 'date' ? ['date-only'] : []),
  ];
  return { at: read.at, notes };
}
