/**
 * A delivery: one change of one episode that a target should show.
 */
import type { Episode, EpisodeChange } from '../core/decision.ts';
import type { ConnectionId, PatientId } from '../vocabulary/ids.ts';

/** All that a delivery is rendered from; the same value gives the same resources, byte for byte. */
export interface OwedDelivery {
  readonly connectionId: ConnectionId;
  readonly patientId: PatientId;
  readonly change: EpisodeChange['change'];
  readonly episode: Episode;
  /** ISO time of the decision behind it. */
  readonly decisionAt: string;
  /** Version of `episode.rule`; absent when the rule is no longer in the rule set. */
  readonly ruleVersion?: string;
  /** For resolve, withdraw and supersede, in words. */
  readonly reason?: string;
}

/** Does the change end the episode? */
export function isClosing(change: OwedDelivery['change']): boolean {
  return change === 'resolve' || change === 'withdraw' || change === 'supersede';
}
