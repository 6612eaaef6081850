/**
 * A ward whose potassium results are pushed to the service, by a sender that repeats what was not taken and writes down every answer.
 *
 * Beside it stands a plain model, which knows nothing of the service: which alerts must be open in the end.
 */

import { createHmac } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Bundle, DetectedIssue, Observation, Patient } from '@medplum/fhirtypes';
import { randomFrom } from '../../../src/sandbox/random.ts';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { query } from '../kept.ts';
import { isOpen, observation } from '../records.ts';
import { PUSH_SECRET } from './service-process.ts';

/** One answer to one push, or that there was none. */
export interface Answer {
  readonly sentAt: number;
  readonly at: number;
  /** 0 when the connection broke or the answer was too long in coming. */
  readonly status: number;
  readonly retryAfter: string | null;
}

export interface Outcome {
  /** Acknowledged to the sender and not kept as pushed. */
  readonly lost: number;
  /** Open alerts beyond the first of a patient. */
  readonly duplicates: number;
  /** Patients whose alert is not as the model says. */
  readonly wrong: number;
}

const VALUES = [2.2, 2.9, 3.2, 3.9, 4.4]; // mmol/L, none between firing and clearing
const LOW = 3.5; // mmol/L
const REPEAT_AFTER_MS = 200; // sooner than Retry-After asks: the test must not wait
const ANSWER_WITHIN_MS = 40_000;

export class Ward implements AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly answers: Answer[] = [];
  readonly acknowledged = new Set<string>();
  readonly #newest = new Map<string, number>();
  readonly #random: () => number;
  #loading: Promise<void>[] = [];
  #stopping = false;

  constructor(sandbox: Sandbox, seed: number) {
    this.sandbox = sandbox;
    this.#random = randomFrom(seed);
  }

  /** Patients with normal magnesium and creatinine, and no potassium yet. */
  async admit(patients: number): Promise<void> {
    for (let n = 0; n < patients; n++) {
      const id = `ward-${n}`;
      const person: Patient = { resourceType: 'Patient', id, gender: 'female', birthDate: '1960-02-03' };
      const results = [
        observation(id, 'mg', '19123-9', 0.85, 'mmol/L'),
        observation(id, 'cr', '14682-9', 70, 'umol/L'),
      ];
      await this.sandbox.load([person, ...results], { notify: false });
      this.#newest.set(id, Number.NaN);
    }
  }

  /** Results come in one after the other, so many at once, until `settle`. */
  startLoad(serviceUrl: string, atOnce: number): void {
    this.#stopping = false;
    this.#loading = Array.from({ length: atOnce }, async () => {
      while (!this.#stopping) {
        await this.result(serviceUrl);
        await pause(5 + this.#random() * 40);
      }
    });
  }

  /** No new result; resolves when every one was acknowledged. */
  async settle(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#loading);
  }

  /** One more potassium of somebody, pushed until it is acknowledged. */
  async result(serviceUrl: string): Promise<void> {
    const patients = [...this.#newest.keys()];
    const patient = patients[Math.floor(this.#random() * patients.length)] ?? '';
    const value = VALUES[Math.floor(this.#random() * VALUES.length)] ?? 0;
    this.#newest.set(patient, value);
    await this.sandbox.load([observation(patient, 'k', '2823-3', value, 'mmol/L')], { notify: false });
    const stored = await (await fetch(`${this.sandbox.base}/Observation/${patient}-k`)).text();
    await this.pushed(serviceUrl, stored);
  }

  /** Pushes until it is acknowledged. */
  async pushed(serviceUrl: string, body: string): Promise<void> {
    const { id, meta } = JSON.parse(body) as Observation;
    while ((await this.push(serviceUrl, body)).status !== 200) await pause(REPEAT_AFTER_MS);
    this.acknowledged.add(`Observation/${id}|${meta?.versionId}`);
  }

  async push(serviceUrl: string, body: string): Promise<Answer> {
    const sentAt = performance.now();
    const signature = createHmac('sha256', PUSH_SECRET).update(body).digest('hex');
    const headers = { 'content-type': 'application/fhir+json', 'x-signature': signature };
    const sent = { method: 'POST', headers, body, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) };
    const answer = await fetch(`${serviceUrl}/hooks/ward`, sent).catch(() => undefined);
    await answer?.arrayBuffer().catch(() => undefined);
    const status = answer?.status ?? 0;
    const answered = {
      sentAt,
      at: performance.now(),
      status,
      retryAfter: answer?.headers.get('retry-after') ?? null,
    };
    this.answers.push(answered);
    return answered;
  }

  async outcome(databaseUrl: string): Promise<Outcome> {
    return { lost: await lostOf(this.acknowledged, databaseUrl), ...(await this.#compare()) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    await this.sandbox[Symbol.asyncDispose]();
  }

  /** The model: one open alert for each patient whose newest potassium is low, and none for the others. */
  async #compare(): Promise<{ duplicates: number; wrong: number }> {
    let [duplicates, wrong] = [0, 0];
    for (const [patient, value] of this.#newest) {
      const url = `${this.sandbox.base}/DetectedIssue?patient=Patient/${patient}&_count=1000`;
      const { entry = [] } = (await (await fetch(url)).json()) as Bundle<DetectedIssue>;
      const open = entry.filter(({ resource }) => resource !== undefined && isOpen(resource)).length;
      duplicates += Math.max(0, open - 1);
      if (open > 0 !== value < LOW) wrong += 1;
    }
    return { duplicates, wrong };
  }
}

export async function openWard({ patients, seed }: { patients: number; seed: number }): Promise<Ward> {
  const sandbox = await startSandbox({ port: 0, clientIds: 'refused', deliverAs: 'medplum' });
  const ward = new Ward(sandbox, seed);
  await ward.admit(patients);
  return ward;
}

/** A sweep would find what a push lost, and hide it: only what came as a push counts. */
async function lostOf(acknowledged: ReadonlySet<string>, databaseUrl: string): Promise<number> {
  const rows = await query<{ dedupe_key: string }>(
    databaseUrl,
    `select dedupe_key from event where via = 'push'`,
  );
  const kept = new Set(rows.map(({ dedupe_key }) => dedupe_key));
  return [...acknowledged].filter((version) => !kept.has(version)).length;
}
