/** Facts by hand, for tests of rules alone. */
import type { Fact, FactId, Facts, FactValue, KnownFact } from '../../../src/core/facts/fact.ts';
import { unknownFact } from '../../../src/core/facts/fact.ts';

export const NOON = new Date('2026-05-12T12:00:00Z');
const YESTERDAY = new Date('2026-05-11T12:00:00Z');

export function known(concept: FactId, value: FactValue, rest: Partial<KnownFact> = {}): Fact {
  return {
    concept,
    from: [`Observation/${concept}`],
    notes: [],
    at: YESTERDAY,
    ...rest,
    state: 'known',
    value,
  };
}

export function below(concept: FactId, high: number): Fact {
  return { concept, from: [], notes: [], at: YESTERDAY, state: 'bounded', high, exclusive: true };
}

export function factsOf(...facts: Fact[]): Facts {
  return new Map(facts.map((fact) => [fact.concept, fact]));
}

export { unknownFact };
