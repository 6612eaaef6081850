/**
 * What records say about symptoms, diagnoses and procedures: present or absent, when, and who says so.
 *
 * Source: clinical foundations 1.6 and 1.7.
 */
import type {
  CodeableConcept,
  Condition,
  Observation,
  Procedure,
  QuestionnaireResponse,
  QuestionnaireResponseItem,
} from '@medplum/fhirtypes';
import { readInstant, readPeriodEnd } from '../../vocabulary/instant.ts';
import type { Chart } from '../chart/chart.ts';
import type { ConceptId, Concepts } from '../concepts/concept.ts';
import { fromAllergy } from './allergies.ts';
import type { Note } from './fact.ts';
import type { FactSettings } from './settings.ts';
import { ASKED_BY } from './symptoms.ts';

export interface Assertion {
  readonly concept: ConceptId;
  /** `past`: it was so, and is recorded as over. */
  readonly says: 'present' | 'absent' | 'past' | 'unclear';
  readonly by: 'condition' | 'observation' | 'answer' | 'procedure';
  readonly at: Date;
  /** When a Condition began, where it says so. */
  readonly onset?: Date;
  /** When a Condition ended, where it says so. */
  readonly ended?: Date;
  readonly source: string;
  readonly notes: readonly Note[];
  /** A counted answer, such as cramps in a week. */
  readonly count?: number;
}

interface Reader {
  readonly concepts: Concepts;
  readonly settings: FactSettings;
}

/** Every assertion of the chart, oldest first. Family history is not read. */
export function readAssertions(chart: Chart, reader: Reader): Map<ConceptId, Assertion[]> {
  const byConcept = new Map<ConceptId, Assertion[]>();
  const found = chart.resources.flatMap((resource) => {
    switch (resource.resourceType) {
      case 'Condition':
        return fromCondition(resource, reader);
      case 'AllergyIntolerance':
        return fromAllergy(resource, reader);
      case 'Observation':
        return fromObservation(resource, reader);
      case 'Procedure':
        return fromProcedure(resource, reader);
      case 'QuestionnaireResponse':
        return fromAnswers(resource, reader);
      default:
        return [];
    }
  });
  found.sort((a, b) => a.at.getTime() - b.at.getTime() || (a.source < b.source ? -1 : 1));
  for (const assertion of found) {
    const list = byConcept.get(assertion.concept);
    if (list === undefined) byConcept.set(assertion.concept, [assertion]);
    else list.push(assertion);
  }
  return byConcept;
}

const CURRENT = new Set(['active', 'recurrence', 'relapse', 'remission']);
const SUSPECTED = new Set(['provisional', 'differential', 'unconfirmed']);

function fromCondition(condition: Condition, reader: Reader): Assertion[] {
  const verification = codeOf(condition.verificationStatus);
  if (verification === 'entered-in-error') return [];
  const zone = reader.settings.homeTimeZone;
  const onset = readInstant(condition.onsetDateTime ?? condition.onsetPeriod?.start, zone)?.at;
  const ended = readInstant(condition.abatementDateTime ?? condition.abatementPeriod?.end, zone)?.at;
  const recorded =
    readInstant(condition.recordedDate, zone)?.at ?? readInstant(condition.meta?.lastUpdated, zone)?.at;
  // Without any date a diagnosis still stands; a symptom is as old as can be, so it answers nothing.
  const at = recorded ?? onset ?? new Date(0);
  const notes = [
    ...(verification !== undefined && SUSPECTED.has(verification) ? ['suspected'] : []),
    ...(codeOf(condition.clinicalStatus) === 'remission' ? ['remission'] : []),
  ];
  const says = verification === 'refuted' ? 'absent' : stateOf(condition);
  const base = {
    by: 'condition' as const,
    at,
    source: `Condition/${condition.id}`,
    notes,
    ...(onset ? { onset } : {}),
    ...(ended ? { ended } : {}),
  };
  return spread(condition.code, says, reader.concepts).map(([concept, said]) => ({
    ...base,
    concept,
    says: said,
  }));
}

function stateOf(condition: Condition): Assertion['says'] {
  const clinical = codeOf(condition.clinicalStatus);
  if (clinical === undefined) {
    const ended =
      condition.abatementDateTime ??
      condition.abatementPeriod ??
      condition.abatementString ??
      condition.abatementAge;
    return ended === undefined ? 'unclear' : 'past';
  }
  return CURRENT.has(clinical) ? 'present' : 'past';
}

const COUNTS = new Set(['final', 'amended', 'corrected', 'preliminary']);

function fromObservation(observation: Observation, reader: Reader): Assertion[] {
  if (!COUNTS.has(observation.status ?? '')) return [];
  const { effectiveDateTime, effectivePeriod, effectiveInstant, issued } = observation;
  const at = readInstant(
    effectiveDateTime ?? effectivePeriod?.end ?? effectivePeriod?.start ?? effectiveInstant ?? issued,
    reader.settings.homeTimeZone,
  )?.at;
  if (at === undefined) return [];
  const base = {
    by: 'observation' as const,
    at,
    source: `Observation/${observation.id}`,
    notes: observation.status === 'preliminary' ? ['preliminary'] : [],
  };
  const own = [observation, ...(observation.component ?? [])].flatMap((part) => {
    const says = saidBy(part, reader.concepts);
    const count = part.valueInteger ?? part.valueQuantity?.value;
    if (says === undefined && count === undefined) return [];
    return spread(part.code, says ?? 'unclear', reader.concepts).map(([concept, said]) => ({
      ...base,
      concept,
      says: said,
      ...(count === undefined ? {} : { count }),
    }));
  });
  // "Symptom: leg cramp": the finding stands in the value.
  const named = spread(observation.valueCodeableConcept, 'present', reader.concepts);
  return [...own, ...named.map(([concept, says]) => ({ ...base, concept, says }))];
}

const YES = new Set(['yes', 'positive', 'present', 'detected', 'true']);
const NO = new Set(['no', 'negative', 'absent', 'not detected', 'false']);
const PRESENCE_CODES = new Map<string, Assertion['says']>([
  ['52101004', 'present'], // SNOMED CT: Present
  ['2667000', 'absent'], // SNOMED CT: Absent
  ['LA33-6', 'present'], // LOINC answer: Yes
  ['LA32-8', 'absent'], // LOINC answer: No
  ['Y', 'present'], // HL7 v2-0136
  ['N', 'absent'], // HL7 v2-0136
]);

/** Present or absent as a boolean, a coded yes or no, or the same as text. */
function saidBy(
  part: { valueBoolean?: boolean; valueCodeableConcept?: CodeableConcept; valueString?: string },
  concepts: Concepts,
): Assertion['says'] | undefined {
  if (part.valueBoolean !== undefined) return part.valueBoolean ? 'present' : 'absent';
  for (const coding of part.valueCodeableConcept?.coding ?? []) {
    const known = PRESENCE_CODES.get(coding.code ?? '');
    if (known !== undefined) return known;
    for (const member of concepts.memberships(coding.system, coding.code)) {
      const said = saidInWord(member.value);
      if (said !== undefined) return said;
    }
  }
  return saidInWord(part.valueCodeableConcept?.text ?? part.valueString);
}

function saidInWord(word: string | undefined): Assertion['says'] | undefined {
  const lower = word?.trim().toLowerCase() ?? '';
  if (YES.has(lower)) return 'present';
  return NO.has(lower) ? 'absent' : undefined;
}

function fromProcedure(procedure: Procedure, reader: Reader): Assertion[] {
  const says =
    procedure.status === 'completed' || procedure.status === 'in-progress'
      ? 'present'
      : procedure.status === 'not-done'
        ? 'absent'
        : undefined;
  const zone = reader.settings.homeTimeZone;
  const at =
    readInstant(procedure.performedDateTime, zone)?.at ??
    readPeriodEnd(procedure.performedPeriod?.end ?? procedure.performedPeriod?.start, zone);
  if (says === undefined || at === undefined) return [];
  return spread(procedure.code, says, reader.concepts).map(([concept, said]) => ({
    concept,
    says: said,
    by: 'procedure' as const,
    at,
    source: `Procedure/${procedure.id}`,
    notes: procedure.status === 'in-progress' ? ['in-progress'] : [],
  }));
}

/** Answers of a diary or checklist, at any depth; an unfinished form may only raise. */
function fromAnswers(response: QuestionnaireResponse, reader: Reader): Assertion[] {
  const { status } = response;
  const at = readInstant(response.authored ?? response.meta?.lastUpdated, reader.settings.homeTimeZone)?.at;
  if (at === undefined || !['completed', 'amended', 'in-progress'].includes(status ?? '')) return [];
  const base = { by: 'answer' as const, at, source: `QuestionnaireResponse/${response.id}` };
  return itemsOf(response.item).flatMap((item) => {
    const asked =
      ASKED_BY.get(item.linkId ?? '') ??
      (reader.concepts.byId.has(item.linkId ?? '') ? item.linkId : undefined);
    const [answer] = item.answer ?? [];
    if (asked === undefined || answer === undefined) return [];
    const count = answer.valueInteger ?? answer.valueDecimal;
    const coded = answer.valueCoding?.code ?? answer.valueString;
    const says =
      answer.valueBoolean === undefined ? saidInWord(coded) : answer.valueBoolean ? 'present' : 'absent';
    if (count === undefined && (says === undefined || (status === 'in-progress' && says === 'absent')))
      return [];
    const notes = status === 'in-progress' ? ['in-progress'] : [];
    return downwards(asked, says ?? 'unclear', reader.concepts).map(([concept, said]) => ({
      ...base,
      concept,
      says: said,
      notes,
      ...(count === undefined || concept !== asked ? {} : { count }),
    }));
  });
}

/** Every item at any depth. */
export function itemsOf(
  items: readonly QuestionnaireResponseItem[] | undefined,
): QuestionnaireResponseItem[] {
  return (items ?? []).flatMap((item) => [
    item,
    ...itemsOf(item.item),
    ...(item.answer ?? []).flatMap((answer) => itemsOf(answer.item)),
  ]);
}

/**
 * The concepts that a coded assertion speaks of. Presence holds for the concept and its parents; absence for
 * the concept and its children: no leg cramp means no nocturnal leg cramp, never the other way round.
 */
function spread(
  code: CodeableConcept | undefined,
  says: Assertion['says'],
  concepts: Concepts,
): [ConceptId, Assertion['says']][] {
  const members = new Set<ConceptId>();
  for (const coding of code?.coding ?? []) {
    for (const member of concepts.memberships(coding.system, coding.code)) {
      if (member.refused === undefined && member.value === undefined) members.add(member.concept);
    }
  }
  if (says !== 'absent') return [...members].map((concept) => [concept, says]);
  const narrowest = [...members].filter(
    (concept) => !concepts.byId.get(concept)?.includes?.some((child) => members.has(child)),
  );
  return narrowest.flatMap((concept) => downwards(concept, says, concepts));
}

function downwards(
  concept: ConceptId,
  says: Assertion['says'],
  concepts: Concepts,
): [ConceptId, Assertion['says']][] {
  if (says !== 'absent')
    return [
      [concept, says],
      ...concepts.includedIn(concept).map((parent): [ConceptId, Assertion['says']] => [parent, says]),
    ];
  const children = concepts.byId.get(concept)?.includes ?? [];
  return [[concept, says], ...children.flatMap((child) => downwards(child, says, concepts))];
}

function codeOf(concept: CodeableConcept | undefined): string | undefined {
  return concept?.coding?.[0]?.code ?? concept?.text?.toLowerCase();
}
