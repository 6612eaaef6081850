/**
 * Makes sure that a server pushes to us: one Subscription for each criteria of the connection.
 *
 * Run at every start. Ours are recognised by endpoint and criteria, so a second start changes nothing, and
 * Subscriptions of others are never touched. An `off` or `error` one of ours is switched on again.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Extension, Resource, Subscription } from '@medplum/fhirtypes';
import { type Connection, DEFAULT_INGRESS_HEADER } from './connection.ts';
import type { Gate } from './gate.ts';
import type { ReadOutcome, WriteOutcome } from './outcomes.ts';

export interface EnsuredSubscription {
  readonly criteria: string;
  readonly outcome: 'created' | 'updated' | 'unchanged' | 'failed';
  /** Status on the server: one that is still `requested` after ten minutes does not push. */
  readonly status?: string;
  /** For `failed`: the outcome of the call. */
  readonly because?: string;
}

/** @returns one row for each criteria; one that fails does not keep the others from being set up */
export async function ensureSubscriptions(gate: Gate): Promise<readonly EnsuredSubscription[]> {
  const { connection } = gate;
  const found = await gate.searchAll('Subscription', { url: connection.hookUrl });
  if (found.outcome !== 'found')
    return connection.criteria.map((criteria) => ({ criteria, outcome: 'failed', because: reasonOf(found) }));

  const own = found.resource.filter(
    (one): one is Subscription =>
      one.resourceType === 'Subscription' && one.channel.endpoint === connection.hookUrl,
  );
  const ensured: EnsuredSubscription[] = [];
  for (const criteria of connection.criteria) ensured.push(await ensure(gate, criteria, own));
  return ensured;
}

async function ensure(
  gate: Gate,
  criteria: string,
  own: readonly Subscription[],
): Promise<EnsuredSubscription> {
  const desired = subscriptionFor(gate.connection, criteria);
  const current = own.find((one) => one.criteria === criteria);
  if (current?.id === undefined) return told(criteria, 'created', desired.status, await gate.create(desired));
  if (!differs(current, desired)) return { criteria, outcome: 'unchanged', status: current.status };
  const merged = { ...current, ...desired, id: current.id };
  return told(criteria, 'updated', desired.status, await gate.update(merged, current.meta?.versionId));
}

function told(
  criteria: string,
  done: 'created' | 'updated',
  status: string,
  write: WriteOutcome,
): EnsuredSubscription {
  if (write.outcome === 'written') return { criteria, outcome: done, status };
  return { criteria, outcome: 'failed', because: reasonOf(write) };
}

/** The Subscription as this kind of server understands it. */
export function subscriptionFor(connection: Connection, criteria: string): Subscription {
  const dialect = DIALECTS[connection.kind](connection);
  return {
    resourceType: 'Subscription',
    status: dialect.status,
    reason: 'Clinical rules for leg cramps and their risks',
    criteria,
    channel: {
      type: 'rest-hook',
      endpoint: connection.hookUrl,
      payload: 'application/fhir+json',
      ...(dialect.header.length === 0 ? {} : { header: dialect.header }),
      ...(dialect.channelExtension.length === 0 ? {} : { extension: dialect.channelExtension }),
    },
    ...(dialect.extension.length === 0 ? {} : { extension: dialect.extension }),
  };
}

interface Dialect {
  /** Medplum only evaluates active ones and promotes nothing; others check a requested one and activate it. */
  readonly status: 'active' | 'requested';
  readonly extension: Extension[];
  readonly channelExtension: Extension[];
  readonly header: string[];
}

const MEDPLUM = 'https://medplum.com/fhir/StructureDefinition';
const HAPI = 'http://hapifhir.io/fhir/StructureDefinition';
/** Retries double from one second, so 18 reach about three days; the few of the default end after 15 s. */
const MEDPLUM_ATTEMPTS = 18;

const DIALECTS: Record<Connection['kind'], (connection: Connection) => Dialect> = {
  medplum: ({ ingressSecret }) => ({
    status: 'active',
    header: [],
    channelExtension: [],
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
  }),
  hapi: (connection) => ({
    status: 'requested',
    header: secretHeader(connection),
    extension: [],
    channelExtension: [{ url: `${HAPI}/subscription-send-delete-messages`, valueBoolean: true }],
  }),
  'generic-r4': (connection) => ({
    status: 'requested',
    header: secretHeader(connection),
    extension: [],
    channelExtension: [],
  }),
};

function secretHeader({ ingressSecret, ingressHeader }: Connection): string[] {
  return ingressSecret === undefined ? [] : [`${ingressHeader ?? DEFAULT_INGRESS_HEADER}: ${ingressSecret}`];
}

/** Only what we set is compared: servers add tags, and move `requested` to `active`. */
function differs(current: Subscription, desired: Subscription): boolean {
  const asleep = current.status === 'off' || current.status === 'error';
  return (
    asleep ||
    !isDeepStrictEqual(current.channel.header ?? [], desired.channel.header ?? []) ||
    !containsAll(current.channel.extension, desired.channel.extension) ||
    !containsAll(current.extension, desired.extension)
  );
}

function containsAll(current: readonly Extension[] = [], desired: readonly Extension[] = []): boolean {
  return desired.every((one) => current.some((other) => isDeepStrictEqual({ ...other }, { ...one })));
}

function reasonOf(
  outcome: WriteOutcome | Exclude<ReadOutcome<readonly Resource[]>, { outcome: 'found' }>,
): string {
  if (outcome.outcome === 'refused') return outcome.reason;
  return 'because' in outcome ? outcome.because : outcome.outcome;
}
