/**
 * One notification as it goes over the wire, in Medplum's or in HAPI's form of an R4 rest-hook.
 *
 * Source: FHIR integration reference 2.2 and 2.3, read in both servers' code.
 */
import { createHmac } from 'node:crypto';
import type { Subscription } from '@medplum/fhirtypes';
import type { Change } from './version.ts';

export type DeliveryForm = 'medplum' | 'hapi';

export interface Notification {
  readonly method: 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

// Server versions differ on the host, so clients set both.
const MEDPLUM_SECRET = [
  'https://www.medplum.com/fhir/StructureDefinition/subscription-secret',
  'https://medplum.com/fhir/StructureDefinition/subscription-secret',
];
const HAPI_SENDS_DELETES = 'http://hapifhir.io/fhir/StructureDefinition/subscription-send-delete-messages';

/** @returns undefined when a server of this form says nothing about the change. */
export function notificationOf(
  form: DeliveryForm,
  subscription: Subscription,
  change: Change,
): Notification | undefined {
  return form === 'medplum' ? asMedplum(subscription, change) : asHapi(subscription, change);
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

/** The endpoint is taken for a FHIR base: PUT and DELETE below it; without a payload type a bare POST. */
function asHapi(
  subscription: Subscription,
  { interaction, resource, version }: Change,
): Notification | undefined {
  const deleted = interaction === 'delete';
  const { endpoint = '', payload } = subscription.channel;
  if (deleted && extensionOf(subscription, HAPI_SENDS_DELETES)?.valueBoolean !== true) return undefined;
  const headers = channelHeaders(subscription, (line) => line.split(/:(.*)/s).slice(0, 2));
  const url = `${endpoint.replace(/\/$/, '')}/${resource.resourceType}/${resource.id}`;
  if (deleted) return { method: 'DELETE', url, headers };
  if (payload === undefined) return { method: 'POST', url: endpoint, headers };
  return {
    method: 'PUT',
    url,
    headers: {
      'Content-Type': 'application/fhir+json; charset=UTF-8',
      'If-Match': `"${version.versionId}"`,
      ...headers,
    },
    body: JSON.stringify(resource),
  };
}

/** Medplum's pushes carry members of meta that R4 does not have; a strict parser must not stumble. */
function withServerMeta(resource: Change['resource']): object {
  const compartment = [{ reference: 'Project/sandbox' }];
  return { ...resource, meta: { ...resource.meta, project: 'sandbox', compartment } };
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
