/**
 * Evaluates one due patient: gather the chart, ask the core, commit everything that follows together.
 *
 * Why one commit: the decision, the episodes it opens and closes, the deliveries it owes and the events it
 * answered are one fact. Killed anywhere before it, the job comes back and starts again from current state.
 */
import type { Resource } from '@medplum/fhirtypes';
import type { Capability } from '../connections/capability.ts';
import type { LiveConnection } from '../connections/live-connection.ts';
import { type RefusalReason, stopsConnection } from '../connections/outcomes.ts';
import { decide } from '../core/decide.ts';
import type { Decision, Episode, EpisodeChange } from '../core/decision.ts';
import { nextChange } from '../core/next-change.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { keepDecision } from '../store/decision.ts';
import { type NewDelivery, oweDelivery } from '../store/delivery.ts';
import {
  applyChanges,
  episodesOf,
  holdUnchanged,
  numberRaised,
  type StoredEpisode,
} from '../store/episode.ts';
import {
  assignPatient,
  finishEvents,
  type StoredEvent,
  setAsideResource,
  waitingOfPatient,
} from '../store/event.ts';
import { type Job, TryLater } from '../store/job-worker.ts';
import { setLookAgain } from '../store/look-again.ts';
import { findPatient, learnPatient } from '../store/resource-patient.ts';
import { type Due, dueKey, type Store } from '../store/store.ts';
import type { Trx } from '../store/tables.ts';
import { type ConnectionId, type PatientId, parseReference } from '../vocabulary/ids.ts';
import { DAY } from '../vocabulary/instant.ts';
import { gather } from './gather.ts';
import { patientOf } from './patient-of.ts';

export interface EvaluationParts {
  readonly store: Store;
  readonly ruleSet: RuleSet;
  readonly connection: (id: ConnectionId) => LiveConnection | undefined;
  readonly now: () => Date;
  /** The delivery that a change owes to the target. */
  readonly owe: (of: {
    connectionId: ConnectionId;
    patientId: PatientId;
    change: EpisodeChange;
    decision: Decision;
  }) => NewDelivery;
  /** Hears of every evaluation, for people who watch; must not throw. */
  readonly onEvaluated?: (evaluated: Evaluated) => void;
}

export interface Evaluated {
  readonly connectionId: ConnectionId;
  readonly patientId: PatientId;
  readonly decision: Decision;
  readonly events: readonly StoredEvent[];
  readonly tookMs: number;
}

const ASK_AGAIN = DAY; // ms; fhir-integration 4.4, a slow timer
const PATIENCE = 4; // attempts over about a minute until a 404 is believed, fhir-integration 4.5

/** Works one due job. Throws TryLater for trouble that passes; everything else ends the job. */
export async function evaluateDue(job: Job<Due>, parts: EvaluationParts): Promise<void> {
  const { data: due } = job;
  const live = parts.connection(due.connectionId);
  if (live === undefined) return await giveUp(job, due, 'connection-unknown', parts);
  if ('patientId' in due) await evaluatePatient(job, due.connectionId, due.patientId, live, parts);
  else await findWhose(job, due, live, parts);
}

/** A notice without a patient: whose resource is it? Then that patient is due. */
async function findWhose(
  job: Job<Due>,
  due: Extract<Due, { reference: object }>,
  live: LiveConnection,
  parts: EvaluationParts,
): Promise<void> {
  const { store } = parts;
  const { connectionId, reference } = due;
  const known =
    reference.type === 'Patient'
      ? (reference.id as PatientId)
      : await findPatient(store.db, connectionId, reference);
  const patientId = known ?? (await readWhose(job, reference, live));
  if (patientId === undefined) return await giveUp(job, due, 'patient-unknown', parts);
  await store.transaction(async (trx) => {
    await assignPatient(trx, connectionId, reference, patientId);
    const patientDue: Due = { connectionId, patientId };
    await store.due.mark(trx, [{ key: dueKey(patientDue), data: patientDue, afterMs: 0 }]);
    await job.settle(trx);
  });
}

async function readWhose(
  job: Job<Due>,
  { type, id }: { type: string; id: string },
  live: LiveConnection,
): Promise<PatientId | undefined> {
  const read = await live.gate.read(type as Resource['resourceType'], id);
  if (read.outcome === 'found') return patientOf(read.resource);
  if (read.outcome === 'try-later') throw new TryLater(read.because, read.afterMs);
  if (read.outcome === 'gone' && !read.certain && job.attempt < PATIENCE) throw new TryLater('not-there-yet');
  return undefined;
}

async function evaluatePatient(
  job: Job<Due>,
  connectionId: ConnectionId,
  patientId: PatientId,
  live: LiveConnection,
  parts: EvaluationParts,
): Promise<void> {
  const { store, ruleSet } = parts;
  const started = performance.now();
  const capability = await live.capability();
  const events = await waitingOfPatient(store.db, connectionId, patientId);
  const stored = await episodesOf(store.db, connectionId, patientId);
  const episodes = stored.map(({ episode }) => episode);
  const open = episodes.filter(({ closed }) => closed === undefined);
  const now = parts.now();
  const gathered = await gather({
    gate: live.gate,
    batch: capability.batch,
    patientId,
    now,
    cited: [
      ...open.flatMap(({ finding }) => finding.raisedBy),
      ...events.map((event) => event.reference).filter(isChartType),
    ],
    pushed: events.flatMap((event) => (event.resource && event.kind === 'change' ? [event.resource] : [])),
    patienceOver: job.attempt >= PATIENCE,
  });
  switch (gathered.outcome) {
    case 'try-later':
      throw new TryLater(gathered.because, gathered.afterMs);
    case 'not-there-yet':
      throw new TryLater('not-there-yet');
    case 'refused':
      return await refused(job, gathered.reason, parts);
    case 'no-patient':
      if (!gathered.certain && job.attempt < PATIENCE) throw new TryLater('patient-not-there-yet');
      return await giveUp(job, job.data, 'patient-gone', parts);
    case 'chart':
      break;
  }
  const decided = await decide(gathered.chart, ruleSet, now, episodes);
  const after = afterChanges(episodes, decided.episodeChanges);
  const changes = await nextChange(gathered.chart, ruleSet, now, after, letOthersRun);
  const next = soonest(
    changes,
    mustAskAgain(after, capability) ? new Date(now.getTime() + ASK_AGAIN) : undefined,
  );
  const decision = await store.transaction((trx) =>
    commit(trx, job, { connectionId, patientId, decided, events, stored, next }, parts),
  );
  parts.onEvaluated?.({ connectionId, patientId, decision, events, tookMs: performance.now() - started });
}

function letOthersRun(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A server that tells no deletions is asked again whether what an open alert rests on is still there. */
function mustAskAgain(episodes: readonly Episode[], { tellsDeletions }: Capability): boolean {
  return episodes.some(
    ({ closed, finding }) =>
      closed === undefined &&
      finding.raisedBy.some((reference) => !tellsDeletions.has(parseReference(reference)?.type ?? '')),
  );
}

function soonest(a: Date | undefined, b: Date | undefined): Date | undefined {
  return a !== undefined && b !== undefined ? (a < b ? a : b) : (a ?? b);
}

interface Decided {
  readonly connectionId: ConnectionId;
  readonly patientId: PatientId;
  readonly decided: Decision;
  readonly events: readonly StoredEvent[];
  /** The episodes that were decided on. */
  readonly stored: readonly StoredEpisode[];
  /** When time alone changes something. */
  readonly next: Date | undefined;
}

function afterChanges(episodes: readonly Episode[], changes: readonly EpisodeChange[]): Episode[] {
  const changed = new Set(changes.map(({ key }) => key));
  const kept = episodes.filter(({ key, closed }) => closed !== undefined || !changed.has(key));
  return [...kept, ...changes.map(({ episode }) => episode)];
}

async function commit(
  trx: Trx,
  job: Job<Due>,
  { connectionId, patientId, decided, events, stored, next }: Decided,
  parts: EvaluationParts,
): Promise<Decision> {
  // A clinician may have answered meanwhile: the answer must not be written over.
  if (!(await holdUnchanged(trx, connectionId, patientId, stored)))
    throw new TryLater('answered-meanwhile', 0);
  const episodeChanges = await numberRaised(trx, connectionId, patientId, decided.episodeChanges);
  const decision = { ...decided, episodeChanges };
  await keepDecision(trx, connectionId, patientId, decision);
  await applyChanges(trx, connectionId, patientId, episodeChanges, decision.at);
  for (const change of episodeChanges)
    await oweDelivery(trx, parts.owe({ connectionId, patientId, change, decision }));
  if (episodeChanges.length > 0) {
    await parts.store.deliver.mark(trx, [
      { key: `${connectionId}|${patientId}`, data: { connectionId, patientId }, afterMs: 0 },
    ]);
  }
  await setLookAgain(trx, connectionId, patientId, next);
  await learnPatient(trx, connectionId, patientId, Object.keys(decision.evidence));
  await finishEvents(
    trx,
    connectionId,
    events.map((event) => event.id),
    'done',
  );
  await job.settle(trx);
  return decision;
}

/** What we write ourselves is no part of a chart. */
function isChartType(reference: string): boolean {
  const type = parseReference(reference)?.type ?? '';
  return !['DetectedIssue', 'CarePlan', 'Provenance', 'Device', 'Patient'].includes(type);
}

/** A refusal that a person can lift keeps the events waiting; any other ends them, visibly. */
async function refused(job: Job<Due>, reason: RefusalReason, parts: EvaluationParts): Promise<void> {
  if (stopsConnection(reason)) throw new TryLater(reason);
  await giveUp(job, job.data, reason, parts);
}

/** Nothing can be evaluated: the events are parked with the reason, for a person. */
async function giveUp(job: Job<Due>, due: Due, reason: string, { store }: EvaluationParts): Promise<void> {
  await store.transaction(async (trx) => {
    if ('patientId' in due) {
      const waiting = await waitingOfPatient(trx, due.connectionId, due.patientId);
      await finishEvents(
        trx,
        due.connectionId,
        waiting.map((event) => event.id),
        'parked',
        reason,
      );
    } else {
      await setAsideResource(trx, due.connectionId, due.reference, 'parked', reason);
    }
    await job.settle(trx);
  });
}
