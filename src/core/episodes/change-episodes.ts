/**
 * What an evaluation does to the open episodes of its patient.
 *
 * States: open (perhaps stale) until resolved by data, withdrawn because its evidence was void, or
 * superseded because another finding took it over. A closed episode stays closed; the same problem later
 * is a new episode. Source: clinical foundations 6 and resolutions 1 to 10.
 */
import type { Resource } from '@medplum/fhirtypes';
import { canonicalJson } from '../../vocabulary/canonical-json.ts';
import { DAY } from '../../vocabulary/instant.ts';
import type { Chart } from '../chart/chart.ts';
import { type Episode, type EpisodeChange, type Finding, TIERS } from '../decision.ts';
import { type FactId, type Facts, factOf } from '../facts/fact.ts';
import { allClauses, reasonsFor } from '../rules/explain.ts';
import type { RuleSet } from '../rules/rule-set.ts';

export interface EpisodeInputs {
  readonly chart: Chart;
  readonly facts: Facts;
  readonly findings: readonly Finding[];
  readonly open: readonly Episode[];
  readonly ruleSet: RuleSet;
  readonly now: Date;
}

/** Changes in the order of findings, then of closed keys; nothing when nothing changed. */
export function changeEpisodes(inputs: EpisodeInputs): EpisodeChange[] {
  const { findings, open } = inputs;
  const byKey = new Map(open.map((episode) => [episode.key, episode]));
  const shown = findings.flatMap((finding) => {
    const episode = byKey.get(finding.key);
    return episode === undefined ? [raise(finding, inputs)] : keepUp(episode, finding, inputs);
  });
  const keys = new Set(findings.map((finding) => finding.key));
  const gone = open.filter((episode) => !keys.has(episode.key)).sort((a, b) => (a.key < b.key ? -1 : 1));
  return [...shown, ...gone.flatMap((episode) => letGo(episode, inputs))];
}

function raise(finding: Finding, inputs: EpisodeInputs): EpisodeChange {
  const episode: Episode = {
    key: finding.key,
    number: 1, // the store counts on from the last episode of this key
    rule: finding.rule,
    members: finding.members,
    tier: finding.tier,
    raisedAt: inputs.now.toISOString(),
    finding,
    ...seenNow(finding, inputs),
  };
  return { change: 'raise', key: finding.key, episode, notify: true };
}

/** The problem is still there: the same, worse, better, or better founded. */
function keepUp(episode: Episode, finding: Finding, inputs: EpisodeInputs): EpisodeChange[] {
  const seen = seenNow(finding, inputs);
  const step = TIERS.indexOf(finding.tier) - TIERS.indexOf(episode.tier);
  const { stale: _stale, lowerSince, ...rest } = episode;
  const fresh = { ...rest, rule: finding.rule, members: finding.members, finding, ...seen };
  if (step > 0)
    return [
      { change: 'escalate', key: episode.key, episode: { ...fresh, tier: finding.tier }, notify: true },
    ];
  if (step < 0) return lower(episode, fresh, inputs);
  const same = saysTheSame(episode, { ...episode, finding, evidence: seen.evidence });
  if (same && episode.stale === undefined && lowerSince === undefined) return [];
  return [{ change: 'update', key: episode.key, episode: fresh, notify: false }];
}

/** A tier falls at the second look with a newer fact, or after 24 h; until then the higher one is shown. */
function lower(episode: Episode, fresh: Episode, { now }: EpisodeInputs): EpisodeChange[] {
  const since = episode.lowerSince;
  const newer = (fresh.latestFactAt ?? '') > (episode.latestFactAt ?? '');
  const settled = since !== undefined && (newer || now.getTime() - Date.parse(since) >= DAY);
  if (settled)
    return [
      {
        change: 'de-escalate',
        key: episode.key,
        episode: fresh.finding.tier === episode.tier ? fresh : { ...fresh, tier: fresh.finding.tier },
        notify: false,
      },
    ];
  const held = {
    ...fresh,
    tier: episode.tier,
    finding: { ...fresh.finding, tier: episode.tier },
    lowerSince: since ?? now.toISOString(),
  };
  const same = since !== undefined && saysTheSame(episode, held);
  return same ? [] : [{ change: 'update', key: episode.key, episode: held, notify: false }];
}

/** Words that count days change by themselves every day: only what they rest on is compared. */
function saysTheSame(a: Episode, b: Episode): boolean {
  const kept = ({ finding, evidence }: Episode): string =>
    canonicalJson([{ ...finding, summary: '', detail: '' }, evidence]);
  return kept(a) === kept(b);
}

/** The problem is not found any more: void, taken over, cleared, grown stale, or simply not clear yet. */
function letGo(episode: Episode, inputs: EpisodeInputs): EpisodeChange[] {
  const { key } = episode;
  const voided = voidEvidence(episode, inputs.chart);
  if (voided !== undefined) return [{ change: 'withdraw', key, episode, reason: voided, notify: false }];
  const taker = inputs.findings.find((finding) =>
    episode.members.some((member) => finding.absorbed.includes(member) || finding.members.includes(member)),
  );
  if (taker !== undefined)
    return [{ change: 'supersede', key, episode, reason: `now shown with: ${taker.title}`, notify: false }];
  const cleared = clearedBy(episode, inputs);
  if (cleared !== undefined)
    return [{ change: 'resolve', key, episode, reason: `resolved by data: ${cleared}`, notify: false }];
  const stopped = stoppedBy(episode, inputs);
  if (stopped !== undefined)
    return [{ change: 'supersede', key, episode, reason: `no longer applies: ${stopped}`, notify: false }];
  if (episode.stale === undefined && hasGrownStale(episode, inputs)) {
    return [{ change: 'stale', key, episode: { ...episode, stale: true }, notify: true }];
  }
  return [];
}

/** Why the evidence no longer stands: withdrawn, deleted or corrected at its source. */
function voidEvidence(episode: Episode, chart: Chart): string | undefined {
  const byReference = new Map(
    chart.resources.map((resource) => [`${resource.resourceType}/${resource.id}`, resource]),
  );
  for (const reference of episode.finding.raisedBy) {
    const resource = byReference.get(reference);
    if (chart.deleted.has(reference)) return 'withdrawn: source result deleted';
    if (resource === undefined) continue;
    const status = statusOf(resource);
    if (status === 'entered-in-error' || status === 'cancelled')
      return 'withdrawn: source result entered in error';
    const corrected = status === 'corrected' || status === 'amended';
    if (corrected && versionOf(resource) !== episode.evidence[reference])
      return 'withdrawn: source result corrected';
  }
  return undefined;
}

function statusOf(resource: Resource): string | undefined {
  if (resource.resourceType === 'Condition' || resource.resourceType === 'AllergyIntolerance')
    return resource.verificationStatus?.coding?.[0]?.code;
  return 'status' in resource ? String(resource.status) : undefined;
}

/** What cleared every rule behind the episode, in words; undefined while one of them is not clear. */
function clearedBy(episode: Episode, { facts, ruleSet, now }: EpisodeInputs): string | undefined {
  const rules = episode.members
    .map((member) => ruleSet.byId.get(member))
    .filter((rule) => rule !== undefined);
  if (!rules.every((rule) => rule.clearsWhen.truth(facts, now) === 'true')) return undefined;
  const reasons = rules.flatMap((rule) => reasonsFor(rule.clearsWhen, facts, now));
  return (
    [...new Set(reasons.map((reason) => `${reason.clause} (${reason.saw})`))].join('; ') ||
    'the rule is no longer in use'
  );
}

/** What rules every member out, in words: another rule takes over from here (resolution 4). */
function stoppedBy(episode: Episode, { facts, ruleSet, now }: EpisodeInputs): string | undefined {
  const reasons = episode.members.map((member) => {
    const { notWhen } = ruleSet.byId.get(member) ?? {};
    return notWhen?.truth(facts, now) === 'true' ? reasonsFor(notWhen, facts, now) : undefined;
  });
  if (reasons.includes(undefined)) return undefined;
  return [...new Set(reasons.flatMap((each) => each ?? []).map((reason) => reason.clause))].join('; ');
}

/** The facts that raised it are too old to answer. */
function hasGrownStale(episode: Episode, { facts, ruleSet }: EpisodeInputs): boolean {
  const rules = episode.members
    .map((member) => ruleSet.byId.get(member))
    .filter((rule) => rule !== undefined);
  const asked = rules.flatMap((rule) => allClauses(rule.firesWhen).map(({ fact }) => factOf(facts, fact)));
  return asked.some(
    (fact) =>
      fact.state === 'unknown' &&
      fact.why === 'stale' &&
      fact.from.some((reference) => episode.finding.raisedBy.includes(reference)),
  );
}

type Seen = Pick<Episode, 'evidence'> & { latestFactAt?: string };

function seenNow(finding: Finding, { chart, facts, ruleSet }: EpisodeInputs): Seen {
  const cited = new Set([...finding.evidence, ...finding.implicated]);
  const versions = chart.resources
    .map((resource): [string, string] => [`${resource.resourceType}/${resource.id}`, versionOf(resource)])
    .filter(([reference]) => cited.has(reference));
  const latest = latestFact(finding, facts, ruleSet);
  return {
    evidence: Object.fromEntries(versions),
    ...(latest === undefined ? {} : { latestFactAt: latest }),
  };
}

function latestFact(finding: Finding, facts: Facts, ruleSet: RuleSet): string | undefined {
  const ids: FactId[] = finding.members.flatMap((member) => {
    const rule = ruleSet.byId.get(member);
    return rule === undefined ? [] : allClauses(rule.firesWhen).map(({ fact }) => fact);
  });
  const times = ids.map((id) => factOf(facts, id).at?.toISOString()).filter((time) => time !== undefined);
  return times.sort().at(-1);
}

export function versionOf(resource: Resource): string {
  return resource.meta?.versionId ?? resource.meta?.lastUpdated ?? '';
}
