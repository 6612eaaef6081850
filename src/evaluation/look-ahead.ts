/**
 * When a patient is to be looked at again although nothing is pushed.
 *
 * Why after the commit: the core is asked many times what it would say later, and no alert waits for that.
 * Killed before it has ended, the patient is looked at again soon, and nothing else follows.
 */
import type { Capability } from '../connections/capability.ts';
import type { Chart } from '../core/chart/chart.ts';
import type { Decision, Episode } from '../core/decision.ts';
import { nextChange } from '../core/next-change.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { moveLookAgain } from '../store/look-again.ts';
import type { Store } from '../store/store.ts';
import { type ConnectionId, type PatientId, parseReference } from '../vocabulary/ids.ts';
import { DAY } from '../vocabulary/instant.ts';

const ASK_AGAIN = DAY; // ms; fhir-integration 4.4, a slow timer
const SOON = 600_000; // ms; much longer than looking ahead takes

/**
 * A server that tells no deletions is asked again whether what an open alert rests on is still there.
 *
 * @param before the episodes that were decided on
 * @returns milliseconds; undefined where that needs no asking
 */
export function askAgainAfter(
  before: readonly Episode[],
  decision: Decision,
  { tellsDeletions }: Capability,
): number | undefined {
  const mustAsk = afterChanges(before, decision).some(
    ({ closed, finding }) =>
      closed === undefined &&
      finding.raisedBy.some((reference) => !tellsDeletions.has(parseReference(reference)?.type ?? '')),
  );
  return mustAsk ? ASK_AGAIN : undefined;
}

/** Kept with the decision, until it is known when time alone changes something. */
export function firstLook(now: Date, againMs: number | undefined): Date {
  return new Date(now.getTime() + Math.min(SOON, againMs ?? SOON));
}

interface Ahead {
  readonly connectionId: ConnectionId;
  readonly patientId: PatientId;
  readonly chart: Chart;
  /** As they were before the decision. */
  readonly episodes: readonly Episode[];
  readonly decision: Decision;
  /** The first look, kept with the decision. */
  readonly look: Date;
  readonly again: number | undefined;
}

/** Finds when time alone would change something, and has the patient looked at then instead. */
export async function lookAhead(
  { connectionId, patientId, chart, episodes, decision, look, again }: Ahead,
  { store, ruleSet }: { readonly store: Store; readonly ruleSet: RuleSet },
): Promise<void> {
  const now = new Date(decision.at);
  const changes = await nextChange(chart, ruleSet, now, afterChanges(episodes, decision), letOthersRun);
  const next = soonest(changes, again === undefined ? undefined : new Date(now.getTime() + again));
  await moveLookAgain(store.db, { connectionId, patientId }, look, next);
}

function letOthersRun(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function afterChanges(episodes: readonly Episode[], { episodeChanges }: Decision): Episode[] {
  const changed = new Set(episodeChanges.map(({ key }) => key));
  const kept = episodes.filter(({ key, closed }) => closed !== undefined || !changed.has(key));
  return [...kept, ...episodeChanges.map(({ episode }) => episode)];
}

function soonest(a: Date | undefined, b: Date | undefined): Date | undefined {
  return a !== undefined && b !== undefined ? (a < b ? a : b) : (a ?? b);
}
