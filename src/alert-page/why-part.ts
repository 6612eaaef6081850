/**
 * "Why am I seeing this": each rule with its conditions, what they saw, and what could not be told.
 */
import { type Content, html } from '../pages/html.ts';
import { note } from '../pages/parts.ts';
import type { Truth } from '../vocabulary/truth.ts';
import type { AlertView, ConditionView, RuleView } from './alert-view.ts';
import { ageInWords, showTime } from './times.ts';

export interface Clock {
  readonly now: Date;
  readonly zone: string;
}

export function whyPart(alert: AlertView, { now, zone }: Clock): Content {
  const { why, recurs, clearsWhen } = alert;
  const at = new Date(why.at);
  const making = why.rules.filter(({ role }) => role === 'makes');
  const joining = why.rules.filter(({ role }) => role === 'joins');
  return html`<section class="panel" aria-labelledby="why">
    <h2 id="why">Why am I seeing this</h2>
    <p class="muted small">As evaluated on <time datetime=${why.at}>${showTime(at, zone)}</time>, ${ageInWords(at, now)}.</p>
    ${recurs && html`<p>It was resolved and came back after ${recurs.afterDays} day${recurs.afterDays === 1 ? '' : 's'}${recurs.times > 1 && html`; ${recurs.times} times by now`}.</p>`}
    ${alert.preliminary && note('warning', html`<p>It rests on a <strong>preliminary</strong> result.</p>`)}
    ${why.rules.length === 0 && html`<p>The decision behind this alert is no longer kept.</p>`}
    ${making.map((rule) => ruleLines(rule, why.rules.length > 1))}
    ${
      joining.length > 0 &&
      html`<details class="joining"><summary>${joining.length} more rule${joining.length === 1 ? '' : 's'} say the same or part of it</summary>
        ${joining.map((rule) => ruleLines(rule, true))}</details>`
    }
    ${clearsWhen && html`<p class="clears"><strong>What would clear it:</strong> ${clearsWhen}.</p>`}
  </section>`;
}

function ruleLines(rule: RuleView, several: boolean): Content {
  return html`<div class="rule-lines">
    ${several && html`<h3>${rule.title}</h3>`}
    <ul class="conditions">
      ${rule.conditions.map(conditionLine)}
      ${rule.notKnown.map((name) => conditionLine({ text: name, value: 'could not be told', truth: 'unknown', evidence: [] }))}
    </ul>
    <p class="reason">${rule.reason}</p>
  </div>`;
}

const MARKS = {
  true: { word: 'Yes', path: 'M3 8.5 6.5 12 13 4.5' },
  false: { word: 'No', path: 'M4 4l8 8M12 4l-8 8' },
  unknown: { word: 'Not known', path: 'M5.5 6a2.5 2.5 0 1 1 3.6 2.2C8.2 8.7 8 9.2 8 10M8 12.6v.3' },
} as const satisfies Record<Truth, { word: string; path: string }>;

function conditionLine({ text, value, truth }: ConditionView): Content {
  const { word, path } = MARKS[truth];
  return html`<li class=${`condition condition-${truth}`}>
    <svg viewBox="0 0 16 16" width="18" height="18" aria-hidden="true" focusable="false"><path d=${path} fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" /></svg>
    <span><span class="hidden">${word}: </span>${text}</span>
    <span class="condition-value number">${value}</span>
  </li>`;
}
