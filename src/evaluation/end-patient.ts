/**
 * A patient record that was deleted, or that we may not see any more: what is open with us ends.
 *
 * Nothing is written to the server: what it holds about somebody it does not have, or does not show, is not
 * ours to touch.
 */
import type { Gate } from '../connections/gate.ts';
import { endedDecision } from '../core/decide.ts';
import { keepDecision } from '../store/decision.ts';
import { parkDeliveries } from '../store/delivery.ts';
import { applyChanges, holdUnchanged, type StoredEpisode } from '../store/episode.ts';
import { finishEvents, type StoredEvent } from '../store/event.ts';
import { type Job, TryLater } from '../store/job-worker.ts';
import { setLookAgain } from '../store/look-again.ts';
import type { Due } from '../store/store.ts';
import type { ConnectionId, PatientId } from '../vocabulary/ids.ts';
import { DAY } from '../vocabulary/instant.ts';
import type { EvaluationParts } from './evaluate.ts';

const WHY = {
  'patient-gone': 'the patient record was deleted',
  'patient-hidden': 'access to the patient record was withdrawn',
} as const;

interface Ending {
  readonly connectionId: ConnectionId;
  readonly patientId: PatientId;
  readonly code: keyof typeof WHY;
  readonly events: readonly StoredEvent[];
  readonly stored: readonly StoredEpisode[];
}

export async function endPatient(
  job: Job<Due>,
  { connectionId, patientId, code, events, stored }: Ending,
  { store, ruleSet, now }: EvaluationParts,
): Promise<void> {
  const at = now();
  const open = stored.filter(({ state }) => state === 'open').map(({ episode }) => episode);
  // A record we never had anything about: a reference to nobody, which a person must look at.
  const isKnown = stored.length > 0 || events.some(({ reference }) => reference === `Patient/${patientId}`);
  await store.transaction(async (trx) => {
    if (!(await holdUnchanged(trx, connectionId, patientId, stored)))
      throw new TryLater('answered-meanwhile', 0);
    if (open.length > 0) {
      const decision = endedDecision({ patient: `Patient/${patientId}`, ruleSet, now: at }, open, WHY[code]);
      await keepDecision(trx, connectionId, patientId, decision);
      await applyChanges(trx, connectionId, patientId, decision.episodeChanges, decision.at);
    }
    await parkDeliveries(trx, connectionId, patientId, code);
    // Rights that were taken away by mistake come back: then the patient is asked about once more.
    const again = code === 'patient-hidden' && open.length > 0 ? new Date(at.getTime() + DAY) : undefined;
    await setLookAgain(trx, connectionId, patientId, again);
    const ids = events.map(({ id }) => id);
    await finishEvents(trx, connectionId, ids, isKnown ? 'done' : 'parked', code);
    await job.settle(trx);
  });
}

/** Is it this patient that we may not see, or everybody? */
export async function seesOthers(gate: Gate): Promise<boolean> {
  const found = await gate.searchOne('Patient');
  return (
    found.outcome === 'found' && (found.resource.entry ?? []).some(({ resource }) => resource !== undefined)
  );
}
