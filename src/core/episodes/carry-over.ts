/**
 * What clinicians answered about a record that was merged into another holds for the same problem there.
 *
 * It holds as long as it would have held: a higher tier, a newer value, another dosage break it at once.
 */
import type { Episode, EpisodeChange } from '../decision.ts';
import { brokenBy } from './suppression.ts';

export type Answered = Pick<Episode, 'acceptedAt' | 'suppression' | 'mitigation'>;

/** The answers of an episode; undefined when nobody answered. */
export function answeredIn({ acceptedAt, suppression, mitigation }: Episode): Answered | undefined {
  if (acceptedAt === undefined && suppression === undefined) return undefined;
  return {
    ...(acceptedAt && { acceptedAt }),
    ...(suppression && { suppression }),
    ...(mitigation && { mitigation }),
  };
}

/** An open alert that nobody answered, under the answers given elsewhere; undefined when none of them holds. */
export function underAnswers(episode: Episode, answered: Answered, now: Date): EpisodeChange | undefined {
  if (answeredIn(episode) !== undefined) return undefined;
  const { suppression, ...others } = answered;
  const { key } = episode;
  if (suppression !== undefined && brokenBy(suppression, episode, now) === undefined)
    return { change: 'suppress', key, episode: { ...episode, ...answered }, notify: false };
  if (others.acceptedAt === undefined) return undefined;
  return { change: 'accept', key, episode: { ...episode, ...others }, notify: false };
}
