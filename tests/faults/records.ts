/**
 * Records of a hospital in the fault runs.
 */
import type { DetectedIssue, Observation } from '@medplum/fhirtypes';

/** The same result corrected again and again has the same id: only its newest version counts. */
export function observation(
  patient: string,
  what: string,
  code: string,
  value: number,
  unit: string,
  { status = 'final', at = new Date() }: { status?: Observation['status']; at?: Date } = {},
): Observation {
  return {
    resourceType: 'Observation',
    id: `${patient}-${what}`,
    status,
    code: { coding: [{ system: 'http://loinc.org', code }] },
    subject: { reference: `Patient/${patient}` },
    effectiveDateTime: at.toISOString(),
    valueQuantity: { value, unit, code: unit, system: 'http://unitsofmeasure.org' },
  };
}

export function isOpen({ status, identifiedPeriod }: DetectedIssue): boolean {
  return status !== 'entered-in-error' && identifiedPeriod?.end === undefined;
}
