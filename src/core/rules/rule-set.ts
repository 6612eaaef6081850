/**
 * Everything decide() is given besides the chart: rules, advice, interlocks, concepts and settings, under one hash.
 */
import type { Concepts } from '../concepts/concept.ts';
import type { FactSettings } from '../facts/settings.ts';
import type { CompiledAdvice, CompiledInterlock, CompiledRule } from './compile.ts';

export interface RuleSet {
  /** Sorted by id, so that the order of files on a disk changes nothing. */
  readonly rules: readonly CompiledRule[];
  readonly byId: ReadonlyMap<string, CompiledRule>;
  readonly advice: ReadonlyMap<string, CompiledAdvice>;
  readonly interlocks: ReadonlyMap<string, CompiledInterlock>;
  readonly concepts: Concepts;
  readonly settings: FactSettings;
  /** SHA-256, hex, over rules, advice, interlocks, concepts, overlay and settings. */
  readonly hash: string;
}
