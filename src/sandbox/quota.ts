/**
 * So much may be asked in a window of time, as on Medplum: each interaction costs units, every answer tells what is
 * left, and a refusal has no `Retry-After`. What is refused counts too.
 */
import type { FhirRequest } from '@medplum/fhir-router';
import { type Asked, askedOf } from './asked.ts';

export interface QuotaOptions {
  /** In a window; 50 000 when left out. */
  readonly units?: number;
  /** A minute when left out. */
  readonly windowMs?: number;
}

export interface QuotaFigures {
  /** Requests refused. */
  readonly refused: number;
  /** Units asked for beyond the quota, in all windows. */
  readonly overrun: number;
  readonly overrunWindows: number;
  /** Windows in which anything was asked. */
  readonly windows: number;
}

// Weights of Medplum 5.1.3, measured.
const COSTS = { read: 1, history: 10, search: 20, write: 100, conditionalWrite: 120 };
const UNITS = 50_000; // as Medplum without other configuration
const WINDOW_MS = 60_000; // the same

export class Quota {
  readonly #units: number;
  readonly #windowMs: number;
  #endsAt = 0;
  #used = 0;
  #figures = { refused: 0, overrun: 0, overrunWindows: 0, windows: 0 };

  constructor({ units = UNITS, windowMs = WINDOW_MS }: QuotaOptions) {
    this.#units = units;
    this.#windowMs = windowMs;
  }

  get figures(): QuotaFigures {
    return this.#figures;
  }

  /** @returns false when there is not enough left for it. */
  pays(request: FhirRequest): boolean {
    this.#open();
    const before = Math.max(this.#used, this.#units);
    this.#used += askedOf(request).reduce((sum, one) => sum + costOf(one), 0);
    const over = this.#used - before;
    if (over <= 0) return true;
    this.#figures.refused += 1;
    this.#figures.overrun += over;
    if (before === this.#units) this.#figures.overrunWindows += 1;
    return false;
  }

  get header(): string {
    this.#open();
    const seconds = Math.ceil((this.#endsAt - performance.now()) / 1000);
    return `"fhirInteractions";r=${Math.max(0, this.#units - this.#used)};t=${seconds}`;
  }

  #open(): void {
    if (performance.now() < this.#endsAt) return;
    this.#endsAt = performance.now() + this.#windowMs;
    this.#used = 0;
    this.#figures.windows += 1;
  }
}

function costOf({ method, url, condition }: Asked): number {
  if (condition !== undefined) return COSTS.conditionalWrite;
  if (method !== 'GET') return COSTS.write;
  if (url.includes('/_history')) return COSTS.history;
  return /^\w+\/[^?]+$/.test(url) ? COSTS.read : COSTS.search;
}
