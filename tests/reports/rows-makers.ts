/**
 * Rows of a report in short forms; times are days and hours after NOON.
 */
import type { AlertRow, AnswerRow, CallRow, CardRow, ReportRows } from '../../src/store/report-rows.ts';

/** A Monday. */
export const NOON = new Date('2026-11-02T12:00:00Z');
export const RULE = 'el-hypokalaemia 1.0.0';

export function at(hours: number): Date {
  return new Date(NOON.getTime() + hours * 3_600_000);
}

let made = 0;
const id = () => `id-${++made}`;

export function call(patient: string, rest: Partial<CallRow> = {}): CallRow {
  return { patient, at: NOON, hook: 'patient-view', ms: 40, notChecked: false, ...rest };
}

export function card(patient: string, rest: Partial<CardRow> = {}): CardRow {
  const where = { hook: 'patient-view', rule: RULE, tier: 'high', role: 'not known' } as const;
  return { id: id(), patient, at: NOON, finding: true, repeat: false, user: 'u1', ...where, ...rest };
}

export function answer(
  patient: string,
  to: string,
  outcome: AnswerRow['outcome'],
  rest: Partial<AnswerRow> = {},
): AnswerRow {
  const where = { hook: 'patient-view', rule: RULE, tier: 'high', role: 'not known' } as const;
  return { id: id(), patient, to, outcome, at: NOON, receivedAt: NOON, ...where, ...rest };
}

export function alert(patient: string, rest: Partial<AlertRow> = {}): AlertRow {
  const where = { hook: 'record', rule: RULE, tier: 'high', role: 'not known' } as const;
  return { id: id(), patient, at: NOON, roseAt: [], ...where, ...rest };
}

export function rows(some: Partial<ReportRows> = {}): ReportRows {
  return { calls: [], cards: [], answers: [], alerts: [], ...some };
}

export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
