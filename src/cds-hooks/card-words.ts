/**
 * The words of a card: one sentence to act on, and a short reason for it. All from the decision.
 */
import type { Observation, Quantity, Resource } from '@medplum/fhirtypes';
import type { AdviceLine, Decision, Finding } from '../core/decision.ts';
import type { Fact } from '../core/facts/fact.ts';
import { valueText } from '../core/findings/summary.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { factInWords, factSeen } from '../core/rules/words.ts';
import { readInstant, showInstant } from '../vocabulary/instant.ts';
import type { Evaluation } from './evaluate-call.ts';
import { cut, mdText, plainLine } from './md-text.ts';
import type { Problem } from './problems.ts';
import type { Hook } from './services.ts';

const LONGEST_SUMMARY = 139; // UTF-16 units; conformance tools count 140 as an error
const LONGEST_DETAIL = 1200; // characters; care-team 7.4
const NUMBERS_SHOWN = 4;
const CONSIDER_SHOWN = 5;

export interface Telling {
  readonly hook: Hook;
  readonly evaluation: Evaluation;
  readonly ruleSet: RuleSet;
  /** Address of a rule's page. */
  readonly rulePage: (rule: string) => string;
}

type Problems = readonly [Problem, ...Problem[]];

/** One sentence: the most urgent finding, and what else counts. What counts is kept before what to do about it. */
export function summaryOf([lead, ...others]: Problems, { evaluation }: Telling): string {
  const whole = plainLine(lead.finding.summary);
  if (lead.orders.length === 0) return cut(whole, LONGEST_SUMMARY);
  const sentence = whole.replace(/\.$/, '');
  const [head = sentence] = sentence.split(';');
  const also = alsoSeen([lead, ...others], evaluation).filter(
    (item) => !sentence.toLowerCase().includes(item.toLowerCase()),
  );
  const fitting = also
    .map((_, index) => also.slice(0, also.length - index))
    .flatMap((items) => [sentence, head].map((text) => `${text}; also ${items.join(', ')}`))
    .find((text) => text.length <= LONGEST_SUMMARY);
  return fitting ?? cut(whole, LONGEST_SUMMARY);
}

/** What the findings rest on besides the orders: `age 72`, `prednisone`, `potassium 3.1 mmol/L`. */
function alsoSeen(problems: Problems, { decision, chosen }: Evaluation): string[] {
  const rules = new Set(problems.flatMap(({ finding }) => finding.members));
  const facts = new Map(decision.facts.map((fact) => [fact.concept, fact]));
  const seen = decision.verdicts
    .filter(({ rule }) => rules.has(rule))
    .flatMap(({ clauses = [] }) => clauses)
    .map(({ fact }) => facts.get(fact))
    .filter((fact) => fact !== undefined)
    .filter(({ from, concept }) => concept === 'age' || from.some((one) => !chosen.includes(one)));
  return [...new Set(seen.flatMap(inBrief))];
}

function inBrief(fact: Fact): string[] {
  if (fact.state === 'unknown') return [];
  if (fact.concept === 'age') return [`age ${valueText(fact)}`];
  if (fact.names !== undefined && fact.names.length > 0) return [...fact.names];
  if (fact.unit !== undefined) return [`${factInWords(fact.concept)} ${factSeen(fact)}`];
  return fact.state === 'known' && fact.value === true ? [factInWords(fact.concept)] : [];
}

/** Markdown in a fixed order; whole parts are left out from the end of the less needed ones until it fits. */
export function detailOf(problems: Problems, telling: Telling): string {
  const parts = [
    whyNow(problems, telling),
    numbers(problems, telling),
    consider(problems, telling, CONSIDER_SHOWN),
    notChecked(problems),
    evidence(problems, telling),
  ];
  const shorter = [
    ...[3, 2].map((lines) => parts.with(2, consider(problems, telling, lines))),
    parts.with(2, consider(problems, telling, 2)).with(1, ''),
  ];
  const texts = [parts, ...shorter].map((some) => some.filter((part) => part !== '').join('\n\n'));
  return (
    texts.find((text) => text.length <= LONGEST_DETAIL) ?? (texts.at(-1) as string).slice(0, LONGEST_DETAIL)
  );
}

function whyNow(problems: Problems, telling: Telling): string {
  const [{ finding }, ...others] = problems;
  // The summary of a single finding is the summary of the card: here is why it matters.
  const lines =
    others.length === 0 ? finding.reasons.slice(0, 1) : problems.map((one) => one.finding.summary);
  return [`**Why now:** ${moment(problems, telling)}`, ...lines.map((line) => `- ${mdText(line, 260)}`)].join(
    '\n',
  );
}

function moment([lead]: Problems, { hook, evaluation, ruleSet }: Telling): string {
  const zone = ruleSet.settings.homeTimeZone;
  if (lead.orders.length > 0) {
    const names = lead.orders.map((order) => mdText(orderName(order, evaluation), 60)).join(', ');
    return hook === 'order-select' ? `${names} was chosen.` : `${names} is about to be signed.`;
  }
  if (lead.alert !== undefined)
    return `open since ${showInstant(new Date(lead.alert.episode.raisedAt), zone)}${lead.episode.stale ? ', not rechecked since' : ''}.`;
  return 'found in the chart as it was sent with this call.';
}

/** The ingredient where it is known, else as the order is labelled. */
export function orderName(order: string, { decision, chart }: Evaluation): string {
  const fact = decision.facts.find(
    ({ concept, from, names }) =>
      concept.startsWith('drug.') &&
      from.every((one) => one === order) &&
      from.length > 0 &&
      names?.length === 1,
  );
  return fact?.names?.[0] ?? labelOf(chart.byReference.get(order));
}

function labelOf(resource: Resource | undefined): string {
  if (resource?.resourceType !== 'MedicationRequest') return 'this order';
  const { medicationCodeableConcept: code, medicationReference } = resource;
  const label =
    code?.text ?? code?.coding?.find(({ display }) => display)?.display ?? medicationReference?.display;
  return typeof label === 'string' && label !== '' ? label : 'this order';
}

function numbers(problems: Problems, { evaluation, ruleSet }: Telling): string {
  const cited = new Set(problems.flatMap(({ finding }) => finding.evidence));
  const results = evaluation.chart.resources
    .filter((one) => one.resourceType === 'Observation' && cited.has(`Observation/${one.id}`))
    .map((one) => ({ result: one as Observation, at: timeOf(one as Observation) }))
    .sort((a, b) => b.at.localeCompare(a.at))
    .map(({ result }) => resultLine(result, ruleSet.settings.homeTimeZone))
    .filter((line) => line !== undefined);
  return results.length === 0 ? '' : ['**Numbers**', ...results.slice(0, NUMBERS_SHOWN)].join('\n');
}

function timeOf({ effectiveDateTime, effectivePeriod, issued }: Observation): string {
  return effectiveDateTime ?? effectivePeriod?.start ?? issued ?? '';
}

/** `- Potassium 3.1 mmol/L (3.5–5.1) low, 12 May 2026 09:00`, as the laboratory sent it. */
function resultLine(result: Observation, zone: string): string | undefined {
  const { valueQuantity: value, code, referenceRange, interpretation } = result;
  if (value?.value === undefined) return undefined;
  const name = code?.text ?? code?.coding?.find(({ display }) => display)?.display ?? 'Result';
  const [range] = referenceRange ?? [];
  const limits = [range?.low?.value, range?.high?.value];
  const shown = limits.every((limit) => limit !== undefined) ? ` (${limits.join('–')})` : '';
  const flags = (interpretation ?? []).flatMap((one) => one.coding?.[0]?.code ?? one.text ?? []).join(' ');
  const at = readInstant(timeOf(result), zone);
  const when = at === undefined ? '' : `, ${showInstant(at.at, zone, at.precision)}`;
  return `- ${mdText(`${name} ${quantityText(value)}${shown}${flags === '' ? '' : ` ${FLAGS.get(flags) ?? flags}`}${when}`)}`;
}

const FLAGS: ReadonlyMap<string, string> = new Map([
  ['L', 'low'],
  ['LL', 'critically low'],
  ['H', 'high'],
  ['HH', 'critically high'],
  ['N', 'normal'],
]);

function quantityText({ comparator = '' as Quantity['comparator'], value, unit, code }: Quantity): string {
  return `${comparator}${value} ${unit ?? code ?? ''}`.trim();
}

function consider(problems: Problems, { hook, ruleSet }: Telling, most: number): string {
  const lines = [
    ...new Set(problems.flatMap(({ finding }) => finding.advice.map((line) => adviceText(line, hook)))),
  ];
  const critical = problems.some(({ tier }) => tier === 'critical');
  const note = critical ? ["- The laboratory's critical-value call comes first."] : [];
  if (lines.length + note.length === 0) return '';
  const held = problems.flatMap(({ finding }) => heldLines(finding, ruleSet));
  return [
    '**Consider**',
    ...note,
    ...lines.slice(0, most).map((line) => `- ${mdText(line, 160)}`),
    ...held.slice(0, 2),
  ].join('\n');
}

/** An order that is being made is of course only prescribed. */
function adviceText({ text, cautions = [] }: AdviceLine, hook: Hook): string {
  const kept = hook.startsWith('order')
    ? cautions.filter((caution) => !/recorded as prescribed/.test(caution))
    : cautions;
  return [text.charAt(0).toUpperCase() + text.slice(1), ...kept].join(' – ');
}

function heldLines({ withheld }: Finding, { advice }: RuleSet): string[] {
  return withheld
    .filter(({ why }) => why === 'blocked' || why === 'check-first')
    .map(
      ({ advice: id, reason }) =>
        `- Not suggested now: ${mdText(advice.get(id)?.text ?? id.replaceAll('-', ' '))} (${mdText(reason)})`,
    );
}

function notChecked(problems: Problems): string {
  const facts = [...new Set(problems.flatMap(({ finding }) => finding.notKnown))];
  return facts.length === 0 ? '' : `**Not checked:** ${facts.map((fact) => mdText(fact)).join(', ')}.`;
}

/** A source that somebody has checked is named; the page of the rule has them all. */
function evidence([lead]: Problems, { ruleSet, rulePage, evaluation }: Telling): string {
  const { rule } = lead.finding;
  const citations = ruleSet.byId.get(rule)?.file.source.citations ?? [];
  const checked = citations.find((citation) => citation.endsWith(' (verified)'));
  const name = checked === undefined ? 'sources of this rule' : mdText(checked.replace(/ \(verified\)$/, ''));
  return `**Evidence:** [${name}](${rulePage(rule)}). Rule ${rule} v${versionOf(lead.finding, evaluation.decision)}.`;
}

export function versionOf({ rule }: Finding, { verdicts }: Decision): string {
  return verdicts.find((verdict) => verdict.rule === rule)?.version ?? 'unknown';
}
