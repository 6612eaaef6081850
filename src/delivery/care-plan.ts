/**
 * The draft CarePlan of an episode: what a clinician may want to consider. A proposal, never an order.
 *
 * Source: clinical foundations 8 (wording) and care-plan blocks (one activity for each advice line).
 */
import type { CarePlan, CarePlanActivity, Coding, Condition, Observation } from '@medplum/fhirtypes';
import type { AdviceLine, Finding, WithheldAdvice } from '../core/decision.ts';
import { asSentence, CLOSING_WORDS, securityOf } from './detected-issue.ts';
import { adviceSetOf, identityOf, planIdentityOf } from './identity.ts';
import { narrative } from './narrative.ts';
import { isClosing, type OwedDelivery } from './owed.ts';
import { generatedTag, planIdentifier, rulePage, type Service, toRecord } from './service.ts';

/** A finding without advice, given or withheld, needs no plan. */
export function needsPlan({ advice, withheld }: Finding): boolean {
  return advice.length > 0 || withheld.length > 0;
}

/** Which proposal of its episode a plan is. */
export interface Proposal {
  readonly number: number;
  /** Reference to a plan that a person took up, and that this one would replace. */
  readonly replaces?: string;
}

/**
 * @param issue reference to the DetectedIssue it belongs to; `supportingInfo`, because `addresses` takes only Conditions
 */
export function carePlan(
  owed: OwedDelivery,
  service: Service,
  issue: string,
  { number, replaces }: Proposal = { number: 1 },
): CarePlan {
  const { episode } = owed;
  const { finding } = episode;
  const { uri } = service;
  const identity = planIdentityOf(
    identityOf(owed.connectionId, owed.patientId, episode.key, episode.number),
    number,
  );
  const title = `Suggested for review: ${finding.title}`;
  const addresses = finding.evidence.filter((reference) => reference.startsWith('Condition/'));
  const activity = finding.advice.map((line) => planActivity(line, finding, service));
  return {
    resourceType: 'CarePlan',
    meta: { source: uri, tag: [generatedTag(uri), adviceSetTag(finding, uri)], ...securityOf(owed) },
    identifier: [planIdentifier(uri, identity)],
    instantiatesUri: [rulePage(uri, episode.rule, owed.ruleVersion)],
    ...(replaces === undefined ? {} : { replaces: [{ reference: replaces }] }),
    status: planStatus(owed.change, finding),
    intent: 'proposal',
    category: [
      {
        coding: [{ system: 'http://hl7.org/fhir/us/core/CodeSystem/careplan-category', code: 'assess-plan' }],
      },
      { coding: [{ system: 'http://snomed.info/sct', code: '734163000', display: 'Care plan' }] },
      { coding: [{ system: `${uri}/plan-categories`, code: 'suggestion' }], text: 'Suggestion for review' },
    ],
    title,
    description: description(finding),
    subject: toRecord(`Patient/${owed.patientId}`, service),
    period: { start: episode.raisedAt },
    created: episode.raisedAt,
    author: service.author,
    ...(addresses.length === 0
      ? {}
      : { addresses: addresses.map((one) => toRecord<Condition>(one, service)) }),
    supportingInfo: [{ reference: issue }],
    ...(activity.length === 0 ? {} : { activity }),
    text: narrative([
      title,
      asSentence(finding.summary),
      { heading: 'To consider', items: finding.advice.map(lineText) },
      { heading: 'Withheld', items: finding.withheld.map(withheldText) },
      CLOSING_WORDS,
    ]),
  };
}

function planStatus(change: OwedDelivery['change'], finding: Finding): CarePlan['status'] {
  if (change === 'withdraw') return 'entered-in-error';
  return isClosing(change) || !needsPlan(finding) ? 'revoked' : 'draft';
}

function planActivity(line: AdviceLine, finding: Finding, service: Service): CarePlanActivity {
  const reasons = finding.evidence.filter((reference) => REASON_TYPES.test(reference));
  return {
    detail: {
      kind: line.kind,
      code: { coding: [{ system: adviceSystem(service.uri), code: line.advice }], text: line.text },
      status: 'not-started',
      ...(line.doNotPerform ? { doNotPerform: true } : {}),
      description: lineText(line),
      ...(reasons.length === 0
        ? {}
        : { reasonReference: reasons.map((one) => toRecord<Observation>(one, service)) }),
    },
  };
}

const REASON_TYPES = /^(Condition|Observation|DiagnosticReport|DocumentReference)\//;

/** Tells later what we proposed, whatever a person has made of the activities. */
function adviceSetTag({ advice }: Finding, uri: string): Coding {
  return { system: adviceSetSystem(uri), code: adviceSetOf(advice.map((line) => line.advice)) };
}

export function adviceSetSystem(uri: string): string {
  return `${uri}/advice-sets`;
}

/** Codes of activities: the advice they come from. */
export function adviceSystem(uri: string): string {
  return `${uri}/advice`;
}

/** Withheld advice stands here, because `note` belongs to the clinicians. */
function description(finding: Finding): string {
  const parts = [
    ...finding.reasons.map(asSentence),
    ...finding.withheld.map((one) => `Withheld: ${withheldText(one)}`),
  ];
  return [asSentence(finding.summary), ...parts, CLOSING_WORDS].join(' ');
}

function lineText({ text, cautions = [] }: AdviceLine): string {
  return [text, ...cautions].map(asSentence).join(' ');
}

const WHY_WITHHELD = {
  blocked: 'not suggested',
  'check-first': 'check first',
  opposed: 'advice conflicts',
  held: 'held back',
} as const satisfies Record<WithheldAdvice['why'], string>;

function withheldText({ advice, why, reason }: WithheldAdvice): string {
  return asSentence(`${advice.replaceAll('-', ' ')} (${WHY_WITHHELD[why]}): ${reason}`);
}
