/**
 * What a site may ask for beside an alert: a draft Task, a Flag or a Communication, one of each at most.
 *
 * Why: few programs show a DetectedIssue by itself, while work lists, banners and messages are seen. A companion
 * says that there is an alert and points to it; it is made once, left to people, and ended with the alert.
 */
import type { Communication, Flag, Identifier, Task } from '@medplum/fhirtypes';
import { COMPANION_TYPES, type CompanionType } from '../connections/connection.ts';
import { TIERS } from '../core/decision.ts';
import { asSentence, CLOSING_WORDS, securityOf } from './detected-issue.ts';
import { find, isEnded } from './find.ts';
import { companionIdentityOf } from './identity.ts';
import type { KnownTargets, RoundEnd, Run } from './outcome.ts';
import { isClosing, type OwedDelivery } from './owed.ts';
import { generatedTag, type Service, toRecord } from './service.ts';
import { createOne, issueIdentityOf, lookEnd, targetOf, updateOne } from './settle.ts';

type Companion = Task | Flag | Communication;

/**
 * Makes what is missing and ends what is over.
 *
 * @param issue reference to the alert's issue; absent when a person has closed that, which ends its companions
 */
export async function settleCompanions(
  run: Run,
  issue: string | undefined,
): Promise<{ readonly outcome: 'settled'; readonly targets: KnownTargets } | RoundEnd> {
  let targets: KnownTargets = {};
  for (const type of COMPANION_TYPES) {
    const step = await settleOne(run, type, issue);
    if (step.outcome !== 'settled') return step;
    if (step.target !== undefined) targets = { ...targets, [NAMES[type]]: step.target };
  }
  return { outcome: 'settled', targets };
}

const NAMES = { Task: 'task', Flag: 'flag', Communication: 'communication' } as const satisfies Record<
  CompanionType,
  keyof KnownTargets
>;

async function settleOne(run: Run, type: CompanionType, issue: string | undefined) {
  const { gate, capability, service, owed, known } = run;
  const from = gate.connection.companions?.[type];
  const level = capability.levels[type];
  if (from === undefined || level === 'D') return { outcome: 'settled' } as const;
  const identity = companionIdentityOf(issueIdentityOf(owed), type);
  const identifier = { system: `${service.uri}/companion`, value: identity };
  const look = () => find(gate, { type, level, identity, identifier, known: known[NAMES[type]] });
  const found = await look();
  if (found.outcome === 'deleted' || found.outcome === 'hidden') return { outcome: 'settled' } as const;
  if (found.outcome === 'none') {
    const { tier, suppression } = owed.episode;
    const isShown = !isClosing(owed.change) && suppression === undefined;
    if (issue === undefined || !isShown || TIERS.indexOf(tier) < TIERS.indexOf(from))
      return { outcome: 'settled' } as const;
    return createOne(run, BUILDERS[type](owed, service, issue, identifier), identity, identifier, look);
  }
  if (found.outcome !== 'found') return lookEnd(found);
  const isOver = issue === undefined || isClosing(owed.change);
  if (!isOver || isEnded(found.resource))
    return { outcome: 'settled', target: targetOf(found.resource) } as const;
  return updateOne(run, found.resource, ended(found.resource as Companion, owed));
}

/** Undefined where nothing is to be taken back: a message that was sent was sent. */
function ended(companion: Companion, { change, decisionAt }: OwedDelivery): Companion | undefined {
  if (change === 'withdraw') return { ...companion, status: 'entered-in-error' };
  switch (companion.resourceType) {
    case 'Task':
      return { ...companion, status: 'cancelled', statusReason: { text: 'The alert has ended.' } };
    case 'Flag':
      return { ...companion, status: 'inactive', period: { ...companion.period, end: decisionAt } };
    case 'Communication':
      return undefined;
  }
}

type Builder = (owed: OwedDelivery, service: Service, issue: string, identifier: Identifier) => Companion;

const BUILDERS = { Task: task, Flag: flag, Communication: communication } as const satisfies Record<
  CompanionType,
  Builder
>;

function task(owed: OwedDelivery, service: Service, issue: string, identifier: Identifier): Task {
  const { tier, finding, raisedAt } = owed.episode;
  return {
    resourceType: 'Task',
    meta: metaOf(owed, service),
    identifier: [identifier],
    status: 'draft',
    intent: 'proposal',
    priority: tier === 'critical' ? 'urgent' : 'routine',
    code: { text: 'Review an alert of decision support' },
    description: text(owed),
    focus: { reference: issue },
    for: toRecord(`Patient/${owed.patientId}`, service),
    authoredOn: raisedAt,
    requester: service.author,
    reasonCode: { text: finding.title },
  };
}

function flag(owed: OwedDelivery, service: Service, _issue: string, identifier: Identifier): Flag {
  const { rule, finding, raisedAt } = owed.episode;
  return {
    resourceType: 'Flag',
    meta: metaOf(owed, service),
    identifier: [identifier],
    status: 'active',
    category: [{ coding: [{ system: `${HL7}/flag-category`, code: 'clinical', display: 'Clinical' }] }],
    code: { coding: [{ system: `${service.uri}/rules`, code: rule }], text: finding.title },
    subject: toRecord(`Patient/${owed.patientId}`, service),
    period: { start: raisedAt },
    author: service.author,
  };
}

function communication(
  owed: OwedDelivery,
  service: Service,
  issue: string,
  identifier: Identifier,
): Communication {
  return {
    resourceType: 'Communication',
    meta: metaOf(owed, service),
    identifier: [identifier],
    status: 'completed',
    category: [{ coding: [{ system: `${HL7}/communication-category`, code: 'alert', display: 'Alert' }] }],
    priority: owed.episode.tier === 'critical' ? 'urgent' : 'routine',
    subject: toRecord(`Patient/${owed.patientId}`, service),
    about: [{ reference: issue }],
    sent: owed.decisionAt,
    sender: service.author,
    payload: [{ contentString: text(owed) }],
  };
}

const HL7 = 'http://terminology.hl7.org/CodeSystem';

function metaOf(owed: OwedDelivery, { uri }: Service) {
  return { source: uri, tag: [generatedTag(uri)], ...securityOf(owed) };
}

function text({ episode: { finding } }: OwedDelivery): string {
  return `${asSentence(finding.summary)} ${CLOSING_WORDS}`;
}
