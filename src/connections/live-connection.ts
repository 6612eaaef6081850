/**
 * A connection at work: its gate, and what its server can do, asked once and kept.
 */
import { TryLater } from '../store/job-worker.ts';
import { type Capability, capabilityOf } from './capability.ts';
import type { Connection } from './connection.ts';
import { Gate } from './gate.ts';

export class LiveConnection {
  readonly connection: Connection;
  readonly gate: Gate;
  #capability: Promise<Capability> | undefined;

  constructor(connection: Connection, deviceSystem: string) {
    this.connection = connection;
    this.gate = new Gate(connection, deviceSystem);
  }

  /** @throws TryLater while the server does not tell. */
  capability(): Promise<Capability> {
    this.#capability ??= this.#ask().catch((error: unknown) => {
      this.#capability = undefined;
      throw error;
    });
    return this.#capability;
  }

  async #ask(): Promise<Capability> {
    const told = await this.gate.capability();
    if (told.outcome === 'found') return capabilityOf(told.resource, this.connection.kind);
    if (told.outcome === 'try-later') throw new TryLater(told.because, told.afterMs);
    throw new TryLater(told.outcome === 'refused' ? told.reason : told.outcome);
  }
}
