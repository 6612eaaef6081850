/**
 * Conditional writes that run at the same time collide, as on Medplum, where they are serialisable transactions.
 *
 * Two of them collide also on different keys, the more often the more there are: of those on a running 5.1.3 none with
 * one writer, 10-18 % with four, 55-67 % with sixteen. Of two on the same key one always loses.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { badRequest, conflict } from '@medplum/core';
import type { FhirRequest, FhirResponse } from '@medplum/fhir-router';
import { askedOf, bundleType } from './asked.ts';

interface Writer {
  readonly conditions: ReadonlySet<string>;
  /** Most writers at once while it ran, itself included. */
  among: number;
  /** Somebody else wrote under one of its conditions meanwhile. */
  lost: boolean;
}

const WITH_EACH_OTHER = 0.055; // chance that one more writer undoes a write: 16 % with four, 57 % with sixteen
const RUNS_MS = 25; // about as long as on a busy server; in no time at all they would hardly meet

export class Collisions {
  /** Writes refused so far. */
  refused = 0;
  readonly #random: () => number;
  readonly #running = new Set<Writer>();

  /** @param random from 0 to 1 */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Does the work, or undoes it before it was done. */
  async run(request: FhirRequest, work: () => Promise<FhirResponse>): Promise<FhirResponse> {
    const conditions = new Set(askedOf(request).flatMap(({ condition = [] }) => condition));
    if (conditions.size === 0) return work();
    const writer: Writer = { conditions, among: 0, lost: false };
    this.#running.add(writer);
    for (const other of this.#running) other.among = Math.max(other.among, this.#running.size);
    try {
      await sleep(RUNS_MS);
      const refusal = this.#refusalOf(writer, bundleType(request) === 'transaction');
      if (refusal !== undefined) return refusal;
      for (const other of this.#running)
        other.lost ||= other !== writer && [...conditions].some((one) => other.conditions.has(one));
      return await work();
    } finally {
      this.#running.delete(writer);
    }
  }

  #refusalOf({ among, lost }: Writer, transaction: boolean): FhirResponse | undefined {
    const collides = this.#random() > (1 - WITH_EACH_OTHER) ** (among - 1);
    if (!lost && !collides) return undefined;
    this.refused += 1;
    return lost && transaction
      ? [badRequest('Resource ID did not match resolved ID')]
      : [conflict('could not serialize access due to read/write dependencies', '40001')];
  }
}
