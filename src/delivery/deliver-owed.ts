/**
 * Works what is owed about one patient: each delivery is written, then marked, one after the other.
 *
 * Killed between a write and its mark, the delivery is found written the next time and only marked.
 * What something keeps changing back is not written for ever.
 */
import { createHash } from 'node:crypto';
import type { LiveConnection } from '../connections/live-connection.ts';
import type { EpisodeChange } from '../core/decision.ts';
import {
  countWrites,
  type Delivery,
  endDelivery,
  type NewDelivery,
  noteAttempt,
  owedDeliveries,
} from '../store/delivery.ts';
import { closeByHuman } from '../store/episode.ts';
import { type Job, TryLater } from '../store/job-worker.ts';
import type { Owing, Store } from '../store/store.ts';
import { findWrites, rememberWrite } from '../store/target-resource.ts';
import { canonicalJson } from '../vocabulary/canonical-json.ts';
import type { ConnectionId, PatientId } from '../vocabulary/ids.ts';
import { HOUR } from '../vocabulary/instant.ts';
import { deliver } from './deliver.ts';
import { ensureDevice } from './device.ts';
import { type Identity, identityOf } from './identity.ts';
import type { DeliveryOutcome, KnownTargets } from './outcome.ts';
import { isClosing, type OwedDelivery } from './owed.ts';
import type { Service } from './service.ts';

export interface DeliveryParts {
  readonly now: () => Date;
  readonly store: Store;
  readonly connection: (id: ConnectionId) => LiveConnection | undefined;
  /** Canonical address of this installation. */
  readonly serviceUri: string;
  /** Hears of every delivery that ended, for people who watch; must not throw. */
  readonly onDelivered?: (delivered: Delivered) => void;
}

export interface Delivered {
  readonly delivery: Delivery<OwedDelivery>;
  readonly outcome: DeliveryOutcome;
}

/** The delivery that a change of an episode owes. */
export function owedFor(of: {
  connectionId: ConnectionId;
  patientId: PatientId;
  change: EpisodeChange;
  decision: { at: string; verdicts: readonly { rule: string; version: string }[] };
}): NewDelivery {
  const { connectionId, patientId, change, decision } = of;
  const { episode } = change;
  const ruleVersion = decision.verdicts.find((verdict) => verdict.rule === episode.rule)?.version;
  const what: OwedDelivery = {
    connectionId,
    patientId,
    change: change.change,
    episode,
    decisionAt: decision.at,
    ...(ruleVersion === undefined ? {} : { ruleVersion }),
    ...('reason' in change ? { reason: change.reason } : {}),
  };
  const identity = identityOf(connectionId, patientId, episode.key, episode.number);
  return { connectionId, patientId, episodeKey: episode.key, episodeNumber: episode.number, identity, what };
}

const CONFLICTS = 3; // before it is parked, over half a minute: a copy that lags behind shows old versions as well

/** Device references by connection; asked for once per start. */
const authors = new WeakMap<LiveConnection, Promise<Service['author']>>();

export async function deliverOwed(job: Job<Owing>, parts: DeliveryParts): Promise<void> {
  const { connectionId, patientId } = job.data;
  const source = parts.connection(connectionId);
  if (source === undefined) throw new TryLater('connection-unknown');
  const deliverOne = await writerTo(source, parts);
  for (const delivery of await owedDeliveries<OwedDelivery>(parts.store.db, connectionId, patientId)) {
    await job.hold();
    const outcome = isWrittenTooOften(delivery, parts.now())
      ? ({ outcome: 'too-many-writes' } as const)
      : await deliverOne(delivery);
    await end(delivery, outcome, targetIdOf(source), parts);
    parts.onDelivered?.({ delivery, outcome });
  }
  await parts.store.transaction((trx) => job.settle(trx));
}

/**
 * A program of the hospital that reverts what we write can make us write it again, and so on; so can one that makes new
 * data of it. An alert by itself changes as often as its monitor sends, not more.
 */
const MOST_WRITES = 100;
const WRITES_OF_ONE_OVER = 10;
const WRITES_COUNT_FOR = HOUR;

function isWrittenTooOften({ writes, what: { change } }: Delivery<OwedDelivery>, now: Date): boolean {
  if (writes === undefined || writes.count < MOST_WRITES) return false;
  if (isClosing(change)) return false; // the last write of its alert: without it, it would stay open beside the next
  return now.getTime() - writes.since.getTime() < WRITES_COUNT_FOR;
}

type Writer = (delivery: Delivery<OwedDelivery>) => Promise<DeliveryOutcome>;

/** Writes to the target of a connection; references to its records are absolute on any other server. */
async function writerTo(
  source: LiveConnection,
  { store, connection, serviceUri }: DeliveryParts,
): Promise<Writer> {
  const targetId = targetIdOf(source);
  if (targetId === undefined) return async () => ({ outcome: 'kept-locally' });
  const target = connection(targetId);
  if (target === undefined) throw new TryLater('target-unknown');
  const capability = await target.capability();
  const service: Service = {
    uri: serviceUri,
    author: await authorAt(target, serviceUri),
    ...(target !== source && { recordsAt: source.connection.base.replace(/\/+$/, '') }),
  };
  return async (delivery) => {
    const known = await knownTargets(store, targetId, delivery);
    return deliver(target.gate, capability, service, delivery.what, known);
  };
}

/** Undefined where alerts are written nowhere. */
function targetIdOf({ connection: { id, target = 'same' } }: LiveConnection): ConnectionId | undefined {
  if (target === 'local-only') return undefined;
  return target === 'same' ? id : (target as ConnectionId);
}

function authorAt(live: LiveConnection, serviceUri: string): Promise<Service['author']> {
  const known = authors.get(live);
  if (known !== undefined) return known;
  const asked = live.capability().then(({ levels }) => ensureDevice(live.gate, levels.Device, serviceUri));
  authors.set(live, asked);
  asked.catch(() => authors.delete(live));
  return asked;
}

const TARGET_TYPES = {
  issue: 'DetectedIssue',
  plan: 'CarePlan',
  provenance: 'Provenance',
  task: 'Task',
  flag: 'Flag',
  communication: 'Communication',
} as const satisfies Record<keyof KnownTargets, string>;
type TargetName = keyof typeof TARGET_TYPES;

async function knownTargets(
  store: Store,
  targetId: ConnectionId,
  { identity }: Delivery,
): Promise<KnownTargets> {
  const writes = await findWrites(store.db, targetId, identity);
  const names = Object.keys(TARGET_TYPES) as TargetName[];
  return Object.fromEntries(
    names.flatMap((name) => {
      const write = writes.find(({ type }) => type === TARGET_TYPES[name]);
      if (write === undefined) return [];
      const { serverId: id, versionId, fresh } = write;
      return [[name, { id, ...(versionId !== undefined && { versionId }), ...(fresh && { fresh }) }]];
    }),
  );
}

/** Marks how it ended. A newer wish that came meanwhile stays owed and has its own job. */
async function end(
  delivery: Delivery<OwedDelivery>,
  outcome: DeliveryOutcome,
  targetId: ConnectionId | undefined,
  { store, now }: DeliveryParts,
): Promise<void> {
  const { connectionId, patientId, episodeKey, episodeNumber } = delivery;
  switch (outcome.outcome) {
    case 'done':
    case 'unchanged':
      return await store.transaction(async (trx) => {
        for (const [name, target] of Object.entries(outcome.targets)) {
          if (target === undefined || targetId === undefined) continue;
          const contentHash = createHash('sha256').update(canonicalJson(delivery.what)).digest('hex');
          const type = TARGET_TYPES[name as TargetName];
          await rememberWrite(trx, {
            connectionId: targetId,
            type,
            identity: delivery.identity as Identity,
            serverId: target.id,
            contentHash,
            ...(target.versionId === undefined ? {} : { versionId: target.versionId }),
          });
        }
        if (outcome.outcome === 'done')
          await countWrites(trx, delivery, outcome.over ? WRITES_OF_ONE_OVER : 1, now(), WRITES_COUNT_FOR);
        await endDelivery(trx, delivery, 'done');
      });
    case 'too-many-writes':
      await endDelivery(store.db, delivery, 'parked', outcome.outcome);
      return;
    case 'kept-locally':
      await endDelivery(store.db, delivery, 'done', 'kept-locally');
      return;
    case 'closed-by-clinician':
      return await store.transaction(async (trx) => {
        await closeByHuman(trx, connectionId, patientId, episodeKey, episodeNumber);
        await endDelivery(trx, delivery, 'done', 'closed-by-clinician');
      });
    case 'parked':
      if (outcome.reason === 'conflict' && delivery.attempts < CONFLICTS) {
        await noteAttempt(store.db, delivery, outcome.reason);
        throw new TryLater(outcome.reason);
      }
      await endDelivery(
        store.db,
        delivery,
        'parked',
        outcome.issue === undefined ? outcome.reason : `${outcome.reason}:${outcome.issue}`,
      );
      return;
    case 'try-later':
      await noteAttempt(store.db, delivery, outcome.because);
      throw new TryLater(outcome.because, outcome.afterMs);
  }
}
