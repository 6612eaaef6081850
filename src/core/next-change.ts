/**
 * When time alone would next change an alert: an answer runs out, a result grows old, a check falls due.
 *
 * Why so: the core is asked what it would say later about the same chart. Whatever makes a rule depend on
 * time, this finds it, and no rule or fact has to announce its own clocks.
 */
import { DAY, HOUR } from '../vocabulary/instant.ts';
import type { Chart } from './chart/chart.ts';
import { decide } from './decide.ts';
import type { Episode } from './decision.ts';
import type { RuleSet } from './rules/rule-set.ts';

/** Just beyond the windows of the rules; few, because each costs a decision. */
const LATER = [1, 7, 31, 60, 91, 181, 370].map((days) => days * DAY);
const EXACT = HOUR / 2; // ms; no rule is finer: the shortest windows are hours
const EXACT_SHARE = 1 / 20; // of the time until then: a day in three weeks

/**
 * @param episodes as they are after the decision of `now`
 * @param rest waited for before each decision, so that a reader of a card need not wait for all of them
 * @returns a moment at which a decision on the same chart changes an episode, not much after the first one;
 *   undefined when none does within a year.
 */
export async function nextChange(
  chart: Chart,
  ruleSet: RuleSet,
  now: Date,
  episodes: readonly Episode[],
  rest: () => Promise<void> = async () => undefined,
): Promise<Date | undefined> {
  const changesAfter = async (ms: number): Promise<boolean> => {
    await rest();
    const then = new Date(now.getTime() + ms);
    const { episodeChanges } = await decide(chart, ruleSet, then, episodes, 'fired');
    return episodeChanges.length > 0;
  };
  let unchanged = 0;
  for (const later of LATER) {
    if (await changesAfter(later)) {
      const first = await firstBetween(unchanged, later, changesAfter);
      return new Date(now.getTime() + first);
    }
    unchanged = later;
  }
  return undefined;
}

async function firstBetween(
  unchanged: number,
  changed: number,
  changesAfter: (ms: number) => Promise<boolean>,
): Promise<number> {
  if (changed - unchanged <= Math.max(EXACT, changed * EXACT_SHARE)) return changed;
  const middle = (unchanged + changed) / 2;
  return (await changesAfter(middle))
    ? firstBetween(unchanged, middle, changesAfter)
    : firstBetween(middle, changed, changesAfter);
}
