/**
 * What this sandbox says it can do; clients choose their way of writing by it.
 */
import { getResourceTypes } from '@medplum/core';
import type { CapabilityStatement, CapabilityStatementRestResource, ResourceType } from '@medplum/fhirtypes';
import { DIALECTS, type DialectName } from './dialect.ts';
import { unservedBy } from './further-reads.ts';
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

export interface Capabilities {
  readonly dialect: DialectName;
  readonly clientIds: 'allowed' | 'refused';
  /** Search parameters that are refused. */
  readonly refused: readonly string[];
}

export function capabilityStatementOf(
  base: string,
  capabilities: Capabilities,
  date: Date,
): CapabilityStatement {
  const unserved = unservedBy(capabilities.dialect);
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
        resource: getResourceTypes()
          .filter((type) => !unserved.has(type))
          .map((type) => resourceOf(type, capabilities)),
        interaction: [{ code: 'transaction' }, { code: 'batch' }],
      },
    ],
  };
}

function resourceOf(
  type: ResourceType,
  { dialect, clientIds, refused }: Capabilities,
): CapabilityStatementRestResource {
  const history = DIALECTS[dialect].typeHistory ? (['history-type'] as const) : [];
  return {
    type,
    interaction: [...INTERACTIONS, ...history].map((code) => ({ code })),
    versioning: 'versioned',
    readHistory: true,
    updateCreate: clientIds === 'allowed',
    conditionalCreate: true,
    conditionalUpdate: true,
    conditionalDelete: 'single',
    searchParam: searchParametersOf(type)
      .filter(({ code }) => !refused.includes(code))
      .map((parameter) => ({ name: parameter.code, definition: parameter.url, type: parameter.type })),
  };
}
