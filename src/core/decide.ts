/**
 * The core's one entrance: chart -> facts -> verdicts -> findings with advice -> episode changes.
 *
 * Pure: no clock, no randomness, no I/O; the same input gives the same bytes. A promise only because
 * json-rules-engine, which confirms what fired, answers with one.
 */
import type { Chart } from './chart/chart.ts';
import type { Decision, Episode, EpisodeChange } from './decision.ts';
import { changeEpisodes, versionOf } from './episodes/change-episodes.ts';
import { formFacts } from './facts/form-facts.ts';
import { isDeceased } from './facts/patient-facts.ts';
import { formFindings } from './findings/form-findings.ts';
import { judge } from './rules/judge.ts';
import type { RuleSet } from './rules/rule-set.ts';

/** Decides over one chart at one moment, given the patient's open episodes. */
export async function decide(
  chart: Chart,
  ruleSet: RuleSet,
  now: Date,
  open: readonly Episode[],
): Promise<Decision> {
  const patient = `Patient/${chart.patient.id}`;
  const head = { at: now.toISOString(), patient, ruleSet: ruleSet.hash };
  if (isDeceased(chart.patient, ruleSet.settings.homeTimeZone)) {
    return {
      ...head,
      facts: [],
      verdicts: [],
      findings: [],
      evidence: {},
      unrecognised: [],
      dataQuality: [],
      episodeChanges: open.map(closedByDeath),
    };
  }
  const { facts, unrecognised, dataQuality } = formFacts(chart, ruleSet, now);
  const verdicts = await judge(ruleSet.rules, facts, now);
  const findings = formFindings(verdicts, facts, ruleSet, now, open);
  const episodeChanges = changeEpisodes({ chart, facts, findings, open, ruleSet, now });
  const list = [...facts.values()];
  const cited = new Set(list.flatMap((fact) => fact.from));
  const evidence = chart.resources
    .map((resource): [string, string] => [`${resource.resourceType}/${resource.id}`, versionOf(resource)])
    .filter(([reference]) => cited.has(reference));
  return {
    ...head,
    facts: list,
    verdicts,
    findings,
    episodeChanges,
    evidence: Object.fromEntries(evidence),
    unrecognised,
    dataQuality,
  };
}

/** A patient died: what is open closes silently. Source: foundations 6 and 7. */
function closedByDeath(episode: Episode): EpisodeChange {
  return { change: 'supersede', key: episode.key, episode, reason: 'no longer evaluated', notify: false };
}
