/**
 * The same problem again, soon after it was resolved.
 *
 * Why: a potassium that is mended every fortnight is not mended. A problem that comes back says so, and
 * one that keeps coming back counts one tier more. Source: clinical foundations 6, re-raise; resolution 7.
 */
import { DAY } from '../../vocabulary/instant.ts';
import type { Episode, Finding, Recurrence, Tier } from '../decision.ts';
import { TIERS } from '../decision.ts';

const SOON_DAYS = 30; // foundations 6: within 30 days after resolve
const COUNTED_DAYS = 180; // foundations 6: three times in 180 days
const TIMES_FOR_A_TIER = 3; // foundations 6
/** A repeated notice of the same key and tier within this is not sent. Source: foundations 6, quiet period. */
const QUIET_DAYS = { low: 90, moderate: 7, high: 1, critical: 0 } as const satisfies Record<Tier, number>;

/** What this episode repeats; undefined when it is new, or the last one is long ago or was void. */
export function recurrence(key: string, episodes: readonly Episode[], now: Date): Recurrence | undefined {
  const last = lastResolved(key, episodes);
  if (last?.closed === undefined) return undefined;
  const afterDays = Math.floor((now.getTime() - Date.parse(last.closed.at)) / DAY);
  if (afterDays > SOON_DAYS) return undefined;
  const since = now.getTime() - COUNTED_DAYS * DAY;
  const earlier = episodes.filter(
    (episode) => episode.key === key && episode.recurs !== undefined && Date.parse(episode.raisedAt) >= since,
  );
  return { of: last.number, afterDays, times: earlier.length + 1 };
}

/** The finding as this episode shows it: with the note, and one tier higher when it keeps coming back. */
export function asRecurring(finding: Finding, recurs: Recurrence | undefined): Finding {
  if (recurs === undefined) return finding;
  const note = `Recurred after ${recurs.afterDays} days${recurs.times > 1 ? `, ${recurs.times} times in ${COUNTED_DAYS} days` : ''}.`;
  return {
    ...finding,
    tier: recurs.times >= TIMES_FOR_A_TIER ? oneHigher(finding.tier) : finding.tier,
    detail: finding.detail.replace(/(?= Decision support\.)|$/, ` ${note}`),
  };
}

/**
 * Is a new episode still inside the quiet period of the one before? Then it opens without a notice.
 * Critical alerts and tiers above the last notice are always told.
 */
export function isQuiet(key: string, tier: Tier, episodes: readonly Episode[], now: Date): boolean {
  const last = lastResolved(key, episodes);
  if (last === undefined || TIERS.indexOf(tier) > TIERS.indexOf(last.tier)) return false;
  return now.getTime() - Date.parse(last.notifiedAt ?? last.raisedAt) < QUIET_DAYS[tier] * DAY;
}

/** A withdrawn episode was told to be void, so what follows it is news. */
function lastResolved(key: string, episodes: readonly Episode[]): Episode | undefined {
  const [last] = episodes
    .filter((episode) => episode.key === key && episode.closed !== undefined)
    .sort((a, b) => b.number - a.number);
  return last?.closed?.how === 'resolved' ? last : undefined;
}

/** Foundations 6: one tier more, capped at high. */
function oneHigher(tier: Tier): Tier {
  return tier === 'low' ? 'moderate' : tier === 'moderate' ? 'high' : tier;
}
