/**
 * From a push to the alert on the FHIR server: how many events a second, how long one takes, and what a panel costs.
 *
 * The FHIR server, the service and a naive service are processes of their own; the pushes come from here, as a
 * server would send them. Results are on the server before they are pushed.
 */
import type { ChildProcess } from 'node:child_process';
import { createHmac } from 'node:crypto';
import type { Bundle, Observation } from '@medplum/fhirtypes';
import { freshDatabase, stopDatabases } from '../tests/store/databases.ts';
import {
  type Counts,
  epochMs,
  PANEL,
  PANELS,
  patient,
  result,
  type Served,
  SINGLE,
} from './delivery-results.ts';
import { asked, child, freePort, medianOf, percentile, rounded, told } from './processes.ts';
import { SECRET } from './service.ts';

export interface DeliveryFigures {
  readonly store: 'PostgreSQL';
  readonly rounds: number;
  readonly eventsPerTurn: number;
  /** Medians of the rounds; until the last alert is on the server. */
  readonly eventsPerSecond: { readonly ours: number; readonly naive: number };
  readonly ratios: Readonly<Record<string, number>>;
  /** Patients whose alert was not on the server at the end, and issues the naive service owed. */
  readonly lost: { readonly ours: number; readonly naive: number };
  /** One after the other, no quiet time: from the push to the answer to our write. */
  readonly pushToIssueMs: Waits;
  /** The same without the time from request to answer at the FHIR server. */
  readonly ownPartMs: Waits;
  readonly directWriteMs: Waits;
  readonly requestsPerAlert: number;
  readonly panel: { readonly results: number; readonly evaluations: number; readonly fhirRequests: number };
}

interface Waits {
  readonly p50: number;
  readonly p99: number;
}

const ROUNDS = 5;
const PATIENTS = 100; // in one turn
const CALLERS = 16;
const ALONE = 60; // pushes one after the other, after as many to warm up

interface Parts {
  readonly hospital: ChildProcess;
  readonly base: string;
  readonly service: ChildProcess;
  readonly serviceUrl: string;
  readonly naiveUrl: string;
}

export async function benchDelivery(): Promise<DeliveryFigures> {
  const database = await freshDatabase();
  const hospital = child('./delivery-hospital.ts', []);
  const { base } = await told<{ base: string }>(hospital);
  const service = child('./delivery-service.ts', [base, String(await freePort()), database.url]);
  const naive = child('./delivery-naive.ts', [base]);
  try {
    const [{ port }, { port: naivePort }] = await Promise.all([
      told<{ port: number }>(service),
      told<{ port: number }>(naive),
    ]);
    const parts: Parts = {
      hospital,
      base,
      service,
      serviceUrl: `http://127.0.0.1:${port}/hooks`,
      naiveUrl: `http://127.0.0.1:${naivePort}/hook`,
    };
    await oneByOne(parts, 'warm-up');
    const alone = await oneByOne(parts, 'alone');
    await onePanel(parts, 'panel-warm-up');
    const panel = await onePanel(parts, 'panel');
    return { store: 'PostgreSQL', ...(await rounds(parts)), ...alone, panel };
  } finally {
    naive.kill();
    if (service.connected) {
      const exit = new Promise((resolve) => service.once('exit', resolve));
      service.send({ end: true });
      await exit;
    }
    hospital.kill();
    await database.drop();
    await stopDatabases();
  }
}

type Rounds = Pick<DeliveryFigures, 'rounds' | 'eventsPerTurn' | 'eventsPerSecond' | 'ratios' | 'lost'>;

/** Both in each round, in turn first: the server's own searches grow slower with what it holds. */
async function rounds(parts: Parts): Promise<Rounds> {
  const rates = { ours: [] as number[], naive: [] as number[] };
  const lost = { ours: 0, naive: 0 };
  for (let round = 0; round <= ROUNDS; round++) {
    for (const who of round % 2 === 0 ? (['ours', 'naive'] as const) : (['naive', 'ours'] as const)) {
      const turn = await (who === 'ours' ? ourTurn : naiveTurn)(parts, `${who}-${round}`);
      lost[who] += turn.lost;
      if (round > 0) rates[who].push(turn.perSecond); // the first warms up
    }
  }
  const ratio = medianOf(rates.ours.map((rate, index) => rate / (rates.naive[index] as number)));
  return {
    rounds: ROUNDS,
    eventsPerTurn: PATIENTS * PANEL,
    eventsPerSecond: { ours: rounded(medianOf(rates.ours)), naive: rounded(medianOf(rates.naive)) },
    ratios: { 'events delivered / naive service': rounded(ratio, 2) },
    lost,
  };
}

interface Turn {
  readonly perSecond: number;
  readonly lost: number;
}

async function ourTurn({ hospital, base, service, serviceUrl }: Parts, name: string): Promise<Turn> {
  const results = await loaded(hospital, name);
  const begun = epochMs();
  await pushAll(`${serviceUrl}/${PANELS}`, results);
  const { lastAt } = await asked<Counts>(service, {});
  const issues = await patientsWithIssue(base);
  const owed = new Set(results.filter(isAbnormal).map(({ subject }) => subject?.reference as string));
  return {
    perSecond: (results.length * 1000) / (lastAt - begun),
    lost: [...owed].filter((reference) => !issues.has(reference)).length,
  };
}

async function naiveTurn({ hospital, base, naiveUrl }: Parts, name: string): Promise<Turn> {
  const results = await loaded(hospital, name);
  const begun = epochMs();
  await pushAll(naiveUrl, results);
  const took = epochMs() - begun;
  const issues = await patientsWithIssue(base);
  const owed = results.filter(isAbnormal).map(({ subject }) => subject?.reference as string);
  return {
    perSecond: (results.length * 1000) / took,
    lost: owed.filter((reference) => !issues.has(reference)).length,
  };
}

/** Patients and their panels, on the server. */
async function loaded(hospital: ChildProcess, name: string): Promise<readonly Observation[]> {
  const ids = Array.from({ length: PATIENTS }, (_, n) => `${name}-${n}`);
  const results = ids.flatMap((id, index) =>
    Array.from({ length: PANEL }, (_, n) => result(index * PANEL + n, id)),
  );
  const { stored } = await asked<Served>(hospital, { load: [...ids.map(patient), ...results] });
  return stored;
}

async function oneByOne(
  { hospital, base, service, serviceUrl }: Parts,
  name: string,
): Promise<Pick<DeliveryFigures, 'pushToIssueMs' | 'ownPartMs' | 'directWriteMs' | 'requestsPerAlert'>> {
  const whole: number[] = [];
  const own: number[] = [];
  const direct: number[] = [];
  let requests = 0;
  for (let n = 0; n < ALONE; n++) {
    const id = `${name}-${n}`;
    const { stored } = await asked<Served>(hospital, { load: [patient(id), result(0, id)] });
    const begun = epochMs();
    await pushAll(`${serviceUrl}/${SINGLE}`, stored);
    const { lastAt } = await asked<Counts>(service, {});
    const served = await asked<Served>(hospital, {});
    if (lastAt < begun) throw new Error('a low potassium was pushed and no alert delivered');
    whole.push(lastAt - begun);
    own.push(lastAt - begun - served.busyMs);
    requests += served.requests;
    direct.push(await directWrite(base, id));
  }
  return {
    pushToIssueMs: waits(whole),
    ownPartMs: waits(own),
    directWriteMs: waits(direct),
    requestsPerAlert: rounded(requests / ALONE),
  };
}

async function onePanel(
  { hospital, service, serviceUrl }: Parts,
  id: string,
): Promise<DeliveryFigures['panel']> {
  const results = Array.from({ length: PANEL }, (_, n) => result(n, id));
  const before = await asked<Counts>(service, {});
  const { stored } = await asked<Served>(hospital, { load: [patient(id), ...results] });
  await pushAll(`${serviceUrl}/${PANELS}`, stored);
  const after = await asked<Counts>(service, {});
  const { requests } = await asked<Served>(hospital, {});
  return { results: PANEL, evaluations: after.evaluated - before.evaluated, fhirRequests: requests };
}

function waits(ms: readonly number[]): Waits {
  return { p50: rounded(percentile(ms, 0.5)), p99: rounded(percentile(ms, 0.99)) };
}

function isAbnormal({ code }: Observation): boolean {
  return code.coding?.[0]?.code === '2823-3';
}

async function pushAll(url: string, results: readonly Observation[]): Promise<void> {
  const waiting = [...results];
  const caller = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await push(url, next);
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
}

async function push(url: string, resource: Observation): Promise<void> {
  const body = JSON.stringify(resource);
  const signature = createHmac('sha256', SECRET).update(body).digest('hex');
  const headers = { 'content-type': 'application/fhir+json', 'x-signature': signature };
  const response = await fetch(url, { method: 'POST', headers, body });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`a push was answered with ${response.status}`);
}

/** What one write of an issue costs, with nothing before it. */
async function directWrite(base: string, id: string): Promise<number> {
  const issue = {
    resourceType: 'DetectedIssue',
    status: 'preliminary',
    code: { text: 'Low potassium' },
    patient: { reference: `Patient/${id}` },
  };
  const begun = performance.now();
  const response = await fetch(`${base}/DetectedIssue`, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify(issue),
  });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`an issue was answered with ${response.status}`);
  return performance.now() - begun;
}

async function patientsWithIssue(base: string): Promise<Set<string>> {
  const found = new Set<string>();
  for (let url: string | undefined = `${base}/DetectedIssue?_count=1000`; url !== undefined; ) {
    const bundle = (await (await fetch(url)).json()) as Bundle;
    for (const { resource } of bundle.entry ?? [])
      if (resource?.resourceType === 'DetectedIssue') found.add(resource.patient?.reference ?? '');
    url = bundle.link?.find(({ relation }) => relation === 'next')?.url;
  }
  return found;
}
