/**
 * Why a clinician overrides an alert: the reasons that cards and the alert page offer, and what each one does.
 *
 * The codes are those of CDS Hooks clients; how long an answer holds and what breaks it is the catalogue's
 * (core/episodes/suppression.ts), so each code names the catalogue reason whose windows apply.
 */
import { OVERRIDE_REASONS, type OverrideReason } from '../core/decision.ts';

export const REASON_SYSTEM = 'http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes';
/** The catalogue's own reasons, for clients that know them. */
export const CATALOGUE_REASON_SYSTEM = 'https://cramp-cds.org/fhir/CodeSystem/override-reason';

/** A coded reason as it was sent; clients may have reasons of their own. */
export interface CodedReason {
  readonly system?: string;
  readonly code: string;
}

interface OfferedReason {
  readonly code: string;
  readonly display: string;
  /** What the answer says of the finding: true, false, or neither. */
  readonly countsAs: 'true' | 'neutral' | 'false';
  /** Absent: it concerns this reader only, and the alert stays as it is. */
  readonly catalogue?: OverrideReason;
  /** v3-ActCode of the mitigation it stands for, where it stands for one. */
  readonly mitigation?: keyof typeof MITIGATIONS;
}

/** Displays of v3-ActCode for what clinicians may have done. */
export const MITIGATIONS = {
  '1': 'Therapy Appropriate',
  '8': 'Other Action Taken',
  '9': 'Instituted Ongoing Monitoring Program',
  '11': 'Added Concurrent Therapy',
  '13': 'Stopped Concurrent Therapy',
} as const;
export type MitigationCode = keyof typeof MITIGATIONS;

/** In the order in which they are offered; changing it would make counts of different years incomparable. */
export const OFFERED_REASONS = [
  {
    code: 'action-completed',
    display: 'Already being handled',
    countsAs: 'true',
    catalogue: 'already-treated',
    mitigation: '8',
  },
  {
    code: 'patient-contraindication',
    display: 'Suggested action is contraindicated here',
    countsAs: 'true',
    catalogue: 'benefit-outweighs-risk',
    mitigation: '1',
  },
  {
    code: 'recipient-concerns-outcomes',
    display: 'Benefit of current therapy outweighs the risk',
    countsAs: 'true',
    catalogue: 'benefit-outweighs-risk',
    mitigation: '1',
  },
  {
    code: 'patient-refuses',
    display: 'Patient declined',
    countsAs: 'true',
    catalogue: 'patient-declined',
  },
  { code: 'cds-suboptimal-context', display: 'Wrong moment or not my role', countsAs: 'neutral' },
  {
    code: 'recipient-disagrees-evidence',
    display: 'I disagree with the recommendation',
    countsAs: 'neutral',
    catalogue: 'not-relevant',
  },
  {
    code: 'cds-not-applicable',
    display: 'Does not apply to this patient',
    countsAs: 'false',
    catalogue: 'not-relevant',
  },
] as const satisfies readonly OfferedReason[];

/** The offered reason with this code, whatever system it names; undefined for a client's own. */
export function offeredReason(reason: CodedReason | undefined): OfferedReason | undefined {
  return OFFERED_REASONS.find(({ code }) => code === reason?.code);
}

/** The catalogue reason whose windows apply; undefined when only this reader put the alert off. */
export function catalogueReason(reason: CodedReason | undefined): OverrideReason | undefined {
  if (reason === undefined) return 'no-reason';
  if (reason.system === CATALOGUE_REASON_SYSTEM)
    return OVERRIDE_REASONS.find((known) => known === reason.code) ?? 'no-reason';
  const offered = offeredReason(reason);
  return offered === undefined ? 'no-reason' : offered.catalogue;
}
