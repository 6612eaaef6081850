/**
 * Three answers: true, false, unknown. Kleene logic; missing is never negative.
 *
 * Source: clinical foundations 1.9.
 */
export type Truth = 'true' | 'false' | 'unknown';

export function truthOf(value: boolean): Truth {
  return value ? 'true' : 'false';
}

/** True when all are true, false when one is false, otherwise unknown. */
export function allOf(truths: readonly Truth[]): Truth {
  if (truths.includes('false')) return 'false';
  return truths.includes('unknown') ? 'unknown' : 'true';
}

/** True when one is true, false when all are false, otherwise unknown. */
export function anyOf(truths: readonly Truth[]): Truth {
  if (truths.includes('true')) return 'true';
  return truths.includes('unknown') ? 'unknown' : 'false';
}

export function notOf(truth: Truth): Truth {
  if (truth === 'unknown') return 'unknown';
  return truth === 'true' ? 'false' : 'true';
}

/** A switch that reaches this did not answer every case; a new case does not compile until it does. */
export function exhausted(value: never): never {
  throw new Error(`unanswered case: ${JSON.stringify(value)}`);
}
