/**
 * Charts as inline SVG. Each says in words what it shows; a hidden figure is drawn as hidden, never as nothing.
 */
import { scaleBand, scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';
import { type Content, html } from '../pages/html.ts';
import type { ReportGroup } from './alert-report.ts';
import type { Cell } from './figures.ts';
import type { Measured } from './measures.ts';

/** A bar in a cell of a table: the number stands beside it, so it has no words of its own. */
export function shareBar(cell: Cell, most: number, interval?: Measured): Content {
  if (cell === null) return null;
  const x = scaleLinear().domain([0, most]).range([0, 100]);
  const { ppvLow: low, ppvHigh: high } = interval ?? {};
  return html`<svg class="share" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">
    <rect class="share-ground" width="100" height="10" />
    ${
      typeof cell === 'number'
        ? html`<rect class="share-fill" width=${x(cell)} height="10" />`
        : html`<rect class="share-hidden" width="100" height="10" />`
    }
    ${
      typeof low === 'number' &&
      typeof high === 'number' &&
      html`<line class="share-interval" x1=${x(low)} x2=${x(high)} y1="5" y2="5" />`
    }
  </svg>`;
}

const SERIES = [
  { key: 'alerts', name: 'Alerts raised' },
  { key: 'cards', name: 'Cards shown' },
] as const;
const RATE = { key: 'overrideRate', name: 'Override rate' } as const;

/** Alerts and cards as bars, the override rate as a line above them; and the same as a table. */
export function weekChart(weeks: readonly ReportGroup[]): Content {
  if (weeks.length === 0) return html`<p class="muted">Nothing happened in this period.</p>`;
  return html`<figure class="weeks">
      <ul class="legend" aria-hidden="true">
        ${SERIES.map(({ key, name }) => html`<li class=${`key key-${key}`}>${name}</li>`)}
        <li class=${`key key-${RATE.key}`}>${RATE.name}</li>
      </ul>
      ${drawn(weeks, 640, 'wide')}${drawn(weeks, 300, 'slim')}
    </figure>
    <details><summary>Show as table</summary>${weekTable(weeks)}</details>`;
}

const HEIGHT = 340;
const AREA = { left: 44, right: 8, top: 126, bottom: 24 };
const RATE_AREA = { top: 14, bottom: 92 }; // above the bars, on a scale of its own

function drawn(weeks: readonly ReportGroup[], width: number, form: 'wide' | 'slim'): Content {
  const names = weeks.map(({ of }) => of.week ?? '');
  const most = Math.max(1, ...weeks.flatMap(({ measures }) => SERIES.map(({ key }) => size(measures[key]))));
  const x = scaleBand()
    .domain(names)
    .range([AREA.left, width - AREA.right])
    .paddingInner(0.3)
    .paddingOuter(0.15);
  const y = scaleLinear()
    .domain([0, most])
    .nice(4)
    .range([HEIGHT - AREA.bottom, AREA.top]);
  const inner = scaleBand()
    .domain(SERIES.map(({ key }) => key))
    .range([0, x.bandwidth()])
    .paddingInner(0.1);
  const every = Math.ceil(names.length / (width / 64)); // a label needs about 64 px
  const middle = (week: string) => (x(week) ?? 0) + x.bandwidth() / 2;
  const ticks = y.ticks(4).filter(Number.isInteger);
  const id = `weeks-${form}`;
  return html`<svg class=${`chart ${form}`} viewBox=${`0 0 ${width} ${HEIGHT}`} role="img" aria-labelledby=${`${id}-title ${id}-desc`}>
    <title id=${`${id}-title`}>Alerts, cards and override rate by week</title>
    <desc id=${`${id}-desc`}>${inWords(weeks)}</desc>
    ${ticks.map(
      (
        tick,
      ) => html`<line class="grid" x1=${AREA.left} x2=${width - AREA.right} y1=${y(tick)} y2=${y(tick)} />
        <text class="axis" x=${AREA.left - 6} y=${y(tick) + 4} text-anchor="end">${tick}</text>`,
    )}
    ${weeks.map(({ of, measures }) =>
      SERIES.map(({ key }) =>
        bar(measures[key], (x(of.week ?? '') ?? 0) + (inner(key) ?? 0), inner.bandwidth(), y, key),
      ),
    )}
    ${names.map(
      (week, index) =>
        index % every === 0 &&
        html`<text class="axis" x=${middle(week)} y=${HEIGHT - 6} text-anchor="middle">${weekLabel(week)}</text>`,
    )}
    ${rateLine(weeks, middle, width)}
  </svg>`;
}

type Scale = (value: number) => number;

function bar(cell: Cell, x: number, width: number, y: Scale, key: string): Content {
  const ground = HEIGHT - AREA.bottom;
  if (typeof cell === 'string')
    return html`<rect class=${`bar-hidden bar-${key}`} x=${x} y=${ground - 10} width=${width} height="10" />`;
  const top = y(size(cell));
  return html`<rect class=${`bar-${key}`} x=${x} y=${top} width=${width} height=${ground - top} />`;
}

function rateLine(weeks: readonly ReportGroup[], middle: (week: string) => number, width: number): Content {
  const y = scaleLinear().domain([0, 100]).range([RATE_AREA.bottom, RATE_AREA.top]);
  const points = weeks.map(({ of, measures }) => ({ x: middle(of.week ?? ''), rate: measures[RATE.key] }));
  const path = line<(typeof points)[number]>()
    .defined(({ rate }) => typeof rate === 'number')
    .x(({ x }) => x)
    .y(({ rate }) => y(size(rate)));
  const known = points.filter(({ rate }) => typeof rate === 'number');
  const last = known.at(-1);
  return html`${[0, 50, 100].map(
    (tick) => html`<line class="grid" x1=${AREA.left} x2=${width - AREA.right} y1=${y(tick)} y2=${y(tick)} />
        <text class="axis" x=${AREA.left - 6} y=${y(tick) + 4} text-anchor="end">${tick} %</text>`,
  )}
    <path class="rate" d=${path(points) ?? ''} />
    ${known.map(({ x, rate }) => html`<circle class="rate-point" cx=${x} cy=${y(size(rate))} r="3.5" />`)}
    ${last !== undefined && html`<text class="axis rate-label" x=${last.x} y=${y(size(last.rate)) + (size(last.rate) > 60 ? 17 : -8)} text-anchor="middle">${last.rate} %</text>`}`;
}

function inWords(weeks: readonly ReportGroup[]): string {
  const lines = weeks.map(
    ({ of, measures: { alerts, cards, overrideRate } }) =>
      `week of ${of.week}: ${alerts} alerts, ${cards} cards, ${overrideRate === null ? 'no answers' : `${overrideRate} per cent overridden`}`,
  );
  return `${lines.join('; ')}.`;
}

function weekTable(weeks: readonly ReportGroup[]): Content {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Weeks as a table"><table>
    <thead><tr><th scope="col">Week of</th>${SERIES.map(({ name }) => html`<th scope="col" class="number">${name}</th>`)}<th scope="col" class="number">${RATE.name}</th></tr></thead>
    <tbody>${weeks.map(
      ({ of, measures }) => html`<tr><th scope="row">${of.week}</th>
        ${SERIES.map(({ key }) => html`<td class="number">${measures[key]}</td>`)}
        <td class="number">${measures.overrideRate === null ? '–' : `${measures.overrideRate} %`}</td></tr>`,
    )}</tbody>
  </table></div>`;
}

/** `2026-11-02` is `2 Nov`. */
function weekLabel(week: string): string {
  return new Date(`${week}T12:00:00Z`).toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'short',
    timeZone: 'UTC',
  });
}

function size(cell: Cell): number {
  return typeof cell === 'number' ? cell : 0;
}
