/**
 * One notification as it goes over the wire, in the form of the server that the sandbox plays.
 *
 * Source: FHIR integration reference 2.1 to 2.8; Medplum's and HAPI's were read in both servers' code.
 */
import { createHmac } from 'node:crypto';
import type { Subscription } from '@medplum/fhirtypes';
import type { DialectName } from './dialect.ts';
import { isByTopic, type TopicShape, topicBundle } from './topic-notification.ts';
import type { Change } from './version.ts';

export interface Notification {
  readonly method: 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A change as one Subscription tells it. */
export interface Told {
  readonly subscription: Subscription;
  readonly change: Change;
  /** Of this event, counted for the Subscription. */
  readonly number: number;
  readonly base: string;
  readonly at: Date;
}

// Server versions differ on the host, so clients set both.
const MEDPLUM_SECRET = [
  'https://www.medplum.com/fhir/StructureDefinition/subscription-secret',
  'https://medplum.com/fhir/StructureDefinition/subscription-secret',
];
const HAPI_SENDS_DELETES = 'http://hapifhir.io/fhir/StructureDefinition/subscription-send-delete-messages';
const AZURE_TYPE = { create: 'Created', update: 'Updated', delete: 'Deleted' } as const;
const GOOGLE_ACTION = {
  create: 'CreateResource',
  update: 'UpdateResource',
  delete: 'DeleteResource',
} as const;

/** @returns undefined when a server of this kind says nothing about the change. */
export function notificationOf(dialect: DialectName, told: Told): Notification | undefined {
  switch (dialect) {
    case 'medplum':
      return asMedplum(told.subscription, told.change);
    case 'hapi':
      return isByTopic(told.subscription) ? asTopic('quirky', told) : asHapi(told.subscription, told.change);
    case 'rest-hook':
      return asRestHook(told.subscription, told.change);
    case 'aidbox':
      return asTopic('status', told);
    case 'healthlake':
      return asTopic('parameters', told);
    case 'azure':
      return asEventGrid(told);
    case 'google':
      return asPubSub(told);
    case 'poll-only':
      return undefined;
  }
}

/** The shape in which a server answers questions about a Subscription; undefined where it has no topics. */
export function topicShapeOf(dialect: DialectName): TopicShape | undefined {
  return dialect === 'aidbox' ? 'status' : dialect === 'healthlake' ? 'parameters' : undefined;
}

/** The first push by topic: it is taken, or the Subscription does not become active. */
export function handshakeOf(shape: TopicShape, { subscription, base, at }: Omit<Told, 'change' | 'number'>) {
  const of = { kind: 'handshake', subscription, events: [], total: 0, base, at } as const;
  return posted(subscription, topicBundle(shape, of));
}

/** Event Grid asks for a code back before it sends any event. */
export function validationOf(endpoint: string, code: string): Notification {
  const event = {
    id: code,
    topic: '/subscriptions/sandbox',
    subject: '',
    eventType: 'Microsoft.EventGrid.SubscriptionValidationEvent',
    eventTime: new Date().toISOString(),
    data: { validationCode: code },
    dataVersion: '2',
    metadataVersion: '1',
  };
  return eventGridPost(endpoint, event, 'SubscriptionValidation');
}

/** POST to the endpoint as it is; a delete is an empty object with headers that name what was deleted. */
function asMedplum(subscription: Subscription, { interaction, resource }: Change): Notification {
  const deleted = interaction === 'delete';
  const body = JSON.stringify(deleted ? {} : withServerMeta(resource));
  const secret = extensionOf(subscription, ...MEDPLUM_SECRET)?.valueString;
  return {
    method: 'POST',
    url: subscription.channel.endpoint ?? '',
    headers: {
      'Content-Type': 'application/fhir+json',
      'X-Medplum-Subscription': subscription.id ?? '',
      'X-Medplum-Interaction': interaction,
      ...(deleted && { 'X-Medplum-Deleted-Resource': `${resource.resourceType}/${resource.id}` }),
      ...(secret && { 'X-Signature': createHmac('sha256', secret).update(body).digest('hex') }),
      ...channelHeaders(subscription, (line) => line.split(':').slice(0, 2)), // text after a second colon is lost
    },
    body,
  };
}

/** As R4 has it, with the version, and with deletions where they are asked for. */
function asHapi(subscription: Subscription, change: Change): Notification | undefined {
  if (change.interaction !== 'delete') {
    const told = asRestHook(subscription, change);
    const match = { 'If-Match': `"${change.version.versionId}"` };
    return told?.method === 'PUT' ? { ...told, headers: { ...match, ...told.headers } } : told;
  }
  if (extensionOf(subscription, HAPI_SENDS_DELETES)?.valueBoolean !== true) return undefined;
  return { method: 'DELETE', url: addressBelow(subscription, change), headers: headersOf(subscription) };
}

/** The endpoint is taken for a FHIR base: PUT below it; without a payload type a bare POST; no deletions. */
function asRestHook(subscription: Subscription, change: Change): Notification | undefined {
  if (change.interaction === 'delete') return undefined;
  const { endpoint = '', payload } = subscription.channel;
  const headers = headersOf(subscription);
  if (payload === undefined) return { method: 'POST', url: endpoint, headers };
  return {
    method: 'PUT',
    url: addressBelow(subscription, change),
    headers: { 'Content-Type': 'application/fhir+json; charset=UTF-8', ...headers },
    body: JSON.stringify(change.resource),
  };
}

function asTopic(shape: TopicShape, { subscription, change, number, base, at }: Told): Notification {
  const { interaction, version } = change;
  const events = [{ number, interaction, version }];
  const of = { kind: 'event-notification', subscription, events, total: number, base, at } as const;
  return posted(subscription, topicBundle(shape, of));
}

/** An array with one event, which names the resource and its version and never carries it. */
function asEventGrid({ subscription, change, base, at }: Told): Notification {
  const { resource, interaction, version } = change;
  const account = new URL(base).host;
  const event = {
    id: `${version.type}-${version.id}-${version.versionId}`,
    topic: '/subscriptions/sandbox',
    subject: `${account}/${resource.resourceType}/${resource.id}`,
    eventType: `Microsoft.HealthcareApis.FhirResource${AZURE_TYPE[interaction]}`,
    eventTime: at.toISOString(),
    data: {
      resourceType: resource.resourceType,
      resourceFhirAccount: account,
      resourceFhirId: resource.id,
      resourceVersionId: version.versionId,
    },
    dataVersion: '1',
    metadataVersion: '1',
  };
  return eventGridPost(subscription.channel.endpoint ?? '', event, 'Notification');
}

function eventGridPost(url: string, event: object, kind: string): Notification {
  const headers = { 'Content-Type': 'application/json; charset=utf-8', 'aeg-event-type': kind };
  return { method: 'POST', url, headers, body: JSON.stringify([event]) };
}

/** The name of the resource in base64, as a store sends that was not told to send more. */
function asPubSub({ subscription, change, base, at }: Told): Notification {
  const { resource, interaction, version } = change;
  const storeName = new URL(base).pathname.replace(/^\/(v1\/)?|\/fhir$/g, '');
  const message = {
    data: Buffer.from(`${storeName}/fhir/${resource.resourceType}/${resource.id}`).toString('base64'),
    attributes: {
      action: GOOGLE_ACTION[interaction],
      resourceType: resource.resourceType,
      payloadType: 'NameOnly',
      storeName,
      versionId: version.versionId,
      lastUpdatedTime: at.toUTCString(),
    },
    messageId: `${version.type}-${version.id}-${version.versionId}`,
    publishTime: at.toISOString(),
  };
  const body = JSON.stringify({ message, subscription: 'projects/sandbox/subscriptions/pushes' });
  const url = subscription.channel.endpoint ?? '';
  return { method: 'POST', url, headers: { 'Content-Type': 'application/json' }, body };
}

function posted(subscription: Subscription, bundle: object): Notification {
  return {
    method: 'POST',
    url: subscription.channel.endpoint ?? '',
    headers: { 'Content-Type': 'application/fhir+json', ...headersOf(subscription) },
    body: JSON.stringify(bundle),
  };
}

function addressBelow({ channel: { endpoint = '' } }: Subscription, { resource }: Change): string {
  return `${endpoint.replace(/\/$/, '')}/${resource.resourceType}/${resource.id}`;
}

/** Medplum's pushes carry members of meta that R4 does not have; a strict parser must not stumble. */
function withServerMeta(resource: Change['resource']): object {
  const compartment = [{ reference: 'Project/sandbox' }];
  return { ...resource, meta: { ...resource.meta, project: 'sandbox', compartment } };
}

function headersOf(subscription: Subscription): Record<string, string> {
  return channelHeaders(subscription, (line) => line.split(/:(.*)/s).slice(0, 2));
}

function channelHeaders(
  { channel }: Subscription,
  split: (line: string) => string[],
): Record<string, string> {
  const lines = (channel.header ?? []).map((line) => split(line).map((part) => part.trim()));
  return Object.fromEntries(lines.filter(([name]) => name).map(([name, value = '']) => [name, value]));
}

/** The first extension with one of the URLs, on the Subscription or on its channel. */
function extensionOf({ extension, channel }: Subscription, ...urls: string[]) {
  return [...(extension ?? []), ...(channel.extension ?? [])].find(({ url }) => urls.includes(url ?? ''));
}
