/**
 * Orders that a clinician is making, as if they were active: what they would cause is the card.
 *
 * A draft wins over the active order it changes, so that a re-signed order is not a duplicate of itself
 * or a partner in its own interaction. Source: care-team 4.
 */
import type { MedicationRequest, Resource, ServiceRequest } from '@medplum/fhirtypes';
import type { HookCall } from './read-call.ts';

export interface DraftOrders {
  /** Orders that are being chosen or signed now, as if active. */
  readonly chosen: readonly Resource[];
  /** The other unsigned orders of the session: context, as if active. */
  readonly others: readonly Resource[];
}

type Order = MedicationRequest | ServiceRequest;

export function draftOrders({ hook, draftOrders: drafts, selections }: HookCall, now: Date): DraftOrders {
  const active = drafts.map((draft) => asActive(draft, now));
  if (hook !== 'order-select') return { chosen: active, others: [] };
  const selected = new Set(selections.map((one) => one.split('/').slice(-2).join('/')));
  const isChosen = (order: Resource): boolean => selected.has(referenceTo(order));
  return { chosen: active.filter(isChosen), others: active.filter((order) => !isChosen(order)) };
}

/** The chart's resources with these orders in place of those they change. */
export function withOrders(resources: readonly Resource[], orders: readonly Resource[]): Resource[] {
  const names = new Set(orders.flatMap(namesOf));
  return [...resources.filter((one) => !namesOf(one).some((name) => names.has(name))), ...orders];
}

export function referenceTo({ resourceType, id }: Resource): string {
  return `${resourceType}/${id}`;
}

/** As the client wrote it: to name it, and to suggest that it is taken away again. */
export function isMedicationOrder(order: Resource): order is MedicationRequest {
  return order.resourceType === 'MedicationRequest';
}

const UNSIGNED: ReadonlySet<string | undefined> = new Set(['draft', 'unknown', undefined]);
const ASKED: ReadonlySet<string | undefined> = new Set(['proposal', 'plan', 'option', undefined]);

/** Signed, and begun now. An order that is being stopped or held keeps its status: it takes a medicine away. */
function asActive(draft: Resource, now: Date): Resource {
  if (draft.resourceType !== 'MedicationRequest' && draft.resourceType !== 'ServiceRequest') return draft;
  const { status, intent } = draft as Order;
  const signed = {
    ...draft,
    ...(UNSIGNED.has(status) ? { status: 'active', authoredOn: now.toISOString() } : {}),
    ...(ASKED.has(intent) ? { intent: 'order' } : {}),
  } as Resource;
  return signed.resourceType === 'MedicationRequest' ? begunNow(signed, now) : signed;
}

/** An order for next week is judged as if it began now: the danger is the same, and now it can be changed. */
function begunNow(order: MedicationRequest, now: Date): MedicationRequest {
  const { dosageInstruction } = order;
  if (dosageInstruction === undefined) return order;
  const begun = dosageInstruction.map((dosage) => {
    const start = dosage.timing?.repeat?.boundsPeriod?.start;
    if (start === undefined || !(Date.parse(start) > now.getTime())) return dosage;
    const { boundsPeriod: _, ...repeat } = dosage.timing?.repeat ?? {};
    return { ...dosage, timing: { ...dosage.timing, repeat } };
  });
  return { ...order, dosageInstruction: begun };
}

/** `Type/id`, and each identifier, as names of one order. */
function namesOf(resource: Resource): string[] {
  const { identifier } = resource as { identifier?: readonly { system?: string; value?: string }[] };
  const named = Array.isArray(identifier) ? identifier : [];
  return [
    referenceTo(resource),
    ...named.flatMap(({ system, value }) =>
      value === undefined ? [] : [`${resource.resourceType}|${system ?? ''}|${value}`],
    ),
  ];
}
