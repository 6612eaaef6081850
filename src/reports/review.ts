/**
 * What marks a rule "under review" for the people who answer for it. It never switches a rule off.
 *
 * The limits are starting values, to be set by the local committee. What is about too few patients triggers
 * nothing, and no trigger tells a figure that the report hides.
 * Source: care-team page, section 14.
 */

import type { ReportRows } from '../store/report-rows.ts';
import { DAY } from '../vocabulary/instant.ts';
import type { RuleUse } from './alert-report.ts';
import { type Cell, Figures } from './figures.ts';
import { classified, measured } from './measures.ts';
import { standing } from './standing.ts';

export interface Review {
  /** Rule and version. */
  readonly rule: string;
  /** In words, one per trigger. */
  readonly because: readonly string[];
}

export const REVIEW_DAYS = 30;

const EXACT = new Figures(1);

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
export function reviews(rows: ReportRows, use: RuleUse, to: Date, smallest: number): Review[] {
  const rules = new Set([
    ...use.inUse,
    ...[...rows.cards, ...rows.answers, ...rows.alerts].flatMap(({ rule }) => rule ?? []),
  ]);
  return [...rules].sort().flatMap((rule) => {
    const because = [...triggered(ofRule(rows, rule), to, smallest), ...silent(rule, use, to)];
    return because.length === 0 ? [] : [{ rule, because }];
  });
}

/** Said without the exact figure, which may be one that the report hides. */
function triggered(rows: ReportRows, to: Date, smallest: number): string[] {
  const answers = standing(rows.answers).length;
  const judged = classified(rows.answers).length;
  const shown = rows.cards.filter(({ finding }) => finding);
  const overridden = rows.alerts.filter(({ overriddenAt }) => overriddenAt !== undefined);
  const { overrideRate, ppv, repeatShare, worsening } = measured(rows, EXACT);
  const reached: readonly (readonly [boolean, string])[] = [
    [
      answers >= LIMITS.answers && isAbove(overrideRate, LIMITS.overrideRate),
      `more than ${LIMITS.overrideRate} % of ${answers} answers in ${REVIEW_DAYS} days were overrides`,
    ],
    [
      judged >= LIMITS.classified && typeof ppv === 'number' && ppv < LIMITS.ppv,
      `positive predictive value below ${LIMITS.ppv} % on ${judged} classified answers`,
    ],
    [
      patientsOf(shown) >= smallest && isAbove(repeatShare, LIMITS.repeatShare),
      `more than ${LIMITS.repeatShare} % of its cards are repeats`,
    ],
    [
      patientsOf(overridden) >= smallest && isAbove(worsening, LIMITS.worsening),
      `more than ${LIMITS.worsening} % of its overridden alerts rose a tier within 7 days`,
    ],
    [
      patientsOf(shown) >= smallest && hasDoubled(rows, to),
      'its fire rate doubled from one week to the next',
    ],
  ];
  return reached.flatMap(([isReached, words]) => (isReached ? [words] : []));
}

/** From the seven days before the last to the last seven days. */
function hasDoubled(rows: ReportRows, to: Date): boolean {
  const week = (back: number): Cell =>
    measured(between(rows, daysBefore(to, 7 * (back + 1)), daysBefore(to, 7 * back)), EXACT).fireRate;
  const [before, now] = [week(1), week(0)];
  return (
    typeof before === 'number' && typeof now === 'number' && before > 0 && now >= LIMITS.fireGrowth * before
  );
}

function patientsOf(rows: readonly { readonly patient: string }[]): number {
  return new Set(rows.map(({ patient }) => patient)).size;
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
