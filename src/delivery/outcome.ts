/**
 * How a delivery may end, and how one round of it may.
 */
import type { Capability } from '../connections/capability.ts';
import type { Gate } from '../connections/gate.ts';
import {
  type RefusalReason,
  stopsConnection,
  type Trouble,
  type WriteOutcome,
} from '../connections/outcomes.ts';
import type { Target } from './find.ts';
import type { OwedDelivery } from './owed.ts';
import type { Service } from './service.ts';

/** What earlier deliveries of this episode wrote. Lost or outdated, it costs a look, never a duplicate. */
export interface KnownTargets {
  readonly issue?: Target;
  readonly plan?: Target;
  readonly provenance?: Target;
  readonly task?: Target;
  readonly flag?: Target;
  readonly communication?: Target;
}

export type DeliveryOutcome =
  | { readonly outcome: 'unchanged'; readonly targets: KnownTargets }
  /** `over`: what somebody else had made of it. */
  | { readonly outcome: 'done'; readonly targets: KnownTargets; readonly over?: true }
  /** Answered, put away or deleted by a person: nothing more is written in this episode. */
  | { readonly outcome: 'closed-by-clinician' }
  /** Written so often in an hour that something keeps undoing or causing it: left alone until a person has looked. */
  | { readonly outcome: 'too-many-writes' }
  /** The target can not store alerts; ours is the only copy. */
  | { readonly outcome: 'kept-locally' }
  /** `stops`: nothing else of this connection can succeed either; a person must look. */
  | {
      readonly outcome: 'try-later';
      readonly afterMs?: number;
      readonly because: string;
      readonly stops?: true;
    }
  /** `issue`: code of the target's OperationOutcome. */
  | { readonly outcome: 'parked'; readonly reason: RefusalReason | 'conflict'; readonly issue?: string };

/** `again`: look once more. `contested`: because somebody else wrote, not because the target is in trouble. */
export type RoundEnd =
  | DeliveryOutcome
  | { readonly outcome: 'again'; readonly because: string; readonly contested: boolean };

/** One resource is as it should be; without a target there is none and none is wanted. */
export type Step = { readonly outcome: 'settled'; readonly target?: Target } | RoundEnd;

/** What one run needs at hand. */
export interface Run {
  readonly gate: Gate;
  readonly capability: Capability;
  readonly service: Service;
  readonly owed: OwedDelivery;
  readonly known: KnownTargets;
  /** Set by the first write of this run, in whichever round. */
  wrote: boolean;
  /** Set by a write over a version that is not the last one of ours. */
  wroteOver: boolean;
}

export function troubleEnd(trouble: Trouble): DeliveryOutcome {
  if (trouble.outcome === 'try-later') return trouble;
  const { reason, issue } = trouble;
  if (stopsConnection(reason)) return { outcome: 'try-later', because: reason, stops: true };
  return { outcome: 'parked', reason, ...(issue === undefined ? {} : { issue }) };
}

/** Where a write that did not succeed leaves the round. */
export function writeEnd(write: Exclude<WriteOutcome, { outcome: 'written' }>): RoundEnd {
  switch (write.outcome) {
    case 'precondition':
    case 'several':
    case 'conflict':
    case 'version-needed':
      return { outcome: 'again', because: write.outcome, contested: write.outcome === 'precondition' };
    case 'ambiguous':
      return write.afterMs === undefined
        ? { outcome: 'again', because: write.because, contested: false }
        : { outcome: 'try-later', afterMs: write.afterMs, because: write.because };
    case 'gone':
      return { outcome: 'closed-by-clinician' };
    default:
      return troubleEnd(write);
  }
}
