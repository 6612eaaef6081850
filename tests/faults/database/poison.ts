/**
 * Work that can not be done, among work that can: bodies that nobody understands, bodies that the evaluation fails at, and patients
 * that are gone. The good ones must not feel it, and what was set aside must be there to the last one.
 */
import type { Bundle, DetectedIssue, Observation } from '@medplum/fhirtypes';
import { redrive } from '../../../src/store/set-aside.ts';
import { openStore } from '../../../src/store/store.ts';
import type { ConnectionId } from '../../../src/vocabulary/ids.ts';
import { observation } from '../records.ts';
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

export interface PoisonFigures extends Outcome {
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

const AT_ONCE = 4;
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
  await resultsPerSecond(place, options.good); // warms up
  await service.drained(DRAINED_WITHIN_MS);
  const alone = await resultsPerSecond(place, options.good);
  await service.drained(DRAINED_WITHIN_MS);
  const malformedAnswers = new Set<number>();
  const besides = [
    ...Array.from({ length: options.malformed }, (_, n) => async () => {
      malformedAnswers.add((await ward.push(url, MALFORMED[n % MALFORMED.length] ?? '')).status);
    }),
    ...Array.from(
      { length: options.failing },
      (_, n) => async () => ward.pushed(url, await failing(place, `ward-${n % 6}`)),
    ),
    ...returned.map((id) => () => ward.pushed(url, version(low(id), '1'))),
  ];
  const beside = await resultsPerSecond(place, options.good, besides);
  await service.drained(DRAINED_WITHIN_MS);
  const { setAside } = await service.status();
  for (const id of returned) await ward.sandbox.load([patient(id), low(id)], { notify: false });
  const redriven = await redriveAll(postgres.url);
  await service.drained(DRAINED_WITHIN_MS);
  return {
    malformedAnswers: [...malformedAnswers].sort(),
    setAside,
    goodThroughput: Math.round((beside / alone) * 100) / 100,
    redriven,
    setAsideAfterwards: (await service.status()).setAside.length,
    alertsOfReturned: await countAlerts(place, returned),
    ...(await ward.outcome(postgres.url)),
  };
}

/** @param besides spread evenly among the good ones, and not counted */
async function resultsPerSecond(
  { ward, service }: Place,
  count: number,
  besides: readonly (() => Promise<unknown>)[] = [],
): Promise<number> {
  const good = Array.from({ length: count }, () => () => ward.result(service.url));
  const each = Math.max(1, Math.floor(count / besides.length));
  const acts = good.flatMap((act, n) => [
    act,
    ...(n % each === 0 ? besides.slice(n / each, n / each + 1) : []),
  ]);
  const started = performance.now();
  await inTurns([...acts, ...besides.slice(Math.ceil(count / each))], AT_ONCE);
  return (count / (performance.now() - started)) * 1000;
}

async function inTurns(acts: (() => Promise<unknown>)[], atOnce: number): Promise<void> {
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
