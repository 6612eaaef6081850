/**
 * Notifications by topic: one Bundle about one Subscription, in the R4 form (Parameters) or that of R4B
 * (SubscriptionStatus).
 *
 * Source: Subscriptions R5 Backport 1.1, and how servers bend it: FHIR integration reference 2.3, 2.4, 2.8.
 */
import type { Extension, Subscription } from '@medplum/fhirtypes';
import type { Interaction, Version } from './version.ts';

export interface TopicEvent {
  /** From 1 on; a server that keeps its counter in memory begins anew with its process. */
  readonly number: number;
  readonly interaction: Interaction;
  readonly version: Version;
}

export interface Topical {
  readonly kind: 'handshake' | 'heartbeat' | 'event-notification' | 'query-status' | 'query-event';
  readonly subscription: Subscription;
  readonly events: readonly TopicEvent[];
  /** Events since the Subscription began. */
  readonly total: number;
  readonly base: string;
  readonly at: Date;
}

/** `status`: of R4B, as Aidbox. `parameters`: of R4, as HealthLake. `quirky`: the same as HAPI bends it, with a date for an instant. */
export type TopicShape = 'status' | 'parameters' | 'quirky';

const BACKPORT = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition';
const METHOD = { create: 'POST', update: 'PUT', delete: 'DELETE' } as const;

/** A Subscription is by topic when its criteria are an address. */
export function isByTopic({ criteria }: Subscription): boolean {
  return /^https?:/.test(criteria);
}

/** What a Subscription by topic filters by; R4 puts extensions of a primitive beside it. */
export function filterOf(subscription: Subscription): string | undefined {
  const { extension = [] } = (subscription as { _criteria?: { extension?: Extension[] } })._criteria ?? {};
  return extension.find(({ url }) => url === `${BACKPORT}/backport-filter-criteria`)?.valueString;
}

export function topicBundle(shape: TopicShape, of: Topical): object {
  const { base, at, events } = of;
  const status = shape === 'status' ? statusResource(of) : parameters(shape, of);
  const entries = contentOf(of.subscription) === 'empty' ? [] : events.map((event) => entryOf(event, of));
  return {
    resourceType: 'Bundle',
    type: 'history',
    timestamp: at.toISOString(),
    entry: [
      {
        fullUrl: `urn:uuid:${of.subscription.id}`,
        resource: status,
        request: { method: 'GET', url: `${base}/Subscription/${of.subscription.id}/$status` },
        response: { status: '200' },
      },
      ...entries,
    ],
  };
}

function statusResource({ kind, subscription, events, total, base }: Topical): object {
  return {
    resourceType: 'SubscriptionStatus',
    status: subscription.status,
    type: kind,
    eventsSinceSubscriptionStart: total,
    subscription: { reference: `${base}/Subscription/${subscription.id}` },
    topic: subscription.criteria,
    notificationEvent: events.map((event) => ({
      eventNumber: event.number,
      timestamp: event.version.lastUpdated,
      ...(contentOf(subscription) !== 'empty' && { focus: { reference: `${base}/${nameOf(event)}` } }),
    })),
  };
}

function parameters(shape: TopicShape, { kind, subscription, events, total, base }: Topical): object {
  const quirky = shape === 'quirky';
  return {
    resourceType: 'Parameters',
    meta: { profile: [`${BACKPORT}/backport-subscription-status-r4`] },
    parameter: [
      { name: 'subscription', valueReference: { reference: `${base}/Subscription/${subscription.id}` } },
      { name: 'topic', valueCanonical: subscription.criteria },
      { name: 'status', valueCode: quirky ? 'active' : subscription.status },
      { name: 'type', valueCode: kind },
      { name: 'events-since-subscription-start', valueString: String(total) },
      ...events.map((event) => ({
        name: 'notification-event',
        part: [
          { name: 'event-number', valueString: String(event.number) },
          {
            name: 'timestamp',
            valueInstant: quirky ? event.version.lastUpdated.slice(0, 10) : event.version.lastUpdated,
          },
          ...(contentOf(subscription) === 'empty'
            ? []
            : [
                {
                  name: 'focus',
                  valueReference: {
                    reference: quirky ? `${event.version.type}/${nameOf(event)}` : `${base}/${nameOf(event)}`,
                  },
                },
              ]),
        ],
      })),
    ],
  };
}

function entryOf(event: TopicEvent, { base, subscription }: Topical): object {
  const { resource } = event.version;
  const whole = contentOf(subscription) === 'full-resource' && resource !== undefined;
  return {
    fullUrl: `${base}/${nameOf(event)}`,
    ...(whole && { resource }),
    request: { method: METHOD[event.interaction], url: nameOf(event) },
    response: { status: event.interaction === 'create' ? '201' : '200' },
  };
}

function contentOf({ channel }: Subscription): string {
  const { extension = [] } = (channel as { _payload?: { extension?: Extension[] } })._payload ?? {};
  return extension.find(({ url }) => url === `${BACKPORT}/backport-payload-content`)?.valueCode ?? 'id-only';
}

function nameOf({ version: { type, id } }: TopicEvent): string {
  return `${type}/${id}`;
}
