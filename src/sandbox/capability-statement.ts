/**
 * What this sandbox says it can do; clients choose their way of writing by it.
 */
import { getResourceTypes } from '@medplum/core';
import type { CapabilityStatement, CapabilityStatementRestResource, ResourceType } from '@medplum/fhirtypes';
import { searchParametersOf } from './search-parameters.ts';

const INTERACTIONS = [
  'read',
  'vread',
  'update',
  'patch',
  'delete',
  'history-instance',
  'create',
  'search-type',
] as const;

export function capabilityStatementOf(
  base: string,
  clientIds: 'allowed' | 'refused',
  date: Date,
): CapabilityStatement {
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: date.toISOString(),
    kind: 'instance',
    software: { name: 'cramp-cds sandbox' },
    implementation: { description: 'An open FHIR server for first runs and tests', url: base },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json', 'json'],
    patchFormat: ['application/json-patch+json'],
    rest: [
      {
        mode: 'server',
        resource: getResourceTypes().map((type) => resourceOf(type, clientIds === 'allowed')),
        interaction: [{ code: 'transaction' }, { code: 'batch' }],
      },
    ],
  };
}

function resourceOf(type: ResourceType, updateCreate: boolean): CapabilityStatementRestResource {
  return {
    type,
    interaction: INTERACTIONS.map((code) => ({ code })),
    versioning: 'versioned',
    readHistory: true,
    updateCreate,
    conditionalCreate: true,
    conditionalUpdate: true,
    conditionalDelete: 'single',
    searchParam: searchParametersOf(type).map((parameter) => ({
      name: parameter.code,
      definition: parameter.url,
      type: parameter.type,
    })),
  };
}
