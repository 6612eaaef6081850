/**
 * When a patient is to be looked at again although nothing is pushed.
 *
 * Why after the commit: the core is asked many times what it would say later, and no alert waits for that.
 * Killed before it has ended, the patient is looked at again soon, and nothing else follows.
 */
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import type { Capability } from '../connections/capability.ts';
import type { Chart } from '../core/chart/chart.ts';
import type { Decision, Episode } from '../core/decision.ts';
import { nextChange } from '../core/next-change.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { moveLookAgain } from '../store/look-again.ts';
import type { Store } from '../store/store.ts';
import { type ConnectionId, type PatientId, parseReference } from '../vocabulary/ids.ts';
import { DAY } from '../vocabulary/instant.ts';

const ASK_AGAIN = DAY; // ms; fhir-integration 4.4, a slow timer
const SOON = 600_000; // ms; much longer than looking ahead takes
const MOST_WAITING = 30; // patients; each holds its chart
const WHILE_OTHERS_WORK_MS = 20; // between two of the questions

/**
 * A server that tells no deletions is asked again whether what an open alert rests on is still there.
 *
 * @param before the episodes that were decided on
 * @returns milliseconds; undefined where that needs no asking
 */
export function askAgainAfter(
  before: readonly Episode[],
  decision: Decision,
  { tellsDeletions }: Capability,
): number | undefined {
  const mustAsk = afterChanges(before, decision).some(
    ({ closed, finding }) =>
      closed === undefined &&
      finding.raisedBy.some((reference) => !tellsDeletions.has(parseReference(reference)?.type ?? '')),
  );
  return mustAsk ? ASK_AGAIN : undefined;
}

/** Kept with the decision, until it is known when time alone changes something. */
export function firstLook(now: Date, againMs: number | undefined): Date {
  return new Date(now.getTime() + Math.min(SOON, againMs ?? SOON));
}

/** What was decided, and on what. */
export interface Ahead {
  readonly connectionId: ConnectionId;
  readonly patientId: PatientId;
  readonly chart: Chart;
  /** As they were before the decision. */
  readonly episodes: readonly Episode[];
  readonly decision: Decision;
  /** Milliseconds after which it is asked again in any case. */
  readonly again: number | undefined;
}

interface Parts {
  readonly store: Store;
  readonly ruleSet: RuleSet;
  /** Hears of one that failed; must not throw. */
  readonly onFailure: (error: unknown) => void;
}

/** Looks ahead for one patient after the other, slowly while there is other work. Until it is disposed of. */
export class LookAhead implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #waiting = new Map<string, Ahead>(); // the newest of each patient
  readonly #held: (() => void)[] = [];
  #running: Promise<void> | undefined;
  #stopping = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get idle(): boolean {
    return this.#running === undefined;
  }

  /** Resolves when there is room for another. */
  async after(ahead: Ahead): Promise<void> {
    if (this.#stopping) return;
    const key = `${ahead.connectionId} ${ahead.patientId}`;
    this.#waiting.delete(key);
    this.#waiting.set(key, ahead);
    this.#running ??= this.#run();
    if (this.#waiting.size > MOST_WAITING) await new Promise<void>((resolve) => this.#held.push(resolve));
  }

  /** Those that still wait are looked at again soon. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    this.#waiting.clear();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (const [key, ahead] of this.#waiting) {
      this.#waiting.delete(key);
      this.#held.shift()?.();
      await this.#look(ahead).catch(this.#parts.onFailure);
    }
    for (const go of this.#held.splice(0)) go();
    this.#running = undefined;
  }

  /** Finds when time alone would change something, and has the patient looked at then instead. */
  async #look({ connectionId, patientId, chart, episodes, decision, again }: Ahead): Promise<void> {
    const { store, ruleSet } = this.#parts;
    const now = new Date(decision.at);
    const after = afterChanges(episodes, decision);
    const changes = await nextChange(chart, ruleSet, now, after, () => this.#rest());
    if (this.#stopping) return;
    const next = soonest(changes, again === undefined ? undefined : new Date(now.getTime() + again));
    await moveLookAgain(store.db, { connectionId, patientId }, firstLook(now, again), next);
  }

  async #rest(): Promise<void> {
    const { due, deliver } = this.#parts.store;
    const isUrgent = this.#stopping || this.#waiting.size > MOST_WAITING / 2;
    await (isUrgent || !(due.busy || deliver.busy) ? nextTurn() : pause(WHILE_OTHERS_WORK_MS));
  }
}

function afterChanges(episodes: readonly Episode[], { episodeChanges }: Decision): Episode[] {
  const changed = new Set(episodeChanges.map(({ key }) => key));
  const kept = episodes.filter(({ key, closed }) => closed !== undefined || !changed.has(key));
  return [...kept, ...episodeChanges.map(({ episode }) => episode)];
}

function soonest(a: Date | undefined, b: Date | undefined): Date | undefined {
  return a !== undefined && b !== undefined ? (a < b ? a : b) : (a ?? b);
}
