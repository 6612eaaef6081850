/**
 * Plays a story through the core with the story's own clock: no server, no queue, no machine time.
 *
 * The list of episodes is kept in memory exactly as the store keeps it.
 */
import type { Resource } from '@medplum/fhirtypes';
import { chartOf } from '../core/chart/chart.ts';
import { decide } from '../core/decide.ts';
import type { Decision, Episode, EpisodeChange } from '../core/decision.ts';
import { accept, suppress } from '../core/episodes/suppression.ts';
import type { FactSettings } from '../core/facts/settings.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import type { Story, StoryFeedback, StoryStep } from './story.ts';

/** What one step led to. */
export interface PlayedStep {
  readonly step: StoryStep;
  /** Of the last evaluation of the step. */
  readonly decision: Decision;
  readonly changes: readonly EpisodeChange[];
  /** Alerts shown to the team afterwards. */
  readonly shown: readonly Episode[];
  /** Trouble of the story itself: an answer to an alert that is not open, a list that does not come to rest. */
  readonly trouble: readonly string[];
}

const MOST_EVALUATIONS = 5; // a decision on an unchanged chart comes to rest at the second

/** Every step in order. @param ruleSetFor the rule set with the settings of the story. */
export async function playStory(
  story: Story,
  ruleSetFor: (settings: Partial<FactSettings>) => RuleSet,
): Promise<PlayedStep[]> {
  const ruleSet = ruleSetFor(story.settings);
  const server = new Server(story.patient);
  const alerts = new Alerts();
  const played: PlayedStep[] = [];
  for (const step of story.steps) {
    const now = new Date(step.at);
    for (const resource of step.push) server.push(resource);
    for (const reference of step.delete) server.delete(reference);
    const answered = step.feedback.map((feedback) => alerts.answer(feedback, now));
    const changes = answered.flatMap(({ change }) => change ?? []);
    const trouble = answered.flatMap(({ trouble: words }) => words ?? []);
    let decision = await decide(server.chart(), ruleSet, now, alerts.all());
    for (let evaluations = 1; decision.episodeChanges.length > 0; evaluations++) {
      changes.push(...alerts.apply(decision.episodeChanges));
      if (evaluations === MOST_EVALUATIONS) {
        trouble.push('the alerts do not come to rest');
        break;
      }
      decision = await decide(server.chart(), ruleSet, now, alerts.all());
    }
    played.push({ step, decision, changes, shown: alerts.shown(), trouble });
  }
  return played;
}

/** The FHIR server of the story: the newest version of each resource, and what was deleted. */
class Server {
  readonly #versions: Resource[];
  readonly #deleted = new Set<string>();

  constructor(patient: Resource) {
    this.#versions = [patient];
  }

  /** A version that arrives late is kept too; the chart takes the newest. */
  push(resource: Resource): void {
    this.#versions.push(resource);
  }

  delete(reference: string): void {
    this.#deleted.add(reference);
  }

  chart() {
    const seen = this.#versions.filter(({ resourceType, id }) => !this.#deleted.has(`${resourceType}/${id}`));
    return chartOf(seen, this.#deleted);
  }
}

interface Answered {
  readonly change?: EpisodeChange;
  readonly trouble?: string;
}

/** Episodes as the store keeps them: numbered per key, at most one open. */
class Alerts {
  #episodes: readonly Episode[] = [];

  all(): readonly Episode[] {
    return this.#episodes;
  }

  shown(): Episode[] {
    return this.#episodes.filter(
      ({ closed, suppression }) => closed === undefined && suppression === undefined,
    );
  }

  /** The changes with the numbers that the store would give. */
  apply(changes: readonly EpisodeChange[]): EpisodeChange[] {
    const numbered = changes.map((change) => {
      if (change.change !== 'raise') return change;
      const number = 1 + Math.max(0, ...this.#of(change.key).map((episode) => episode.number));
      return { ...change, episode: { ...change.episode, number } };
    });
    for (const { episode } of numbered) this.#put(episode);
    return numbered;
  }

  answer(feedback: StoryFeedback, now: Date): Answered {
    const episode = this.shown().find((one) => isAbout(one, feedback.rule));
    if (episode === undefined) return { trouble: `${feedback.rule} is answered and is not open` };
    const at = feedback.outcomeTimestamp === undefined ? now : new Date(feedback.outcomeTimestamp);
    const change =
      feedback.outcome === 'accepted'
        ? accept(episode, at)
        : suppress(episode, { reason: feedback.catalogueReason ?? 'no-reason', at });
    this.#put(change.episode);
    return { change };
  }

  #of(key: string): Episode[] {
    return this.#episodes.filter((episode) => episode.key === key);
  }

  #put(episode: Episode): void {
    const others = this.#episodes.filter(
      ({ key, number }) => key !== episode.key || number !== episode.number,
    );
    this.#episodes = [...others, episode];
  }
}

/** Is the alert called by this id: its key, its leading rule or a member? */
export function isAbout({ key, rule, members }: Episode, id: string): boolean {
  return key === id || rule === id || members.includes(id);
}
