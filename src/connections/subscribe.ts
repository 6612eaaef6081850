/**
 * Makes sure that a server pushes to us: one Subscription for each criteria of the connection.
 *
 * Run at every start and every few minutes. Ours are recognised by endpoint and criteria, so a second run
 * changes nothing, and Subscriptions of others are never touched. One that is `off` or in `error` is switched
 * on again, and one that ends soon is renewed. We never delete: where a server wants one made anew, the old
 * one stays as it is.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Extension, Resource, Subscription } from '@medplum/fhirtypes';
import { DAY } from '../vocabulary/instant.ts';
import type { Connection } from './connection.ts';
import type { Gate } from './gate.ts';
import type { ReadOutcome, WriteOutcome } from './outcomes.ts';
import type { Page } from './pages.ts';
import { criteriaOf, DIALECTS, type Dialect, heartbeatOf } from './subscription-dialects.ts';

export interface EnsuredSubscription {
  readonly criteria: string;
  readonly outcome: 'created' | 'updated' | 'reactivated' | 'renewed' | 'unchanged' | 'failed';
  /** Logical id, once it is known. */
  readonly id?: string;
  /** Status on the server: one that is still `requested` after ten minutes does not push. */
  readonly status?: string;
  /** Seconds between signs of life, where the server promised them. */
  readonly heartbeatS?: number;
  /** For `failed`: the outcome of the call. */
  readonly because?: string;
}

export interface EnsureOptions {
  readonly now: Date;
  /** Runs once, before the first Subscription is switched on again: what was missed is looked for. */
  readonly beforeReactivation?: () => Promise<void>;
  /** What the server made of ours is left as it is: some change what was asked, or show no secret. */
  readonly asStored?: boolean;
}

const RENEW_BEFORE_MS = DAY;
const RENEW_FOR_MS = 30 * DAY;

/** @returns one row for each criteria; one that fails does not keep the others from being set up */
export async function ensureSubscriptions(
  gate: Gate,
  options: EnsureOptions,
): Promise<readonly EnsuredSubscription[]> {
  const { connection } = gate;
  const dialect = DIALECTS[connection.kind];
  if (dialect === undefined) return [];
  const found = await ownSubscriptions(gate);
  if (found.outcome !== 'found')
    return connection.criteria.map((criteria) => ({ criteria, outcome: 'failed', because: reasonOf(found) }));
  const own = found.resource;
  // Where the hospital makes them, those that it made are looked after.
  const wanted = dialect.make === undefined ? [...new Set(own.map(criteriaOf))] : connection.criteria;
  const before = once(options.beforeReactivation);
  const ensuring = { gate, dialect, own, now: options.now, before, asStored: options.asStored ?? false };
  const ensured: EnsuredSubscription[] = [];
  for (const criteria of wanted) ensured.push(await ensure(criteria, ensuring));
  return ensured;
}

/** Those that push to us. */
export async function ownSubscriptions(gate: Gate): Promise<OwnSubscriptions> {
  const { hookUrl } = gate.connection;
  // An address that holds a secret is not asked for: what is asked for is written into logs.
  const found = await gate.searchAll('Subscription', hookUrl.includes('?') ? {} : { url: hookUrl });
  if (found.outcome !== 'found') return found;
  const own = found.resource.filter(
    (one): one is Subscription => one.resourceType === 'Subscription' && one.channel.endpoint === hookUrl,
  );
  return { outcome: 'found', resource: own };
}

type OwnSubscriptions =
  | { readonly outcome: 'found'; readonly resource: readonly Subscription[] }
  | Exclude<Page, { outcome: 'found' }>;

interface Ensuring {
  readonly gate: Gate;
  readonly dialect: Dialect;
  readonly own: readonly Subscription[];
  readonly now: Date;
  readonly before: () => Promise<void>;
  readonly asStored: boolean;
}

async function ensure(criteria: string, ensuring: Ensuring): Promise<EnsuredSubscription> {
  const { gate, dialect, own, now, before } = ensuring;
  const ofCriteria = own.filter((one) => criteriaOf(one) === criteria);
  const awake = ofCriteria.filter((one) => !isAsleep(one)).sort(byId);
  const current = awake[0] ?? ofCriteria[0];
  // Two processes that start together may each have made one: all agree on which one stays.
  for (const double of awake.slice(1)) await update(gate, double, { ...double, status: 'off' });
  const desired = desiredOf(gate.connection, criteria, dialect, current);
  if (current?.id === undefined) return told(criteria, 'created', desired, await gate.create(desired));

  if (isAsleep(current)) {
    await before();
    const awake = { ...withoutError(current), ...desired };
    const { id: _id, meta: _meta, ...another } = awake;
    if (dialect.wakes === 'as-another')
      return told(criteria, 'reactivated', another, await gate.create(another));
    return told(criteria, 'reactivated', awake, await update(gate, current, awake));
  }
  const endsSoon = current.end !== undefined && Date.parse(current.end) - now.getTime() < RENEW_BEFORE_MS;
  const renewed = { end: new Date(now.getTime() + RENEW_FOR_MS).toISOString() };
  if (!ensuring.asStored && differs(current, desired)) {
    const merged = { ...current, ...desired, ...(endsSoon && renewed) };
    return told(criteria, 'updated', merged, await update(gate, current, merged));
  }
  if (endsSoon) {
    const merged = { ...current, ...renewed };
    return told(criteria, 'renewed', merged, await update(gate, current, merged));
  }
  return { criteria, outcome: 'unchanged', ...stateOf(current) };
}

function byId({ id: a = '' }: Subscription, { id: b = '' }: Subscription): number {
  return a < b ? -1 : 1;
}

function update(gate: Gate, { id = '', meta }: Subscription, next: Subscription): Promise<WriteOutcome> {
  return gate.update({ ...next, id }, meta?.versionId);
}

function told(
  criteria: string,
  done: Exclude<EnsuredSubscription['outcome'], 'failed' | 'unchanged'>,
  sent: Subscription,
  write: WriteOutcome,
): EnsuredSubscription {
  if (write.outcome !== 'written') return { criteria, outcome: 'failed', because: reasonOf(write) };
  const id = write.id ?? sent.id;
  return { criteria, outcome: done, ...stateOf(sent), ...(id !== undefined && { id }) };
}

function stateOf(subscription: Subscription): Pick<EnsuredSubscription, 'id' | 'status' | 'heartbeatS'> {
  const { id, status } = subscription;
  const heartbeatS = heartbeatOf(subscription);
  return { status, ...(id !== undefined && { id }), ...(heartbeatS !== undefined && { heartbeatS }) };
}

/** The Subscription as this kind of server understands it. */
export function subscriptionFor(connection: Connection, criteria: string): Subscription {
  const dialect = DIALECTS[connection.kind];
  if (dialect?.make === undefined) throw new Error('the hospital makes the Subscriptions of this kind');
  return desiredOf(connection, criteria, dialect, undefined);
}

/** Where the hospital makes it, what it made is what we want, and awake. */
function desiredOf(
  connection: Connection,
  criteria: string,
  { make, status }: Dialect,
  current: Subscription | undefined,
): Subscription {
  if (make === undefined) return { ...withoutError(current as Subscription), status };
  return {
    resourceType: 'Subscription',
    status,
    reason: 'Clinical rules for leg cramps and their risks',
    ...make(connection, criteria),
  } as Subscription;
}

function isAsleep({ status }: Subscription): boolean {
  return status === 'off' || status === 'error';
}

/** Medplum does not take one for active that still has its error. */
function withoutError({ error: _error, ...rest }: Subscription): Subscription {
  return rest;
}

/** Only what we set is compared: servers add tags, and move `requested` to `active`. */
function differs(current: Subscription, desired: Subscription): boolean {
  return (
    !isDeepStrictEqual(current.channel.header ?? [], desired.channel.header ?? []) ||
    !containsAll(current.channel.extension, desired.channel.extension) ||
    !containsAll(current.extension, desired.extension)
  );
}

function containsAll(current: readonly Extension[] = [], desired: readonly Extension[] = []): boolean {
  return desired.every((one) => current.some((other) => isDeepStrictEqual({ ...other }, { ...one })));
}

function once(act: (() => Promise<void>) | undefined): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= act?.() ?? Promise.resolve();
    return done;
  };
}

function reasonOf(
  outcome: WriteOutcome | Exclude<ReadOutcome<readonly Resource[]>, { outcome: 'found' }>,
): string {
  if (outcome.outcome === 'refused') return outcome.reason;
  return 'because' in outcome ? outcome.because : outcome.outcome;
}
