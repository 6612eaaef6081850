/**
 * Choosing a patient where no EHR has chosen one: on the sandbox only.
 *
 * Lists who has alerts, open ones first. A session that an EHR opened has its patient and may not choose.
 */
import type { Patient } from '@medplum/fhirtypes';
import { type RequestHandler, Router } from 'express';
import { TIERS, type Tier } from '../core/decision.ts';
import { html } from '../pages/html.ts';
import { notFound } from '../pages/last-answers.ts';
import { tierMark } from '../pages/parts.ts';
import { sendPage } from '../pages/send-page.ts';
import { allOpenEpisodes } from '../store/episode.ts';
import { isFhirId, type PatientId } from '../vocabulary/ids.ts';
import { type Desk, sessionOver } from './desk.ts';
import { patientView } from './patient-line.ts';
import { SCRIPTS, STYLES } from './send.ts';
import { isOwnRequest, type Open } from './sessions.ts';

interface Listed {
  readonly id: PatientId;
  readonly open: number;
  readonly worst?: Tier;
}

const PATIENTS_PER_PAGE = 200;

export function patientRoutes(desk: Desk): Router {
  const router = Router();
  router.get('/', choosing(desk, showPatients));
  router.post('/', choosing(desk, choosePatient));
  return router;
}

type Choosing = (...parts: [...Parameters<RequestHandler>, Open, Desk]) => Promise<void>;

function choosing(desk: Desk, handler: Choosing): RequestHandler {
  return async (req, res, next) => {
    const open = await desk.sessions.current(req);
    if (open === undefined) return sessionOver(req, res, desk);
    if (!open.session.mayChoose || (req.method === 'POST' && !isOwnRequest(req, open)))
      return notFound(req, res);
    await handler(req, res, next, open, desk);
  };
}

const choosePatient: Choosing = async (req, res, _next, open, desk) => {
  const { patient } = req.body as { patient?: unknown };
  if (!isFhirId(patient)) return notFound(req, res);
  await desk.sessions.choosePatient(open, patient as PatientId);
  res.redirect(303, '/alerts');
};

const showPatients: Choosing = async (_req, res, _next, open, desk) => {
  const [known, withAlerts] = await Promise.all([patientsOf(open, desk), openCounts(open, desk)]);
  const today = desk.now();
  const rows = known
    .map((patient) => ({
      view: patientView({ outcome: 'read', value: patient }, (patient.id ?? '') as PatientId, today),
      alerts: withAlerts.get(patient.id ?? ''),
    }))
    .sort(
      (a, b) =>
        rank(b.alerts?.worst) - rank(a.alerts?.worst) || (a.view.name ?? '').localeCompare(b.view.name ?? ''),
    );
  const { theme } = open.session;
  sendPage(res, {
    title: 'Patients',
    ...(theme && { theme }),
    navigation: [
      { label: 'Patients', href: '/alerts/patients', current: true },
      { label: 'Rules', href: '/rules' },
    ],
    styles: STYLES,
    scripts: SCRIPTS,
    main: html`<h1>Choose a patient</h1>
      <p class="muted">Synthetic patients of the sandbox. In a hospital the EHR opens the page on the patient of the chart.</p>
      <form method="post" action="/alerts/patients" class="panel list">
        <input type="hidden" name="csrf" value=${open.csrf} />
        <table class="cards"><caption class="hidden">Patients</caption>
          <thead><tr><th scope="col">Patient</th><th scope="col">Born</th><th scope="col">Open alerts</th><th scope="col">Most urgent</th></tr></thead>
          <tbody>${rows.map(
            ({ view, alerts }) => html`<tr>
              <th scope="row"><button class="link" name="patient" value=${view.id}>${view.name ?? view.id}</button></th>
              <td class="nowrap" data-label="Born">${view.birthDate ?? '–'}${view.ageYears !== undefined && html` <span class="muted">(${view.ageYears} y)</span>`}</td>
              <td data-label="Open alerts">${alerts?.open ?? 0}</td>
              <td>${alerts?.worst === undefined ? html`<span class="muted">none open</span>` : tierMark(alerts.worst)}</td></tr>`,
          )}</tbody></table></form>`,
  });
};

async function patientsOf(open: Open, desk: Desk): Promise<Patient[]> {
  const found = await desk.gate(open)?.searchAll('Patient', { _count: `${PATIENTS_PER_PAGE}` });
  return found?.outcome === 'found'
    ? found.resource.filter((one): one is Patient => one.resourceType === 'Patient')
    : [];
}

async function openCounts({ session }: Open, desk: Desk): Promise<Map<string, Listed>> {
  const counts = new Map<string, Listed>();
  for (const { patientId, episode } of await allOpenEpisodes(desk.answers.store.db, session.connectionId)) {
    if (episode.suppression !== undefined) continue;
    const before = counts.get(patientId);
    const worst = rank(before?.worst) > rank(episode.tier) ? before?.worst : episode.tier;
    counts.set(patientId, { id: patientId, open: (before?.open ?? 0) + 1, ...(worst && { worst }) });
  }
  return counts;
}

function rank(tier: Tier | undefined): number {
  return tier === undefined ? -1 : TIERS.indexOf(tier);
}
