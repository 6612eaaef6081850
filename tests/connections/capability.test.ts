import { describe, expect, it } from '@jest/globals';
import type { CapabilityStatement } from '@medplum/fhirtypes';
import { capabilityOf } from '../../src/connections/capability.ts';

const ALL = ['read', 'update', 'create', 'search-type'];

function statement(
  interactions: readonly string[],
  rest: object = {},
  system: readonly string[] = [],
): CapabilityStatement {
  const resource = { type: 'DetectedIssue', interaction: interactions.map((code) => ({ code })), ...rest };
  return {
    resourceType: 'CapabilityStatement',
    rest: [
      { mode: 'client' },
      { mode: 'server', resource: [resource], interaction: system.map((code) => ({ code })) },
    ],
  } as CapabilityStatement;
}

describe('how alerts can be written to a server', () => {
  it.each([
    [
      'under our own id where clients choose ids',
      'hapi',
      statement(ALL, { updateCreate: true, conditionalCreate: true }),
      'A',
    ],
    [
      'never under our own id on Medplum',
      'medplum',
      statement(ALL, { updateCreate: true, conditionalCreate: true }),
      'B',
    ],
    ['by conditional create', 'generic-r4', statement(ALL, { conditionalCreate: true }), 'B'],
    ['by search and create', 'generic-r4', statement(ALL), 'C'],
    ['not at all without create', 'generic-r4', statement(['read', 'search-type']), 'D'],
    ['not at all without search', 'generic-r4', statement(['read', 'create']), 'D'],
    [
      'not at all when the type is not served',
      'generic-r4',
      { resourceType: 'CapabilityStatement' } as CapabilityStatement,
      'D',
    ],
  ] as const)('%s', (_, kind, served, level) => {
    expect(capabilityOf(served, kind).levels.DetectedIssue).toBe(level);
  });

  it('uses batch and transaction only where the server offers them', () => {
    expect(capabilityOf(statement(ALL), 'hapi')).toMatchObject({ batch: false, transaction: false });
    expect(capabilityOf(statement(ALL, {}, ['batch', 'transaction']), 'hapi')).toMatchObject({
      batch: true,
      transaction: true,
    });
  });
});
