/**
 * One alert as a page, in the order in which a clinician reads it. Source: care-team 13.2.
 */
import type {
  MedicationAdministration,
  MedicationDispense,
  MedicationRequest,
  MedicationStatement,
  Resource,
} from '@medplum/fhirtypes';
import { type Content, html } from '../pages/html.ts';
import { note, TIER_LOOK, tierMark } from '../pages/parts.ts';
import type { AlertView } from './alert-view.ts';
import { type AnswerForm, answerPart, mayAnswer, optionsPart } from './answer-part.ts';
import { numbersPart, type Trends } from './numbers-part.ts';
import { ageInWords, showTime } from './times.ts';
import { type Clock, whyPart } from './why-part.ts';

export interface OneAlert {
  readonly alert: AlertView;
  readonly trends: Trends;
  /** Medicines whose records could be read. */
  readonly records: ReadonlyMap<string, Resource>;
  readonly clock: Clock;
  readonly form?: AnswerForm;
  /** At the top: what was just recorded, what changed, what is wrong. */
  readonly message?: Content;
}

export function oneAlert({ alert, trends, records, clock, form, message }: OneAlert): Content {
  return html`
    <p class="screen-only back"><a href="/alerts">All alerts of this patient</a></p>
    ${message}
    ${heading(alert, clock, form !== undefined && mayAnswer(alert))}
    <div class="alert-grid">
      <div class="stack">
        ${whyPart(alert, clock)}
        ${numbersPart(alert, trends, clock)}
        ${medicinesPart(alert, records)}
      </div>
      <div class="stack side">
        ${optionsPart(alert, form)}
        ${answerPart(alert, form, clock)}
      </div>
      <div class="stack">
        ${evidencePart(alert)}
        ${limitsPart(alert)}
        ${historyPart(alert, clock)}
      </div>
    </div>`;
}

function heading(alert: AlertView, { now, zone }: Clock, answerable: boolean): Content {
  const raised = new Date(alert.raisedAt);
  return html`<div class=${`headline headline-${isClosed(alert) ? 'closed' : alert.tier}`}>
    <p class="headline-marks">${tierMark(alert.tier)}<span class="status">${STATUS_WORDS[alert.status]}</span>
      <span class="muted small">opened <time datetime=${alert.raisedAt}>${showTime(raised, zone)}</time>, ${ageInWords(raised, now)}</span>
      ${answerable && html`<a class="button quiet screen-only to-answer" href="#answer">Go to your answer</a>`}</p>
    <h1>${alert.title}</h1>
    <p class="summary">${alert.summary}</p>
    ${!isClosed(alert) && html`<p class="muted small">${TIER_LOOK[alert.tier].word}: ${TIER_LOOK[alert.tier].means}.</p>`}
    ${alert.tier === 'critical' && !isClosed(alert) && html`<p class="small"><strong>The laboratory's critical-value call comes first.</strong></p>`}
    ${closedNote(alert, zone)}
    ${alert.stale && note('warning', html`<p>Not rechecked since: the data behind this alert have grown old.</p>`)}
    ${alert.notKnown.length > 0 && !isClosed(alert) && note('warning', html`<p><strong>Not all data were there.</strong> Not known: ${alert.notKnown.join(', ')}.</p>`)}
  </div>`;
}

export const STATUS_WORDS = {
  open: 'Open',
  answered: 'Answered',
  'put-off': 'Put off by you',
  resolved: 'Resolved',
  withdrawn: 'Withdrawn',
  superseded: 'Taken over by another alert',
} as const satisfies Record<AlertView['status'], string>;

function isClosed({ status }: AlertView): boolean {
  return status === 'resolved' || status === 'withdrawn' || status === 'superseded';
}

function closedNote({ status, closedAt, closedBecause }: AlertView, zone: string): Content {
  if (closedAt === undefined) return undefined;
  const on = showTime(new Date(closedAt), zone);
  const words =
    status === 'resolved'
      ? `Resolved on ${on} by new data`
      : status === 'withdrawn'
        ? `Withdrawn on ${on}: what it rested on was taken back`
        : `Taken over on ${on} by another alert`;
  return note(
    'plain',
    html`<p><strong>${words}.</strong>${closedBecause && html` ${closedBecause.charAt(0).toUpperCase()}${closedBecause.slice(1)}.`}</p>`,
  );
}

function medicinesPart({ medicines }: AlertView, records: ReadonlyMap<string, Resource>): Content {
  if (medicines.length === 0) return undefined;
  return html`<section class="panel" aria-labelledby="medicines">
    <h2 id="medicines">Medicines involved</h2>
    <ul class="medicines">${medicines.map(({ ref, name, role }) => {
      const { text, dose, since } = medicineRecord(records.get(ref));
      return html`<li><strong>${text ?? name}</strong>${dose && html`<span>${dose}</span>`}
        <span class="muted small">${[role, since && `since ${since}`].filter(Boolean).join('; ')}</span></li>`;
    })}</ul>
  </section>`;
}

interface MedicineRecord {
  readonly text?: string | undefined;
  readonly dose?: string | undefined;
  readonly since?: string | undefined;
}

/** The words of the record itself. */
export function medicineRecord(resource: Resource | undefined): MedicineRecord {
  switch (resource?.resourceType) {
    case 'MedicationRequest':
      return {
        text: nameOf(resource),
        dose: resource.dosageInstruction?.[0]?.text,
        since: resource.authoredOn?.slice(0, 10),
      };
    case 'MedicationStatement':
      return {
        text: nameOf(resource),
        dose: resource.dosage?.[0]?.text,
        since: (resource.effectivePeriod?.start ?? resource.effectiveDateTime)?.slice(0, 10),
      };
    case 'MedicationAdministration':
      return {
        text: nameOf(resource),
        dose: resource.dosage?.text,
        since: (resource.effectivePeriod?.start ?? resource.effectiveDateTime)?.slice(0, 10),
      };
    case 'MedicationDispense':
      return {
        text: nameOf(resource),
        dose: resource.dosageInstruction?.[0]?.text,
        since: resource.whenHandedOver?.slice(0, 10),
      };
    default:
      return {};
  }
}

function nameOf({
  medicationCodeableConcept: coded,
}: MedicationRequest | MedicationStatement | MedicationAdministration | MedicationDispense):
  | string
  | undefined {
  return coded?.text ?? coded?.coding?.find(({ display }) => display !== undefined)?.display;
}

function evidencePart({ rule, why }: AlertView): Content {
  const others = why.rules.filter(({ id }) => id !== rule.id);
  return html`<section class="panel" aria-labelledby="evidence">
    <h2 id="evidence">Evidence and rule</h2>
    <ul class="lines">${rule.citations.map((citation) => html`<li>${citation}</li>`)}</ul>
    <dl class="pairs small">
      <dt>Basis</dt><dd>${rule.basis || 'not told'}</dd>
      <dt>Rule</dt><dd>${rule.id}, version ${rule.version}</dd>
      <dt>Last review</dt><dd>${rule.lastReview || 'not told'}</dd>
      <dt>Author</dt><dd>${rule.developer || 'Not provided by the developer'}</dd>
    </dl>
    <p class="addresses"><a href=${rule.url}>How this rule works</a></p>
    ${others.length > 0 && html`<p class="addresses small">Also: ${others.map(({ id, title }, index) => html`${index > 0 && ', '}<a href=${rule.url.replace(rule.id, id)}>${title}</a>`)}</p>`}
  </section>`;
}

function limitsPart({ notKnown, dataQuality, rule }: AlertView): Content {
  return html`<section class="panel" aria-labelledby="limits">
    <h2 id="limits">Not checked and limits</h2>
    ${notKnown.length > 0 && html`<div><h3>Not known</h3><ul class="lines">${notKnown.map((name) => html`<li>${name}</li>`)}</ul></div>`}
    ${dataQuality.length > 0 && html`<div><h3>Results set aside</h3><ul class="lines">${dataQuality.map((line) => html`<li>${line}</li>`)}</ul></div>`}
    <p>Discrete laboratory values, medicines, problems and answers only: no images, no ECG traces, no notes in free text. <a href=${`${rule.url}#limits`}>Known limits of this rule</a></p>
  </section>`;
}

function historyPart({ history }: AlertView, { zone }: Clock): Content {
  return html`<section class="panel" aria-labelledby="history">
    <h2 id="history">History</h2>
    <ol class="history">${history.map(
      ({ at, event, detail, by }) =>
        html`<li><time class="muted small number" datetime=${at}>${showTime(new Date(at), zone)}</time><span><strong>${event}</strong>${by && html` by ${by}`}${detail && html`<span class="muted">: ${detail}</span>`}</span></li>`,
    )}</ol>
  </section>`;
}
