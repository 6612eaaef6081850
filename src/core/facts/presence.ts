/**
 * Present, absent or unknown: symptoms, diagnoses, procedures, counted answers.
 *
 * Source: clinical foundations 1.6 and 1.7.
 */
import { DAY, daysBetween } from '../../vocabulary/instant.ts';
import type { ConceptId } from '../concepts/concept.ts';
import type { Assertion } from './assertions.ts';
import { type Fact, noRecord, unknownFact } from './fact.ts';
import { FRESH_DAYS } from './symptoms.ts';

/** Diagnoses that are over after 30 days unless asserted again. Source: foundations 1.6. */
const ACUTE_DIAGNOSES: ReadonlySet<ConceptId> = new Set([
  'acute-kidney-injury',
  'dehydration',
  'cystitis',
  'pyelonephritis',
  'urinary-tract-infection',
  'prostatitis',
  'urosepsis-or-sepsis',
  'acute-limb-ischemia',
  'recent-gi-loss',
]);
const ACUTE_DAYS = 30; // foundations 1.6
const SYMPTOM_CONDITION_DAYS = { open: 90, ended: 30 }; // foundations 1.7
const DIALYSIS_PROCEDURE_DAYS = 90; // a dialysis session this old no longer says "on dialysis"; local convention

/** Is it present now? The newest fresh word about a symptom wins; a diagnosis is present while one record says so. */
export function presence(concept: ConceptId, assertions: readonly Assertion[], now: Date): Fact {
  if (assertions.length === 0) return noRecord(concept);
  const usable = assertions.filter((assertion) => assertion.at.getTime() <= now.getTime() + DAY / 144);
  const freshDays = FRESH_DAYS.get(concept);
  return freshDays === undefined ? diagnosis(concept, usable, now) : symptom(concept, usable, now, freshDays);
}

function symptom(concept: ConceptId, assertions: readonly Assertion[], now: Date, freshDays: number): Fact {
  const newest = assertions.findLast(
    (assertion) => assertion.says !== 'unclear' || assertion.count !== undefined,
  );
  if (newest === undefined) return unknownFact(concept, 'no-record');
  const days =
    newest.by === 'condition'
      ? newest.says === 'past'
        ? SYMPTOM_CONDITION_DAYS.ended
        : SYMPTOM_CONDITION_DAYS.open
      : freshDays;
  const cited = { concept, from: [newest.source], notes: newest.notes, at: newest.at };
  if (daysBetween(newest.at, now) > days) return unknownFact(concept, 'stale', cited);
  if (newest.count !== undefined) return { ...cited, state: 'known', value: newest.count };
  return known(cited, newest.says === 'present', newest);
}

function diagnosis(concept: ConceptId, assertions: readonly Assertion[], now: Date): Fact {
  const current = assertions.filter(
    (assertion) => assertion.says === 'present' && isCurrent(assertion, concept, now),
  );
  const confirmed = current.filter((assertion) => !assertion.notes.includes('suspected'));
  const [newest] = (confirmed.length > 0 ? confirmed : current).toReversed();
  const refuted = assertions.findLast((assertion) => assertion.says === 'absent');
  if (newest !== undefined && (refuted === undefined || refuted.at <= newest.at)) {
    const from = [...new Set(current.map((assertion) => assertion.source))].sort();
    return known({ concept, from, notes: newest.notes, at: newest.onset ?? newest.at }, true, newest);
  }
  if (refuted !== undefined && refuted.by !== 'condition')
    return known({ concept, from: [refuted.source], notes: refuted.notes, at: refuted.at }, false, refuted);
  if (refuted !== undefined && newest !== undefined)
    return known({ concept, from: [refuted.source], notes: ['refuted'], at: refuted.at }, false, refuted);
  const past = assertions.findLast((assertion) => assertion.says === 'past');
  if (past !== undefined)
    return known({ concept, from: [past.source], notes: ['past'], at: past.at }, false, past);
  const unclear = assertions.findLast((assertion) => assertion.says === 'unclear');
  if (unclear !== undefined && !ACUTE_DIAGNOSES.has(concept) && unclear.by === 'condition') {
    return known(
      { concept, from: [unclear.source], notes: ['status-missing'], at: unclear.at },
      true,
      unclear,
    );
  }
  const last = assertions.at(-1);
  if (last === undefined) return unknownFact(concept, 'no-record');
  return unknownFact(concept, last.says === 'absent' ? 'status' : 'stale', {
    from: [last.source],
    at: last.at,
  });
}

/** Was it ever recorded, now or in the past? For rules that say "history". */
export function history(concept: ConceptId, assertions: readonly Assertion[]): Fact {
  const id = `history.${concept}`;
  if (assertions.length === 0) return noRecord(id);
  const ever = assertions.filter((assertion) => assertion.says === 'present' || assertion.says === 'past');
  const [first] = ever;
  if (first === undefined) return unknownFact(id, 'no-record');
  return {
    concept: id,
    state: 'known',
    value: true,
    from: [...new Set(ever.map((assertion) => assertion.source))].sort(),
    at: first.at,
    ...(ever.every(({ notes }) => notes.includes('suspected'))
      ? { notes: ['suspected'], raisesOnly: true as const }
      : { notes: [] }),
  };
}

function isCurrent(assertion: Assertion, concept: ConceptId, now: Date): boolean {
  if (assertion.by === 'procedure' && concept === 'dialysis-status') {
    return (
      assertion.notes.includes('in-progress') || daysBetween(assertion.at, now) <= DIALYSIS_PROCEDURE_DAYS
    );
  }
  if (!ACUTE_DIAGNOSES.has(concept)) return true;
  const newest = Math.max(assertion.at.getTime(), assertion.onset?.getTime() ?? 0);
  return now.getTime() - newest <= ACUTE_DAYS * DAY;
}

type CitedBy = { concept: ConceptId; from: readonly string[]; notes: readonly string[]; at: Date };

/** A suspected diagnosis, a preliminary or an unfinished answer may raise and never clears. */
function known(cited: CitedBy, value: boolean, by: Assertion): Fact {
  const doubtful =
    by.notes.some((note) => ['suspected', 'preliminary', 'in-progress'].includes(note)) &&
    by.by !== 'procedure';
  return { ...cited, state: 'known', value, ...(doubtful ? { raisesOnly: true as const } : {}) };
}
