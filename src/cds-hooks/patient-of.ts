/**
 * Whose resource is it, by its own words?
 */
import type { Resource } from '@medplum/fhirtypes';
import { isFhirId, type PatientId, parseReference } from '../vocabulary/ids.ts';

/** The patient a resource is about; undefined when it names none on this server. */
export function patientOf(resource: Resource): PatientId | undefined {
  if (resource.resourceType === 'Patient')
    return isFhirId(resource.id) ? (resource.id as PatientId) : undefined;
  const named = resource as { subject?: { reference?: string }; patient?: { reference?: string } };
  const reference = parseReference(named.subject?.reference ?? named.patient?.reference);
  return reference?.type === 'Patient' ? (reference.id as PatientId) : undefined;
}
