/**
 * The core's one entrance: chart -> facts -> verdicts -> findings with advice -> episode changes.
 *
 * Pure: no clock, no randomness, no I/O; the same input gives the same bytes. A promise only because
 * json-rules-engine, which confirms what fired, answers with one.
 */
import type { Chart } from './chart/chart.ts';
import type { Decision, Episode, Verdict } from './decision.ts';
import { versionsOf } from './episodes/basis.ts';
import { changeEpisodes, close } from './episodes/change-episodes.ts';
import { formFacts } from './facts/form-facts.ts';
import { orphanCodes } from './facts/orphan-codes.ts';
import { isDeceased, isMergedAway } from './facts/patient-facts.ts';
import { formFindings } from './findings/form-findings.ts';
import { heldBack } from './rules/guards.ts';
import { judge, type Whys } from './rules/judge.ts';
import type { RuleSet } from './rules/rule-set.ts';

/**
 * Decides over one chart at one moment.
 *
 * @param episodes the patient's open ones; closed ones of the last half year may be among them, so that a
 *   problem that comes back is known.
 * @param whys `fired` for who asks only what changes: episodes change the same, and much less is said
 */
export async function decide(
  chart: Chart,
  ruleSet: RuleSet,
  now: Date,
  episodes: readonly Episode[],
  whys: Whys = 'all',
): Promise<Decision> {
  const patient = `Patient/${chart.patient.id}`;
  const open = episodes.filter((episode) => episode.closed === undefined);
  const ended = evaluationEnded(chart, ruleSet);
  if (ended !== undefined) return endedDecision({ patient, ruleSet, now }, open, ended);
  const { facts, unrecognised, dataQuality } = formFacts(chart, ruleSet, now);
  const verdicts = await judge(ruleSet.rules, facts, now, whys);
  const all = formFindings(verdicts, facts, ruleSet, now, open);
  const held = new Map([
    ...open.map((episode) => [episode.key, guardOf(episode, verdicts)] as const),
    ...all.map((finding) => [finding.key, heldBack(finding, facts, now)] as const),
  ]);
  const findings = all.filter(({ key }) => held.get(key) === undefined);
  const episodeChanges = changeEpisodes({ chart, facts, findings, held, episodes, ruleSet, now });
  const list = [...facts.values()];
  const cited = new Set(list.flatMap((fact) => fact.from));
  return {
    at: now.toISOString(),
    patient,
    ruleSet: ruleSet.hash,
    facts: list,
    verdicts,
    findings,
    episodeChanges,
    evidence: versionsOf(cited, chart),
    unrecognised,
    orphanCodes: orphanCodes(chart, ruleSet.concepts),
    dataQuality,
  };
}

/** The decision about a patient who is not evaluated any more, with the reason in words. */
export function endedDecision(
  { patient, ruleSet, now }: { readonly patient: string; readonly ruleSet: RuleSet; readonly now: Date },
  open: readonly Episode[],
  why: string,
): Decision {
  return {
    at: now.toISOString(),
    patient,
    ruleSet: ruleSet.hash,
    facts: [],
    verdicts: [],
    findings: [],
    evidence: {},
    unrecognised: [],
    orphanCodes: [],
    dataQuality: [],
    episodeChanges: open.map((episode) => close(episode, 'supersede', why, now)),
  };
}

/** The guard that keeps every rule behind an alert from answering, in words; undefined when one answers. */
function guardOf({ members }: Episode, verdicts: readonly Verdict[]): string | undefined {
  const own = verdicts.filter(({ rule }) => members.includes(rule));
  return own.every(({ guard }) => guard !== undefined) ? own[0]?.guard : undefined;
}

/** Why this patient is not evaluated; what is open closes silently. Source: foundations 6 and 7. */
function evaluationEnded({ patient }: Chart, { settings }: RuleSet): string | undefined {
  if (isDeceased(patient, settings.homeTimeZone)) return 'no longer evaluated';
  return isMergedAway(patient) ? 'the patient record was merged into another' : undefined;
}
