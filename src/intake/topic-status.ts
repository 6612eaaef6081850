/**
 * The first entry of a topic notification: which subscription, what kind, which events.
 *
 * One reader for the R4 form (Parameters) and for that of R4B and R5 (SubscriptionStatus), and lenient in
 * both: servers write numbers as text, codes in capitals, references as URIs, dates for instants, and leave
 * out what they do not know.
 * Source: Subscriptions R5 Backport 1.1.
 */
import type { ResourceReference } from '../vocabulary/ids.ts';
import { isObject, type JsonObject } from '../vocabulary/json.ts';
import { readReference, senderEventId } from './form.ts';

export type TopicKind = 'handshake' | 'heartbeat' | 'event-notification' | 'query-status' | 'query-event';

export interface TopicStatus {
  /** Logical id of the Subscription; undefined when it is not told. */
  readonly subscription?: string;
  readonly kind: TopicKind;
  /** What the server says of the Subscription: `active`, `error`; lower case. */
  readonly status?: string;
  /** Events since the Subscription began. */
  readonly total?: number;
  readonly events: readonly TopicEvent[];
}

export interface TopicEvent {
  readonly number?: number;
  /** When it happened, by the server; only an exact time. */
  readonly at?: Date;
  /** What changed; undefined when nothing is named, or nothing that can be read. */
  readonly focus?: ResourceReference;
  /** The sender's own id of the event. */
  readonly id?: string;
}

/** Undefined when the Bundle is no topic notification. `Bundle.type` tells nothing. */
export function readTopicStatus(bundle: JsonObject): TopicStatus | undefined {
  const first: unknown = Array.isArray(bundle.entry) ? bundle.entry[0] : undefined;
  const resource = isObject(first) ? first.resource : undefined;
  return isObject(resource) ? readStatusResource(resource) : undefined;
}

function readStatusResource(resource: JsonObject): TopicStatus | undefined {
  if (String(resource.resourceType).endsWith('SubscriptionStatus')) return statusOf(resource);
  if (resource.resourceType !== 'Parameters') return undefined;
  const members = membersOf(resource.parameter);
  if (!members.has('subscription')) return undefined;
  const events = (members.get('notification-event') ?? []).map((one) => {
    const part = membersOf(one.part);
    const of = (name: string): unknown => anyValueOf(part.get(name)?.[0]);
    return { eventNumber: of('event-number'), timestamp: of('timestamp'), focus: of('focus'), id: one.id };
  });
  const of = (name: string): unknown => anyValueOf(members.get(name)?.[0]);
  return statusOf({
    subscription: of('subscription'),
    status: of('status'),
    type: of('type'),
    eventsSinceSubscriptionStart: of('events-since-subscription-start'),
    notificationEvent: events,
  });
}

function statusOf(json: JsonObject): TopicStatus {
  const written: readonly unknown[] = Array.isArray(json.notificationEvent) ? json.notificationEvent : [];
  const events = written.filter(isObject).map(eventOf);
  const subscription = referenceIn(json.subscription);
  const total = countOf(json.eventsSinceSubscriptionStart);
  return {
    kind: kindOf(json.type),
    events,
    ...(subscription?.type === 'Subscription' && { subscription: subscription.id }),
    ...(typeof json.status === 'string' && { status: json.status.toLowerCase().slice(0, 32) }),
    ...(total !== undefined && { total }),
  };
}

function eventOf(json: JsonObject): TopicEvent {
  const number = countOf(json.eventNumber);
  const at = readExactTime(json.timestamp);
  const focus = referenceIn(json.focus);
  const id = senderEventId(json.id);
  return {
    ...(number !== undefined && { number }),
    ...(at !== undefined && { at }),
    ...(focus !== undefined && { focus }),
    ...(id !== undefined && { id }),
  };
}

const KINDS: readonly TopicKind[] = [
  'handshake',
  'heartbeat',
  'event-notification',
  'query-status',
  'query-event',
];

/** A kind we do not know may be an event: at worst we look in vain. */
function kindOf(type: unknown): TopicKind {
  return KINDS.find((kind) => kind === String(type).toLowerCase()) ?? 'event-notification';
}

function referenceIn(value: unknown): ResourceReference | undefined {
  return readReference(isObject(value) ? value.reference : value);
}

function countOf(value: unknown): number | undefined {
  const count = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(count) && (count as number) >= 0 ? (count as number) : undefined;
}

/** Some servers write a date for it, which says nothing about the order of two events. */
export function readExactTime(value: unknown): Date | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT.*(?:Z|[+-]\d\d:\d\d)$/.test(value)) return undefined;
  const at = new Date(value);
  return Number.isNaN(at.getTime()) ? undefined : at;
}

/** Parameters or parts by name, in their order. */
function membersOf(list: unknown): Map<string, JsonObject[]> {
  const all: readonly unknown[] = Array.isArray(list) ? list : [];
  return Map.groupBy(all.filter(isObject), ({ name }) => String(name));
}

/** Any `value[x]`. */
function anyValueOf(parameter: JsonObject | undefined): unknown {
  const name = Object.keys(parameter ?? {}).find((key) => /^value[A-Z]/.test(key));
  return name === undefined ? undefined : parameter?.[name];
}
