/**
 * `cramp-cds stories`: plays patient stories through the core and says, step by step, what differs.
 */
import type { FactSettings } from '../core/facts/settings.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { differencesOf, rulesNamed } from '../stories/compare-step.ts';
import { type PlayedStep, playStory } from '../stories/play-story.ts';
import { readStories } from '../stories/read-story.ts';
import type { Story } from '../stories/story.ts';
import { type Terminal, TIER_STYLE, wrap } from './terminal.ts';

export interface StoriesOptions {
  /** A story file, or a folder of them. */
  readonly path: string;
  readonly json: boolean;
}

/** One story with what each step led to, as JSON says it. */
export interface StoryReport {
  readonly story: string;
  readonly title: string;
  readonly ok: boolean;
  /** Rules that the story speaks of and that are not in the rule set. */
  readonly missingRules: readonly string[];
  readonly steps: readonly StepReport[];
}

interface StepReport {
  readonly at: string;
  readonly does: string;
  readonly expected: readonly AlertReport[];
  readonly actual: readonly (AlertReport & {
    readonly members: readonly string[];
    readonly absorbed: readonly string[];
  })[];
  readonly closed: readonly { readonly rule: string; readonly how: string; readonly reason?: string }[];
  readonly pending: readonly { readonly rule: string; readonly missing: string }[];
  readonly suggests: readonly string[];
  readonly notified: readonly string[];
  readonly differences: readonly string[];
}

interface AlertReport {
  readonly rule: string;
  readonly tier: string;
}

/** Exit code: 0 when every step is as promised, else 1. @throws StoryError for a file that is no story. */
export async function storiesCommand(
  { path, json }: StoriesOptions,
  ruleSetFor: (settings: Partial<FactSettings>) => RuleSet,
  terminal: Terminal,
): Promise<0 | 1> {
  const reports: StoryReport[] = [];
  for (const story of readStories(path)) {
    const report = await playAndCompare(story, ruleSetFor);
    reports.push(report);
    if (!json) showStory(report, terminal);
  }
  const failed = reports.filter(({ ok }) => !ok);
  if (json) terminal.write(JSON.stringify({ ok: failed.length === 0, stories: reports }, undefined, 1));
  else showTotal(reports, failed, terminal);
  return failed.length === 0 ? 0 : 1;
}

/** Plays one story and compares every step. */
export async function playAndCompare(
  story: Story,
  ruleSetFor: (settings: Partial<FactSettings>) => RuleSet,
): Promise<StoryReport> {
  const rules = ruleSetFor(story.settings).byId;
  const steps = (await playStory(story, ruleSetFor)).map(stepReport);
  const named = new Set(story.steps.flatMap(({ expect }) => rulesNamed(expect)));
  return {
    story: story.id,
    title: story.title,
    ok: steps.every(({ differences }) => differences.length === 0),
    missingRules: [...named].filter((id) => !rules.has(id)).sort(),
    steps,
  };
}

function stepReport(played: PlayedStep): StepReport {
  const { step, decision, changes, shown } = played;
  return {
    at: step.at,
    does: step.does,
    expected: step.expect.open.map(({ rule, severity }) => ({ rule, tier: severity })),
    actual: shown.map(({ key, tier, members, finding }) => ({
      rule: key,
      tier,
      members,
      absorbed: finding.absorbed,
    })),
    closed: changes
      .filter(({ change, episode }) => episode.closed !== undefined || change === 'suppress')
      .map((change) => ({
        rule: change.key,
        how: change.episode.closed?.how ?? 'suppressed',
        ...('reason' in change && { reason: change.reason }),
      })),
    pending: decision.verdicts.flatMap(({ rule, pending }) =>
      pending === undefined ? [] : [{ rule, missing: pending }],
    ),
    suggests: [
      ...new Set(
        shown
          .flatMap(({ finding }) => finding.advice)
          .filter(({ doNotPerform }) => doNotPerform !== true)
          .flatMap(({ suggests }) => suggests),
      ),
    ].sort(),
    notified: changes.filter(({ notify }) => notify).map(({ key }) => key),
    differences: differencesOf(played),
  };
}

function showStory(report: StoryReport, terminal: Terminal): void {
  const { write, paint } = terminal;
  const verdict = report.ok ? paint('green', 'as promised') : paint('red', 'differs');
  write(`${paint('bold', report.story)}  ${verdict}  ${paint('dim', report.title)}`);
  if (report.missingRules.length > 0)
    write(paint('yellow', `  rules that do not exist: ${report.missingRules.join(', ')}`));
  report.steps.forEach((step, index) => {
    showStep(step, index + 1, terminal);
  });
}

function showStep(step: StepReport, number: number, { write, paint, width }: Terminal): void {
  const ok = step.differences.length === 0;
  write(`  ${ok ? paint('green', '✓') : paint('red', '✗')} ${number}. ${paint('dim', step.at)} ${step.does}`);
  const alerts = (list: readonly AlertReport[]) =>
    list
      .map(({ rule, tier }) => `${rule} ${paint(TIER_STYLE[tier as keyof typeof TIER_STYLE], tier)}`)
      .join(', ') || paint('dim', 'none');
  if (ok) {
    write(`       open: ${alerts(step.actual)}`);
    return;
  }
  write(`       expected: ${alerts(step.expected)}`);
  write(`       actual:   ${alerts(step.actual)}`);
  for (const difference of step.differences)
    for (const line of wrap(difference, width - 9)) write(`       ${paint('red', '-')} ${line}`);
}

function showTotal(
  reports: readonly StoryReport[],
  failed: readonly StoryReport[],
  terminal: Terminal,
): void {
  const { write, paint } = terminal;
  const steps = reports.flatMap((report) => report.steps);
  const kept = steps.filter(({ differences }) => differences.length === 0).length;
  write('');
  write(
    paint(
      failed.length === 0 ? 'green' : 'red',
      `${reports.length - failed.length} of ${reports.length} stories as promised, ${kept} of ${steps.length} steps`,
    ),
  );
}
