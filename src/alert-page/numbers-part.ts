/**
 * The numbers: latest value, unit, reference range, flag in words, date and age; then the trend and its table.
 */
import { type Content, html } from '../pages/html.ts';
import { note } from '../pages/parts.ts';
import type { AlertView, NumberView } from './alert-view.ts';
import type { Point, Series } from './series.ts';
import { sparkline } from './sparkline.ts';
import { ageInWords, showTime } from './times.ts';
import type { Clock } from './why-part.ts';

/** Series of the analytes, or when reading them failed. */
export type Trends =
  | { readonly outcome: 'read'; readonly value: readonly Series[] }
  | { readonly outcome: 'not-readable'; readonly at: Date };

export function numbersPart(alert: AlertView, trends: Trends, clock: Clock): Content {
  const series = trends.outcome === 'read' ? trends.value : [];
  const charted = new Set(series.flatMap(({ points }) => points.map(({ ref }) => ref)));
  const others = alert.numbers.filter(
    ({ notes, evidence }) => notes.includes('computed') || !evidence.every((ref) => charted.has(ref)),
  );
  if (series.length === 0 && alert.numbers.length === 0 && trends.outcome === 'read') return undefined;
  return html`<section class="panel" aria-labelledby="numbers">
    <h2 id="numbers">Numbers</h2>
    ${trends.outcome === 'not-readable' && notReadable(trends.at, clock, `/alerts/${alert.id}`)}
    ${series.map((one, index) => seriesPart(one, `trend-${index}`, clock))}
    ${
      others.length > 0 &&
      html`<div>
        ${series.length > 0 && html`<h3>Computed from these</h3>`}
        <dl class="pairs">${others.map((number) => numberLine(number, clock))}</dl>
      </div>`
    }
  </section>`;
}

/** The record can not be read now; what is stored is still shown. */
export function notReadable(at: Date, { zone }: Clock, retry: string): Content {
  return note(
    'warning',
    html`<p>Results could not be read from the record (<time datetime=${at.toISOString()}>${showTime(at, zone)}</time>). Open findings below may be out of date.</p>
      <p class="screen-only"><a href=${retry}>Retry</a></p>`,
  );
}

function numberLine({ label, value, at, notes }: NumberView, { zone, now }: Clock): Content {
  const time = at === undefined ? undefined : new Date(at);
  return html`<dt>${label}</dt><dd><strong class="number">${value}</strong>
    ${time && html` <span class="muted small"><time datetime=${at}>${showTime(time, zone)}</time>, ${ageInWords(time, now)}</span>`}
    ${notes.length > 0 && html` <span class="small">(${notes.join(', ')})</span>`}</dd>`;
}

function seriesPart(series: Series, id: string, clock: Clock): Content {
  const last = series.points.at(-1);
  if (last === undefined) return undefined;
  const { zone, now } = clock;
  return html`<div class="series">
    <div class="latest">
      <h3>${series.label}</h3>
      <p><span class="big number">${last.text}</span>${last.flag !== undefined && html`<span class=${`flag flag-${last.flag === 'normal' ? 'in' : 'out'}`}>${last.flag}</span>`}</p>
      <p class="muted small">${last.range}${last.remark && html`; ${last.remark}`}${last.converted && html`; sent as ${last.converted}`}</p>
      <p class="muted small"><time datetime=${last.at.toISOString()}>${showTime(last.at, zone, last.precision)}</time>, ${ageInWords(last.at, now)}</p>
    </div>
    ${sparkline(series, id, zone)}
    <details class="series-table"><summary>Show ${series.label.toLowerCase()} as table</summary>${seriesTable(series, zone)}</details>
  </div>`;
}

function seriesTable(series: Series, zone: string): Content {
  return html`<table class="cards">
    <caption class="hidden">${series.label}, newest first</caption>
    <thead><tr><th scope="col">Time</th><th scope="col">Result</th><th scope="col">Reference</th><th scope="col">Remarks</th></tr></thead>
    <tbody>${series.points.toReversed().map((point) => pointRow(point, zone))}</tbody>
  </table>`;
}

function pointRow(point: Point, zone: string): Content {
  const remarks = [
    point.flag,
    point.remark,
    point.converted === undefined ? undefined : `sent as ${point.converted}`,
  ].filter((text) => text !== undefined);
  return html`<tr>
    <th scope="row"><time datetime=${point.at.toISOString()}>${showTime(point.at, zone, point.precision)}</time></th>
    <td class="value" data-label="Result">${point.text}</td>
    <td data-label="Reference">${point.range.replace('reference ', '')}</td>
    <td data-label="Remarks">${remarks.join(', ') || 'none'}</td>
  </tr>`;
}
