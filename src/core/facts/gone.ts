/**
 * Complaints that are over.
 *
 * Why: a finding clears on a recorded "no", never on silence. What nobody ever reported need not be
 * denied, but each thing that was reported needs a newer "no". Source: clinical foundations 1.7 and 1.9.
 */
import { daysBetween } from '../../vocabulary/instant.ts';
import type { ConceptId } from '../concepts/concept.ts';
import { citing } from './counts.ts';
import { type Fact, type FactId, isEqual, unknownFact } from './fact.ts';
import type { FactSource } from './fact-source.ts';

export const REPORTED_DAYS = 28; // as long as a cramp pattern holds, foundations 1.7

/**
 * True when at least one of the complaints is denied, none is present, and each that was reported within
 * 28 days is denied. False while one is present; else unknown.
 */
export function gone(id: FactId, complaints: readonly ConceptId[], source: FactSource): Fact {
  const seen = complaints.map((concept) => ({ concept, fact: source.fact(concept) }));
  const there = seen.filter(({ fact }) => isEqual(fact, true) === 'true');
  if (there.length > 0)
    return { concept: id, state: 'known', value: false, ...citing(there.map(({ fact }) => fact)) };
  const denied = seen.filter(({ fact }) => isEqual(fact, true) === 'false' && fact.raisesOnly === undefined);
  const open = seen.filter((each) => !denied.includes(each) && wasReported(each.concept, source));
  if (denied.length === 0 || open.length > 0)
    return unknownFact(id, 'needs', {
      missing: (open.length > 0 ? open : seen).map(({ concept }) => concept),
    });
  return { concept: id, state: 'known', value: true, ...citing(denied.map(({ fact }) => fact)) };
}

export function wasReported(concept: ConceptId, source: FactSource): boolean {
  return source
    .assertions(concept)
    .some(({ says, at }) => says === 'present' && daysBetween(at, source.now) <= REPORTED_DAYS);
}
