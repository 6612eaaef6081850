/**
 * Results whose code is in no concept although name, unit and value are those of an analyte that rules ask for.
 *
 * Such a result is not used: a name is no evidence. It is told to people, because a laboratory that changes a
 * code makes every rule on that analyte fall silent.
 */
import type { CodeableConcept, Observation, ObservationComponent } from '@medplum/fhirtypes';
import type { Chart } from '../chart/chart.ts';
import type { ConceptId, Concepts } from '../concepts/concept.ts';

export interface OrphanCode {
  /** `system|code`, or `|code` where no system was given. */
  readonly code: string;
  /** The first concept by name whose analyte it may be. */
  readonly looksLike: ConceptId;
}

/** One line per code, sorted. */
export function orphanCodes(chart: Chart, concepts: Concepts): OrphanCode[] {
  const found = new Map<string, ConceptId>();
  for (const resource of chart.resources) {
    if (resource.resourceType !== 'Observation') continue;
    for (const part of [resource, ...(resource.component ?? [])]) {
      const looksLike = orphanIn(part, concepts);
      if (looksLike === undefined) continue;
      for (const { system = '', code } of part.code?.coding ?? []) found.set(`${system}|${code}`, looksLike);
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([code, looksLike]) => ({ code, looksLike }));
}

function orphanIn(part: Observation | ObservationComponent, concepts: Concepts): ConceptId | undefined {
  const { code, valueQuantity } = part;
  const value = valueQuantity?.value;
  const codings = code?.coding ?? [];
  if (value === undefined || codings.length === 0) return undefined;
  if (codings.some(({ system, code: one }) => concepts.memberships(system, one).length > 0)) return undefined;
  return concepts.namedLike(nameOf(code)).find((id) => {
    const canonical = concepts.toCanonical(id, value, valueQuantity ?? {});
    const [low, high] = concepts.byId.get(id)?.plausible ?? [
      Number.NEGATIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ];
    return canonical !== undefined && canonical >= low && canonical <= high;
  });
}

function nameOf(code: CodeableConcept | undefined): string {
  return [code?.text, ...(code?.coding ?? []).map(({ display }) => display)].join(' ');
}
