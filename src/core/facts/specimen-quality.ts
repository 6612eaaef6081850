/**
 * Was the specimen haemolysed?
 *
 * Why: broken red cells spill potassium. A high value may then be false, and a normal one may hide a
 * low one. Laboratories say it in four places; all are read.
 * Source: clinical foundations 1.2.
 */
import type { CodeableConcept, DiagnosticReport, Observation, Resource, Specimen } from '@medplum/fhirtypes';
import { parseReference } from '../../vocabulary/ids.ts';
import { HOUR, readInstant } from '../../vocabulary/instant.ts';
import { anyOf, type Truth } from '../../vocabulary/truth.ts';
import type { Concepts } from '../concepts/concept.ts';

interface HaemolysisReport {
  readonly specimen: string | undefined;
  readonly at: number;
  readonly truth: Truth;
}

export interface SpecimenQuality {
  readonly concepts: Concepts;
  /** `Specimen/id` -> haemolysed, from Specimen.condition and from flags on reports. */
  readonly specimens: ReadonlyMap<string, Truth>;
  /** `Observation/id` -> haemolysed, from its DiagnosticReport. */
  readonly reported: ReadonlyMap<string, Truth>;
  /** Haemolysis results that stand beside the others. */
  readonly reports: readonly HaemolysisReport[];
}

const FLAG = 'hemolyzed-specimen-flag';
const INDEX = 'hemolysis-index';
const SAME_SAMPLE = HOUR / 6; // ten minutes, foundations 1.2
const PRESENT = new Set([
  'positive',
  'present',
  'detected',
  'yes',
  'weakly positive',
  '1+',
  '2+',
  '3+',
  '+',
  '++',
  '+++',
]);
const ABSENT = new Set(['negative', 'absent', 'not detected', 'no', 'trace']);
/** HL7 v2 interpretation codes that mean "above the laboratory's own flag". */
const FLAGGED = new Set(['A', 'AA', 'H', 'HH', 'HU', 'POS', 'DET']);
const UNFLAGGED = new Set(['N', 'NEG', 'ND']);

export function specimenQuality(
  resources: readonly Resource[],
  concepts: Concepts,
  zone: string,
): SpecimenQuality {
  const specimens = new Map<string, Truth>();
  const reported = new Map<string, Truth>();
  const reports: HaemolysisReport[] = [];
  for (const resource of resources) {
    if (resource.resourceType === 'Specimen') {
      specimens.set(`Specimen/${resource.id}`, specimenTruth(resource, concepts));
    } else if (resource.resourceType === 'DiagnosticReport' && reportIsFlagged(resource, concepts)) {
      for (const result of resource.result ?? []) reported.set(referenceKey(result.reference), 'true');
    } else if (resource.resourceType === 'Observation') {
      const report = haemolysisReport(resource, concepts, zone);
      if (report !== undefined) reports.push(report);
    }
  }
  return { concepts, specimens, reported, reports };
}

/** True, false or unknown for the specimen behind one Observation. */
export function haemolysisOf(observation: Observation, at: Date, quality: SpecimenQuality): Truth {
  const { concepts, specimens, reported, reports } = quality;
  const flags = [
    ...(observation.interpretation ?? []),
    ...(observation.dataAbsentReason ? [observation.dataAbsentReason] : []),
  ];
  if (flags.some((flag) => isFlag(flag, concepts))) return 'true';
  const contained = observation.contained?.find(
    (resource): resource is Specimen => resource.resourceType === 'Specimen',
  );
  const specimen = referenceKey(observation.specimen?.reference);
  const beside = reports.filter((report) =>
    report.specimen !== undefined && specimen !== ''
      ? report.specimen === specimen
      : Math.abs(report.at - at.getTime()) <= SAME_SAMPLE,
  );
  const seen: Truth[] = beside.map((report) => report.truth);
  if (contained !== undefined) seen.push(specimenTruth(contained, concepts));
  seen.push(specimens.get(specimen) ?? 'unknown', reported.get(`Observation/${observation.id}`) ?? 'unknown');
  const truth = anyOf(seen);
  return truth === 'unknown' && seen.includes('false') ? 'false' : truth;
}

function haemolysisReport(
  observation: Observation,
  concepts: Concepts,
  zone: string,
): HaemolysisReport | undefined {
  const isReport = observation.code?.coding?.some((coding) =>
    concepts
      .memberships(coding.system, coding.code)
      .some((member) => member.concept === INDEX || member.concept === FLAG),
  );
  if (!isReport || !['final', 'amended', 'corrected', 'preliminary'].includes(observation.status ?? ''))
    return undefined;
  const at =
    readInstant(observation.effectiveDateTime ?? observation.issued, zone)?.at.getTime() ?? Number.NaN;
  const specimen = observation.specimen?.reference;
  return {
    specimen: specimen ? referenceKey(specimen) : undefined,
    at,
    truth: resultTruth(observation, concepts),
  };
}

function resultTruth(observation: Observation, concepts: Concepts): Truth {
  const codes = (observation.interpretation ?? [])
    .flatMap((concept) => concept.coding ?? [])
    .map((coding) => coding.code ?? '');
  if (codes.some((code) => FLAGGED.has(code))) return 'true';
  if (codes.some((code) => UNFLAGGED.has(code))) return 'false';
  if (observation.valueBoolean !== undefined) return observation.valueBoolean ? 'true' : 'false';
  const words = [
    ...(observation.valueCodeableConcept?.coding ?? []).flatMap((coding) =>
      concepts.memberships(coding.system, coding.code).map((member) => member.value ?? ''),
    ),
    observation.valueCodeableConcept?.text ?? observation.valueString ?? '',
  ].map((word) => word.trim().toLowerCase());
  if (words.some((word) => PRESENT.has(word))) return 'true';
  return words.some((word) => ABSENT.has(word)) ? 'false' : indexTruth(observation);
}

/** A numeric index answers only against the laboratory's own limit. */
function indexTruth(observation: Observation): Truth {
  const value = observation.valueQuantity?.value;
  const limit = observation.referenceRange?.[0]?.high?.value;
  if (value === undefined || limit === undefined) return 'unknown';
  return value > limit ? 'true' : 'false';
}

function specimenTruth(specimen: Specimen, concepts: Concepts): Truth {
  return specimen.condition?.some((condition) => isFlag(condition, concepts)) ? 'true' : 'unknown';
}

function reportIsFlagged(report: DiagnosticReport, concepts: Concepts): boolean {
  return report.conclusionCode?.some((code) => isFlag(code, concepts)) ?? false;
}

function isFlag(concept: CodeableConcept, concepts: Concepts): boolean {
  return (concept.coding ?? []).some((coding) =>
    concepts
      .memberships(coding.system, coding.code)
      .some((member) => member.concept === FLAG && member.refused === undefined),
  );
}

function referenceKey(text: string | undefined): string {
  const reference = parseReference(text);
  return reference === undefined ? '' : `${reference.type}/${reference.id}`;
}
