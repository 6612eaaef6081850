/**
 * What a merge of two patient records does to what we keep about them.
 *
 * The open alerts of the retired record end, as the core decides; nothing is moved on the server, that is the
 * hospital's. The record that stays is evaluated with what the server now has under it. An answer that a
 * clinician gave about the retired record holds for the same problem there, at once for an alert that is open,
 * else for the first one that is raised after the merge.
 */
import type { Decision, Episode, EpisodeChange } from '../core/decision.ts';
import { type Answered, answeredIn, underAnswers } from '../core/episodes/carry-over.ts';
import { oweDelivery } from '../store/delivery.ts';
import { applyChanges, episodesOf } from '../store/episode.ts';
import { episodesMergedInto, rememberMerge } from '../store/merged-patient.ts';
import { dueNow } from '../store/store.ts';
import type { Trx } from '../store/tables.ts';
import type { ConnectionId, PatientId } from '../vocabulary/ids.ts';
import type { EvaluationParts } from './evaluate.ts';

interface Merge {
  readonly connectionId: ConnectionId;
  readonly retired: PatientId;
  readonly into: PatientId;
  /** Of the retired record: its open alerts have just ended. */
  readonly decision: Decision;
}

/** In the transaction that ended the alerts of the retired record. */
export async function mergeInto(trx: Trx, merge: Merge, parts: EvaluationParts): Promise<void> {
  const { connectionId, retired, into, decision } = merge;
  const before = await episodesMergedInto(trx, connectionId, retired); // a merge of a merge
  const answered = new Map(
    [...before.reverse(), ...decision.episodeChanges].flatMap(({ episode }) => {
      const answers = answeredIn(episode);
      return answers === undefined ? [] : [[episode.key, answers] as const];
    }),
  );
  if (answered.size > 0) await answerOpen(trx, merge, answered, parts);
  await rememberMerge(trx, connectionId, { retired, into, at: decision.at });
  await parts.store.due.mark(trx, [dueNow({ connectionId, patientId: into })]);
}

async function answerOpen(
  trx: Trx,
  { connectionId, into, decision }: Merge,
  answered: ReadonlyMap<string, Answered>,
  { owe, ruleSet, store }: EvaluationParts,
): Promise<void> {
  const open = (await episodesOf(trx, connectionId, into)).filter(({ state }) => state === 'open');
  const changes = open.flatMap(({ episode }) => {
    const answers = answered.get(episode.key);
    return (answers && underAnswers(episode, answers, new Date(decision.at))) ?? [];
  });
  await applyChanges(trx, connectionId, into, changes, decision.at);
  const written = changes.filter(({ episode }) => episode.mitigation !== undefined);
  for (const change of written) {
    const version = ruleSet.byId.get(change.episode.rule)?.file.version;
    const verdicts = version === undefined ? [] : [{ rule: change.episode.rule, version }];
    await oweDelivery(
      trx,
      owe({ connectionId, patientId: into, change, decision: { at: decision.at, verdicts } }),
    );
  }
  if (written.length > 0) await store.deliver.mark(trx, [dueNow({ connectionId, patientId: into })]);
}

/** Alerts that are raised for the first time since a merge are under the answers given before it. */
export async function carryOver(
  trx: Trx,
  of: { readonly connectionId: ConnectionId; readonly patientId: PatientId; readonly now: Date },
  changes: readonly EpisodeChange[],
  episodes: readonly Episode[],
): Promise<readonly EpisodeChange[]> {
  if (!raisesOne(changes)) return changes;
  const merged = await episodesMergedInto(trx, of.connectionId, of.patientId);
  return changes.map((change) => {
    if (change.change !== 'raise') return change;
    const ended = merged.find(({ episode }) => episode.key === change.key && answeredIn(episode));
    const answers = ended && answeredIn(ended.episode);
    if (ended === undefined || answers === undefined) return change;
    const isFirst = !episodes.some(
      ({ key, raisedAt }) => key === change.key && Date.parse(raisedAt) >= ended.mergedAt.getTime(),
    );
    const under = isFirst ? underAnswers(change.episode, answers, of.now) : undefined;
    if (under === undefined) return change;
    return { ...change, episode: under.episode, notify: change.notify && under.change !== 'suppress' };
  });
}

export function raisesOne(changes: readonly EpisodeChange[]): boolean {
  return changes.some(({ change }) => change === 'raise');
}
