/**
 * A page about the patient in session: with the patient line, the theme, the way out, and how old the data are.
 */
import type { Response } from 'express';
import { type Content, html } from '../pages/html.ts';
import { sendPage } from '../pages/send-page.ts';
import type { Desk } from './desk.ts';
import { type PatientView, patientLine, shortName } from './patient-line.ts';
import type { Open } from './sessions.ts';
import { showTime } from './times.ts';

export interface PatientPage {
  readonly title: string;
  readonly patient: PatientView;
  readonly main: Content;
  /** ISO time of the last evaluation. */
  readonly dataAsOf?: string | undefined;
  /** For paper: alert and rule with their versions. */
  readonly versions?: string;
  /** Where the theme switch returns to. */
  readonly back?: string;
}

export const STYLES = ['alert-page.css'] as const;
export const SCRIPTS = ['alert-page.js'] as const;

export function send(res: Response, open: Open, desk: Desk, page: PatientPage, status = 200): void {
  const { session } = open;
  const { timeZone, help } = desk.settings;
  const { patient, dataAsOf, versions, back = '/alerts' } = page;
  const tools = html`${themeForm(open, back)}${endForm(open)}`;
  sendPage(
    res,
    {
      title: `${page.title} – ${shortName(patient)}`,
      main: page.main,
      navigation: [
        { label: 'Alerts', href: '/alerts', current: back === '/alerts' },
        ...(session.mayChoose ? [{ label: 'Patients', href: '/alerts/patients' }] : []),
        { label: 'Rules', href: '/rules' },
      ],
      ...(session.theme && { theme: session.theme }),
      ...(help && { help }),
      styles: STYLES,
      scripts: SCRIPTS,
      tools,
      banner: html`${patientLine(patient, session.banner)}${sessionWarning(open, desk.now())}`,
      footer: html`${dataAsOf && html`<p>Data as of <time datetime=${dataAsOf}>${showTime(new Date(dataAsOf), timeZone)}</time>. Times are in ${timeZone}.</p>`}
        ${versions && html`<p>${versions}</p>`}
        <p class="print-only">Printed on ${showTime(desk.now(), timeZone)}.</p>`,
    },
    status,
  );
}

function themeForm({ session, csrf }: Open, back: string): Content {
  const next = session.theme === 'dark' ? 'light' : session.theme === 'light' ? 'system' : 'dark';
  const label = { dark: 'Dark', light: 'Light', system: 'As system' }[next];
  return html`<form method="post" action="/alerts/theme">
    <input type="hidden" name="csrf" value=${csrf} /><input type="hidden" name="back" value=${back} />
    <button class="quiet" name="theme" value=${next}><span class="hidden">Colours: </span>${label}</button></form>`;
}

function endForm({ csrf }: Open): Content {
  return html`<form method="post" action="/alerts/session/end"><input type="hidden" name="csrf" value=${csrf} /><button class="quiet">Sign out</button></form>`;
}

/** Shown by the script two minutes before the end. */
function sessionWarning({ endsAt, csrf }: Open, now: Date): Content {
  return html`<div id="session" class="session-warning" data-left-ms=${Date.parse(endsAt) - now.getTime()} data-csrf=${csrf} role="status" hidden>
    <div class="banner-row row"><p>Your session ends in two minutes.</p><button type="button" class="quiet">Stay signed in</button></div></div>`;
}
