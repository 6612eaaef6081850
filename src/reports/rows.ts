/**
 * What a report counts: calls, cards, answers and alerts of one period, without values of any patient.
 */
import type { Tier } from '../core/decision.ts';

/** Where a row belongs. What a row can not be split by is left out, and it then counts in every group. */
export interface Dimensions {
  /** Rule and version, so that a change can be compared before and after. */
  readonly rule?: string;
  readonly hook?: string;
  readonly tier?: Tier;
  readonly role?: string;
}

interface Row extends Dimensions {
  /** Connection and patient; counted, never shown. */
  readonly patient: string;
  readonly at: Date;
}

/** A CDS Hooks call. */
export interface CallRow extends Row {
  readonly ms: number;
  readonly notChecked: boolean;
}

/** A card that was shown. */
export interface CardRow extends Row {
  readonly id: string;
  /** Keyed hash of the reader. */
  readonly user?: string;
  /** About a finding: not a notice that something was not checked, nor that there is more. */
  readonly finding: boolean;
  /** The same finding had been shown to somebody before. */
  readonly repeat: boolean;
}

/** Something that a clinician said; see `standing`. */
export interface AnswerRow extends Row {
  readonly id: string;
  /** Card, or alert and reader: of several answers to one, one counts. */
  readonly to: string;
  readonly outcome: 'accepted' | 'overridden' | 'not-now' | 'undone';
  readonly undoes?: string;
  /** Code of an override reason. */
  readonly reason?: string;
  readonly receivedAt: Date;
}

/** An alert that was raised in the period. */
export interface AlertRow extends Row {
  readonly id: string;
  /** First showing as a card, where there was one. */
  readonly shownAt?: Date;
  readonly acceptedAt?: Date;
  /** Closed because newer data are clear. */
  readonly resolvedAt?: Date;
  /** First override. */
  readonly overriddenAt?: Date;
  /** Times at which its tier rose. */
  readonly roseAt: readonly Date[];
}

export interface ReportRows {
  readonly calls: readonly CallRow[];
  readonly cards: readonly CardRow[];
  readonly answers: readonly AnswerRow[];
  readonly alerts: readonly AlertRow[];
}

const SAME_CLICK_MS = 60_000; // accept, then dismiss: what some clients send for one click; care-team 8

/**
 * The answers that count: of several to one card the latest, and none that was taken back or only put off.
 *
 * Accepting and dismissing within a minute counts as accepting.
 */
export function standing(answers: readonly AnswerRow[]): AnswerRow[] {
  const undone = new Set(answers.map(({ undoes }) => undoes));
  const said = answers.filter(
    ({ id, outcome }) => (outcome === 'accepted' || outcome === 'overridden') && !undone.has(id),
  );
  return [...Map.groupBy(said, ({ to }) => to).values()].map((all) => {
    const ordered = all.toSorted(
      (a, b) => a.at.getTime() - b.at.getTime() || a.receivedAt.getTime() - b.receivedAt.getTime(),
    );
    const last = ordered.at(-1) as AnswerRow;
    if (last.outcome === 'accepted') return last;
    const sameClick = ordered.findLast(
      ({ outcome, at }) => outcome === 'accepted' && last.at.getTime() - at.getTime() < SAME_CLICK_MS,
    );
    return sameClick ?? last;
  });
}
