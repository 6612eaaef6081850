/**
 * Reads and searches from a copy that lags behind, as where a server reads from a replica of its database.
 *
 * What was just written is not there yet, or still as it was before; what was just deleted still is.
 */
import type { FhirRequest } from '@medplum/fhir-router';
import { askedOf } from './asked.ts';
import type { Store } from './store.ts';
import type { Version } from './version.ts';

export class Replica implements Disposable {
  readonly store: Store;
  readonly #lagMs: number;
  readonly #timers = new Set<NodeJS.Timeout>();

  /** @param store of its own, empty */
  constructor(store: Store, lagMs: number) {
    this.store = store;
    this.#lagMs = lagMs;
  }

  /** Is this request answered by the copy? */
  answers(request: FhirRequest): boolean {
    return askedOf(request).every(({ method }) => method === 'GET');
  }

  /** Takes over what was committed, when its time has come. */
  take(versions: readonly Version[]): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.store.inTurn(async () => {
        for (const version of versions) await this.store.restore(version);
      });
    }, this.#lagMs);
    this.#timers.add(timer);
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
