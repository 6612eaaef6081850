/**
 * `cramp-cds decide`: one chart from a file through the core, and what it decided and why.
 */
import { readFileSync } from 'node:fs';
import type { Bundle, Resource } from '@medplum/fhirtypes';
import { resourcesOfBundle } from '../core/chart/bundle.ts';
import { type Chart, ChartError, chartOf } from '../core/chart/chart.ts';
import { decide } from '../core/decide.ts';
import type { Decision, Finding, Verdict } from '../core/decision.ts';
import { unknownFact } from '../core/facts/fact.ts';
import { allClauses } from '../core/rules/explain.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { factInWords, factSeen } from '../core/rules/words.ts';
import { showInstant } from '../vocabulary/instant.ts';
import { type Terminal, TIER_STYLE, table, wrap } from './terminal.ts';

/** The input can not be used; the message says why and names no patient. */
export class InputError extends Error {}

export interface DecideOptions {
  readonly chart: string;
  readonly at: Date;
  readonly json: boolean;
}

/** Reads, decides, prints. @throws InputError */
export async function decideCommand(
  options: DecideOptions,
  ruleSet: RuleSet,
  terminal: Terminal,
): Promise<void> {
  const decision = await decide(readChart(options.chart), ruleSet, options.at, []);
  if (options.json) terminal.write(JSON.stringify(forTools(decision, ruleSet)));
  else showDecision(decision, ruleSet, terminal);
}

/** What outside tools rely on: facts, verdicts, findings. Facts that a rule asks for are there also when nobody recorded them. */
function forTools(decision: Decision, ruleSet: RuleSet): object {
  const { episodeChanges: _unshown, ...rest } = decision;
  const known = new Set(decision.facts.map(({ concept }) => concept));
  const asked = ruleSet.rules.flatMap((rule) =>
    [
      rule.firesWhen,
      rule.clearsWhen,
      ...(rule.notWhen ? [rule.notWhen] : []),
      ...rule.tiers.flatMap(({ when }) => (when ? [when] : [])),
    ].flatMap(allClauses),
  );
  const unrecorded = [...new Set(asked.map(({ fact }) => fact))].filter((fact) => !known.has(fact)).sort();
  return { ...rest, facts: [...decision.facts, ...unrecorded.map((fact) => unknownFact(fact, 'no-record'))] };
}

/** A Bundle or NDJSON of one patient. @throws InputError */
export function readChart(file: string): Chart {
  const text = readText(file);
  try {
    return chartOf(resourcesIn(text));
  } catch (error) {
    if (error instanceof ChartError) throw new InputError(error.message);
    throw error;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new InputError(
      `the chart file can not be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`,
    );
  }
}

function resourcesIn(text: string): Resource[] {
  const whole = parsed(text);
  if (whole !== undefined) return resourcesOf(whole, 'the file');
  const lines = text.split('\n').map((line, index) => [line.trim(), index + 1] as const);
  return lines.flatMap(([line, number]) => {
    if (line === '') return [];
    const value = parsed(line);
    if (value === undefined) throw new InputError(`line ${number} is not JSON; a Bundle or NDJSON is wanted`);
    return resourcesOf(value, `line ${number}`);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function resourcesOf(value: unknown, where: string): Resource[] {
  const resource = value as Partial<Bundle> & { resourceType?: unknown };
  if (typeof resource !== 'object' || resource === null || typeof resource.resourceType !== 'string') {
    throw new InputError(`${where} holds no FHIR resource; a Bundle or NDJSON is wanted`);
  }
  if (resource.resourceType !== 'Bundle') return [value as Resource];
  return resourcesOfBundle(resource);
}

function showDecision(decision: Decision, ruleSet: RuleSet, terminal: Terminal): void {
  const { write, paint } = terminal;
  const counts = Object.entries(Object.groupBy(decision.verdicts, ({ verdict }) => verdict));
  const tally = counts.map(([verdict, list]) => `${list?.length ?? 0} ${verdict}`).join(', ');
  write(paint('bold', `Decision at ${decision.at}`));
  write(
    `${decision.verdicts.length} rules: ${tally || 'none evaluated'}. Rule set ${decision.ruleSet.slice(0, 12)}.`,
  );
  heading('Findings', terminal);
  if (decision.findings.length === 0) write('None.');
  for (const finding of decision.findings) showFinding(finding, terminal);
  heading('Why each rule', terminal);
  for (const verdict of decision.verdicts) showVerdict(verdict, terminal);
  heading('Facts', terminal);
  table(terminal, decision.facts, [
    { head: 'Fact', text: (fact) => factInWords(fact.concept) },
    {
      head: 'Answer',
      text: (fact) => factSeen(fact),
      style: (fact) => (fact.state === 'unknown' ? 'dim' : undefined),
    },
    { head: 'When', text: (fact) => (fact.at ? showInstant(fact.at, ruleSet.settings.homeTimeZone) : '') },
    {
      head: 'From',
      text: (fact) => [fact.from.join(', '), fact.notes.join(', ')].filter((part) => part !== '').join(' · '),
    },
  ]);
  const remarks = [
    ...decision.dataQuality,
    ...decision.unrecognised.map((name) => `medicine not recognised: ${name}`),
    ...decision.orphanCodes.map(
      ({ code, looksLike }) => `code in no concept: ${code}; it looks like ${looksLike}`,
    ),
  ];
  if (remarks.length > 0) heading('Data quality', terminal);
  for (const remark of remarks) write(`- ${remark}`);
}

function heading(text: string, { write, paint }: Terminal): void {
  write('');
  write(paint('bold', text));
}

function showFinding(finding: Finding, terminal: Terminal): void {
  const { write, paint } = terminal;
  write(
    `${paint(TIER_STYLE[finding.tier], finding.tier.toUpperCase())}  ${paint('bold', finding.title)}  ${paint('dim', finding.rule)}`,
  );
  const indented = (text: string, mark = ' '): void => {
    wrap(text, terminal.width - 4).forEach((line, index) => {
      write(`  ${index === 0 ? mark : ' '} ${line}`);
    });
  };
  indented(finding.summary);
  for (const line of finding.advice)
    indented([line.text, ...(line.cautions ?? []).map((caution) => `(${caution})`)].join(' '), '→');
  for (const line of finding.withheld)
    indented(`withheld: ${line.advice.replaceAll('-', ' ')}; ${line.reason}`, '✕');
  if (finding.absorbed.length > 0) indented(`takes in: ${finding.absorbed.join(', ')}`, '+');
  if (finding.notKnown.length > 0) indented(`not known: ${finding.notKnown.join(', ')}`, '?');
}

const VERDICT_STYLE = { fired: 'red', clear: 'green', unknown: 'yellow', error: 'magenta' } as const;

function showVerdict(verdict: Verdict, { write, paint }: Terminal): void {
  const tier = verdict.tier === undefined ? '' : ` (${verdict.tier})`;
  const why =
    verdict.guard ??
    verdict.error ??
    (verdict.clauses ?? []).map((clause) => `${clause.clause}: ${clause.saw}`).join('; ');
  write(
    `${paint(VERDICT_STYLE[verdict.verdict], verdict.verdict.padEnd(7))} ${verdict.rule}${tier}${why === '' ? '' : paint('dim', `  ${why}`)}`,
  );
}
