/**
 * Evaluates one due patient: gather the chart, ask the core, commit everything that follows together.
 *
 * Why one commit: the decision, the episodes it opens and closes, the deliveries it owes and the events it
 * answered are one fact. Killed anywhere before it, the job comes back and starts again from current state.
 */
import type { LiveConnection } from '../connections/live-connection.ts';
import { type RefusalReason, stopsConnection } from '../connections/outcomes.ts';
import type { Chart } from '../core/chart/chart.ts';
import { decideOnAll, decideOnReadable } from '../core/decide-on-readable.ts';
import type { Decision, EpisodeChange } from '../core/decision.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { whoseIs } from '../intake/whose.ts';
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
import { forgetMerge, holdMerges } from '../store/merged-patient.ts';
import { findPatient, learnPatient } from '../store/resource-patient.ts';
import { type Due, dueNow, type Store } from '../store/store.ts';
import type { Trx } from '../store/tables.ts';
import { SHOWN_WITHIN_MS } from '../store/target-resource.ts';
import { type ConnectionId, type PatientId, parseReference } from '../vocabulary/ids.ts';
import type { JsonObject } from '../vocabulary/json.ts';
import { WRITTEN_BY_US } from '../vocabulary/resource-types.ts';
import { endPatient, seesOthers } from './end-patient.ts';
import { whoseAtServer } from './find-whose.ts';
import { type GatherOutcome, gather, type Told } from './gather.ts';
import { askAgainAfter, firstLook, type LookAhead } from './look-ahead.ts';
import { carryOver, mergeInto, raisesOne } from './merge-patients.ts';
import { replacedBy, survivorOf } from './patient-links.ts';

export interface EvaluationParts {
  readonly store: Store;
  readonly ruleSet: RuleSet;
  readonly lookAhead: Pick<LookAhead, 'after'>;
  readonly connection: (id: ConnectionId) => LiveConnection | undefined;
  readonly now: () => Date;
  /** The delivery that a change owes to the target. */
  readonly owe: (of: {
    connectionId: ConnectionId;
    patientId: PatientId;
    change: EpisodeChange;
    decision: { at: string; verdicts: readonly { rule: string; version: string }[] };
  }) => NewDelivery;
  /** Hears of every evaluation, for people who watch; must not throw. */
  readonly onEvaluated?: (evaluated: Evaluated) => void;
}

export interface Evaluated {
  readonly connectionId: ConnectionId;
  readonly patientId: PatientId;
  readonly decision: Decision;
  readonly events: readonly StoredEvent[];
  /** Types of records whose shape is wrong and that were left out, one for each. */
  readonly unreadable: readonly string[];
  readonly tookMs: number;
}

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
  const whose =
    known === undefined
      ? await whoseAtServer(live.gate, reference)
      : ({ outcome: 'found', patientId: known } as const);
  if (whose.outcome === 'try-later') throw new TryLater(whose.because, whose.afterMs);
  if (whose.outcome === 'set-aside') return await giveUp(job, due, whose.reason, parts, whose.as);
  if (whose.outcome === 'gone') {
    if (!whose.certain && job.attempt < PATIENCE) throw new TryLater('not-there-yet');
    // Nothing that we know rests on it.
    return await giveUp(job, due, 'gone before it was known', parts, 'done');
  }
  const { patientId } = whose;
  await store.transaction(async (trx) => {
    await assignPatient(trx, connectionId, reference, patientId);
    await store.due.mark(trx, [dueNow({ connectionId, patientId })]);
    await job.settle(trx);
  });
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
  // What fails at first may be what a push brought; after that it is a record that the server holds.
  const decideOn = job.attempt === 1 ? decideOnAll : decideOnReadable;
  const capability = await live.capability();
  const events = await waitingOfPatient(store.db, connectionId, patientId);
  const believed = job.attempt === 1 ? events : events.map(withoutBody);
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
    told: believed.flatMap(toldBy),
    pushed: believed.flatMap((event) => (event.resource && event.kind === 'change' ? [event.resource] : [])),
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
      return await endPatient(job, { connectionId, patientId, code: 'patient-gone', events, stored }, parts);
    case 'hidden-patient':
      if (job.attempt < PATIENCE || !(await seesOthers(live.gate))) throw new TryLater('forbidden');
      return await endPatient(
        job,
        { connectionId, patientId, code: 'patient-hidden', events, stored },
        parts,
      );
    case 'chart':
      break;
  }
  const survivor = await survivorOf(live.gate, gathered.chart.patient);
  if (survivor.outcome === 'try-later') throw new TryLater(survivor.because, survivor.afterMs);
  if (survivor.outcome === 'nowhere') {
    if (job.attempt < PATIENCE) throw new TryLater('merged-into-nobody'); // perhaps not there yet
    return await giveUp(job, job.data, 'merged-into-nobody', parts);
  }
  const into = survivor.outcome === 'other' ? survivor.patientId : undefined;
  const whole = into === undefined ? gathered.chart : retiredFor(into, gathered.chart);
  const { chart, decision: decided, unreadable } = await decideOn(whole, ruleSet, now, episodes);
  const again = gathered.perhapsOld ? SHOWN_WITHIN_MS : askAgainAfter(episodes, decided, capability);
  const look = firstLook(now, again);
  const decision = await store.transaction((trx) =>
    commit(
      trx,
      job,
      { connectionId, patientId, decided, events, stored, look, into, others: othersDue(live, gathered) },
      parts,
    ),
  );
  const tookMs = performance.now() - started;
  parts.onEvaluated?.({ connectionId, patientId, decision, events, unreadable, tookMs });
  await parts.lookAhead.after({ connectionId, patientId, chart, episodes, decision, again });
}

/**
 * What a push carries was looked at by no FHIR server, and may be what the evaluation fails at. From the second attempt on it only
 * says what to read, so that a broken body holds up its patient for a second and not for good.
 */
function withoutBody({ resource: _resource, ...event }: StoredEvent): StoredEvent {
  return event;
}

/** What a notice that brought no resource said of it. */
function toldBy({ kind, reference, versionId, resource }: StoredEvent): Told[] {
  if (kind === 'delete') return [{ reference }];
  return resource === undefined && versionId !== undefined ? [{ reference, versionId }] : [];
}

/** The record that took this one's place may be the only one that says so. */
function retiredFor(into: PatientId, chart: Chart): Chart {
  const other = { reference: `Patient/${into}` };
  const link = [...(chart.patient.link ?? []), { type: 'replaced-by' as const, other }];
  return { ...chart, patient: { ...chart.patient, link } };
}

/** Records whose alerts may rest on what is here now. */
function othersDue(live: LiveConnection, { chart, movedTo }: Gathered): Others {
  const says = (reference: string): PatientId | undefined => {
    const resource = chart.byReference.get(reference);
    const whose = resource && whoseIs(resource as unknown as JsonObject, live.connection);
    return whose && 'patientId' in whose ? whose.patientId : undefined;
  };
  return { movedTo, retired: replacedBy(chart.patient, live.gate), says };
}

interface Decided {
  readonly connectionId: ConnectionId;
  readonly patientId: PatientId;
  readonly decided: Decision;
  readonly events: readonly StoredEvent[];
  /** The episodes that were decided on. */
  readonly stored: readonly StoredEpisode[];
  readonly look: Date;
  /** The record that this one was merged into. */
  readonly into: PatientId | undefined;
  readonly others: Others;
}

type Gathered = Extract<GatherOutcome, { outcome: 'chart' }>;

interface Others {
  /** Whose the resources are that were this patient's. */
  readonly movedTo: readonly PatientId[];
  /** Records that this one says it replaced. */
  readonly retired: readonly PatientId[];
  /** Whose a resource is by its own words. */
  readonly says: (reference: string) => PatientId | undefined;
}

async function commit(
  trx: Trx,
  job: Job<Due>,
  { connectionId, patientId, decided, events, stored, look, into, others }: Decided,
  parts: EvaluationParts,
): Promise<Decision> {
  if (into !== undefined) await holdMerges(trx, connectionId, into);
  if (raisesOne(decided.episodeChanges)) await holdMerges(trx, connectionId, patientId);
  // A clinician may have answered meanwhile: the answer must not be written over.
  if (!(await holdUnchanged(trx, connectionId, patientId, stored)))
    throw new TryLater('answered-meanwhile', 0);
  const raised = await numberRaised(trx, connectionId, patientId, decided.episodeChanges);
  const of = { connectionId, patientId, now: new Date(decided.at) };
  const before = stored.map(({ episode }) => episode);
  const episodeChanges = await carryOver(trx, of, raised, before);
  const isCarried = episodeChanges.some((change, index) => change !== raised[index]);
  const decision = { ...decided, episodeChanges };
  await keepDecision(trx, connectionId, patientId, decision);
  await applyChanges(trx, connectionId, patientId, episodeChanges, decision.at);
  if (into !== undefined) await mergeInto(trx, { connectionId, retired: patientId, into, decision }, parts);
  for (const change of episodeChanges)
    await oweDelivery(trx, parts.owe({ connectionId, patientId, change, decision }));
  if (episodeChanges.length > 0) await parts.store.deliver.mark(trx, [dueNow({ connectionId, patientId })]);
  await setLookAgain(trx, connectionId, patientId, look);
  const seen = events.map(({ reference }) => reference);
  const learnt = await learnPatient(trx, connectionId, patientId, Object.keys(decision.evidence), seen);
  if (into === undefined && seen.includes(`Patient/${patientId}`))
    await forgetMerge(trx, connectionId, patientId);
  const taken = learnt.flatMap(({ reference, before }) =>
    others.says(reference) === patientId ? [before] : [],
  );
  const again = isCarried ? [patientId] : []; // an answer sets when the patient is looked at next
  const retired = await withOpenAlerts(trx, connectionId, others.retired);
  await markDue(trx, connectionId, [...others.movedTo, ...taken, ...retired, ...again], parts);
  await finishEvents(
    trx,
    connectionId,
    events.map((event) => event.id),
    'done',
  );
  await job.settle(trx);
  return decision;
}

async function withOpenAlerts(
  trx: Trx,
  connectionId: ConnectionId,
  patients: readonly PatientId[],
): Promise<PatientId[]> {
  const open: PatientId[] = [];
  for (const patientId of patients)
    if ((await episodesOf(trx, connectionId, patientId)).some(({ state }) => state === 'open'))
      open.push(patientId);
  return open;
}

async function markDue(
  trx: Trx,
  connectionId: ConnectionId,
  patients: readonly PatientId[],
  { store }: EvaluationParts,
): Promise<void> {
  await store.due.mark(
    trx,
    patients.map((patientId) => dueNow({ connectionId, patientId })),
  );
}

/** What we write ourselves is no part of a chart. */
function isChartType(reference: string): boolean {
  const type = parseReference(reference)?.type ?? '';
  return type !== 'Patient' && !WRITTEN_BY_US.has(type);
}

/** A refusal that a person can lift keeps the events waiting; any other ends them, visibly. */
async function refused(job: Job<Due>, reason: RefusalReason, parts: EvaluationParts): Promise<void> {
  if (stopsConnection(reason)) throw new TryLater(reason);
  await giveUp(job, job.data, reason, parts);
}

/** Nothing can be evaluated: the events are parked with the reason, for a person. */
async function giveUp(
  job: Job<Due>,
  due: Due,
  reason: string,
  { store }: EvaluationParts,
  as: 'parked' | 'done' = 'parked',
): Promise<void> {
  await store.transaction(async (trx) => {
    if ('patientId' in due) {
      const waiting = await waitingOfPatient(trx, due.connectionId, due.patientId);
      await finishEvents(
        trx,
        due.connectionId,
        waiting.map((event) => event.id),
        as,
        reason,
      );
    } else {
      await setAsideResource(trx, due.connectionId, due.reference, as, reason);
    }
    await job.settle(trx);
  });
}
