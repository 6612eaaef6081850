/**
 * How a server may let us create: by our own id, under a condition or neither, and together or one write after the other.
 */
import type { WriteLevel } from '../../src/connections/capability.ts';

export type Way = readonly [level: Exclude<WriteLevel, 'D'>, transaction: boolean];

export const WAYS: readonly Way[] = [
  ['A', true],
  ['A', false],
  ['B', true],
  ['B', false],
  ['C', false],
];
