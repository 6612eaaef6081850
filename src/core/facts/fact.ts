/**
 * A fact: one answer about one patient at one time.
 *
 * Why: rules never see FHIR. They see a known value, a range, or the reason why there is neither,
 * so that a missing or doubtful result can not be taken for a normal one.
 * Source: clinical foundations 1 and 1.9.
 */
import { remembered } from '../../vocabulary/remembered.ts';
import { exhausted, type Truth, truthOf } from '../../vocabulary/truth.ts';

/** Id of a fact: a concept id, or a derived one such as `egfr`, `calcium-best`, `drug.loop-diuretic`. */
export type FactId = string;

/** Number in the fact's unit; boolean for present or absent; string for a code such as `G3b` or `taking`. */
export type FactValue = number | boolean | string;

/** Why a fact is unknown, in one word of a closed list; `detail` says the rest in words. */
export type Why =
  | 'no-record' //            nothing in the chart inside the look-back
  | 'stale' //                the last record is older than the look-back
  | 'no-value' //             reported without a value, or with dataAbsentReason
  | 'unit-unrecognised' //    no unit, or one that this analyte is not reported in
  | 'implausible' //          outside the plausible range; set aside
  | 'future-dated'
  | 'haemolysed'
  | 'status' //               the record's own status says unknown
  | 'not-recognised' //       a medicine whose code and text are in no concept
  | 'refused' //              reported in a form that is not used, such as eGFR with a race term
  | 'needs' //                formed from other facts, of which one is unknown
  | 'not-applicable'; //      the formula does not hold for this patient

/** A remark on the quality of a fact. Open list; those with consequences are named where they act. */
export type Note = string;

interface Cited {
  readonly concept: FactId;
  /** UCUM, canonical for the concept; absent for truth values and codes. */
  readonly unit?: string;
  /** Decimals in which its value is shown. */
  readonly decimals?: number;
  /** `Type/id` of each resource it rests on; versions are in `Decision.evidence`. */
  readonly from: readonly string[];
  readonly notes: readonly Note[];
  /** Names to show, for example of the ingredients behind a drug class. */
  readonly names?: readonly string[];
  /** When it was true of the patient. */
  readonly at?: Date;
  /**
   * May raise a finding, never clear one (preliminary, conflicting or unreliable values): where such a
   * fact would answer "no" to what raises, or "yes" to what clears, the answer is unknown.
   */
  readonly raisesOnly?: true;
}

export type KnownFact<V extends FactValue = FactValue> = Cited & {
  readonly state: 'known';
  readonly value: V;
};
export type BoundedFact = Cited & {
  readonly state: 'bounded';
  /** The true value lies between; a missing end is open. */
  readonly low?: number;
  readonly high?: number;
  /** The ends themselves are not included: '<3.0'. */
  readonly exclusive?: true;
};
export type UnknownFact = Cited & {
  readonly state: 'unknown';
  readonly why: Why;
  readonly detail?: string;
  /** The facts it would have needed. */
  readonly missing?: readonly FactId[];
};

/** One answer: an exact value, a range, or the reason why there is neither. */
export type Fact<V extends FactValue = FactValue> = KnownFact<V> | BoundedFact | UnknownFact;

/** All facts of one chart by id. A fact that was never formed reads as unknown, `no-record`. */
export type Facts = ReadonlyMap<FactId, Fact>;

export function unknownFact(concept: FactId, why: Why, rest?: Partial<UnknownFact>): UnknownFact {
  if (rest === undefined) return { concept, from: [], notes: [], state: 'unknown', why };
  return Object.assign({ concept, from: [], notes: [] }, rest, { state: 'unknown' as const, why });
}

/** What a rule needs of facts: one at a time. */
export type FactLookup = Pick<Facts, 'get'>;

export function factOf(facts: FactLookup, id: FactId): Fact {
  return facts.get(id) ?? noRecord(id);
}

/** The fact of which nobody recorded anything. One per id: most facts of most charts are absent. */
export const noRecord = remembered((id: FactId): UnknownFact => Object.freeze(unknownFact(id, 'no-record')));

/** Is the value below the limit? A range answers only when all of it lies on one side. */
export function isBelow(fact: Fact, limit: number): Truth {
  switch (fact.state) {
    case 'known':
      return typeof fact.value === 'number' ? truthOf(fact.value < limit) : 'unknown';
    case 'bounded':
      if (fact.high !== undefined && (fact.high < limit || (fact.exclusive && fact.high === limit)))
        return 'true';
      return fact.low !== undefined && fact.low >= limit ? 'false' : 'unknown';
    case 'unknown':
      return 'unknown';
    default:
      return exhausted(fact);
  }
}

/** Is the value above the limit? The mirror of `isBelow`. */
export function isAbove(fact: Fact, limit: number): Truth {
  switch (fact.state) {
    case 'known':
      return typeof fact.value === 'number' ? truthOf(fact.value > limit) : 'unknown';
    case 'bounded':
      if (fact.low !== undefined && (fact.low > limit || (fact.exclusive && fact.low === limit)))
        return 'true';
      return fact.high !== undefined && fact.high <= limit ? 'false' : 'unknown';
    case 'unknown':
      return 'unknown';
    default:
      return exhausted(fact);
  }
}

/** Is the value exactly this code or truth? A number with a range is never "exactly" anything. */
export function isEqual(fact: Fact, expected: FactValue): Truth {
  return fact.state === 'known' ? truthOf(fact.value === expected) : 'unknown';
}
