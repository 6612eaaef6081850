/**
 * The report as a page: what needs a look first, then the figures with what they mean, then each group.
 */
import { offeredReason } from '../answers/override-reasons.ts';
import { TIERS, type Tier } from '../core/decision.ts';
import { type Content, html } from '../pages/html.ts';
import type { Page } from '../pages/layout.ts';
import { note, tierMark } from '../pages/parts.ts';
import { localDay } from '../vocabulary/instant.ts';
import {
  type AlertReport,
  type ReportGroup,
  type ReportRequest,
  SPLITS,
  type Split,
} from './alert-report.ts';
import { shareBar, weekChart } from './charts.ts';
import type { Cell } from './figures.ts';
import { MEASURES, type Measured, type MeasureKey } from './measures.ts';
import type { Review } from './review.ts';
import { REPORT_NAVIGATION } from './sign-in-page.ts';

export interface ReportView {
  readonly report: AlertReport;
  readonly weeks: readonly ReportGroup[];
  readonly request: ReportRequest;
  /** Rule id -> title. */
  readonly titles: ReadonlyMap<string, string>;
  /** Of this page, for the links to other forms. */
  readonly query: string;
}

export function reportPage(view: ReportView): Page {
  const { report, weeks, request, titles, query } = view;
  const ask = query === '' ? '' : `?${query}`;
  return {
    title: 'Report on alerts',
    navigation: REPORT_NAVIGATION,
    styles: ['reports.css'],
    footer: html`<p>${
      report.smallest > 1
        ? html`Figures about fewer than ${report.smallest} patients are shown as <strong>${`<${report.smallest}`}</strong>.`
        : 'No figure is hidden here, however few patients it is about.'
    } Days and weeks are those of ${request.timeZone}.</p>`,
    main: html`
      <div class="head">
        <h1>Report on alerts</h1>
        <p class="muted">${day(request.from, request)} to ${day(new Date(request.to.getTime() - 1), request)}</p>
      </div>
      ${periodForm(request)}
      ${review(report.underReview, titles)}
      ${keyFigures(report.all)}
      <div class="two">
        <section class="panel" aria-labelledby="weeks">
          <h2 id="weeks">Week by week</h2>
          ${weekChart(weeks)}
        </section>
        <section class="panel" aria-labelledby="reasons">
          <h2 id="reasons">Why alerts were overridden</h2>
          ${reasons(report.overrideReasons)}
        </section>
      </div>
      <section class="panel" aria-labelledby="groups">
        <h2 id="groups">By ${report.by.join(' and ')}</h2>
        ${groupTable(view)}
        <p class="muted small">All measures of every group: <a href=${`/reports/alerts.csv${ask}`}>CSV</a>, <a href=${`/reports/alerts.json${ask}`}>JSON</a>.
          Each answer: <a href=${`/reports/feedback.csv${ask}`}>CSV</a>, <a href=${`/reports/feedback.ndjson${ask}`}>NDJSON</a>.</p>
      </section>
      <section class="panel" aria-labelledby="all">
        <h2 id="all">All measures and what they mean</h2>
        ${measureTable(report.all)}
      </section>
    `,
  };
}

function periodForm({ from, to, by, timeZone }: ReportRequest): Content {
  const asked = by.join(',');
  const choices = [...SPLITS, 'rule,week'];
  return html`<form class="panel period" method="get" action="/reports/alerts">
    <p><label for="from">From</label><input id="from" name="from" type="date" value=${isoDay(from, timeZone)} /></p>
    <p><label for="to">To</label><input id="to" name="to" type="date" value=${isoDay(new Date(to.getTime() - 1), timeZone)} /></p>
    <p><label for="by">Split by</label><select id="by" name="by">${choices.map(
      (split) =>
        html`<option value=${split} selected=${split === asked}>${split.replace(',', ' and ')}</option>`,
    )}</select></p>
    <p><button class="primary">Show</button></p>
  </form>`;
}

function review(list: readonly Review[], titles: ReadonlyMap<string, string>): Content {
  if (list.length === 0) return note('plain', html`<p>No rule is under review: no trigger was reached.</p>`);
  return note(
    'warning',
    html`<h2>Under review: ${list.length} ${list.length === 1 ? 'rule' : 'rules'}</h2>
      <ul class="lines">${list.map(
        ({ rule, because }) => html`<li>${ruleLink(rule, titles)}: ${because.join('; ')}.</li>`,
      )}</ul>
      <p class="small">A trigger asks people to look. It never switches a rule off.</p>`,
  );
}

const KEY_FIGURES: readonly MeasureKey[] = [
  'alerts',
  'cards',
  'fireRate',
  'overrideRate',
  'ppv',
  'actionRate',
  'timeToActionMedian',
  'notChecked',
];

function keyFigures(all: Measured): Content {
  const tiles = MEASURES.filter(({ key }) => KEY_FIGURES.includes(key)).toSorted(
    (a, b) => KEY_FIGURES.indexOf(a.key) - KEY_FIGURES.indexOf(b.key),
  );
  return html`<dl class="tiles">${tiles.map(
    ({ key, name, unit, means }) => html`<div class="tile">
      <dt>${name}</dt>
      <dd class="figure">${shown(all[key], unit)}</dd>
      ${key === 'ppv' && typeof all.ppv === 'number' && html`<dd>95 % interval ${all.ppvLow} to ${all.ppvHigh} %</dd>`}
      <dd class="muted">${means}</dd>
    </div>`,
  )}</dl>`;
}

function reasons(counts: AlertReport['overrideReasons']): Content {
  const list = Object.entries(counts).toSorted(([, a], [, b]) => size(b) - size(a));
  if (list.length === 0) return html`<p class="muted">No alert was overridden.</p>`;
  const most = Math.max(1, ...list.map(([, count]) => size(count)));
  return html`<table class="cards bars">
    <thead><tr><th scope="col">Reason</th><th scope="col" class="number">Overrides</th><th scope="col"><span class="hidden">As a bar</span></th></tr></thead>
    <tbody>${list.map(
      ([code, count]) => html`<tr>
        <th scope="row">${reasonInWords(code)}${counted(code)}</th>
        <td class="number" data-label="Overrides">${shown(count, 'count')}</td>
        <td class="bar-cell">${shareBar(count, most)}</td>
      </tr>`,
    )}</tbody>
  </table>`;
}

function reasonInWords(code: string): string {
  return code === 'none'
    ? 'No reason given'
    : (offeredReason({ code })?.display ?? `${code} (the client's own)`);
}

function counted(code: string): Content {
  const as = offeredReason({ code })?.countsAs ?? 'neutral';
  const words = {
    true: 'counts as true',
    neutral: 'counts as neither',
    false: 'counts as false',
  };
  return html`<span class="muted small counted">${words[as]}</span>`;
}

/** The measures that tell one group from another; the others are in the exports. */
const COLUMNS: readonly { readonly key: MeasureKey; readonly title: string; readonly bar?: true }[] = [
  { key: 'alerts', title: 'Alerts' },
  { key: 'cards', title: 'Cards' },
  { key: 'fireRate', title: 'Fire rate' },
  { key: 'repeatShare', title: 'Repeats' },
  { key: 'overrideRate', title: 'Overridden', bar: true },
  { key: 'actionRate', title: 'Acted on', bar: true },
  { key: 'ppv', title: 'PPV, with its 95 % interval', bar: true },
];

function groupTable({ report: { groups, by, underReview }, titles }: ReportView): Content {
  if (groups.length === 0)
    return html`<p class="muted">Nothing was evaluated, shown or raised in this period.</p>`;
  const reviewed = new Set(underReview.map(({ rule }) => rule));
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Table of measures by group"><table class="cards groups">
    <thead><tr>
      ${by.map((split) => html`<th scope="col">${split}</th>`)}
      ${COLUMNS.map(({ title }) => html`<th scope="col">${title}</th>`)}
    </tr></thead>
    <tbody>${groups.map(
      ({ of, measures }) => html`<tr>
        ${by.map((split, index) => groupName(split, of[split] ?? '', index === 0, titles, reviewed))}
        ${COLUMNS.map(
          ({ key, title, bar }) => html`<td data-label=${title} class="nowrap">
            <span class="cell">${shown(measures[key], unitOf(key))}${
              key === 'ppv' &&
              typeof measures.ppv === 'number' &&
              html` <span class="muted">${measures.ppvLow}–${measures.ppvHigh}</span>`
            }</span>
            ${bar && shareBar(measures[key], 100, key === 'ppv' ? measures : undefined)}
          </td>`,
        )}
      </tr>`,
    )}</tbody>
  </table></div>`;
}

function groupName(
  split: Split,
  value: string,
  isFirst: boolean,
  titles: ReadonlyMap<string, string>,
  reviewed: ReadonlySet<string>,
): Content {
  const content =
    split === 'rule'
      ? html`${ruleLink(value, titles)}${reviewed.has(value) && html`<br /><span class="reviewed">Under review</span>`}`
      : split === 'tier' && isTier(value)
        ? tierMark(value)
        : value;
  return isFirst ? html`<th scope="row">${content}</th>` : html`<td data-label=${split}>${content}</td>`;
}

function measureTable(all: Measured): Content {
  return html`<table class="cards">
    <thead><tr><th scope="col">Measure</th><th scope="col">Figure</th><th scope="col">Meaning</th></tr></thead>
    <tbody>${MEASURES.map(
      ({ key, name, unit, means }) => html`<tr>
        <th scope="row">${name}</th>
        <td data-label="Figure" class="nowrap">${shown(all[key], unit)}</td>
        <td>${means}</td>
      </tr>`,
    )}</tbody>
  </table>`;
}

function ruleLink(rule: string, titles: ReadonlyMap<string, string>): Content {
  const [id = rule, version] = rule.split(' ');
  const title = titles.get(id);
  if (title === undefined) return html`${id === 'none' ? 'Notices, no finding' : rule}`;
  return html`<a href=${`/rules/${id}`}>${title}</a> <span class="muted nowrap">${version}</span>`;
}

function shown(cell: Cell, unit: string): Content {
  if (cell === null) return html`<span class="muted" title="nothing to divide">–</span>`;
  if (typeof cell === 'string') return html`<span class="muted">${cell} patients</span>`; // no unit: it is not a small share
  const suffix = unit === 'count' ? '' : ` ${SHORT_UNITS[unit] ?? unit}`;
  return html`${cell}${suffix}`;
}

const SHORT_UNITS: Readonly<Record<string, string>> = { hours: 'h', 'per user and 8 hours': '' };

function unitOf(key: MeasureKey): string {
  return MEASURES.find((measure) => measure.key === key)?.unit ?? 'count';
}

function size(cell: Cell): number {
  return typeof cell === 'number' ? cell : 0;
}

function isTier(value: string): value is Tier {
  return TIERS.some((tier) => tier === value);
}

function day(at: Date, { timeZone }: ReportRequest): string {
  return at.toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone });
}

function isoDay(at: Date, timeZone: string): string {
  const [year, month, date] = localDay(at, timeZone);
  return [year, String(month).padStart(2, '0'), String(date).padStart(2, '0')].join('-');
}
