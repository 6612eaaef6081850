/**
 * What an evaluation does to the open episodes of its patient.
 *
 * States: open (perhaps stale) until resolved by data, withdrawn because its evidence was void, or
 * superseded because another finding took it over. An answer may suppress it meanwhile. A closed episode
 * stays closed; the same problem later is a new episode. Source: clinical foundations 6 and resolutions 1 to 10.
 */
import type { Resource } from '@medplum/fhirtypes';
import { canonicalJson } from '../../vocabulary/canonical-json.ts';
import { DAY, HOUR } from '../../vocabulary/instant.ts';
import type { Chart } from '../chart/chart.ts';
import { type Episode, type EpisodeChange, type Finding, TIERS } from '../decision.ts';
import { type FactId, type Facts, factOf } from '../facts/fact.ts';
import { allClauses, reasonsFor } from '../rules/explain.ts';
import type { RuleSet } from '../rules/rule-set.ts';
import { factInWords } from '../rules/words.ts';
import { basisOf, versionOf, versionsOf } from './basis.ts';
import { asRecurring, isQuiet, recurrence } from './recurrence.ts';
import { securityLabelsOf } from './security-labels.ts';
import { brokenBy } from './suppression.ts';

export interface EpisodeInputs {
  readonly chart: Chart;
  readonly facts: Facts;
  readonly findings: readonly Finding[];
  /** Why a finding of this key is shown to nobody, where that is so. */
  readonly held?: ReadonlyMap<string, string | undefined>;
  /** Open ones, suppressed ones included; of closed ones those of the last half year, for what recurs. */
  readonly episodes: readonly Episode[];
  readonly ruleSet: RuleSet;
  readonly now: Date;
}

const REPEAT_CRITICAL = 4 * HOUR; // foundations 6 and 10, criticalRepeatHours

/** Changes in the order of findings, then of closed keys; nothing when nothing changed. */
export function changeEpisodes(inputs: EpisodeInputs): EpisodeChange[] {
  const { findings, now } = inputs;
  const open = inputs.episodes.filter((episode) => episode.closed === undefined);
  const byKey = new Map(open.map((episode) => [episode.key, episode]));
  const shown = findings.flatMap((finding) => {
    const episode = byKey.get(finding.key);
    if (episode === undefined) return [raise(finding, inputs)];
    const next = keepUp(episode, asRecurring(finding, episode.recurs), inputs);
    return underAnswer(episode, next, now);
  });
  const keys = new Set(findings.map((finding) => finding.key));
  const gone = open.filter((episode) => !keys.has(episode.key)).sort((a, b) => (a.key < b.key ? -1 : 1));
  return [...shown, ...gone.flatMap((episode) => letGo(episode, inputs))];
}

/** A closing change: the episode is marked, and stays as it was last shown. */
export function close(
  episode: Episode,
  change: 'resolve' | 'withdraw' | 'supersede',
  reason: string,
  now: Date,
): EpisodeChange {
  const how = HOW_CLOSED[change];
  return {
    change,
    key: episode.key,
    episode: { ...episode, closed: { at: now.toISOString(), how } },
    reason,
    notify: change === 'withdraw' && episode.acceptedAt !== undefined,
  };
}

const HOW_CLOSED = { resolve: 'resolved', withdraw: 'withdrawn', supersede: 'superseded' } as const;

function raise(found: Finding, inputs: EpisodeInputs): EpisodeChange {
  const { episodes, now } = inputs;
  const { key } = found;
  const recurs = recurrence(key, episodes, now);
  const finding = asRecurring(found, recurs);
  const episode: Episode = {
    key,
    number: 1, // the store counts on from the last episode of this key
    rule: finding.rule,
    members: finding.members,
    tier: finding.tier,
    raisedAt: now.toISOString(),
    finding,
    ...(recurs && { recurs }),
    ...seenNow(finding, inputs),
  };
  return { change: 'raise', key, episode, notify: !isQuiet(key, finding.tier, episodes, now) };
}

/** The problem is still there: the same, worse, better, or better founded. */
function keepUp(episode: Episode, finding: Finding, inputs: EpisodeInputs): EpisodeChange[] {
  const seen = seenNow(finding, inputs);
  const step = TIERS.indexOf(finding.tier) - TIERS.indexOf(episode.tier);
  const { stale: _stale, lowerSince, security: _security, ...rest } = episode;
  const fresh = { ...rest, rule: finding.rule, members: finding.members, finding, ...seen };
  const { key } = episode;
  if (step > 0) return [{ change: 'escalate', key, episode: { ...fresh, tier: finding.tier }, notify: true }];
  if (step < 0) return lower(episode, fresh, inputs);
  const same = saysTheSame(episode, fresh);
  if (same && episode.stale === undefined && lowerSince === undefined) return [];
  return [{ change: 'update', key, episode: fresh, notify: false }];
}

/**
 * What an answer makes of a change: a suppressed alert changes silently until its suppression is broken,
 * and a critical alert that nobody answered is told again.
 */
function underAnswer(before: Episode, changes: EpisodeChange[], now: Date): EpisodeChange[] {
  const [change] = changes;
  const episode = change?.episode ?? before;
  const { suppression, ...shown } = episode;
  if (suppression === undefined) return repeated(episode, changes, now);
  if (brokenBy(suppression, episode, now) === undefined)
    return change === undefined ? [] : [{ ...change, notify: false }];
  const told = { ...shown, notifiedAt: now.toISOString() };
  if (change?.change === 'escalate') return [{ ...change, episode: told }];
  return [{ change: 'unsuppress', key: before.key, episode: told, notify: true }];
}

function repeated(episode: Episode, changes: EpisodeChange[], now: Date): EpisodeChange[] {
  const [change] = changes;
  const notifiedAt = now.toISOString();
  if (change?.change === 'escalate') return [{ ...change, episode: { ...episode, notifiedAt } }];
  const last = Date.parse(episode.notifiedAt ?? episode.raisedAt);
  const isDue =
    episode.tier === 'critical' &&
    episode.acceptedAt === undefined &&
    now.getTime() - last >= REPEAT_CRITICAL;
  if (!isDue) return changes;
  return [{ change: 'update', key: episode.key, episode: { ...episode, notifiedAt }, notify: true }];
}

/** A tier falls at the second look with a newer fact, or after 24 h; until then the higher one is shown. */
function lower(episode: Episode, fresh: Episode, { now }: EpisodeInputs): EpisodeChange[] {
  const { key } = episode;
  const since = episode.lowerSince;
  const newer = (fresh.latestFactAt ?? '') > (episode.latestFactAt ?? '');
  const settled = since !== undefined && (newer || now.getTime() - Date.parse(since) >= DAY);
  if (settled)
    return [{ change: 'de-escalate', key, episode: { ...fresh, tier: fresh.finding.tier }, notify: false }];
  const held = {
    ...fresh,
    tier: episode.tier,
    finding: { ...fresh.finding, tier: episode.tier },
    lowerSince: since ?? now.toISOString(),
  };
  const same = since !== undefined && saysTheSame(episode, held);
  return same ? [] : [{ change: 'update', key, episode: held, notify: false }];
}

/** Words that count days change by themselves every day: only what they rest on is compared. */
function saysTheSame(a: Episode, b: Episode): boolean {
  const kept = ({ finding, evidence, security = [] }: Episode): string =>
    canonicalJson([{ ...finding, summary: '', detail: '' }, evidence, security]);
  return kept(a) === kept(b);
}

/** The problem is not found any more: void, taken over, cleared, grown stale, or simply not clear yet. */
function letGo(episode: Episode, inputs: EpisodeInputs): EpisodeChange[] {
  const { key } = episode;
  const { now } = inputs;
  const voided = voidEvidence(episode, inputs.chart);
  if (voided !== undefined) return [close(episode, 'withdraw', voided, now)];
  const held = inputs.held?.get(key);
  if (held !== undefined) return [close(episode, 'supersede', held, now)];
  const taker = inputs.findings.find((finding) =>
    episode.members.some((member) => finding.absorbed.includes(member) || finding.members.includes(member)),
  );
  if (taker !== undefined) return [close(episode, 'supersede', `now shown with: ${taker.title}`, now)];
  const cleared = clearedBy(episode, inputs);
  if (cleared !== undefined) return [close(episode, 'resolve', `resolved by data: ${cleared}`, now)];
  const instead = shownInstead(episode, inputs);
  if (instead !== undefined) return [close(episode, 'supersede', `now shown instead: ${instead.title}`, now)];
  const stale: EpisodeChange[] =
    episode.stale === undefined && hasGrownStale(episode, inputs)
      ? [{ change: 'stale', key, episode: { ...episode, stale: true }, notify: true }]
      : [];
  return episode.suppression === undefined ? stale : underAnswer(episode, stale, now);
}

/** Why the evidence no longer stands: withdrawn, deleted or corrected at its source. */
function voidEvidence(episode: Episode, chart: Chart): string | undefined {
  for (const reference of episode.finding.raisedBy) {
    const resource = chart.byReference.get(reference);
    if (chart.deleted.has(reference)) return 'withdrawn: source result deleted';
    if (chart.moved.has(reference)) return 'withdrawn: source result is of another patient';
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
    [...new Set(reasons.map(({ fact, saw }) => `${factInWords(fact)}: ${saw}`))].join('; ') ||
    'the rule is no longer in use'
  );
}

/**
 * The finding that rests on what excludes every rule behind the episode: a swollen leg ends the alert on cramps
 * and raises the one on clots. An exclusion that no finding takes up closes nothing. Source: resolution 4.
 */
function shownInstead(
  episode: Episode,
  { facts, findings, ruleSet, now }: EpisodeInputs,
): Finding | undefined {
  const exclusions = episode.members.flatMap((member) => ruleSet.byId.get(member)?.notWhen ?? []);
  const excluded = exclusions.length > 0 && exclusions.every(({ truth }) => truth(facts, now) === 'true');
  if (!excluded || exclusions.length < episode.members.length) return undefined;
  const by = new Set(
    exclusions.flatMap((exclusion) => reasonsFor(exclusion, facts, now).map(({ fact }) => fact)),
  );
  return findings.find(({ members, absorbed }) =>
    [...members, ...absorbed]
      .flatMap((id) => ruleSet.byId.get(id) ?? [])
      .some((rule) => reasonsFor(rule.firesWhen, facts, now).some(({ fact }) => by.has(fact))),
  );
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

type Seen = Pick<Episode, 'evidence' | 'security' | 'latestFactAt' | 'basis'>;

function seenNow(finding: Finding, inputs: EpisodeInputs): Seen {
  const { chart, facts, ruleSet } = inputs;
  const cited = new Set([...finding.evidence, ...finding.implicated]);
  const latest = latestFact(finding, facts, ruleSet);
  const security = securityLabelsOf([
    chart.patient,
    ...[...cited].sort().flatMap((one) => chart.byReference.get(one) ?? []),
  ]);
  return {
    evidence: versionsOf(cited, chart),
    ...(security.length > 0 && { security }),
    ...(latest === undefined ? {} : { latestFactAt: latest }),
    basis: basisOf(finding, inputs),
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
