/**
 * The report on alerts: measures for all and per group, override reasons, and rules under review.
 */

import type { Dimensions, ReportRows } from '../store/report-rows.ts';
import { DAY, localDay } from '../vocabulary/instant.ts';
import { type Cell, Figures } from './figures.ts';
import { type Measured, measured, overrideReasons } from './measures.ts';
import { type Review, reviews } from './review.ts';

export const SPLITS = ['rule', 'hook', 'tier', 'role', 'week'] as const;
export type Split = (typeof SPLITS)[number];

export interface ReportRequest {
  readonly from: Date;
  /** Not included. */
  readonly to: Date;
  /** One or two, such as rule and week. */
  readonly by: readonly Split[];
  /** Weeks begin on Monday in it. */
  readonly timeZone: string;
  /** Figures about fewer patients are hidden. */
  readonly smallest: number;
}

export interface ReportGroup {
  /** Split -> value: `{ rule: 'el-hypokalaemia 1.0.0', week: '2026-11-16' }`. */
  readonly of: Readonly<Partial<Record<Split, string>>>;
  readonly measures: Measured;
}

export interface AlertReport {
  readonly from: string;
  readonly to: string;
  readonly by: readonly Split[];
  readonly smallest: number;
  readonly all: Measured;
  readonly groups: readonly ReportGroup[];
  /** Code of the reason -> overrides. */
  readonly overrideReasons: Readonly<Record<string, Cell>>;
  readonly underReview: readonly Review[];
}

/** When each rule last raised an alert or was shown, and since when the service has evaluated. */
export interface RuleUse {
  readonly since: Date | undefined;
  readonly lastFired: ReadonlyMap<string, Date>;
  /** Rules in use, as `rule version`. */
  readonly inUse: readonly string[];
}

/** @param rows of the period; @param recent of the 30 days before its end, for the triggers of a review */
export function alertReport(
  request: ReportRequest,
  rows: ReportRows,
  recent: ReportRows,
  use: RuleUse,
): AlertReport {
  const figures = new Figures(request.smallest);
  return {
    from: request.from.toISOString(),
    to: request.to.toISOString(),
    by: request.by,
    smallest: request.smallest,
    all: measured(rows, figures),
    groups: groupsOf(rows, request, figures),
    overrideReasons: Object.fromEntries(overrideReasons(rows.answers, figures)),
    underReview: reviews(recent, use, request.to, request.smallest),
  };
}

/** The measures of each group, sorted. */
export function groupsOf(
  rows: ReportRows,
  { by, timeZone }: Pick<ReportRequest, 'by' | 'timeZone'>,
  figures: Figures,
): ReportGroup[] {
  const keyOf = (row: Dimensions & { readonly at: Date }) => by.map((split) => groupIn(row, split, timeZone));
  const all = [...rows.calls, ...rows.cards, ...rows.answers, ...rows.alerts];
  const keys = new Map<string, string[]>();
  for (const row of all) {
    const key = keyOf(row);
    if (key.every((part) => part !== undefined)) keys.set(key.join('\t'), key as string[]);
  }
  return [...keys]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, key]) => {
      const inGroup = (row: Dimensions & { readonly at: Date }) =>
        keyOf(row).every((part, index) => part === undefined || part === key[index]);
      const own: ReportRows = {
        calls: rows.calls.filter(inGroup),
        cards: rows.cards.filter(inGroup),
        answers: rows.answers.filter(inGroup),
        alerts: rows.alerts.filter(inGroup),
      };
      return {
        of: Object.fromEntries(by.map((split, index) => [split, key[index]])),
        measures: measured(own, figures),
      };
    });
}

function groupIn(
  row: Dimensions & { readonly at: Date },
  split: Split,
  timeZone: string,
): string | undefined {
  return split === 'week' ? weekOf(row.at, timeZone) : row[split];
}

/** The Monday that begins the week, `2026-11-16`. */
export function weekOf(at: Date, timeZone: string): string {
  const [year, month, day] = localDay(at, timeZone);
  const noon = new Date(Date.UTC(year, month - 1, day, 12));
  const sinceMonday = (noon.getUTCDay() + 6) % 7;
  return new Date(noon.getTime() - sinceMonday * DAY).toISOString().slice(0, 10);
}
