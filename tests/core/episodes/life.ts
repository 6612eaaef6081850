/** One patient's alerts over time through decide(), kept as the store keeps them. */
import { fileURLToPath } from 'node:url';
import { expect } from '@jest/globals';
import type { Observation, Resource } from '@medplum/fhirtypes';
import { chartOf } from '../../../src/core/chart/chart.ts';
import { decide } from '../../../src/core/decide.ts';
import type { Episode, EpisodeChange, OverrideReason } from '../../../src/core/decision.ts';
import { accept, suppress } from '../../../src/core/episodes/suppression.ts';
import { nextChange } from '../../../src/core/next-change.ts';
import { readRuleSet } from '../../../src/rule-files/read-rule-set.ts';
import { HOUR } from '../../../src/vocabulary/instant.ts';
import { LONDON, patient, potassium } from '../facts/given.ts';

const RULES = readRuleSet(fileURLToPath(new URL('../../../rules', import.meta.url)), { settings: LONDON });
const START = new Date('2026-05-12T12:00:00Z');

/** `2 d` or `5 h` after the start. */
export function later(amount: number, unit: 'd' | 'h'): Date {
  return new Date(START.getTime() + amount * (unit === 'd' ? 24 : 1) * HOUR);
}

export class Life {
  readonly resources = new Map<string, Resource>([['Patient/p', patient()]]);
  readonly deleted = new Set<string>();
  episodes: Episode[] = [];
  now = START;

  put(...resources: Resource[]): void {
    for (const resource of resources) this.resources.set(`${resource.resourceType}/${resource.id}`, resource);
  }

  remove(reference: string): void {
    this.resources.delete(reference);
    this.deleted.add(reference);
  }

  /** Evaluates at this time: what changed, in one word each with its notice. */
  async at(now: Date, ...resources: Resource[]): Promise<string[]> {
    this.now = now;
    this.put(...resources);
    const chart = chartOf(this.resources.values(), this.deleted);
    const { episodeChanges } = await decide(chart, RULES, now, this.episodes);
    // Whoever looks ahead asks for no whys, and must be told of the same changes.
    const withoutWhys = await decide(chart, RULES, now, this.episodes, 'fired');
    expect(withoutWhys.episodeChanges).toEqual(episodeChanges);
    for (const change of episodeChanges) this.keep(change);
    return episodeChanges.map(({ change, notify }) => (notify ? `${change}!` : change));
  }

  /** When time alone would next change something, in hours from now. */
  async nextChange(): Promise<number | undefined> {
    const chart = chartOf(this.resources.values(), this.deleted);
    const next = await nextChange(chart, RULES, this.now, this.episodes);
    return next && (next.getTime() - this.now.getTime()) / HOUR;
  }

  answer(reason: OverrideReason, at = this.now): void {
    this.keep(suppress(this.open(), { reason, at }));
  }

  accept(): void {
    this.keep(accept(this.open(), this.now));
  }

  /** The one open alert. */
  open(): Episode {
    const [open, ...more] = this.episodes.filter(({ closed }) => closed === undefined);
    if (open === undefined || more.length > 0)
      throw new Error(`${more.length + (open ? 1 : 0)} alerts are open`);
    return open;
  }

  isShown(): boolean {
    return this.episodes.some(({ closed, suppression }) => closed === undefined && suppression === undefined);
  }

  private keep({ change, key, episode }: EpisodeChange): void {
    const last = Math.max(0, ...this.episodes.filter((one) => one.key === key).map(({ number }) => number));
    const kept = change === 'raise' ? { ...episode, number: last + 1 } : episode;
    this.episodes = [...this.episodes.filter((one) => one.key !== key || one.number !== kept.number), kept];
  }
}

/** A final potassium taken at this time. */
export function k(
  value: number,
  at: Date,
  id = `k${at.getTime()}`,
  rest: Partial<Observation> = {},
): Observation {
  const time = at.toISOString();
  return potassium(value, {
    id,
    effectiveDateTime: time,
    meta: { versionId: '1', lastUpdated: time },
    ...rest,
  });
}
