/**
 * The synthetic patients and the story that the demo plays with them.
 *
 * Why: the first run, the tests and a reader of `fhir-fixtures/` see the same patients.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Bundle, BundleEntry, Resource } from '@medplum/fhirtypes';

export { shiftTimes } from './shift-times.ts';

/** The moment at which every fixture is written; shift from here to the time of the run. */
export const FIXTURE_ANCHOR = new Date('2026-05-12T12:00:00Z');

/** One synthetic patient: a transaction Bundle of PUT entries, named by its story. */
export interface Fixture {
  readonly name: string;
  readonly bundle: Bundle;
}

export interface ExpectedAlert {
  readonly rule: string;
  readonly tier: string;
}

/** One step of the demo: what is written to the FHIR server, and what must be open for that patient afterwards. */
export interface StoryStep {
  readonly says: string;
  /** Pace for people who watch, counted from the first step. It is no clinical time. */
  readonly atSeconds: number;
  readonly patient: string;
  /** Written in this order. */
  readonly put: readonly Resource[];
  readonly change: 'none' | 'raise' | 'escalate' | 'withdraw' | 'resolve';
  readonly open: readonly ExpectedAlert[];
}

export interface Story {
  readonly title: string;
  readonly steps: readonly StoryStep[];
}

/** The patients of `<folder>/patients/*.json`, by name. */
export function readFixtures(folder: string): Fixture[] {
  const patients = join(folder, 'patients');
  const files = readdirSync(patients).filter((file) => file.endsWith('.json'));
  return files
    .sort()
    .map((file) => ({ name: basename(file, '.json'), bundle: readJson(join(patients, file)) as Bundle }));
}

/**
 * The story of `<folder>/demo-story.json`, with `Type/id` references replaced by the patient's own entries.
 *
 * @throws Error when a step names a patient or entry that is not among the fixtures.
 */
export function readStory(folder: string, fixtures: readonly Fixture[]): Story {
  const story = readJson(join(folder, 'demo-story.json')) as StoryFile;
  const steps = story.steps.map((step) => ({
    ...step,
    put: step.put.map((item) => (typeof item === 'string' ? entryOf(fixtures, step.patient, item) : item)),
  }));
  return { title: story.title, steps };
}

/** What is on the FHIR server before the story starts: all patients, without what the story is going to put. */
export function beforeStory(fixtures: readonly Fixture[], story: Story): Fixture[] {
  const played = new Set(story.steps.flatMap((step) => step.put.map(keyOf)));
  const isWaiting = ({ resource }: BundleEntry) => resource !== undefined && played.has(keyOf(resource));
  return fixtures.map(({ name, bundle }) => ({
    name,
    bundle: { ...bundle, entry: (bundle.entry ?? []).filter((entry) => !isWaiting(entry)) },
  }));
}

interface StoryFile {
  readonly title: string;
  readonly steps: readonly (Omit<StoryStep, 'put'> & { readonly put: readonly (string | Resource)[] })[];
}

function entryOf(fixtures: readonly Fixture[], patient: string, reference: string): Resource {
  const bundle = fixtures.find((fixture) => fixture.name === patient)?.bundle;
  const found = bundle?.entry?.find(
    ({ resource }) => resource !== undefined && keyOf(resource) === reference,
  );
  if (found?.resource === undefined)
    throw new Error(`The story puts ${reference}, which ${patient} does not have.`);
  return found.resource;
}

function keyOf(resource: Resource): string {
  return `${resource.resourceType}/${resource.id}`;
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}
