/**
 * What clinicians said of the interventions, in computable form for an EHR vendor or a quality department.
 *
 * Source of the members: 45 CFR 170.315(b)(11)(ii)(C): intervention, action taken, feedback, user, date, location.
 */
import type { FeedbackRow } from '../store/feedback.ts';
import { type CsvValue, csv } from './csv.ts';

export interface FeedbackParts {
  readonly titleOf: (rule: string) => string | undefined;
  /** Opens a comment; present only where identified data may leave. */
  readonly open?: (sealed: string, sealedTo: string) => string | undefined;
}

/** One answer. A user is a keyed hash, the same within one installation, unless identified data may leave. */
function feedbackOf(row: FeedbackRow, { titleOf, open }: FeedbackParts) {
  const title = row.rule === null ? undefined : titleOf(row.rule);
  const comment = row.comment === null ? undefined : open?.(row.comment, row.sealedTo);
  return {
    intervention: { rule: row.rule, version: row.ruleVersion, title: title ?? null },
    action: { outcome: row.outcome, options: row.options },
    feedback: {
      reason: row.reasonCode === null ? null : { system: row.reasonSystem, code: row.reasonCode },
      comment: comment ?? null,
      commentWithheld: row.comment !== null && comment === undefined,
    },
    user: { hash: row.userHash, role: row.role, reference: open === undefined ? null : row.userReference },
    date: row.at.toISOString(),
    location: { connection: row.connectionId, where: row.where, department: null },
  };
}

export function feedbackNdjson(rows: readonly FeedbackRow[], parts: FeedbackParts): string {
  return rows.map((row) => `${JSON.stringify(feedbackOf(row, parts))}\n`).join('');
}

const HEAD = [
  'date',
  'rule',
  'version',
  'title',
  'outcome',
  'options',
  'reason_system',
  'reason_code',
  'comment',
  'user_hash',
  'user_reference',
  'role',
  'connection',
  'where',
] as const;

export function feedbackCsv(rows: readonly FeedbackRow[], parts: FeedbackParts): string {
  const lines = rows.map((row): CsvValue[] => {
    const { intervention, action, feedback, user, date, location } = feedbackOf(row, parts);
    return [
      date,
      intervention.rule,
      intervention.version,
      intervention.title,
      action.outcome,
      action.options.join(' '),
      feedback.reason?.system ?? null,
      feedback.reason?.code ?? null,
      feedback.comment,
      user.hash,
      user.reference,
      user.role,
      location.connection,
      location.where,
    ];
  });
  return csv(HEAD, lines);
}
