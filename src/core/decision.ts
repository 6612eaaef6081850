/**
 * The record of one evaluation, and the episodes it opens and closes.
 *
 * Everything shown anywhere (issue, plan, card, page, report) is rendered from a Decision, never
 * computed again. It is JSON: Dates become ISO strings when it is written, and the same input gives
 * the same bytes.
 */
import type { Truth } from '../vocabulary/truth.ts';
import type { SecurityLabel } from './episodes/security-labels.ts';
import type { Fact, FactId } from './facts/fact.ts';
import type { OrphanCode } from './facts/orphan-codes.ts';

export const TIERS = ['low', 'moderate', 'high', 'critical'] as const;
/** How soon somebody should look. Source: clinical foundations 3. */
export type Tier = (typeof TIERS)[number];

/** One test of a rule, in words, with what it saw. */
export interface ClauseResult {
  /** For people: `potassium below 3.5 mmol/L`. */
  readonly clause: string;
  readonly fact: FactId;
  readonly truth: Truth;
  /** The value it saw, or why there was none: `3.2 mmol/L`, `below 3.0 mmol/L`, `no record`. */
  readonly saw: string;
}

/** What one rule says about one chart. `error` is an alarm of ours, never an answer about the patient. */
export interface Verdict {
  readonly rule: string;
  readonly version: string;
  readonly verdict: 'fired' | 'clear' | 'unknown' | 'error';
  readonly tier?: Tier;
  /** Fired: all that held. Clear: the clause that stopped it. Unknown: those that could not be told. */
  readonly clauses?: readonly ClauseResult[];
  /** Unknown facts that kept the rule from an answer. */
  readonly missing?: readonly FactId[];
  /** The one missing fact, when every other clause holds: the rule waits for it. */
  readonly pending?: FactId;
  /** Exclusions that could not be told; they do not stop a rule and are shown. */
  readonly notKnown?: readonly FactId[];
  /** A population guard that keeps the rule from answering, in words. */
  readonly guard?: string;
  /** For `error`: what went wrong, without patient data. */
  readonly error?: string;
}

/** What a piece of advice asks for; becomes `CarePlan.activity.detail.kind`. */
export type AdviceKind =
  | 'ServiceRequest'
  | 'MedicationRequest'
  | 'CommunicationRequest'
  | 'NutritionOrder'
  | 'Task';

/** One thing to consider; never an order. */
export interface AdviceLine {
  readonly advice: string;
  readonly kind: AdviceKind;
  readonly text: string;
  /** An "avoid" line. */
  readonly doNotPerform?: true;
  /** What the reader must keep in mind, from interlocks. */
  readonly cautions?: readonly string[];
  /** What it suggests, in the words of the story format: `potassium`, `check:magnesium`, `ecg`. */
  readonly suggests: readonly string[];
}

/** Advice that an interlock stopped, with its reason. */
export interface WithheldAdvice {
  readonly advice: string;
  readonly interlock: string;
  readonly why: 'blocked' | 'check-first' | 'opposed' | 'held';
  /** In words, for the clinician: `eGFR is below 30`. */
  readonly reason: string;
  /** Facts that must be known first. */
  readonly missing?: readonly FactId[];
}

/** Fired rules made one statement with a tier. */
export interface Finding {
  /** The rule id, or the id of the merge group; identity of the problem within the patient. */
  readonly key: string;
  readonly rule: string;
  readonly title: string;
  readonly tier: Tier;
  /** At most 140 characters, reads alone. */
  readonly summary: string;
  /** One paragraph: what was seen, when, against which threshold, why it matters, what is not known. */
  readonly detail: string;
  /** Rule ids that make this finding; more than one in a merge group. */
  readonly members: readonly string[];
  /** Rule ids that fired and are shown as lines of this finding. */
  readonly absorbed: readonly string[];
  readonly advice: readonly AdviceLine[];
  readonly withheld: readonly WithheldAdvice[];
  /** Why it matters, one reason per member and absorbed rule. */
  readonly reasons: readonly string[];
  /** `Type/id` of medicines involved. */
  readonly implicated: readonly string[];
  /** `Type/id` of the results and conditions it rests on. */
  readonly evidence: readonly string[];
  /** Those of the evidence without which no rule would have fired. */
  readonly raisedBy: readonly string[];
  /** At most three things that are not known and would change the advice. */
  readonly notKnown: readonly string[];
  /** v3-ActCode of the issue, for example `OBSA`. */
  readonly code: string;
  /** Rests on a preliminary value. */
  readonly preliminary?: true;
  /** What would clear it, in words and tried: `clears at potassium 3.6 mmol/L or more`. */
  readonly clearsWhen?: string;
}

/** Why a clinician puts an alert aside. Source: clinical foundations 6, override reasons. */
export const OVERRIDE_REASONS = [
  'already-treated',
  'benefit-outweighs-risk',
  'patient-declined',
  'not-relevant',
  'data-wrong',
  'specialist-involved',
  'no-reason',
] as const;
export type OverrideReason = (typeof OVERRIDE_REASONS)[number];

/** What an alert rested on when it was last judged; an answer to it holds while this does. */
export interface Basis {
  /** Facts whose clauses held. */
  readonly facts: readonly FactId[];
  /** ISO time of the newest measured value among them; absent when it rests on none. */
  readonly valueAt?: string;
  /** `Type/id` of a medicine -> its dosage, as recorded. */
  readonly doses: Readonly<Record<string, string>>;
}

/** An answer that keeps an open alert from being shown for a while. */
export interface Suppression {
  readonly reason: OverrideReason;
  /** ISO time of the answer. */
  readonly at: string;
  /** ISO time at which it ends by itself; absent: only a new version of the source ends it. */
  readonly until?: string;
  /** As shown when it was answered; a rise above it ends the suppression. */
  readonly tier: Tier;
  readonly basis: Basis;
  /** Versions of what raised the alert when it was answered. */
  readonly evidence: Readonly<Record<string, string>>;
}

/** What a named clinician decided about an alert, as the target may show it. */
export interface Mitigation {
  /** v3-ActCode of the action. */
  readonly code: string;
  readonly display: string;
  /** ISO time of the answer. */
  readonly at: string;
  /** `Practitioner/id` or `PractitionerRole/id`. */
  readonly author: string;
}

export interface EarlierMitigation extends Mitigation {
  readonly undone?: true;
}

/** An earlier episode of the same key that was resolved shortly before this one was raised. */
export interface Recurrence {
  /** `Episode.number` of the earlier one. */
  readonly of: number;
  readonly afterDays: number;
  /** How many times it came back in the window that counts, this time included. */
  readonly times: number;
}

/** One stretch of one problem in one patient, as stored. At most one per key is open. */
export interface Episode {
  /** `Finding.key`. */
  readonly key: string;
  /** 1, 2, 3 ... per key and patient. */
  readonly number: number;
  readonly rule: string;
  readonly members: readonly string[];
  readonly tier: Tier;
  readonly raisedAt: string;
  /** The finding as last shown. */
  readonly finding: Finding;
  /** Version or, where there is none, lastUpdated of each resource in `finding.evidence` and `.implicated`. */
  readonly evidence: Readonly<Record<string, string>>;
  /** Labels of the patient and of what it rests on; absent when there are none. */
  readonly security?: readonly SecurityLabel[];
  readonly stale?: true;
  /** ISO time since when the tier has been lower than shown; it falls at the second look or after 24 h. */
  readonly lowerSince?: string;
  /** Newest fact time behind the finding; a lower tier needs a newer one. */
  readonly latestFactAt?: string;
  readonly basis?: Basis;
  /** Answered, and not shown until the suppression ends. */
  readonly suppression?: Suppression;
  /** ISO time at which a clinician accepted it. */
  readonly acceptedAt?: string;
  /** Of the last answer, where a known clinician gave it. */
  readonly mitigation?: Mitigation;
  /** Of answers before it: one that was undone is taken back at the target, one that was replaced stays there. */
  readonly earlierMitigations?: readonly EarlierMitigation[];
  /** ISO time of the last notice; absent: `raisedAt`. */
  readonly notifiedAt?: string;
  readonly recurs?: Recurrence;
  /** Set when it closes; a closed episode never opens again. */
  readonly closed?: { readonly at: string; readonly how: 'resolved' | 'withdrawn' | 'superseded' };
}

/** What an evaluation does to the episodes of its patient. */
export type EpisodeChange =
  | {
      /** `update` notifies only to repeat a critical alert that nobody answered. */
      readonly change:
        | 'raise'
        | 'update'
        | 'escalate'
        | 'de-escalate'
        | 'stale'
        | 'accept'
        | 'suppress'
        | 'unsuppress';
      readonly key: string;
      readonly episode: Episode;
      readonly notify: boolean;
    }
  | {
      readonly change: 'resolve' | 'withdraw' | 'supersede';
      readonly key: string;
      readonly episode: Episode;
      /** In words: `resolved by data: potassium: 3.9 mmol/L`. */
      readonly reason: string;
      /** Only when something withdrawn had been accepted: a low notice to who accepted it. */
      readonly notify: boolean;
    };

/** The full record of one evaluation; replays to the same bytes. */
export interface Decision {
  /** The clock value it used, ISO. */
  readonly at: string;
  /** `Patient/id`. */
  readonly patient: string;
  /** Content hash of rules, concepts, advice and settings. */
  readonly ruleSet: string;
  readonly facts: readonly Fact[];
  readonly verdicts: readonly Verdict[];
  readonly findings: readonly Finding[];
  readonly episodeChanges: readonly EpisodeChange[];
  /** `Type/id` -> version or lastUpdated, for every resource a fact cites. */
  readonly evidence: Readonly<Record<string, string>>;
  /** Medicines that are in no concept: an unknown drug makes "takes no ..." unknown. */
  readonly unrecognised: readonly string[];
  /** Codes in no concept whose name, unit and value are those of an analyte that rules ask for. */
  readonly orphanCodes: readonly OrphanCode[];
  /** Results set aside, with the reason in words. */
  readonly dataQuality: readonly string[];
}
