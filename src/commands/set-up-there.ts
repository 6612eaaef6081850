/**
 * What people do at a server whose pushes we can not set up: in words, with our address.
 *
 * Source: FHIR integration reference 2.5 to 2.10, from the makers' documentation.
 */
import type { ConfiguredConnection } from '../config.ts';
import type { ConnectionKind } from '../connections/connection.ts';
import { withoutSecret } from './finding.ts';

type Steps = (endpoint: string, types: string, connection: ConfiguredConnection) => readonly string[];

const STEPS: Partial<Record<ConnectionKind, Steps>> = {
  'azure-events': (endpoint, types) => [
    `Make an Event Grid subscription on the workspace: FhirResourceCreated, FhirResourceUpdated and FhirResourceDeleted, to the web hook ${endpoint}`,
    'Start this service before: Event Grid asks it for a code first.',
    `Filter by subject, so that only these types are sent: ${types}.`,
    'Turn dead-lettering on. Without it an event is lost after 24 hours, and at once when it is answered 400, 401, 403 or 413.',
  ],
  'google-pubsub': (endpoint, _, connection) => [
    'Name a Pub/Sub topic in notificationConfigs of the FHIR store; the name of a resource is all we need (sendFullResource: false).',
    `Make a push subscription of that topic to ${endpoint}${withToken(connection)}`,
    'Set its acknowledgement deadline to 30 s, and keep messages for 7 days.',
  ],
  healthlake: (endpoint, types) => [
    `Create a SubscriptionTopic (status unknown) for each of ${types}.`,
    `Create a Subscription to each topic: rest-hook to ${endpoint}, id-only, with client id, secret and token address of your authorization server in the extensions of channel.type, and what is wanted as filter.`,
    'Wait five to ten minutes until they are active.',
  ],
  'microsoft-oss': (endpoint, types) => [
    `Create a Subscription for each of ${types}: rest-hook to ${endpoint}, with the secret of ingress.auth in the address.`,
  ],
  athena: (endpoint) => [
    `Subscribe there to the topics that you need, with ${endpoint} as endpoint and the secret of ingress.auth as X-Hub-Secret.`,
  ],
};

/** Undefined where we do it ourselves. */
export function setUpThere(connection: ConfiguredConnection): readonly string[] | undefined {
  const types = [...new Set(connection.criteria.map((one) => one.split('?')[0]))].join(', ');
  return STEPS[connection.kind]?.(shownEndpoint(connection), types, connection);
}

/** Our address; a secret in it is named and not shown. */
export function shownEndpoint({ hookUrl, ingress: [first] }: ConfiguredConnection): string {
  const plain = withoutSecret(hookUrl);
  return first?.type === 'url' ? `${plain}?${first.parameter}=<the secret of ingress.auth>` : plain;
}

function withToken({ ingress }: ConfiguredConnection): string {
  const token = ingress.find((proof) => proof.type === 'jwt');
  if (token?.type !== 'jwt') return '.';
  const { email } = token.claims;
  const account = email === undefined ? 'a service account' : `the service account ${email}`;
  return `, authenticated as ${account} with the audience ${token.audience}.`;
}
