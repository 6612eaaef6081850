/**
 * What a step promised against what it led to, in words.
 */
import type { Episode, EpisodeChange, Verdict } from '../core/decision.ts';
import { isAbout, type PlayedStep } from './play-story.ts';
import type { Expectation } from './story.ts';

/** Differences, in words; none when the step is as promised. */
export function differencesOf({ step, decision, changes, shown, trouble }: PlayedStep): string[] {
  const { expect } = step;
  return [
    ...trouble,
    ...openDifferences(expect.open, shown),
    ...expect.absorbed.flatMap((rule) => absorbedDifference(rule, decision.verdicts, shown)),
    ...expect.closed.flatMap((closed) => closedDifference(closed, changes)),
    ...expect.pending.flatMap((pending) => pendingDifference(pending, decision.verdicts)),
    ...suggestionDifferences(expect, shown),
    ...decision.verdicts
      .filter(({ verdict }) => verdict === 'error')
      .map(({ rule, error }) => `${rule} failed: ${error ?? 'no reason'}`),
  ];
}

/** Rules that the story speaks of and that are in no rule set; their promises can not be kept. */
export function rulesNamed(expect: Expectation): string[] {
  const open = expect.open.flatMap(({ rule, members = [] }) => [rule, ...members]);
  const others = [...expect.closed, ...expect.pending].map(({ rule }) => rule);
  return [...new Set([...open, ...expect.absorbed, ...others])].filter((id) => !id.startsWith('g-'));
}

type OpenAlert = Expectation['open'][number];

/** Exactly these are open: each promise finds one alert of its tier, and no alert is left over. */
function openDifferences(expected: readonly OpenAlert[], shown: readonly Episode[]): string[] {
  const left = new Set(shown);
  const differences: string[] = [];
  for (const alert of expected) {
    const names = [alert.rule, ...(alert.group === undefined ? [] : [alert.group]), ...(alert.members ?? [])];
    const found = [...left].find((episode) => names.some((name) => isAbout(episode, name)));
    if (found === undefined) {
      differences.push(`${alert.rule} is not open (${alert.severity})`);
      continue;
    }
    left.delete(found);
    if (found.tier !== alert.severity)
      differences.push(`${alert.rule} is ${found.tier}, not ${alert.severity}`);
    const behind = [...found.members, ...found.finding.absorbed];
    for (const member of alert.members ?? [])
      if (!behind.includes(member)) differences.push(`${member} is not behind ${found.key}`);
  }
  return [...differences, ...[...left].map(({ key, tier }) => `${key} is open (${tier}), and should not be`)];
}

function absorbedDifference(rule: string, verdicts: readonly Verdict[], shown: readonly Episode[]): string[] {
  const verdict = verdicts.find((candidate) => candidate.rule === rule);
  if (verdict?.verdict !== 'fired') return [`${rule} does not fire: ${verdict?.verdict ?? 'no such rule'}`];
  return shown.some(({ key }) => key === rule) ? [`${rule} is an alert of its own`] : [];
}

const CLOSED_BY = {
  resolved: 'resolve',
  'entered-in-error': 'withdraw',
  suppressed: 'suppress',
} as const satisfies Record<Expectation['closed'][number]['how'], EpisodeChange['change']>;

function closedDifference(
  { rule, how }: Expectation['closed'][number],
  changes: readonly EpisodeChange[],
): string[] {
  const closings = changes.filter(({ episode }) => isAbout(episode, rule));
  if (closings.some(({ change }) => change === CLOSED_BY[how])) return [];
  return [
    `${rule} is not closed as ${how}; it saw ${closings.map(({ change }) => change).join(', ') || 'no change'}`,
  ];
}

/** The named fact as a fact id; in words only that the rule waits is compared. */
function pendingDifference(
  { rule, missing }: Expectation['pending'][number],
  verdicts: readonly Verdict[],
): string[] {
  const verdict = verdicts.find((candidate) => candidate.rule === rule);
  const waits = [verdict?.pending ?? [], verdict?.missing ?? []].flat();
  const isFactId = /^[a-z0-9.-]+$/.test(missing);
  if (isFactId ? waits.includes(missing) : waits.length > 0) return [];
  return [
    `${rule} does not wait for ${missing}; it is ${verdict?.verdict ?? 'no rule'}, missing ${waits.join(', ') || 'nothing'}`,
  ];
}

function suggestionDifferences(expect: Expectation, shown: readonly Episode[]): string[] {
  const said = new Set(
    shown
      .flatMap(({ finding }) => finding.advice)
      .filter(({ doNotPerform }) => doNotPerform !== true)
      .flatMap(({ suggests }) => suggests),
  );
  return [
    ...expect.mustSuggest.filter((kind) => !said.has(kind)).map((kind) => `${kind} is not suggested`),
    ...expect.mustNotSuggest.filter((kind) => said.has(kind)).map((kind) => `${kind} is suggested`),
  ];
}
