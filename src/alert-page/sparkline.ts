/**
 * A trend as a small picture: time on a true scale, the reference range as a band, and the same in words.
 *
 * Source: care-team 13.5.
 */
import { scaleLinear, scaleTime } from 'd3-scale';
import { line } from 'd3-shape';
import { type Content, html } from '../pages/html.ts';
import { isOutside, type Point, type Series } from './series.ts';
import { showTime } from './times.ts';

const WIDTH = 240;
const HEIGHT = 64;
const EDGE = { left: 8, right: 44, top: 10, bottom: 10 } as const; // room for the label of the last point
const SIZE = 4.5;

type Plotted = Point & { readonly value: number };

/** The picture; nothing when no result is a number. @param id unique on the page */
export function sparkline(series: Series, id: string, zone: string): Content {
  const points = series.points.filter((point): point is Plotted => point.value !== undefined);
  const last = points.at(-1);
  if (last === undefined) return undefined;
  const { x, y } = scalesOf(points);
  const place = (point: Plotted): { px: number; py: number } => ({ px: x(point.at), py: y(point.value) });
  const path = line<Plotted>(
    (point) => x(point.at),
    (point) => y(point.value),
  )(points);
  const { px, py } = place(last);
  return html`<svg class="spark" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} width=${WIDTH} height=${HEIGHT} role="img" aria-labelledby=${`${id}-title ${id}-desc`}>
    <title id=${`${id}-title`}>${series.label}: trend</title>
    <desc id=${`${id}-desc`}>${inWords(series, zone)}</desc>
    ${bandsOf(points, x, y)}
    ${points.length > 1 && html`<path class="spark-line" d=${path} fill="none" stroke-width="1.5" />`}
    ${points.map((point) => markOf(point, place(point)))}
    <text class="spark-label" x=${px + 8} y=${Math.min(Math.max(py + 4, 12), HEIGHT - 4)}>${shortText(last)}</text>
  </svg>`;
}

function scalesOf(points: readonly Plotted[]) {
  const times = points.map(({ at }) => at.getTime());
  const values = points
    .flatMap(({ value, low, high }) => [value, low, high])
    .filter((one) => one !== undefined);
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const margin = most === least ? Math.abs(most) * 0.1 || 1 : 0;
  // One moment stands at the right, where the newest always stands.
  const x = scaleTime([from === to ? from - 1 : from, to], [EDGE.left, WIDTH - EDGE.right]);
  const y = scaleLinear([least - margin, most + margin], [HEIGHT - EDGE.bottom, EDGE.top]);
  return { x, y };
}

type Scale = (value: number | Date) => number;

/** One band for each stretch of points with the same range. */
function bandsOf(points: readonly Plotted[], x: Scale, y: Scale): Content {
  const stretches: { from: number; to: number; low?: number | undefined; high?: number | undefined }[] = [];
  for (const [index, { at, low, high }] of points.entries()) {
    if (low === undefined && high === undefined) continue;
    const from = index === 0 ? 0 : (x(points[index - 1]?.at ?? at) + x(at)) / 2;
    const next = points[index + 1];
    const to = next === undefined ? WIDTH - EDGE.right + SIZE : (x(at) + x(next.at)) / 2;
    const previous = stretches.at(-1);
    if (
      previous !== undefined &&
      previous.low === low &&
      previous.high === high &&
      previous.to >= from - 0.01
    )
      previous.to = to;
    else stretches.push({ from, to, low, high });
  }
  return stretches.map(({ from, to, low, high }) => {
    const top = high === undefined ? 0 : y(high);
    const bottom = low === undefined ? HEIGHT : y(low);
    return html`<rect class="spark-band" x=${round(from)} y=${round(top)} width=${round(to - from)} height=${round(Math.max(bottom - top, 1))} />
      ${[high, low].map((limit) => limit !== undefined && html`<line class="spark-edge" x1=${round(from)} x2=${round(to)} y1=${round(y(limit))} y2=${round(y(limit))} stroke-dasharray="2 2" />`)}`;
  });
}

/** Inside: a hollow circle. Outside: a filled diamond. With a comparator: an arrow to the open side. */
function markOf(point: Plotted, { px, py }: { px: number; py: number }): Content {
  const outside = isOutside(point) === true;
  const mark = outside
    ? html`<path class="spark-out" d=${`M${round(px)} ${round(py - SIZE)}l${SIZE} ${SIZE}l-${SIZE} ${SIZE}l-${SIZE} -${SIZE}z`} />`
    : html`<circle class="spark-in" cx=${round(px)} cy=${round(py)} r="3" stroke-width="1.5" />`;
  if (point.open === undefined) return mark;
  const way = point.open === 'below' ? 1 : -1;
  return html`${mark}<path class="spark-open" d=${`M${round(px)} ${round(py)}v${way * 9}m-3 ${way * -3}l3 ${way * 3}l3 ${way * -3}`} fill="none" stroke-width="1.5" />`;
}

function shortText({ text }: Point): string {
  return text
    .split(' ')
    .slice(0, /^[<>]/.test(text) ? 2 : 1)
    .join(' ');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** "Potassium, 3 results, 3 June 2026 to 17 June 2026: 3.9, 3.3, 2.8 mmol/L. Reference 3.5 to 5.1. Latest is low." */
export function inWords(series: Series, zone: string): string {
  const { points, label, unit } = series;
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return `${label}: no results.`;
  const days = [...new Set([first, last].map(({ at }) => showTime(at, zone, 'date')))].join(' to ');
  const values = points
    .map((point) => (point.value === undefined ? point.text : shortText(point)))
    .join(', ');
  const remarks = points.some(({ remark }) => remark !== undefined)
    ? ` Not final or changed later: ${points
        .filter(({ remark }) => remark !== undefined)
        .map((point) => `${shortText(point)} ${point.remark}`)
        .join(', ')}.`
    : '';
  const latest = last.flag === undefined ? '' : ` Latest is ${last.flag}.`;
  const count = `${points.length} result${points.length === 1 ? '' : 's'}`;
  return `${label}, ${count}, ${days}: ${values}${unit === '' ? '' : ` ${unit}`}. ${asSentence(last.range)}${latest}${remarks}`;
}

function asSentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
