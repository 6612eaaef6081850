/**
 * The foot in diabetes: sensation, danger signs, and when it was last examined.
 *
 * Source: wider rules D, nm-diabetic-foot.
 */
import { daysBetween } from '../../vocabulary/instant.ts';
import { allOf, anyOf, type Truth } from '../../vocabulary/truth.ts';
import { citing } from './counts.ts';
import { type Fact, isEqual, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import { daysFact, reportedWithin } from './windows.ts';

const SENSATION_DAYS = 365; // a yearly cycle: nm-diabetic-foot, Clears when
const NERVE_SYMPTOM_DAYS = 90; // nm-diabetic-foot b
const EXAM_ANSWERS_DAYS = 90; // nm-diabetic-foot, Not when
const EXAMS = ['foot-exam-procedure', 'monofilament-test'] as const;

const ABNORMAL = new Set([
  'abnormal',
  'absent',
  'reduced',
  'diminished',
  'impaired',
  'insensate',
  '263654008',
]);
const NORMAL = new Set(['normal', 'present', 'intact', 'sensate', '17621005']);

/** Sensation to the monofilament lost at the newest test of a year. Any other word tells nothing. */
const monofilamentAbnormal: Former = (source) => {
  const id = 'monofilament-abnormal';
  const newest = source
    .readings('monofilament-test')
    .findLast(({ answer, at }) => answer !== undefined && daysBetween(at, source.now) <= SENSATION_DAYS);
  const word = String(newest?.answer).toLowerCase();
  if (newest === undefined || !(ABNORMAL.has(word) || NORMAL.has(word)))
    return unknownFact(id, newest === undefined ? 'no-record' : 'no-value');
  return {
    concept: id,
    state: 'known',
    value: ABNORMAL.has(word),
    from: [newest.source],
    notes: newest.notes,
    at: newest.at,
  };
};

/** Days since a foot examination or monofilament test; unknown when none is recorded. */
const footExamDays: Former = (source) => {
  const exam = lastExam(source);
  if (exam === undefined) return unknownFact('foot-exam-days', 'no-record');
  return daysFact('foot-exam-days', exam.at, [exam.from], source);
};

function lastExam(source: FactSource): { at: Date; from: string } | undefined {
  const done = EXAMS.flatMap((concept) => [
    ...source.assertions(concept).filter(({ says }) => says === 'present'),
    ...source.readings(concept).filter(({ answer }) => answer !== undefined),
  ]).filter(({ at }) => at <= source.now);
  const newest = done.toSorted((a, b) => b.at.getTime() - a.at.getTime())[0];
  return newest === undefined ? undefined : { at: newest.at, from: newest.source };
}

/** An unhealed wound, a hot red foot, or lost sensation with a weak pulse. nm-diabetic-foot, high. */
const footDanger: Former = (source) => {
  const id = 'foot-danger';
  const wound = source.fact('nonhealing-leg-wound');
  const hot = [source.fact('leg-redness'), source.fact('leg-warmth')];
  const numb = source.fact('sensation-lost');
  const weak = source.fact('weak-pedal-pulse');
  const says = (fact: Fact): Truth => isEqual(fact, true);
  const groups = [[wound], hot, [numb, weak]];
  const truths = groups.map((group) => allOf(group.map(says)));
  const truth = anyOf(truths);
  if (truth === 'unknown')
    return unknownFact(id, 'needs', { missing: ['nonhealing-leg-wound', 'leg-redness', 'leg-warmth'] });
  const deciding = groups.filter((_group, index) => truths[index] === truth).flat();
  return { concept: id, state: 'known', value: truth === 'true', ...citing(deciding) };
};

/** Lost sensation: monofilament abnormal, or reported numbness. */
const sensationLost: Former = (source) => {
  const parts = ['monofilament-abnormal', 'numbness'].map((id) => source.fact(id));
  const truth = anyOf(parts.map((part) => isEqual(part, true)));
  if (truth === 'unknown')
    return unknownFact('sensation-lost', 'needs', { missing: ['monofilament-abnormal'] });
  const deciding = parts.filter((part) => isEqual(part, true) === truth || truth === 'false');
  return { concept: 'sensation-lost', state: 'known', value: truth === 'true', ...citing(deciding) };
};

/** The foot was examined within 90 days, and after the newest danger sign. */
const footExamAnswers: Former = (source) => {
  const id = 'foot-exam-answers';
  const exam = lastExam(source);
  if (exam === undefined) return unknownFact(id, 'no-record');
  const danger = source.fact('foot-danger');
  const newer = isEqual(danger, true) === 'true' && (danger.at === undefined || danger.at > exam.at);
  const value = daysBetween(exam.at, source.now) <= EXAM_ANSWERS_DAYS && !newer;
  return { concept: id, state: 'known', value, from: [exam.from], notes: [], at: exam.at };
};

export const FOOT: readonly (readonly [string, Former])[] = [
  ['monofilament-abnormal', monofilamentAbnormal],
  ['sensation-lost', sensationLost],
  ['foot-exam-days', footExamDays],
  ['foot-danger', footDanger],
  ['foot-exam-answers', footExamAnswers],
  [
    'nerve-symptom',
    (source) => reportedWithin('nerve-symptom', ['paresthesia', 'numbness'], NERVE_SYMPTOM_DAYS, source),
  ],
];
