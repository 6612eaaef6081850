/**
 * The options, and the three ways to answer. Plain forms; they work without a script.
 */
import { OFFERED_REASONS } from '../answers/override-reasons.ts';
import { type Content, html } from '../pages/html.ts';
import { note } from '../pages/parts.ts';
import { type AlertView, capital, type OptionView, type WithheldView } from './alert-view.ts';
import { showTime } from './times.ts';
import type { Clock } from './why-part.ts';

export const LONGEST_COMMENT = 500; // characters; care-team 13.3

/** What was typed, kept after an error. */
export interface Typed {
  readonly options?: readonly string[];
  readonly reason?: string;
  readonly comment?: string;
}

export interface AnswerForm {
  readonly csrf: string;
  readonly typed: Typed;
  /** What is wrong: the id of the control and the words. */
  readonly problems: readonly { readonly control: string; readonly says: string }[];
  /** A critical alert is overridden only after a second look. */
  readonly confirm: boolean;
}

/** The reason is needed for all but low alerts. */
export function needsReason({ tier }: Pick<AlertView, 'tier'>): boolean {
  return tier !== 'low';
}

export function mayAnswer({ status }: AlertView): boolean {
  return status === 'open' || status === 'put-off' || status === 'answered';
}

/** @param form absent when this reader may not answer */
export function optionsPart(alert: AlertView, form: AnswerForm | undefined): Content {
  const { options } = alert;
  const shared = sharedCautions(options);
  const list = (some: readonly OptionView[]): Content =>
    html`<ul class="options">${some.map((option) => optionLine(option, shared, mayAnswer(alert) ? form : undefined))}</ul>`;
  const team = options.filter(({ lines }) => lines.length === 0);
  const patient = options.filter(({ lines }) => lines.length > 0);
  return html`<section class="panel" aria-labelledby="options">
    <h2 id="options">Options to consider</h2>
    ${options.length === 0 && html`<p>This alert carries no option; it asks for a look.</p>`}
    ${team.length > 0 && list(team)}
    ${patient.length > 0 && html`<h3>For the patient's plan</h3>${list(patient)}`}
    ${
      shared.length > 0 &&
      html`<div class="cautions"><h3>Mind</h3><ol class="lines">${shared.map((caution) => html`<li>${capital(caution)}.</li>`)}</ol></div>`
    }
    ${alert.withheld.length > 0 && withheldPart(alert)}
  </section>`;
}

/** What is to be minded with more than one option is said once, with a number. */
function sharedCautions(options: readonly OptionView[]): string[] {
  const all = options.flatMap(({ cautions }) => cautions);
  return [...new Set(all)].filter((caution) => all.indexOf(caution) !== all.lastIndexOf(caution));
}

function optionLine(option: OptionView, shared: readonly string[], form: AnswerForm | undefined): Content {
  const { key, lines } = option;
  return html`<li>
    ${
      form === undefined
        ? html`<div class="choice-text">${optionText(option, shared)}</div>`
        : html`<label class="choice"><input type="checkbox" form="accept" name="option" value=${key} checked=${form.typed.options?.includes(key)} /><span>${optionText(option, shared)}</span></label>`
    }
    ${lines.length > 0 && html`<details><summary>What it says</summary><ul class="lines">${lines.map((line) => html`<li>${line}</li>`)}</ul></details>`}
  </li>`;
}

function optionText({ text, avoid, cautions }: OptionView, shared: readonly string[]): Content {
  const numbers = cautions.map((caution) => shared.indexOf(caution) + 1).filter((number) => number > 0);
  const own = cautions.filter((caution) => !shared.includes(caution));
  return html`${avoid && html`<strong>Avoid: </strong>`}${capital(text)}
    ${own.map((caution) => html`<span class="caution">Mind: ${caution}</span>`)}
    ${numbers.length > 0 && html`<span class="caution">Mind ${numbers.join(', ')} below</span>`}`;
}

function withheldPart({ withheld }: AlertView): Content {
  return html`<div class="withheld">
    <h3>Held back, and why</h3>
    <ul class="lines">${withheld.map(
      (line) => html`<li>${line.text} <span class="muted">${withheldBecause(line)}.</span></li>`,
    )}</ul>
  </div>`;
}

function withheldBecause({ reason, missing }: WithheldView): string {
  if (missing.length > 0) return `Held back until this is known: ${missing.join(', ')}`;
  return reason.startsWith('held back') ? capital(reason) : `Held back: ${reason}`;
}

export function answerPart(alert: AlertView, form: AnswerForm | undefined, { zone }: Clock): Content {
  if (!mayAnswer(alert)) return undefined;
  if (form === undefined)
    return html`<section class="panel" aria-labelledby="answer"><h2 id="answer">Your answer</h2>
      <p>Your role lets you read this alert, not answer it.</p></section>`;
  return html`<section class="panel answer" aria-labelledby="answer">
    <h2 id="answer" tabindex="-1">Your answer</h2>
    ${alert.status === 'answered' && note('plain', html`<p>It has been answered already${alert.answeredUntil && html` and stays out of the list until ${showTime(new Date(alert.answeredUntil), zone)}, unless it gets worse`}. A new answer takes its place.</p>`)}
    ${alert.acceptedAt && note('plain', html`<p>Accepted on ${showTime(new Date(alert.acceptedAt), zone)}. It stays open until new data clear it.</p>`)}
    ${form.confirm ? confirmForm(alert, form) : html`${acceptForm(alert, form)}${overrideForm(alert, form)}${notNowForm(alert, form)}`}
  </section>`;
}

/** Who answers, to what version, and what that version said: shown again if it changed meanwhile. */
function hiddenFields(alert: AlertView, { csrf }: AnswerForm, outcome: string): Content {
  const fields = {
    csrf,
    outcome,
    alertVersion: String(alert.version),
    seen: alert.summary,
    seenTier: alert.tier,
  };
  return Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name=${name} value=${value} />`,
  );
}

function acceptForm(alert: AlertView, form: AnswerForm): Content {
  return html`<form method="post" action=${`/alerts/${alert.id}/answer`} id="accept" class="accept">
    ${hiddenFields(alert, form, 'accepted')}
    <button class="primary wide" aria-describedby="accept-means">Accept${alert.options.length > 0 && ' chosen options'}</button>
    <p class="muted small" id="accept-means">This records your decision. It does not place an order.</p>
  </form>`;
}

function overrideForm(alert: AlertView, form: AnswerForm): Content {
  const { typed, problems } = form;
  const needed = needsReason(alert);
  const wrong = problems.find(({ control }) => control.startsWith('reason'));
  return html`<details class="override" open=${problems.length > 0 || typed.reason !== undefined || undefined}>
    <summary>Override with a reason</summary>
    <form method="post" action=${`/alerts/${alert.id}/answer`} id="override">
      ${hiddenFields(alert, form, 'overridden')}
      <fieldset aria-describedby=${wrong ? 'reason-problem' : undefined}>
        <legend>Reason${needed ? ' (needed)' : ' (optional)'}</legend>
        ${wrong && html`<p class="problem" id="reason-problem">${wrong.says}</p>`}
        ${OFFERED_REASONS.map(
          ({ code, display }, index) =>
            html`<label class="choice"><input type="radio" name="reason" id=${`reason-${index}`} value=${code} checked=${typed.reason === code} /><span>${display}</span></label>`,
        )}
      </fieldset>
      <div class="comment">
        <label for="comment">Comment (optional)</label>
        <textarea id="comment" name="comment" maxlength=${LONGEST_COMMENT} aria-describedby="comment-count">${typed.comment ?? ''}</textarea>
        <p class="muted small" id="comment-count" data-counter="comment">At most ${LONGEST_COMMENT} characters.</p>
      </div>
      <button class="wide">Override this alert</button>
    </form>
  </details>`;
}

function notNowForm(alert: AlertView, form: AnswerForm): Content {
  return html`<form method="post" action=${`/alerts/${alert.id}/answer`} class="not-now">
    ${hiddenFields(alert, form, 'not-now')}
    <button class="quiet wide" aria-describedby="not-now-means">Not now</button>
    <p class="muted small" id="not-now-means">Out of your list for 8 hours; others still see it.</p>
  </form>`;
}

/** The second look before a critical alert is overridden. */
function confirmForm(alert: AlertView, form: AnswerForm): Content {
  const reason = OFFERED_REASONS.find(({ code }) => code === form.typed.reason)?.display ?? '';
  return html`<form method="post" action=${`/alerts/${alert.id}/answer`} class="confirm">
    ${hiddenFields(alert, form, 'overridden')}
    <input type="hidden" name="reason" value=${form.typed.reason} />
    <input type="hidden" name="comment" value=${form.typed.comment} />
    <input type="hidden" name="confirmed" value="yes" />
    ${note(
      'critical',
      html`<h3 id="confirm" tabindex="-1" data-focus>Check before you override a critical alert</h3>
        <p>${alert.summary}</p>
        <p><strong>Reason:</strong> ${reason}</p>
        ${form.typed.comment && html`<p><strong>Comment:</strong> ${form.typed.comment}</p>`}
        <p>It comes back within 24 hours, and at once if it gets worse.</p>`,
    )}
    <div class="row"><button class="primary">Yes, override</button><a class="button" href=${`/alerts/${alert.id}`}>Back</a></div>
  </form>`;
}
