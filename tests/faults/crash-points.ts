/**
 * Where a process may die: each point between two things that must not come apart.
 */
export const CRASH_POINTS = [
  'mid-migration',
  'before-inbox-commit',
  'after-inbox-commit',
  'after-answer',
  'mid-evaluation',
  'before-outbox-commit',
  'after-outbox-commit',
  'after-send',
  'before-answer-is-read',
  'before-mark',
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];
