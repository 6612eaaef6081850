/**
 * Finds what was written before under an identity, and puts duplicates right.
 *
 * This comes before every write: it is what makes a repeat, and a write whose answer was lost, harmless.
 */
import type {
  CarePlan,
  Communication,
  DetectedIssue,
  Flag,
  Identifier,
  Resource,
  Task,
} from '@medplum/fhirtypes';
import type { WriteLevel } from '../connections/capability.ts';
import type { Gate } from '../connections/gate.ts';
import type { Trouble, WriteOutcome } from '../connections/outcomes.ts';
import type { Identity } from './identity.ts';
import { isLeftAlone } from './merge.ts';

/** Where an earlier delivery wrote to. */
export interface Target {
  readonly id: string;
  readonly versionId?: string;
  /** Written just now: a server that reads from a copy may not show it yet, or as it was before. */
  readonly fresh?: true;
}

/** What the service keeps up to date on a target. */
export type Written = DetectedIssue | CarePlan | Task | Flag | Communication;
export type Kept = Written & { id: string };

export type FindOutcome<T> =
  | { readonly outcome: 'found'; readonly resource: T }
  | { readonly outcome: 'none' }
  /** It was there and somebody deleted it. */
  | { readonly outcome: 'deleted' }
  /** We may not see it any more. */
  | { readonly outcome: 'hidden' }
  /** Duplicates could not be put right in this round. */
  | { readonly outcome: 'unsettled'; readonly write: WriteOutcome }
  | Trouble;

/** Asked again soon, until `fresh` is over: what we wrote just now and could not mark looks the same. */
export const NOT_THERE_YET = { outcome: 'try-later', because: 'not-there-yet', afterMs: 5000 } as const;

interface Sought {
  readonly type: Kept['resourceType'];
  readonly level: WriteLevel;
  readonly identity: Identity;
  readonly identifier: Identifier;
  readonly known: Target | undefined;
}

export async function find(gate: Gate, sought: Sought): Promise<FindOutcome<Kept>> {
  const { type, level, identity, known } = sought;
  const id = level === 'A' ? identity : known?.id;
  if (id !== undefined) {
    const read = await gate.read(type, id);
    if (read.outcome === 'found') return { outcome: 'found', resource: read.resource as Kept };
    if (read.outcome !== 'gone') return read;
    if (read.certain) return { outcome: 'deleted' };
    if (level === 'A') return absent(known);
  }
  return findByIdentifier(gate, sought);
}

async function findByIdentifier(gate: Gate, { type, identifier, known }: Sought): Promise<FindOutcome<Kept>> {
  const hits = await gate.searchAll(type, { identifier: `${identifier.system}|${identifier.value}` });
  if (hits.outcome !== 'found') return hits;
  // A server that ignores the parameter would answer with everybody's.
  const named = hits.resource.filter(
    (one): one is Kept => one.resourceType === type && hasIdentifier(one, identifier),
  );
  const live = named.filter((one) => one.status !== 'entered-in-error');
  const [first, ...rest] = [...(live.length > 0 ? live : named)].sort(touchedThenOldest);
  if (first === undefined) return absent(known);
  for (const duplicate of live.length > 0 ? rest.filter((one) => !isTouched(one)) : []) {
    const mistake = { ...duplicate, status: 'entered-in-error' } as Kept;
    const write = await gate.update(mistake, duplicate.meta?.versionId);
    if (write.outcome !== 'written' && write.outcome !== 'gone') return { outcome: 'unsettled', write };
  }
  return { outcome: 'found', resource: first };
}

/** Nothing is there under the identity. */
function absent(known: Target | undefined): FindOutcome<never> {
  if (known === undefined) return { outcome: 'none' };
  return known.fresh ? NOT_THERE_YET : { outcome: 'deleted' };
}

function hasIdentifier(resource: Resource, { system, value }: Identifier): boolean {
  const identifiers =
    'identifier' in resource && Array.isArray(resource.identifier) ? resource.identifier : [];
  return identifiers.some((one: Identifier) => one.system === system && one.value === value);
}

/** The one that a person has touched is kept, else the oldest. */
function touchedThenOldest(a: Kept, b: Kept): number {
  if (isTouched(a) !== isTouched(b)) return isTouched(a) ? -1 : 1;
  return sortKey(a) < sortKey(b) ? -1 : 1;
}

function sortKey({ meta, id }: Kept): string {
  return `${meta?.lastUpdated ?? ''} ${id}`;
}

function isTouched(resource: Kept): boolean {
  switch (resource.resourceType) {
    case 'DetectedIssue':
      return (resource.mitigation ?? []).length > 0 || resource.status === 'mitigated';
    case 'CarePlan':
      return isLeftAlone(resource) || (resource.note ?? []).length > 0;
    default:
      return isEnded(resource);
  }
}

/** A companion that is not as we made it: ended by us, or taken up or put away by a person. */
export function isEnded({ resourceType, status }: Kept): boolean {
  return status !== { Task: 'draft', Flag: 'active', Communication: 'completed' }[resourceType as 'Task'];
}
