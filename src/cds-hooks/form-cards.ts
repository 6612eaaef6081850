/**
 * Problems become cards, rendered from the decision, and what is kept of each so that it can be answered.
 */

import { OFFERED_REASONS, REASON_SYSTEM } from '../answers/override-reasons.ts';
import type { Tier } from '../core/decision.ts';
import type { RuleFile } from '../core/rules/rule.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import type { CardKind, CardProblem } from '../store/card.ts';
import type { ConnectionId } from '../vocabulary/ids.ts';
import type { CdsCard, CdsCoding, CdsLink } from './card.ts';
import { uuidOf } from './card-id.ts';
import { detailOf, summaryOf, type Telling, versionOf } from './card-words.ts';
import type { CdsClient } from './client.ts';
import type { Evaluation } from './evaluate-call.ts';
import { cut, plainLine } from './md-text.ts';
import type { NotChecked } from './not-checked.ts';
import { inCards, type Problem } from './problems.ts';
import type { HookCall } from './read-call.ts';
import { suggestionsFor } from './suggestions.ts';

/** A card with what its answer is about. */
export interface FormedCard {
  readonly card: CdsCard;
  readonly kind: CardKind;
  readonly problems: readonly CardProblem[];
  /** Suggestion uuid -> advice behind it. */
  readonly advice: Readonly<Record<string, readonly string[]>>;
}

export interface Forming {
  readonly call: HookCall;
  readonly client: CdsClient;
  readonly evaluation: Evaluation;
  readonly ruleSet: RuleSet;
  /** Where others reach this installation, without a slash at the end. */
  readonly publicUrl: string;
  readonly mostCards: number;
}

const LONGEST_LABEL = 80; // characters; care-team 7.5

const INDICATOR = {
  critical: 'critical',
  high: 'warning',
  moderate: 'warning',
  low: 'info',
} as const satisfies Record<Tier, CdsCard['indicator']>;

const TOPICS: Readonly<Record<RuleFile['domain'], string>> = {
  electrolyte: 'Electrolyte',
  renal: 'Renal',
  diuretic: 'Diuretic',
  fluoroquinolone: 'Fluoroquinolone',
  medication: 'Other medicine',
  infection: 'Infection',
  vascular: 'Circulation',
  'neuro-metabolic': 'Nerve and metabolism',
  hydration: 'Hydration',
  diary: 'Cramp diary',
  lifestyle: 'Lifestyle',
};

/** The cards of one answer: the most urgent first, the rest counted, the notice of what was not checked last. */
export function formCards(
  problems: readonly Problem[],
  notChecked: NotChecked | undefined,
  forming: Forming,
): FormedCard[] {
  const all = inCards(problems);
  const shown = all.length > forming.mostCards ? all.slice(0, forming.mostCards - 1) : all;
  const rest = all.length - shown.length;
  return [
    ...shown.map((card) => findingCard(card, forming)),
    ...(rest > 0 ? [moreCard(rest, forming)] : []),
    ...(notChecked === undefined ? [] : [notCheckedCard(notChecked, forming)]),
  ];
}

function findingCard(problems: readonly [Problem, ...Problem[]], forming: Forming): FormedCard {
  const { call, client, evaluation, ruleSet } = forming;
  const [lead] = problems;
  const uuid = cardId(
    client.connectionId,
    call,
    problems.map(({ finding }) => finding.key),
  );
  const telling: Telling = {
    hook: call.hook,
    evaluation,
    ruleSet,
    rulePage: (rule) => rulePage(rule, forming),
  };
  const indicator = INDICATOR[lead.tier];
  const { hook, patientId } = call;
  const offered = suggestionsFor(problems, { cardId: uuid, hook, patientId, evaluation });
  const [first, ...others] = offered.map(({ suggestion }) => suggestion);
  const domain = ruleSet.byId.get(lead.finding.rule)?.file.domain;
  const name = plainLine(lead.finding.title);
  const version = versionOf(lead.finding, evaluation.decision);
  return {
    kind: 'finding',
    card: {
      uuid,
      summary: summaryOf(problems, telling),
      indicator,
      source: {
        label: `${cut(`cramp-cds: ${name}`, LONGEST_LABEL - version.length - 2)} v${version}`,
        url: rulePage(lead.finding.rule, forming),
        topic: topic(domain ?? 'medication', TOPICS[domain ?? 'medication'], forming),
      },
      detail: detailOf(problems, telling),
      ...(first === undefined ? {} : { suggestions: [first, ...others], selectionBehavior: 'any' as const }),
      ...(indicator === 'info' ? {} : { overrideReasons: REASONS }),
      links: linksFor(problems, forming),
    },
    problems: problems.map((problem) => kept(problem, evaluation)),
    advice: Object.fromEntries(offered.map(({ suggestion, advice }) => [suggestion.uuid, advice])),
  };
}

/** A repeated call gives the same id, another call another one. */
function cardId(connectionId: ConnectionId, call: HookCall, keys: readonly string[]): string {
  return uuidOf(connectionId, call.patientId, call.hook, call.hookInstance, ...[...keys].sort());
}

const REASONS = OFFERED_REASONS.map(({ code, display }) => ({
  system: REASON_SYSTEM,
  code,
  display,
})) as unknown as readonly [CdsCoding, ...CdsCoding[]];

function kept({ finding, tier, alert, medicines, episode }: Problem, { decision }: Evaluation): CardProblem {
  return {
    key: finding.key,
    tier,
    rule: finding.rule,
    ruleVersion: versionOf(finding, decision),
    medicines,
    ...(alert === undefined ? { episode } : { alertId: alert.alertId }),
  };
}

/** The alert's own page first, where there is an alert; then the rule. Addresses hold a random id only. */
function linksFor(problems: readonly Problem[], forming: Forming): readonly [CdsLink, ...CdsLink[]] {
  const alert = problems.find((problem) => problem.alert !== undefined)?.alert;
  const titles = new Map(problems.map(({ finding }) => [finding.rule, plainLine(finding.title)]));
  const [first, ...rest] = [...titles].map(([rule, title]): CdsLink => {
    const label = titles.size === 1 ? 'How this rule works' : cut(`Rule: ${title}`, LONGEST_LABEL);
    return { label, url: rulePage(rule, forming), type: 'absolute' };
  });
  const rulePages = [first as CdsLink, ...rest] as const;
  return alert === undefined
    ? rulePages
    : [alertLink('Open the alert with trends', forming, alert.alertId), ...rulePages];
}

function alertLink(label: string, { client, publicUrl }: Forming, alertId?: string): CdsLink {
  if (!client.smartLinks) {
    const url = alertId === undefined ? `${publicUrl}/alerts` : `${publicUrl}/alerts/${alertId}`;
    return { label, url, type: 'absolute' };
  }
  const appContext = alertId === undefined ? {} : { appContext: JSON.stringify({ v: 1, alert: alertId }) };
  return { label, url: `${publicUrl}/smart/launch`, type: 'smart', ...appContext };
}

function moreCard(rest: number, forming: Forming): FormedCard {
  const { call, client } = forming;
  return {
    kind: 'more',
    card: {
      uuid: cardId(client.connectionId, call, ['more']),
      summary: `${rest} more leg-cramp finding${rest === 1 ? '' : 's'}`,
      indicator: 'info',
      source: { ...ownSource('more findings', forming), topic: topic('more', 'More findings', forming) },
      links: [alertLink('Open all alerts of this patient', forming)],
    },
    problems: [],
    advice: {},
  };
}

function notCheckedCard({ facts, records, orders }: NotChecked, forming: Forming): FormedCard {
  const { call, client } = forming;
  const missing =
    records.length > 0
      ? `${records.join(' and ')} could not be read`
      : 'the medicine of an order could not be read';
  const about =
    records.length > 0 && orders.length > 0 ? ` for the order of ${orders.slice(0, 2).join(' and ')}` : '';
  const told = facts.length === 0 ? '' : `\n\n**Not checked:** ${facts.join(', ')}.`;
  const summary = cut(`Leg-cramp check incomplete: ${missing}${about}`, 139);
  return {
    kind: 'not-checked',
    card: {
      uuid: cardId(client.connectionId, call, ['not-checked']),
      summary,
      indicator: 'info',
      source: { ...ownSource('data check', forming), topic: topic('not-checked', 'Not checked', forming) },
      detail: `**Why now:** part of a risk is on record, and ${missing}.${told}\n\nThis is a technical notice, not a finding about the patient.`,
    },
    problems: [],
    advice: {},
  };
}

function ownSource(name: string, { publicUrl }: Forming): { label: string; url: string } {
  return { label: `cramp-cds: ${name}`, url: `${publicUrl}/rules` };
}

function topic(code: string, display: string, { publicUrl }: Forming): CdsCoding {
  return { system: `${publicUrl}/fhir/CodeSystem/cramp-topic`, code, display };
}

function rulePage(rule: string, { publicUrl }: Forming): string {
  return `${publicUrl}/rules/${encodeURIComponent(rule)}`;
}
