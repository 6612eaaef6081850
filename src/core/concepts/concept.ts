/**
 * Concepts: the clinical ideas behind codes. Which codes mean it, which look alike and are refused,
 * in which units it is reported, what is plausible.
 */
export type ConceptId = string;

export interface Concept {
  readonly id: ConceptId;
  readonly kind: 'observation' | 'medication' | 'condition' | 'route' | 'answer' | 'specimen';
  /** Canonical unit, UCUM; only for measured concepts. */
  readonly unit?: string;
  /** Values outside are set aside. */
  readonly plausible?: readonly [number, number];
  /** Usual reference limits; either end may be missing. */
  readonly reference?: { readonly low?: number; readonly high?: number };
  /** Decimals kept when a converted value is compared. */
  readonly decimals?: number;
  /** How far back the latest value still answers "now". */
  readonly lookbackDays?: number;
  /** Concepts whose members are also members of this one. */
  readonly includes?: readonly ConceptId[];
}

/** What a coding turned out to be. */
export interface Membership {
  readonly concept: ConceptId;
  /** Set when the code looks alike and is not a member: `urine specimen`. */
  readonly refused?: string;
  readonly ingredient?: string;
  /** Route or dose form that the code itself carries: `oral`, `ophthalmic`; absent: any, the dosage decides. */
  readonly route?: string;
  /** What to assume when nobody says the route: `systemic`, `oral`, `inhaled`, `none` (do not assume systemic). */
  readonly usualRoute?: string;
  /** The answer that an ordinal or coded value means: `yes`, `positive`, `2+`. */
  readonly value?: string;
  /** The code was seen in one source only; such codes answer only where a site asked for them. */
  readonly unconfirmed?: true;
}

export interface Concepts {
  readonly byId: ReadonlyMap<ConceptId, Concept>;
  /** Concepts that name this one among what they include; none for most. */
  includedIn(concept: ConceptId): readonly ConceptId[];
  /** Every concept a coding belongs to, parents included; empty when it is in none. */
  memberships(system: string | undefined, code: string | undefined): readonly Membership[];
  /** Medicines named in free text by exact ingredient or fixed brand name. */
  namedInText(text: string): readonly Membership[];
  /** Measured concepts that a name may mean; good for telling people, never evidence. */
  namedLike(name: string): readonly ConceptId[];
  /**
   * Value in the canonical unit of the concept, not rounded.
   * @returns undefined when this analyte is not reported in this unit, and when there is none (only plain ratios need none).
   */
  toCanonical(concept: ConceptId, value: number, unit: UnitText): number | undefined;
}

export interface UnitText {
  readonly unit?: string | undefined;
  readonly code?: string | undefined;
  readonly system?: string | undefined;
}
