/** The core on all that lies in fhir-fixtures: what is promised there is what is decided. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Resource } from '@medplum/fhirtypes';
import { chartOf } from '../src/core/chart/chart.ts';
import { decide } from '../src/core/decide.ts';
import type { Episode, EpisodeChange } from '../src/core/decision.ts';
import { beforeStory, FIXTURE_ANCHOR, type Fixture, readFixtures, readStory } from '../src/demo/fixtures.ts';
import { readRuleSet } from '../src/rule-files/read-rule-set.ts';

const ROOT = join(import.meta.dirname, '..');
const FOLDER = join(ROOT, 'fhir-fixtures');
const FIXTURES = readFixtures(FOLDER);
const STORY = readStory(FOLDER, FIXTURES);
const RULES = readRuleSet(join(ROOT, 'rules'));
const EXPECTED = JSON.parse(readFileSync(join(FOLDER, 'expected.json'), 'utf8')) as Record<string, unknown>;
const SYNTHEA_YEAR = new Date('2019-12-01T00:00:00Z'); // when the cohort was generated

const keyOf = (resource: Resource) => `${resource.resourceType}/${resource.id}`;
const shown = ({ rule, tier }: { rule: string; tier: string }) => ({ rule, tier });

function resourcesOf({ bundle }: Fixture): Resource[] {
  return (bundle.entry ?? []).flatMap(({ resource }) => (resource === undefined ? [] : [resource]));
}

function openAfter(open: readonly Episode[], changes: readonly EpisodeChange[]): Episode[] {
  const closing = ['resolve', 'withdraw', 'supersede'];
  const kept = open.filter(({ key }) => !changes.some((change) => change.key === key));
  return [
    ...kept,
    ...changes.filter(({ change }) => !closing.includes(change)).map(({ episode }) => episode),
  ];
}

describe('the synthetic patients', () => {
  it.each(FIXTURES.map((fixture) => [fixture.name, fixture] as const))(
    '%s raises what is promised',
    async (name, fixture) => {
      const { findings, verdicts } = await decide(chartOf(resourcesOf(fixture)), RULES, FIXTURE_ANCHOR, []);
      expect(findings.map(shown)).toEqual(EXPECTED[name]);
      expect(verdicts.filter(({ verdict }) => verdict === 'error')).toEqual([]);
    },
  );
});

describe('the demo story', () => {
  const onServer = new Map(
    beforeStory(FIXTURES, STORY).map((fixture) => [
      fixture.name,
      new Map(resourcesOf(fixture).map((resource) => [keyOf(resource), resource])),
    ]),
  );
  const open = new Map<string, Episode[]>();

  it.each(STORY.steps.map((step, at) => [step.says, step, at] as const))('%s', async (_, step, at) => {
    const chart = onServer.get(step.patient) ?? new Map<string, Resource>();
    for (const resource of step.put)
      chart.set(keyOf(resource), {
        ...resource,
        meta: { versionId: String(at), lastUpdated: FIXTURE_ANCHOR.toISOString() },
      });
    const now = new Date(FIXTURE_ANCHOR.getTime() + step.atSeconds * 1000);
    const before = open.get(step.patient) ?? [];
    const { episodeChanges } = await decide(chartOf(chart.values()), RULES, now, before);
    const after = openAfter(before, episodeChanges);
    open.set(step.patient, after);
    expect(after.map(shown)).toEqual(step.open);
    const changed = episodeChanges.map(({ change }) => change).filter((change) => change !== 'supersede');
    expect(changed).toEqual(step.change === 'none' ? [] : [step.change]);
  });
});

describe('the Synthea cohort', () => {
  it('is decided without an error in any rule', async () => {
    const byPatient = new Map<string, Resource[]>();
    for (const type of ['Patient', 'Condition', 'Observation', 'MedicationRequest', 'Procedure'])
      for (const line of readFileSync(join(FOLDER, 'synthea', `${type}.ndjson`), 'utf8')
        .trimEnd()
        .split('\n')) {
        const resource = JSON.parse(line) as Resource & { subject?: { reference: string } };
        const patient = resource.subject?.reference ?? keyOf(resource);
        byPatient.set(patient, [...(byPatient.get(patient) ?? []), resource]);
      }
    expect(byPatient.size).toBe(12);
    for (const resources of byPatient.values()) {
      const { verdicts } = await decide(chartOf(resources), RULES, SYNTHEA_YEAR, []);
      expect(verdicts.filter(({ verdict }) => verdict === 'error')).toEqual([]);
    }
  });
});
