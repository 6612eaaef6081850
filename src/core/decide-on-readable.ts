/**
 * Decides over what can be read.
 *
 * Servers hold, and hook calls carry, records that nobody has validated. One that breaks the reading must not
 * take the answer about the others with it; it is left out, and its type is then not wholly seen.
 */
import type { Resource } from '@medplum/fhirtypes';
import { type Chart, chartOf } from './chart/chart.ts';
import { decide } from './decide.ts';
import type { Decision, Episode } from './decision.ts';
import type { RuleSet } from './rules/rule-set.ts';

export interface ReadableDecision {
  /** What was decided on. */
  readonly chart: Chart;
  readonly decision: Decision;
  /** Types of the records left out, one for each. */
  readonly unreadable: readonly string[];
}

/** The same without leaving anything out. @throws what `decide` throws */
export async function decideOnAll(
  chart: Chart,
  ruleSet: RuleSet,
  now: Date,
  episodes: readonly Episode[],
): Promise<ReadableDecision> {
  return { chart, decision: await decide(chart, ruleSet, now, episodes), unreadable: [] };
}

/** @throws what `decide` throws when no single record is to blame */
export async function decideOnReadable(
  whole: Chart,
  ruleSet: RuleSet,
  now: Date,
  episodes: readonly Episode[],
): Promise<ReadableDecision> {
  try {
    return await decideOnAll(whole, ruleSet, now, episodes);
  } catch {
    const readable: Resource[] = [whole.patient];
    const unreadable: string[] = [];
    for (const resource of whole.resources) {
      if (resource === whole.patient) continue;
      if (await isReadable(chartOf([whole.patient, resource]), ruleSet, now)) readable.push(resource);
      else unreadable.push(resource.resourceType);
    }
    const chart = chartOf(readable, whole.deleted, [...whole.unseen, ...unreadable], whole.moved);
    return { chart, decision: await decide(chart, ruleSet, now, episodes), unreadable };
  }
}

function isReadable(alone: Chart, ruleSet: RuleSet, now: Date): Promise<boolean> {
  return decide(alone, ruleSet, now, [], 'fired').then(
    () => true,
    () => false,
  );
}
