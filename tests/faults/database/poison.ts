/**
 * Work that can not be done, among work that can: bodies that nobody understands, bodies that the evaluation fails at, and patients
 * that are gone. The good ones must not feel it, and what was set aside must be there to the last one.
 */
import type { Bundle, DetectedIssue, Observation } from '@medplum/fhirtypes';
import { redrive } from '../../../src/store/set-aside.ts';
import { openStore } from '../../../src/store/store.ts';
import type { ConnectionId } from '../../../src/vocabulary/ids.ts';
import { observation } from '../records.ts';
import type { ProcessFigures } from '../watch-process.ts';
import type { Place } from './place.ts';
import type { Outcome } from './ward.ts';

export interface PoisonOptions {
  readonly good: number;
  readonly malformed: number;
  /** Well-formed, and not FHIR where the evaluation looks. */
  readonly failing: number;
  /** Results of patients that the server says are deleted. */
  readonly gone: number;
}

export interface PoisonFigures extends Outcome, ProcessFigures {
  /** Answers to the malformed ones, each status once. */
  readonly malformedAnswers: readonly number[];
  readonly setAside: readonly { readonly what: string; readonly reason: string; readonly count: number }[];
  /** Good results a second beside the others, as a share of those without. */
  readonly goodThroughput: number;
  readonly redriven: number;
  readonly setAsideAfterwards: number;
  /** Patients that came back and whose low potassium has one alert. */
  readonly alertsOfReturned: number;
}

type Act = () => Promise<unknown>;

const AT_ONCE = 4;
const WARM_UP = 0.1; // of the good ones, before anything is measured
const SLICES = 8;
const WAYS = ['alone', 'among'] as const;
const DRAINED_WITHIN_MS = 300_000;
const MALFORMED = [
  '{"resourceType":"Observation",',
  '42',
  '{"resourceType":"Potassium","id":"k1"}',
  '{"a":1,"a":2}',
];

export async function poison(place: Place, options: PoisonOptions): Promise<PoisonFigures> {
  const { ward, service, postgres } = place;
  const url = service.url;
  const returned = Array.from({ length: options.gone }, (_, n) => `gone-${n}`);
  await deletePatients(place, returned);
  const malformedAnswers = new Set<number>();
  const malformed = Array.from({ length: options.malformed }, (_, n) => async () => {
    malformedAnswers.add((await ward.push(url, MALFORMED[n % MALFORMED.length] ?? '')).status);
  });
  const unworkable = Array.from(
    { length: options.failing },
    (_, n) => async () => ward.pushed(url, await failing(place, `ward-${n % 6}`)),
  );
  const gone = returned.map((id) => () => ward.pushed(url, version(low(id), '1')));
  await inTurns(
    Array.from({ length: WARM_UP * options.good }, () => () => ward.result(url)),
    AT_ONCE,
  );
  await service.drained(DRAINED_WITHIN_MS);
  await service.watched.figures(); // of what comes now only
  const goodThroughput = await compareThroughput(place, options.good, [malformed, unworkable, gone]);
  const used = await service.watched.figures();
  const { setAside } = await service.status();
  for (const id of returned) await ward.sandbox.load([patient(id), low(id)], { notify: false });
  const redriven = await redriveAll(postgres.url);
  await service.drained(DRAINED_WITHIN_MS);
  return {
    malformedAnswers: [...malformedAnswers].sort(),
    setAside,
    goodThroughput,
    redriven,
    setAsideAfterwards: (await service.status()).setAside.length,
    alertsOfReturned: await countAlerts(place, returned),
    ...(await ward.outcome(postgres.url)),
    ...used,
  };
}

/**
 * The hospital's server grows slower as it fills: both ways are measured by turns.
 *
 * @param others kinds of pushes that are sent as well, and not counted
 * @returns good results a second among the others, as a share of those without
 */
async function compareThroughput(
  { ward, service }: Place,
  count: number,
  others: readonly (readonly Act[])[],
): Promise<number> {
  const good = Array.from({ length: Math.ceil(count / SLICES) }, () => () => ward.result(service.url));
  const tookMs = { alone: 0, among: 0 };
  for (let slice = 0; slice < SLICES; slice++) {
    const ways = { alone: good, among: spread([good, ...others.map((kind) => sliceOf(kind, slice))]) };
    for (const way of slice % 2 === 0 ? WAYS : WAYS.toReversed()) {
      const started = performance.now();
      await inTurns(ways[way], AT_ONCE);
      tookMs[way] += performance.now() - started;
      await service.drained(DRAINED_WITHIN_MS);
    }
  }
  return Math.round((tookMs.alone / tookMs.among) * 100) / 100;
}

function sliceOf(acts: readonly Act[], slice: number): readonly Act[] {
  return acts.filter((_, n) => n % SLICES === slice);
}

/** All of them, each kind evenly from the beginning to the end. */
function spread(kinds: readonly (readonly Act[])[]): Act[] {
  return kinds
    .flatMap((acts) => acts.map((act, n) => ({ act, at: (n + 0.5) / acts.length })))
    .sort((a, b) => a.at - b.at)
    .map(({ act }) => act);
}

async function inTurns(acts: readonly Act[], atOnce: number): Promise<void> {
  const waiting = [...acts];
  const turn = async (): Promise<void> => {
    for (let act = waiting.shift(); act !== undefined; act = waiting.shift()) await act();
  };
  await Promise.all(Array.from({ length: atOnce }, turn));
}

async function deletePatients({ ward: { sandbox } }: Place, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    await sandbox.load([patient(id)], { notify: false });
    await fetch(`${sandbox.base}/Patient/${id}`, { method: 'DELETE' });
  }
}

function patient(id: string) {
  return { resourceType: 'Patient', id, gender: 'female', birthDate: '1960-02-03' } as const;
}

function low(patientId: string): Observation {
  return observation(patientId, 'k', '2823-3', 2.9, 'mmol/L');
}

/** A number where FHIR has a URL: the server has it right, and what stands between has not. */
async function failing({ ward: { sandbox } }: Place, patientId: string): Promise<string> {
  const stored = await (await fetch(`${sandbox.base}/Observation/${patientId}-mg`)).json();
  return JSON.stringify({ ...(stored as Observation), code: { coding: [{ system: 42, code: '19123-9' }] } });
}

function version(resource: object, versionId: string): string {
  return JSON.stringify({ ...resource, meta: { versionId } });
}

async function redriveAll(databaseUrl: string): Promise<number> {
  await using store = await openStore({
    databaseUrl,
    dataDir: 'unused',
    connections: ['ward' as ConnectionId],
  });
  return (await redrive(store, {})).events;
}

async function countAlerts({ ward: { sandbox } }: Place, ids: readonly string[]): Promise<number> {
  let count = 0;
  for (const id of ids) {
    const found = await fetch(`${sandbox.base}/DetectedIssue?patient=Patient/${id}`);
    count += ((await found.json()) as Bundle<DetectedIssue>).entry?.length === 1 ? 1 : 0;
  }
  return count;
}
