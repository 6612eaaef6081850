/**
 * What marks a rule "under review" for the people who answer for it. It never switches a rule off.
 *
 * The limits are starting values, to be set by the local committee. A hidden figure triggers nothing.
 * Source: care-team page, section 14.
 */

import type { ReportRows } from '../store/report-rows.ts';
import { DAY } from '../vocabulary/instant.ts';
import type { RuleUse } from './alert-report.ts';
import type { Cell, Figures } from './figures.ts';
import { classified, measured } from './measures.ts';
import { standing } from './standing.ts';

export interface Review {
  /** Rule and version. */
  readonly rule: string;
  /** In words, one per trigger. */
  readonly because: readonly string[];
}

export const REVIEW_DAYS = 30;

/** Source of every number: care-team 14. */
const LIMITS = {
  overrideRate: 90, // %
  answers: 50,
  ppv: 50, // %
  classified: 30,
  repeatShare: 50, // %
  worsening: 5, // %
  fireGrowth: 2, // times the week before
  silentDays: 90,
} as const;

/** @param rows of the 30 days before `to` */
export function reviews(rows: ReportRows, use: RuleUse, to: Date, figures: Figures): Review[] {
  const rules = new Set([
    ...use.inUse,
    ...[...rows.cards, ...rows.answers, ...rows.alerts].flatMap(({ rule }) => rule ?? []),
  ]);
  return [...rules].sort().flatMap((rule) => {
    const because = [...triggered(ofRule(rows, rule), to, figures), ...silent(rule, use, to)];
    return because.length === 0 ? [] : [{ rule, because }];
  });
}

function triggered(rows: ReportRows, to: Date, figures: Figures): string[] {
  const { overrideRate, ppv, repeatShare, worsening } = measured(rows, figures);
  const answers = standing(rows.answers).length;
  const judged = classified(rows.answers).length;
  const growth = fireGrowth(rows, to, figures);
  return [
    ...(answers >= LIMITS.answers && isAbove(overrideRate, LIMITS.overrideRate)
      ? [`overridden in ${overrideRate} % of ${answers} answers in ${REVIEW_DAYS} days`]
      : []),
    ...(judged >= LIMITS.classified && typeof ppv === 'number' && ppv < LIMITS.ppv
      ? [`positive predictive value ${ppv} % on ${judged} classified answers`]
      : []),
    ...(isAbove(repeatShare, LIMITS.repeatShare) ? [`${repeatShare} % of its cards are repeats`] : []),
    ...(isAbove(worsening, LIMITS.worsening)
      ? [`${worsening} % rose a tier within 7 days after an override`]
      : []),
    ...(growth === undefined ? [] : [growth]),
  ];
}

/** Doubled from the seven days before the last to the last seven days. */
function fireGrowth(rows: ReportRows, to: Date, figures: Figures): string | undefined {
  const week = (back: number): Cell =>
    measured(between(rows, daysBefore(to, 7 * (back + 1)), daysBefore(to, 7 * back)), figures).fireRate;
  const before = week(1);
  const now = week(0);
  if (typeof before !== 'number' || typeof now !== 'number' || before === 0) return undefined;
  return now >= LIMITS.fireGrowth * before
    ? `fire rate rose from ${before} % to ${now} % within a week`
    : undefined;
}

function silent(rule: string, { since, lastFired, inUse }: RuleUse, to: Date): string[] {
  const limit = daysBefore(to, LIMITS.silentDays);
  if (!inUse.includes(rule) || since === undefined || since > limit) return [];
  const last = lastFired.get(rule.split(' ')[0] ?? rule);
  return last === undefined || last < limit ? [`has not fired for ${LIMITS.silentDays} days`] : [];
}

function isAbove(cell: Cell, limit: number): boolean {
  return typeof cell === 'number' && cell > limit;
}

function daysBefore(at: Date, days: number): Date {
  return new Date(at.getTime() - days * DAY);
}

/** Calls are of no rule and stay. */
function ofRule(rows: ReportRows, rule: string): ReportRows {
  return kept(rows, (row) => row.rule === undefined || row.rule === rule);
}

function between(rows: ReportRows, from: Date, to: Date): ReportRows {
  return kept(rows, ({ at }) => at >= from && at < to);
}

function kept(rows: ReportRows, keeps: (row: { rule?: string; at: Date }) => boolean): ReportRows {
  return {
    calls: rows.calls.filter(keeps),
    cards: rows.cards.filter(keeps),
    answers: rows.answers.filter(keeps),
    alerts: rows.alerts.filter(keeps),
  };
}
