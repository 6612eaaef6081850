/**
 * The Subscription that each kind of server understands, and how one that it switched off is switched on.
 */
import type { Extension, Subscription } from '@medplum/fhirtypes';
import { type Connection, type ConnectionKind, DEFAULT_INGRESS_HEADER } from './connection.ts';

export interface Dialect {
  /** Medplum only evaluates active ones and promotes nothing; others check a requested one and activate it. */
  readonly status: 'active' | 'requested';
  /** A Subscription in `error` never wakes on some servers: another one is made in its place. */
  readonly wakes: 'by-update' | 'as-another';
  /** What we ask for; undefined where the Subscription is made by the hospital. */
  readonly make?: (connection: Connection, criteria: string) => Partial<Subscription>;
}

const MEDPLUM = 'https://medplum.com/fhir/StructureDefinition';
const HAPI = 'http://hapifhir.io/fhir/StructureDefinition';
const BACKPORT = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition';
/** Retries double from one second, so 18 reach about three days; the few of the default end after 15 s. */
const MEDPLUM_ATTEMPTS = 18;
const HEARTBEAT_S = 300;
const TIMEOUT_S = 20;
const MOST_EVENTS = 20; // in one notification

/** Undefined for servers that have no Subscription resources: their pushes are set up elsewhere. */
export const DIALECTS: Readonly<Record<ConnectionKind, Dialect | undefined>> = {
  medplum: { status: 'active', wakes: 'by-update', make: asMedplum },
  hapi: { status: 'requested', wakes: 'by-update', make: asHapi },
  'generic-r4': {
    status: 'requested',
    wakes: 'by-update',
    make: (connection, criteria) => ({ criteria, channel: channelOf(connection) }),
  },
  'generic-backport': { status: 'requested', wakes: 'by-update', make: asBackport },
  aidbox: { status: 'requested', wakes: 'as-another', make: asBackport },
  healthlake: { status: 'requested', wakes: 'as-another' },
  'microsoft-oss': { status: 'requested', wakes: 'by-update' },
  athena: undefined,
  'azure-events': undefined,
  'google-pubsub': undefined,
};

/** What a Subscription is about: its filter where it is by topic, its criteria elsewhere. */
export function criteriaOf(subscription: Subscription): string {
  const { extension = [] } = (subscription as WithCriteriaExtension)._criteria ?? {};
  const filter = extension.find(({ url }) => url === `${BACKPORT}/backport-filter-criteria`);
  return filter?.valueString ?? subscription.criteria;
}

/** Seconds between the signs of life that the server has promised; undefined when it promised none. */
export function heartbeatOf({ channel }: Subscription): number | undefined {
  const promised = channel.extension?.find(({ url }) => url === `${BACKPORT}/backport-heartbeat-period`);
  const seconds = promised?.valueUnsignedInt ?? promised?.valueInteger;
  return seconds !== undefined && seconds > 0 ? seconds : undefined;
}

/** R4 puts extensions of a primitive beside it; the types do not know. */
interface WithCriteriaExtension {
  readonly _criteria?: { readonly extension?: Extension[] };
}

function asMedplum(connection: Connection, criteria: string): Partial<Subscription> {
  const { ingressSecret } = connection;
  return {
    criteria,
    channel: { type: 'rest-hook', endpoint: connection.hookUrl, payload: 'application/fhir+json' },
    extension: [
      ...['create', 'update', 'delete'].map((valueCode) => ({
        url: `${MEDPLUM}/subscription-supported-interaction`,
        valueCode,
      })),
      { url: `${MEDPLUM}/subscription-max-attempts`, valueInteger: MEDPLUM_ATTEMPTS },
      // Server versions differ on the host of this one.
      ...['https://www.medplum.com', 'https://medplum.com'].flatMap((host) =>
        ingressSecret === undefined
          ? []
          : [{ url: `${host}/fhir/StructureDefinition/subscription-secret`, valueString: ingressSecret }],
      ),
    ],
  };
}

function asHapi(connection: Connection, criteria: string): Partial<Subscription> {
  const deletes = { url: `${HAPI}/subscription-send-delete-messages`, valueBoolean: true };
  return { criteria, channel: { ...channelOf(connection), extension: [deletes] } };
}

/** By topic, with the criteria as its filter. Ids only: then no payload has to be believed. */
function asBackport(connection: Connection, criteria: string): Partial<Subscription> & WithCriteriaExtension {
  return {
    meta: { profile: [`${BACKPORT}/backport-subscription`] },
    criteria: connection.topics?.[criteria] ?? criteria,
    _criteria: { extension: [{ url: `${BACKPORT}/backport-filter-criteria`, valueString: criteria }] },
    channel: {
      ...channelOf(connection),
      ...{ _payload: { extension: [{ url: `${BACKPORT}/backport-payload-content`, valueCode: 'id-only' }] } },
      extension: [
        { url: `${BACKPORT}/backport-heartbeat-period`, valueUnsignedInt: HEARTBEAT_S },
        { url: `${BACKPORT}/backport-timeout`, valueUnsignedInt: TIMEOUT_S },
        { url: `${BACKPORT}/backport-max-count`, valuePositiveInt: MOST_EVENTS },
      ],
    },
  };
}

function channelOf({
  hookUrl,
  ingressSecret,
  ingressHeader,
}: Connection): NonNullable<Subscription['channel']> {
  return {
    type: 'rest-hook',
    endpoint: hookUrl,
    payload: 'application/fhir+json',
    ...(ingressSecret === undefined
      ? {}
      : { header: [`${ingressHeader ?? DEFAULT_INGRESS_HEADER}: ${ingressSecret}`] }),
  };
}
