/**
 * How long a clinician waits for cards: hook calls with prefetch at a steady pace, while results are pushed,
 * evaluated and delivered all the time. Hospital, service and caller are processes of their own.
 */
import type { Patient, Resource } from '@medplum/fhirtypes';
import { TEMPLATES } from '../src/cds-hooks/services.ts';
import { shiftTimes } from '../src/demo/shift-times.ts';
import { chartOfSize, NOON } from './charts.ts';
import { asked, child, freePort, percentile, rounded, told } from './processes.ts';

export interface CdsFigures {
  readonly store: 'PostgreSQL' | 'embedded';
  readonly callsPerSecond: number;
  readonly eventsPerSecond: number;
  readonly evaluatedPerSecond: number;
  /** Of one core, by the service alone; near 1 it is the machine that is measured. */
  readonly serviceCpuShare: number;
  readonly calls: number;
  /** Calls that were not answered with 200. */
  readonly failed: number;
  readonly cards: number;
  readonly resourcesInPrefetch: number;
  readonly ms: { readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number };
}

const CALLS_PER_SECOND = 20;
const EVENTS_PER_SECOND = 5; // 430,000 results a day: a large hospital
const WARM_UP_S = 5;
const MEASURED_S = 30;
const CHART_SIZE = 100;
const PATIENTS = 50;

/** @param databaseUrl an empty PostgreSQL database; the embedded one otherwise */
export async function benchCds(databaseUrl: string | undefined): Promise<CdsFigures> {
  const hospital = child('./cds-hospital.ts', []);
  const { base } = await told<{ base: string }>(hospital);
  const port = await freePort();
  const database = databaseUrl === undefined ? [] : [databaseUrl];
  const service = child('./cds-service.ts', [base, String(port), ...database]);
  try {
    await told(service);
    hospital.send({ perSecond: EVENTS_PER_SECOND });
    const calls = callsFor(CHART_SIZE);
    await callFor(WARM_UP_S, port, calls);
    const before = await asked<Counts>(service, {});
    const begun = performance.now();
    const answered = await callFor(MEASURED_S, port, calls);
    const seconds = (performance.now() - begun) / 1000;
    const after = await asked<Counts>(service, {});
    const waited = answered.map(({ ms }) => ms);
    const at = (share: number): number => rounded(percentile(waited, share));
    return {
      store: databaseUrl === undefined ? 'embedded' : 'PostgreSQL',
      callsPerSecond: CALLS_PER_SECOND,
      eventsPerSecond: EVENTS_PER_SECOND,
      evaluatedPerSecond: rounded((after.evaluated - before.evaluated) / seconds),
      serviceCpuShare: rounded((after.cpuMs - before.cpuMs) / 1000 / seconds, 2),
      calls: answered.length,
      failed: answered.filter(({ ok }) => !ok).length,
      cards: answered.reduce((sum, { cards }) => sum + cards, 0),
      resourcesInPrefetch: CHART_SIZE,
      ms: { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) },
    };
  } finally {
    service.kill();
    hospital.kill();
  }
}

interface Called {
  readonly ms: number;
  readonly ok: boolean;
  readonly cards: number;
}

/** Calls leave at their time, whether or not the one before was answered: a slow answer hides no other. */
async function callFor(seconds: number, port: number, calls: readonly HookBody[]): Promise<Called[]> {
  const begun = performance.now();
  const all = Array.from({ length: seconds * CALLS_PER_SECOND }, async (_, index) => {
    const due = begun + (index * 1000) / CALLS_PER_SECOND;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    return await called(port, calls[index % calls.length] as HookBody, index);
  });
  return await Promise.all(all);
}

async function called(port: number, { hook, text }: HookBody, index: number): Promise<Called> {
  const body = text.replace('INSTANCE', `bench-${index}`);
  const begun = performance.now();
  const response = await fetch(`http://127.0.0.1:${port}/cds-services/cramp-risk-${hook}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  const answer = (await response.json()) as { cards?: unknown[] };
  return { ms: performance.now() - begun, ok: response.status === 200, cards: answer.cards?.length ?? 0 };
}

interface HookBody {
  readonly hook: string;
  readonly text: string;
}

/** Charts opened and orders signed in turn, for many patients. */
function callsFor(size: number): HookBody[] {
  const chart = chartOfSize(size).map((resource) => shiftTimes(resource, NOON, new Date()));
  return Array.from({ length: PATIENTS }, (_, index) => {
    const id = `bench-${index}`;
    const own = JSON.parse(
      JSON.stringify(chart).replaceAll(/"Patient\/[^"]+"/g, `"Patient/${id}"`),
    ) as Resource[];
    const hook = index % 2 === 0 ? 'patient-view' : 'order-sign';
    const context = { userId: 'Practitioner/bench', patientId: id, ...(index % 2 === 0 ? {} : drafts(id)) };
    return {
      hook,
      text: JSON.stringify({ hook, hookInstance: 'INSTANCE', context, prefetch: prefetchOf(id, own) }),
    };
  });
}

function prefetchOf(id: string, chart: readonly Resource[]): object {
  const patient = { ...(chart.find(({ resourceType }) => resourceType === 'Patient') as Patient), id };
  const bundles = TEMPLATES.filter(({ key }) => key !== 'patient').map(({ key, type }) => {
    const entry = key === 'signs' ? [] : chart.filter(({ resourceType }) => resourceType === type);
    return [
      key,
      { resourceType: 'Bundle', type: 'searchset', entry: entry.map((resource) => ({ resource })) },
    ];
  });
  return { patient, ...Object.fromEntries(bundles) };
}

function drafts(id: string): object {
  const resource = {
    resourceType: 'MedicationRequest',
    id: 'draft',
    status: 'draft',
    intent: 'order',
    subject: { reference: `Patient/${id}` },
    medicationCodeableConcept: {
      coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: '309309' }],
    },
  };
  return { draftOrders: { resourceType: 'Bundle', entry: [{ resource }] } };
}

interface Counts {
  readonly evaluated: number;
  readonly cpuMs: number;
}
