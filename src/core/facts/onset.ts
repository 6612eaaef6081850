/**
 * Did a symptom begin before a medicine was started, or since?
 *
 * Why: what was there before the first dose is no effect of it. Nobody's silence tells an onset: it is
 * known from a stated onset, from an earlier record of the symptom, or from a "no" after the first dose.
 * Source: core rules, fluoroquinolone symptoms and lipid-lowering medicines; resolution 34.
 */
import { HOUR } from '../../vocabulary/instant.ts';
import type { ConceptId } from '../concepts/concept.ts';
import type { Assertion } from './assertions.ts';
import type { FactSource } from './fact-source.ts';

export type Onset = 'before' | 'since' | 'unknown';

/** A date without a time is read as noon, so that a first dose in the evening of the same day is still "since". */
const SAME_DAY = 12 * HOUR;

/** Is a moment before the day of the first dose? Never so without a first dose. */
export function isBeforeStart(at: Date, start: Date | undefined): boolean {
  return start !== undefined && at.getTime() < start.getTime() - SAME_DAY;
}

/**
 * When the symptom that is present now began.
 *
 * @param start of the medicine; undefined: nothing can be said.
 */
export function onsetOf(concepts: readonly ConceptId[], start: Date | undefined, source: FactSource): Onset {
  if (start === undefined) return 'unknown';
  const said = concepts
    .flatMap((concept) => source.assertions(concept))
    .filter((assertion) => assertion.at <= source.now && saysWhether(assertion))
    .sort((a, b) => a.at.getTime() - b.at.getTime());
  const lastNo = said.findLastIndex((assertion) => !isYes(assertion));
  const run = said.slice(lastNo + 1);
  const stated = run.findLast(({ onset }) => onset !== undefined)?.onset;
  if (stated !== undefined) return isBeforeStart(stated, start) ? 'before' : 'since';
  const [first] = run;
  if (first === undefined) return 'unknown';
  if (isBeforeStart(first.at, start)) return 'before';
  const no = said[lastNo];
  return no !== undefined && no.at >= start ? 'since' : 'unknown';
}

function saysWhether({ says, count }: Assertion): boolean {
  return says === 'present' || says === 'absent' || count !== undefined;
}

function isYes({ says, count }: Assertion): boolean {
  return count === undefined ? says === 'present' : count >= 1;
}
