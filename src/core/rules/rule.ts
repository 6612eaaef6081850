/**
 * A rule as its file says it, and the rule set that decide() runs.
 *
 * The condition language is json-rules-engine's `all` / `any` / clause, with our own three-valued
 * operators. `path`, bare `not` and negated operators do not exist: a missing value must never satisfy
 * a "not". A file is checked by `src/rule-files/` before it gets here.
 */
import type { AdviceKind, Tier } from '../decision.ts';
import type { FactId, FactValue } from '../facts/fact.ts';

/**
 * - below, atMost, above, atLeast: a number against a limit in the fact's unit
 * - is: exactly this truth, code or number · isIn: one of these codes
 * - active: a medicine class recorded as taking or prescribed · activeOrRecent: or ended within its window
 * - hasNote, lacksNote: two-valued, on the quality notes of a fact
 * - isKnown: two-valued, only where a rule is about the gap itself or about which advice to give
 */
export const OPERATORS = [
  'below',
  'atMost',
  'above',
  'atLeast',
  'is',
  'isIn',
  'active',
  'activeOrRecent',
  'hasNote',
  'lacksNote',
  'isKnown',
] as const;
export type OperatorName = (typeof OPERATORS)[number];

/** A limit: a literal, or a named setting of the same file (which a site may move inside its range). */
export type Limit = FactValue | readonly string[] | { readonly setting: string };

export interface Clause {
  readonly fact: FactId;
  readonly operator: OperatorName;
  readonly value: Limit;
  /** The fact must be at most this old; an older one is unknown, `stale`. */
  readonly withinDays?: number;
}
export type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | Clause;

export interface RuleSetting {
  readonly default: number;
  readonly allowed: readonly [number, number];
  readonly unit: string;
}

export const AUDIENCES = ['prescriber', 'treating clinician', 'pharmacist', 'nurse'] as const;
/** Where an alert of a rule may be shown: in the record, on hooks of CDS Hooks, on the alert page. */
export const CHANNELS = [
  'record',
  'patient-view',
  'order-select',
  'order-sign',
  'encounter-discharge',
  'alert-page',
] as const;
export type Channel = (typeof CHANNELS)[number];

/** The five rights of decision support: which information, for whom, in which form, where, and when. */
export interface Rights {
  readonly info: string;
  readonly audience: readonly (typeof AUDIENCES)[number][];
  readonly format: string;
  readonly channels: readonly Channel[];
  readonly moment: string;
}

export interface RuleFile {
  readonly id: string;
  readonly version: string;
  readonly title: string;
  readonly domain:
    | 'electrolyte'
    | 'renal'
    | 'diuretic'
    | 'fluoroquinolone'
    | 'medication'
    | 'infection'
    | 'vascular'
    | 'neuro-metabolic'
    | 'hydration'
    | 'diary'
    | 'lifestyle';
  readonly why: string;
  readonly rights: Rights;
  readonly settings?: Readonly<Record<string, RuleSetting>>;
  readonly firesWhen: Condition;
  /** Stops the rule only when known-true; unknown is listed on the finding as not known. */
  readonly notWhen?: Condition;
  readonly clearsWhen: Condition;
  /** First match wins; the last has no `when`. */
  readonly tiers: readonly { readonly tier: Tier; readonly when?: Condition }[];
  /** One tier lower while this holds, never below low. */
  readonly lowerTierWhen?: Condition;
  /** Quality notes that do not lower the tier of this rule, because its own tiers take them in. */
  readonly ownHandlingOf?: readonly string[];
  /** Text with `{fact.value}`, `{fact.date}`, `{fact.name}` slots; an empty slot is left out with its phrase. */
  readonly summary: string;
  readonly advice: readonly (string | { readonly advice: string; readonly when: Condition })[];
  /** Facts whose records are named as involved. */
  readonly implicated: readonly FactId[];
  /** Facts shown as evidence besides those in firesWhen. */
  readonly evidence: readonly FactId[];
  /** Rules that become lines of this one when both fire. */
  readonly absorbs?: readonly (
    | string
    /** `unless`: a critical one stays an alert of its own. */
    | { readonly rule: string; readonly when?: Condition; readonly unless?: 'critical' }
  )[];
  /** Becomes a line of another finding of this tier or above, whatever that is about: `low` means of any. */
  readonly yieldsTo?: Tier;
  /** Merge group: rules of one group form one finding. */
  readonly group?: string;
  /** A member of its group only up to this tier; above it an alert of its own. */
  readonly groupUpTo?: Tier;
  /** v3-ActCode of the issue. */
  readonly code: string;
  readonly source: {
    readonly citations: readonly string[];
    readonly basis: string;
    readonly lastReview: string;
    /** Oldest first; the last is this version. */
    readonly revisions?: readonly {
      readonly version: string;
      readonly date: string;
      readonly note: string;
    }[];
    readonly developer: string;
    readonly funding: string;
    /** HTI-1 "use of" attributes: used or not, and why. */
    readonly uses: Readonly<Partial<Record<string, string>>>;
  };
}

/**
 * One thing to consider, shared by rules.
 *
 * The activities of a care-plan block are advice `CB-stretch-1`, `CB-stretch-2` ...; a rule asks for one of
 * them, or for the whole block as `CB-stretch`.
 */
export interface AdviceFile {
  readonly id: string;
  readonly kind: AdviceKind;
  readonly text: string;
  readonly doNotPerform?: true;
  /** What it suggests, in the words of the story format. */
  readonly suggests: readonly string[];
  /** Interlock ids checked before it is shown. */
  readonly interlocks: readonly string[];
  /** Advice ids that say the opposite; both are withheld. */
  readonly opposes?: readonly string[];
  /** Left out while a high or critical finding is open. */
  readonly hold?: true;
  /** Shown only where this is known-true, such as warfarin with leafy greens. */
  readonly shownWhen?: Condition;
}

/** A guard over advice. Not part of any rule, run last, can not be switched off by a site. */
export interface InterlockFile {
  readonly id: string;
  readonly title: string;
  /** Each with the words that the reader sees. */
  readonly blocks: readonly { readonly when: Condition; readonly because: string }[];
  readonly cautions: readonly { readonly when: Condition; readonly because: string }[];
  /**
   * Facts without which the advice is replaced by a check; with `when`, only where that is not known-false. A
   * `when` about the fact itself says which of its values are too doubtful to go by.
   */
  readonly needs: readonly { readonly fact: FactId; readonly check: string; readonly when?: Condition }[];
  readonly source: string;
}
