/**
 * One alert for the reader in session: found, checked that it is theirs to see, noted who saw it, and shown.
 */
import type { Observation, Resource } from '@medplum/fhirtypes';
import type { Response } from 'express';
import { alertsPutOff, UNDO_WITHIN_MS } from '../answers/record-answer.ts';
import type { Concepts } from '../core/concepts/concept.ts';
import { conceptsOf } from '../core/facts/reading.ts';
import { factInWords } from '../core/rules/words.ts';
import { type Content, html } from '../pages/html.ts';
import { notFound } from '../pages/last-answers.ts';
import { note } from '../pages/parts.ts';
import { answersTo } from '../store/answer.ts';
import { keepAudit } from '../store/audit.ts';
import { decisionShowing, episodeEvents, latestDecision } from '../store/decision.ts';
import { findAlert } from '../store/episode.ts';
import { type AlertView, alertView, capital } from './alert-view.ts';
import type { AnswerForm, Typed } from './answer-part.ts';
import type { Desk, Reader, SignedInHandler } from './desk.ts';
import type { Trends } from './numbers-part.ts';
import { oneAlert } from './one-alert.ts';
import { type PatientView, patientView } from './patient-line.ts';
import { readAll, readPatient, readResults } from './read-record.ts';
import { send } from './send.ts';
import { type Series, seriesOf } from './series.ts';

/** All there is to show: the alert, and what the FHIR server says of the patient now. */
export interface Seen {
  readonly alert: AlertView;
  readonly patient: PatientView;
  readonly trends: Trends;
  readonly records: ReadonlyMap<string, Resource>;
}

export const showAlert: SignedInHandler = async (req, res, reader, desk) => {
  const seen = await see(req.params.id, reader, desk);
  if (seen === undefined) return notFound(req, res);
  const recorded: unknown = req.query.recorded;
  sendAlert(res, reader, desk, seen, {
    ...(typeof recorded === 'string' && {
      message: await recordedMessage(recorded, seen.alert, reader, desk),
    }),
  });
};

/** The same checks, and the same record of who saw it. */
export const alertAsJson: SignedInHandler = async (req, res, reader, desk) => {
  const seen = await see(req.params.id, reader, desk);
  if (seen === undefined) return notFound(req, res);
  const { alert, patient, trends } = seen;
  res.json({
    ...alert,
    patient,
    ...(trends.outcome === 'read' ? { series: trends.value } : { seriesReadable: false }),
  });
};

/** @returns undefined for what is not there and for what belongs to another patient; nobody can tell which. */
export async function see(id: unknown, reader: Reader, desk: Desk): Promise<Seen | undefined> {
  const { session, patientId } = reader;
  const { db } = desk.answers.store;
  const at = desk.now();
  const stored = typeof id === 'string' ? await findAlert(db, id) : undefined;
  if (
    stored === undefined ||
    stored.connectionId !== session.connectionId ||
    stored.patientId !== patientId
  ) {
    await keepAudit(db, session, { action: 'alert-refused', at });
    return undefined;
  }
  await keepAudit(db, session, { action: 'alert-viewed', at, alertId: stored.alertId });
  const { key, number } = stored.episode;
  const [shown, latest, events, answers, putOff] = await Promise.all([
    decisionShowing(db, session.connectionId, patientId, key, stored.closedAt),
    latestDecision(db, session.connectionId, patientId),
    episodeEvents(db, session.connectionId, patientId, key, number),
    answersTo(db, session.connectionId, stored.alertId),
    alertsPutOff(db, session.connectionId, session.userHash, at),
  ]);
  const view = alertView({
    stored,
    shown,
    latest,
    events,
    answers,
    ruleSet: desk.ruleSet,
    putOff: putOff.has(stored.alertId),
    publicUrl: desk.publicUrl,
  });
  return { alert: view, ...(await fromRecord(view, reader, desk)) };
}

async function fromRecord(
  { numbers, medicines }: AlertView,
  reader: Reader,
  desk: Desk,
): Promise<Omit<Seen, 'alert'>> {
  const { patientId } = reader;
  const at = desk.now();
  const gate = desk.gate(reader);
  const [patient, results, records] = await Promise.all([
    readPatient(gate, patientId),
    readResults(gate, patientId, at),
    readAll(
      gate,
      medicines.map(({ ref }) => ref),
    ),
  ]);
  const zone = desk.settings.timeZone;
  const trends: Trends =
    results.outcome === 'not-readable'
      ? { outcome: 'not-readable', at }
      : { outcome: 'read', value: trendsOf(numbers, results.value, desk.ruleSet.concepts, zone) };
  return { patient: patientView(patient, patientId, at), trends, records };
}

/** One series for each analyte among the results that the alert cites. */
function trendsOf(
  numbers: AlertView['numbers'],
  results: readonly Observation[],
  concepts: Concepts,
  zone: string,
): Series[] {
  const byReference = new Map(results.map((one) => [`Observation/${one.id}`, one]));
  const cited = numbers
    .flatMap(({ evidence }) => evidence)
    .flatMap((reference) => byReference.get(reference) ?? [])
    .flatMap(({ code, component = [] }) => [code, ...component.map((part) => part.code)])
    .flatMap((code) => conceptsOf(code, concepts))
    .filter(({ kind, unit }) => kind === 'observation' && unit !== undefined);
  return [...new Set(cited)].flatMap((concept) =>
    seriesOf(results, concept, concepts, { label: capital(factInWords(concept.id)), zone }),
  );
}

export interface Around {
  readonly message?: Content;
  readonly typed?: Typed;
  readonly problems?: AnswerForm['problems'];
  readonly confirm?: boolean;
  readonly status?: number;
}

export function sendAlert(
  res: Response,
  reader: Reader,
  desk: Desk,
  seen: Seen,
  { message, typed = {}, problems = [], confirm = false, status = 200 }: Around = {},
): void {
  const { alert, patient, trends, records } = seen;
  const clock = { now: desk.now(), zone: desk.settings.timeZone };
  const form = { csrf: reader.csrf, typed, problems, confirm };
  send(
    res,
    reader,
    desk,
    {
      title: alert.title,
      patient,
      dataAsOf: alert.dataAsOf,
      versions: `Alert version ${alert.version}. Rule ${alert.rule.id}, version ${alert.rule.version}.`,
      back: `/alerts/${alert.id}`,
      main: oneAlert({
        alert,
        trends,
        records,
        clock,
        ...(reader.session.role === 'responder' && { form }),
        ...(message !== undefined && { message }),
      }),
    },
    status,
  );
}

const RECORDED_WORDS = {
  accepted: 'You accepted this alert. No order was placed.',
  overridden: 'You overrode this alert.',
  'not-now': 'You put this alert off for 8 hours.',
  undone: 'Your answer was taken back.',
} as const;

/** What was just recorded, and for a minute the way back. */
async function recordedMessage(
  id: string,
  alert: AlertView,
  { session, csrf }: Reader,
  desk: Desk,
): Promise<Content> {
  const answers = await answersTo(desk.answers.store.db, session.connectionId, alert.id);
  const answer = answers.find((one) => one.id === id);
  if (answer === undefined || answer.by.userHash !== session.userHash) return undefined;
  const leftMs = answer.receivedAt.getTime() + UNDO_WITHIN_MS - desk.now().getTime();
  const undoable = answer.outcome !== 'undone' && answers.at(-1)?.id === id && leftMs > 0;
  return html`<div class="recorded">${note(
    'info',
    html`<h2 tabindex="-1" data-focus>${answer.outcome === 'undone' ? 'Answer taken back' : 'Answer recorded'}</h2>
      <p role="status">${RECORDED_WORDS[answer.outcome]}</p>
      ${
        undoable &&
        html`<form method="post" action=${`/alerts/${alert.id}/answer`} class="undo" data-left-ms=${leftMs}>
          <input type="hidden" name="csrf" value=${csrf} /><input type="hidden" name="outcome" value="undone" />
          <input type="hidden" name="of" value=${id} />
          <div class="row"><button class="quiet">Undo</button><span class="muted small">for 60 seconds</span></div></form>`
      }`,
  )}</div>`;
}
