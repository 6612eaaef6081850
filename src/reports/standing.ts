/**
 * Which of several answers to one card counts.
 */
import { SAME_CLICK_MS } from '../answers/record-answer.ts';
import type { AnswerRow } from '../store/report-rows.ts';

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
