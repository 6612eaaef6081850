/**
 * What a server can store for us, read from its CapabilityStatement.
 *
 * Servers differ most in how a resource can be created exactly once; the level names the way:
 * - A: under an id that we choose; the only form that cannot make duplicates
 * - B: conditional create by identifier
 * - C: plain create, and a search before and after
 * - D: not at all; alerts stay with us
 */
import type { CapabilityStatement } from '@medplum/fhirtypes';
import type { CompanionType, Connection } from './connection.ts';

export type WriteLevel = 'A' | 'B' | 'C' | 'D';

export const WRITTEN_TYPES = ['DetectedIssue', 'CarePlan', 'Provenance', 'Device'] as const;
export type WrittenType = (typeof WRITTEN_TYPES)[number];

export interface Capability {
  readonly levels: Readonly<Record<WrittenType | CompanionType, WriteLevel>>;
  readonly batch: boolean;
  readonly transaction: boolean;
  /** Types of which the server tells a history, deletions included. */
  readonly tellsDeletions: ReadonlySet<string>;
}

export function capabilityOf(statement: CapabilityStatement, kind: Connection['kind']): Capability {
  const rest = statement.rest?.find((one) => one.mode === 'server');
  const offers = (code: string) => rest?.interaction?.some((one) => one.code === code) === true;
  const level = (type: WrittenType | CompanionType) =>
    levelOf(
      rest?.resource?.find((one) => one.type === type),
      kind,
    );
  // What can not be ended later is not made.
  const levelIfEnded = (type: CompanionType) =>
    rest?.resource?.find((one) => one.type === type)?.interaction?.some(({ code }) => code === 'update') ===
    true
      ? level(type)
      : 'D';
  return {
    levels: {
      DetectedIssue: level('DetectedIssue'),
      CarePlan: level('CarePlan'),
      Provenance: level('Provenance'),
      Device: level('Device'),
      Task: levelIfEnded('Task'),
      Flag: levelIfEnded('Flag'),
      Communication: level('Communication'),
    },
    batch: offers('batch'),
    transaction: offers('transaction'),
    tellsDeletions: new Set(
      (rest?.resource ?? []).flatMap(({ type, interaction }) =>
        type !== undefined && interaction?.some(({ code }) => code === 'history-type') ? [type] : [],
      ),
    ),
  };
}

type RestResource = NonNullable<NonNullable<CapabilityStatement['rest']>[number]['resource']>[number];

function levelOf(resource: RestResource | undefined, kind: Connection['kind']): WriteLevel {
  const can = (code: string) => resource?.interaction?.some((one) => one.code === code) === true;
  // Medplum takes no ids from clients: an unknown one is a 404, whatever a statement says.
  const ownIds = kind !== 'medplum' && resource?.updateCreate === true;
  if (ownIds && can('update') && can('read')) return 'A';
  if (!can('create') || !can('search-type')) return 'D';
  return resource?.conditionalCreate === true ? 'B' : 'C';
}
