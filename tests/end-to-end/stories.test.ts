/**
 * The stories over real HTTP: the hospital's server pushes, the service reads, decides, writes back; and the clock
 * of both is the story's.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Resource } from '@medplum/fhirtypes';
import { CATALOGUE_REASON_SYSTEM } from '../../src/answers/override-reasons.ts';
import type { EpisodeChange } from '../../src/core/decision.ts';
import { loadDefinitions } from '../../src/sandbox/definitions.ts';
import { episodesOf } from '../../src/store/episode.ts';
import { differencesOf } from '../../src/stories/compare-step.ts';
import { isAbout, type PlayedStep } from '../../src/stories/play-story.ts';
import { readStories } from '../../src/stories/read-story.ts';
import type { Story, StoryFeedback, StoryStep } from '../../src/stories/story.ts';
import type { ConnectionId, PatientId } from '../../src/vocabulary/ids.ts';
import { Hospital } from './hospital.ts';

const WARD = 'ward' as ConnectionId;
const CRITERIA = [
  'Patient',
  'Observation',
  'Condition',
  'MedicationRequest',
  'MedicationStatement',
  'QuestionnaireResponse',
  'CarePlan?status=active',
  'DiagnosticReport',
];
/** The hospital of these tests keeps London time. */
const STORIES = readStories(join(import.meta.dirname, '../../fhir-fixtures/stories')).filter(
  ({ settings }) => settings.homeTimeZone === 'Europe/London',
);

describe('over HTTP', () => {
  let hospital: Hospital;
  let clock = new Date();
  beforeAll(async () => {
    loadDefinitions();
    hospital = await Hospital.open({ now: () => clock, criteria: CRITERIA });
  });
  afterAll(() => hospital[Symbol.asyncDispose]());

  async function play(story: Story): Promise<string[]> {
    const patientId = story.patient.id as PatientId;
    const versions = new Map<string, number>();
    const differences: string[] = [];
    clock = new Date(Date.parse(story.steps[0]?.at ?? '') - 60_000);
    await hospital.put(story.patient);
    await hospital.settled();
    for (const step of story.steps) {
      clock = new Date(step.at);
      const played = await playStep(step, patientId, versions);
      differences.push(...differencesOf(played).map((difference) => `${step.at}: ${difference}`));
    }
    return differences;
  }

  async function playStep(
    step: StoryStep,
    patientId: PatientId,
    versions: Map<string, number>,
  ): Promise<PlayedStep> {
    const seen = hospital.evaluated.length;
    const answered: EpisodeChange[] = [];
    await arrive(step.push, versions);
    for (const reference of step.delete) {
      const [type = '', id = ''] = reference.split('/');
      await hospital.remove(type, id);
    }
    await hospital.settled();
    for (const feedback of step.feedback) answered.push(...(await answer(feedback, patientId)));
    await hospital.running.lookAgain();
    await hospital.settled();
    const evaluations = hospital.evaluated.slice(seen).filter((one) => one.patientId === patientId);
    const decision = evaluations.at(-1)?.decision ?? latest(patientId);
    const shown = (await stored(patientId))
      .filter(({ state, episode }) => state === 'open' && episode.suppression === undefined)
      .map(({ episode }) => episode);
    const changes = [...evaluations.flatMap((one) => one.decision.episodeChanges), ...answered];
    return { step, decision, changes, shown, trouble: await atTarget(patientId) };
  }

  /** What belongs together is written together; an older or repeated version is only a push that comes late. */
  async function arrive(resources: readonly Resource[], versions: Map<string, number>): Promise<void> {
    const news: Resource[] = [];
    for (const resource of resources) {
      const reference = `${resource.resourceType}/${resource.id}`;
      const version = Number(resource.meta?.versionId ?? 1);
      if (version <= (versions.get(reference) ?? 0)) await hospital.push(resource);
      else news.push(resource);
      versions.set(reference, Math.max(version, versions.get(reference) ?? 0));
    }
    if (news.length > 0) await hospital.putTogether(news);
  }

  function latest(patientId: PatientId) {
    const last = hospital.evaluated.filter((one) => one.patientId === patientId).at(-1);
    if (last === undefined) throw new Error(`${patientId} was never evaluated`);
    return last.decision;
  }

  const stored = (patientId: PatientId) => episodesOf(hospital.running.store.db, WARD, patientId);

  async function answer(feedback: StoryFeedback, patientId: PatientId): Promise<EpisodeChange[]> {
    const alert = (await stored(patientId)).find(
      ({ state, episode }) => state === 'open' && isAbout(episode, feedback.rule),
    );
    if (alert === undefined) throw new Error(`${feedback.rule} is answered and is not open`);
    const recorded = await hospital.running.answer({
      connectionId: WARD,
      alertId: alert.alertId,
      channel: 'card',
      at: new Date(feedback.outcomeTimestamp ?? clock),
      receivedAt: clock,
      answer:
        feedback.outcome === 'accepted'
          ? { outcome: 'accepted', options: [] }
          : {
              outcome: 'overridden',
              reason: { system: CATALOGUE_REASON_SYSTEM, code: feedback.catalogueReason ?? 'no-reason' },
            },
    });
    expect(recorded.outcome).toBe('recorded');
    const { episode } = (await stored(patientId)).find(({ alertId }) => alertId === alert.alertId) ?? alert;
    const change = feedback.outcome === 'accepted' ? 'accept' : 'suppress';
    return [{ change, key: episode.key, episode, notify: false }];
  }

  /** The server holds one open DetectedIssue for each open alert, answered ones included, and no other. */
  async function atTarget(patientId: PatientId): Promise<string[]> {
    const open = (await stored(patientId)).filter(({ state }) => state === 'open');
    const issues = (await hospital.openIssues()).filter(
      ({ patient }) => patient?.reference === `Patient/${patientId}`,
    );
    const titles = (list: (string | undefined)[]) =>
      list
        .map((title) => title ?? 'untitled')
        .sort()
        .join('; ');
    const ours = titles(open.map(({ episode }) => episode.finding.title));
    const theirs = titles(issues.map(({ code }) => code?.text));
    return ours === theirs ? [] : [`the server holds [${theirs}], not [${ours}]`];
  }

  it('are more than twenty', () => expect(STORIES.length).toBeGreaterThan(20));

  it.each(STORIES.map((story) => [story.id, story.title, story] as const))(
    '%s: %s',
    async (_id, _title, story) => {
      expect(await play(story)).toEqual([]);
    },
  );
});
