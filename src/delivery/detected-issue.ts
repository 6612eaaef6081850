/**
 * The DetectedIssue of an episode: what was seen, how soon to look, on what it rests.
 *
 * Pure: the same delivery gives the same resource. Only elements that the service owns are here, and the
 * mitigation of a clinician who answered to us; what one adds at the target is kept by the merge. Source: clinical foundations 3, 6 and 8.
 */
import type { DetectedIssue, DetectedIssueMitigation, Meta } from '@medplum/fhirtypes';
import type { EarlierMitigation, Finding, Mitigation, Tier } from '../core/decision.ts';
import { identityOf } from './identity.ts';
import { narrative } from './narrative.ts';
import { isClosing, type OwedDelivery } from './owed.ts';
import {
  generatedTag,
  issueIdentifier,
  rulePage,
  type Service,
  tagSystem,
  tierSystem,
  toRecord,
} from './service.ts';

/** Foundations 3: critical is `high` and a tag. */
export const SEVERITY = {
  critical: 'high',
  high: 'high',
  moderate: 'moderate',
  low: 'low',
} as const satisfies Record<Tier, DetectedIssue['severity']>;

/** Foundations 8: the last words of every detail. */
export const CLOSING_WORDS = 'Decision support. Not a diagnosis or an order.';

const ACT_CODE = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';

export function detectedIssue(owed: OwedDelivery, service: Service): DetectedIssue {
  const { episode } = owed;
  const { finding } = episode;
  const { uri } = service;
  const identity = identityOf(owed.connectionId, owed.patientId, episode.key, episode.number);
  const version = owed.ruleVersion === undefined ? {} : { version: owed.ruleVersion };
  const implicated = finding.implicated.map((one) => toRecord(one, service));
  const evidence = finding.evidence.map((one) => toRecord(one, service));
  return {
    resourceType: 'DetectedIssue',
    meta: {
      source: uri,
      tag: [generatedTag(uri), { system: tierSystem(uri), code: episode.tier }, ...stateTags(owed, uri)],
      ...securityOf(owed),
    },
    identifier: [issueIdentifier(uri, identity)],
    status: issueStatus(owed.change, finding),
    code: {
      coding: [
        { system: ACT_CODE, code: finding.code },
        { system: `${uri}/rules`, code: episode.rule, ...version },
      ],
      text: finding.title,
    },
    severity: SEVERITY[episode.tier],
    patient: toRecord(`Patient/${owed.patientId}`, service),
    identifiedPeriod: {
      start: episode.raisedAt,
      ...(isClosing(owed.change) ? { end: owed.decisionAt } : {}),
    },
    author: service.author,
    ...(implicated.length === 0 ? {} : { implicated }),
    ...(evidence.length === 0 ? {} : { evidence: [{ detail: evidence }] }),
    detail: detailText(owed),
    reference: rulePage(uri, episode.rule, owed.ruleVersion),
    text: narrative([finding.summary, detailText(owed)]),
    ...(episode.mitigation && { mitigation: [mitigation(episode.mitigation, service)] }),
  };
}

/** What earlier answers to us left in the issue. */
export function earlierMitigations(
  { episode }: OwedDelivery,
  service: Service,
  which: (one: EarlierMitigation) => boolean = () => true,
): DetectedIssueMitigation[] {
  return (episode.earlierMitigations ?? []).filter(which).map((one) => mitigation(one, service));
}

/** Authored by the clinician who answered to us: R4 allows no Device there. */
function mitigation({ code, display, at, author }: Mitigation, service: Service): DetectedIssueMitigation {
  return {
    action: { coding: [{ system: ACT_CODE, code, display }] },
    date: at,
    author: toRecord(author, service),
  };
}

/**
 * Only these three are in base R4 and in the narrower list of Medplum.
 * A resolved issue stays final, with an end; only void evidence makes it an error.
 */
function issueStatus(change: OwedDelivery['change'], finding: Finding): DetectedIssue['status'] {
  if (change === 'withdraw') return 'entered-in-error';
  return finding.preliminary && !isClosing(change) ? 'preliminary' : 'final';
}

function detailText({ episode: { finding, stale }, reason }: OwedDelivery): string {
  const sentences = [finding.detail, stale ? 'Not rechecked since.' : '', reason ?? ''].map(asSentence);
  return [...sentences, CLOSING_WORDS].filter((text) => text !== '').join(' ');
}

/** A part of `meta`: what quotes a restricted record is as restricted. */
export function securityOf({ episode: { security } }: OwedDelivery): Pick<Meta, 'security'> {
  return security === undefined ? {} : { security: security.map((label) => ({ ...label })) };
}

/** R4 has no code for a resolved or superseded issue, so a tag says it. */
function stateTags({ change, episode }: OwedDelivery, uri: string): { system: string; code: string }[] {
  const system = tagSystem(uri);
  if (change === 'resolve') return [{ system, code: 'resolved' }];
  if (change === 'supersede') return [{ system, code: 'superseded' }];
  return episode.stale && !isClosing(change) ? [{ system, code: 'stale' }] : [];
}

export function asSentence(text: string): string {
  const trimmed = text.trim();
  if (trimmed === '') return '';
  const first = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
