/**
 * The alert page: routes under /smart, /alerts and /api/alerts.
 *
 * Every page can be read and answered without a script. Nothing is shown to who has no session, and nothing of
 * another patient to who has one: both get the same answer as for what never was.
 */
import express, { Router } from 'express';
import { alertsPutOff } from '../answers/record-answer.ts';
import type { Assets } from '../pages/assets.ts';
import { pageHeaders } from '../pages/headers.ts';
import { html } from '../pages/html.ts';
import { sendNotice } from '../pages/send-page.ts';
import { keepAudit } from '../store/audit.ts';
import { latestDecision } from '../store/decision.ts';
import { episodesOf } from '../store/episode.ts';
import type { ConnectionId } from '../vocabulary/ids.ts';
import { answerAlert } from './answer.ts';
import { cookiesFor } from './cookies.ts';
import {
  type AlertPageParts,
  type Desk,
  deskOf,
  type Reader,
  type SignedInHandler,
  signedIn,
} from './desk.ts';
import { launchRoutes, OneTimeLinks } from './launch.ts';
import { chosen, listed, listPage, readFilter } from './list.ts';
import { notReadable } from './numbers-part.ts';
import { patientView } from './patient-line.ts';
import { patientRoutes } from './patient-picker.ts';
import { readPatient } from './read-record.ts';
import { SCRIPTS, STYLES, send } from './send.ts';
import { Sessions } from './sessions.ts';
import { alertAsJson, showAlert } from './show-alert.ts';

export interface AlertPage {
  readonly router: Router;
  /** The address that opens a session without an EHR; works once. For the sandbox. */
  readonly oneTimeLink: (connectionId: ConnectionId) => string;
}

export const ALERT_PAGE_ASSETS: Assets = {
  folder: new URL('.', import.meta.url),
  files: [...STYLES, ...SCRIPTS],
};

const BODY_LIMIT = '32kb'; // options, a reason and a comment

export function alertPage(parts: AlertPageParts): AlertPage {
  const { settings, publicUrl, answers, now } = parts;
  const { db } = answers.store;
  const cookies = cookiesFor(publicUrl);
  const sessions = new Sessions(db, cookies, now);
  const links = new OneTimeLinks();
  const desk = deskOf(parts, sessions);
  const router = Router();
  const frameAncestors = [...new Set(settings.apps.flatMap((app) => app.frameAncestors))];
  router.use(['/smart', '/alerts', '/api/alerts'], pageHeaders({ frameAncestors }));
  router.use('/smart', launchRoutes({ ...parts, db, cookies, sessions, links, apps: settings.apps }));
  router.use(
    ['/alerts', '/api/alerts'],
    express.urlencoded({ extended: false, limit: BODY_LIMIT }),
    express.json({ limit: BODY_LIMIT }),
  );
  router.use('/alerts/patients', patientRoutes(desk));
  router.post('/alerts/theme', signedIn(desk, chooseTheme));
  router.post('/alerts/session', signedIn(desk, stay));
  router.post('/alerts/session/end', signedIn(desk, endSession));
  router.get('/alerts', signedIn(desk, showList));
  router.get('/alerts/:id', signedIn(desk, showAlert));
  router.post('/alerts/:id/answer', signedIn(desk, answerAlert));
  router.get('/api/alerts', signedIn(desk, listAsJson));
  router.get('/api/alerts/:id', signedIn(desk, alertAsJson));
  router.post('/api/alerts/:id/response', signedIn(desk, answerAlert));
  return { router, oneTimeLink: (id) => `${publicUrl}/smart/open?key=${links.make(id)}` };
}

const showList: SignedInHandler = async (req, res, reader, desk) => {
  const { session, patientId } = reader;
  const at = desk.now();
  const [alerts, patient] = await Promise.all([
    allOf(reader, desk),
    readPatient(desk.gate(reader), patientId),
  ]);
  await keepAudit(desk.answers.store.db, session, { action: 'list-viewed', at });
  const clock = { now: at, zone: desk.settings.timeZone };
  send(res, reader, desk, {
    title: 'Alerts',
    patient: patientView(patient, patientId, at),
    dataAsOf: alerts.latest?.at,
    main: listPage({
      ...alerts,
      filter: readFilter(req.query),
      clock,
      ...(patient.outcome === 'not-readable' && { message: notReadable(at, clock, '/alerts') }),
    }),
  });
};

const listAsJson: SignedInHandler = async (req, res, reader, desk) => {
  const at = desk.now();
  const { alerts, latest } = await allOf(reader, desk);
  await keepAudit(desk.answers.store.db, reader.session, { action: 'list-viewed', at });
  const since = typeof req.query.since === 'string' ? req.query.since : '';
  const shown = chosen(alerts, readFilter(req.query), at).filter(({ raisedAt }) => raisedAt >= since);
  res.json({ alerts: shown, evaluated: latest !== undefined, ...(latest && { dataAsOf: latest.at }) });
};

async function allOf({ session, patientId }: Reader, { answers, ruleSet, now }: Desk) {
  const { db } = answers.store;
  const [episodes, latest, putOff] = await Promise.all([
    episodesOf(db, session.connectionId, patientId),
    latestDecision(db, session.connectionId, patientId),
    alertsPutOff(db, session.connectionId, session.userHash, now()),
  ]);
  return { alerts: listed(episodes, latest, ruleSet, putOff), latest };
}

const OWN_ADDRESS = /^\/alerts(?:\/[\w-]+)?$/;

const chooseTheme: SignedInHandler = async (req, res, reader, desk) => {
  const { theme, back } = req.body as { theme?: unknown; back?: unknown };
  await desk.sessions.chooseTheme(reader, theme === 'light' || theme === 'dark' ? theme : null);
  res.redirect(303, typeof back === 'string' && OWN_ADDRESS.test(back) ? back : '/alerts');
};

/** The request itself keeps the session open; the answer says for how long. */
const stay: SignedInHandler = async (_req, res, reader, desk) =>
  void res.json({ leftMs: Date.parse(reader.endsAt) - desk.now().getTime() });

const endSession: SignedInHandler = async (req, res, _reader, desk) => {
  await desk.sessions.end(req, res);
  sendNotice(res, 200, { heading: 'You have signed out', main: html`<p>Reopen from the chart.</p>` });
};
