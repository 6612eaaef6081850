/**
 * What a fluoroquinolone may have done: tendon, muscle, joint and nerve symptoms of this course, and what
 * was there before it.
 *
 * Why: a tendon record of this course is a symptom, an older one is a history, and none is both
 * (resolution 34). An ache that was there before the first dose is no effect of it.
 * Source: core rules, fluoroquinolone; clinical foundations 2.9.
 */
import { DAY } from '../../vocabulary/instant.ts';
import type { ConceptId } from '../concepts/concept.ts';
import type { Assertion } from './assertions.ts';
import { anyPart, citing, countParts, present } from './counts.ts';
import { type Fact, type FactId, isEqual, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import { recentDays, spansOf } from './medicines.ts';
import { isBeforeStart, onsetOf } from './onset.ts';

const CLASS = 'fluoroquinolone-systemic';

/** The first dose of the newest continuous exposure, where the record says when it began. */
function firstDose(source: FactSource): Date | undefined {
  return source.fact(`drug-days.${CLASS}`).at;
}

/** Recorded since the first dose; without a stated onset it counts. */
function sinceCourse(id: FactId, concepts: readonly ConceptId[]): Former {
  return (source) => {
    const exposed = source.fact('fq-exposed');
    if (isEqual(exposed, true) === 'unknown') return unknownFact(id, 'needs', { missing: ['fq-exposed'] });
    if (isEqual(exposed, true) === 'false')
      return { concept: id, state: 'known', value: false, ...citing([exposed]) };
    const start = firstDose(source);
    const facts = concepts.map((concept) => source.fact(concept));
    const ofThisCourse = facts.filter((fact) => {
      if (isEqual(fact, true) !== 'true') return false;
      const newest = source.assertions(fact.concept).findLast(({ says }) => says === 'present');
      return newest === undefined || !isBeforeCourse(newest, start);
    });
    if (ofThisCourse.length > 0)
      return { concept: id, state: 'known', value: true, ...withExposure(citing(ofThisCourse), exposed) };
    const missing = facts.filter((fact) => fact.state === 'unknown').map((fact) => fact.concept);
    return missing.length > 0
      ? unknownFact(id, 'needs', { missing })
      : { concept: id, state: 'known', value: false, ...citing(facts) };
  };
}

/** The record of the medicine is evidence too: without it there is no symptom of the course. */
function withExposure<Cited extends { readonly from: readonly string[] }>(
  cited: Cited,
  exposed: Fact,
): Cited {
  return { ...cited, from: [...new Set([...cited.from, ...exposed.from])].sort() };
}

/** How many tendon risks are known to be there; those that nobody recorded are not counted. */
const fqTendonRisksKnown: Former = (source) => {
  const count = source.fact('fq-tendon-risk-count');
  const value =
    count.state === 'known' ? Number(count.value) : count.state === 'bounded' ? (count.low ?? 0) : 0;
  return { concept: 'fq-tendon-risks-known', state: 'known', value, from: count.from, notes: [] };
};

/** A record belongs to the time before the course when it, or the onset it states, is older than the first dose. */
function isBeforeCourse({ at, onset }: Assertion, start: Date | undefined): boolean {
  return isBeforeStart(at, start) || (onset !== undefined && isBeforeStart(onset, start));
}

/** Records of a tendon disorder that are history: past, or of the time before this course, and not refuted since. */
function tendonRecords(source: FactSource): Assertion[] {
  const start = isEqual(source.fact('fq-exposed'), true) === 'true' ? firstDose(source) : undefined;
  const records = source.assertions('tendon-disorder-history');
  // "No tendon pain" is an answer about today, and undoes no diagnosis.
  const refuted = records.findLast(({ says, by }) => says === 'absent' && by === 'condition')?.at;
  return records
    .filter(({ at }) => refuted === undefined || at >= refuted)
    .filter(
      (record) =>
        record.says === 'past' ||
        (record.says === 'present' && (start === undefined || isBeforeCourse(record, start))),
    );
}

/** A tendon disorder, past or present, that is no symptom of this course. */
const tendonHistory: Former = (source) => {
  const id = 'tendon-history';
  const records = tendonRecords(source);
  if (records.length > 0) return recorded(id, true, records);
  const now = source.fact('tendon-disorder-history');
  if (isEqual(now, true) === 'false') return { ...now, concept: id };
  return unknownFact(id, 'no-record', { missing: ['tendon-disorder-history'] });
};

/** A tendon disorder that began during a fluoroquinolone or within 90 days of its end. */
const tendonHistoryAfterFq: Former = (source) => {
  const id = 'tendon-history-after-fq';
  const records = tendonRecords(source);
  if (records.length === 0) return unknownFact(id, 'no-record', { missing: ['tendon-disorder-history'] });
  const spans = spansOf(source.exposures(CLASS), source.now);
  const after = recentDays(CLASS) * DAY; // 90 days, core rules fq-tendon-history
  const within = records.filter(({ onset, at }) => {
    const began = (onset ?? at).getTime();
    return spans.some(({ from, until }) => began >= from.getTime() && began <= until.getTime() + after);
  });
  return within.length > 0 ? recorded(id, true, within) : recorded(id, false, records);
};

/** Every recorded intolerance of the class was of the gut only: nausea, vomiting, diarrhoea. */
const fqIntoleranceGutOnly: Former = (source) => {
  const id = 'fq-intolerance-gut-only';
  const fact = source.fact('fluoroquinolone-intolerance');
  if (isEqual(fact, true) !== 'true')
    return unknownFact(id, 'needs', { missing: ['fluoroquinolone-intolerance'] });
  const records = source.assertions('fluoroquinolone-intolerance').filter(({ says }) => says === 'present');
  return recorded(
    id,
    records.every(({ notes }) => notes.includes('gut-only')),
    records,
  );
};

function recorded(id: FactId, value: boolean, records: readonly Assertion[]): Fact {
  const sources = [...new Set(records.map(({ source }) => source))].sort();
  const at = records.at(-1)?.at;
  const suspected = records.every(({ notes }) => notes.includes('suspected'));
  return {
    concept: id,
    state: 'known',
    value,
    from: sources,
    notes: suspected ? ['suspected'] : [],
    ...(at === undefined ? {} : { at }),
    ...(suspected ? { raisesOnly: true as const } : {}),
  };
}

/** The newest word on tendon pain, however old, is "no", and no rupture is recorded as current. */
const tendonSymptomDenied: Former = (source) => {
  const id = 'tendon-symptom-denied';
  const newest = source.assertions('tendon-pain').findLast(({ says }) => says !== 'unclear');
  if (newest === undefined) return unknownFact(id, 'no-record', { missing: ['tendon-pain'] });
  const ruptured = isEqual(source.fact('tendon-rupture'), true) === 'true';
  const value = newest.says === 'absent' && newest.notes.length === 0 && !ruptured;
  return { ...recorded(id, value, [newest]) };
};

/** A symptom, and where the answers about it are kept. */
interface Symptom {
  readonly id: FactId;
  readonly facts: readonly FactId[];
  readonly answers: readonly ConceptId[];
}

const CRAMP_ANSWERS = ['leg-cramp', 'cramp-frequency-per-week', 'cramp-night-count-per-week'];

/** Source: core rules, fq-muscle-nerve-symptoms. */
const SYMPTOMS: readonly Symptom[] = [
  { id: 'fq-cramps', facts: ['cramps-present'], answers: CRAMP_ANSWERS },
  { id: 'fq-muscle-pain', facts: ['muscle-pain'], answers: ['muscle-pain'] },
  { id: 'fq-muscle-weakness', facts: ['muscle-weakness'], answers: ['muscle-weakness'] },
  { id: 'fq-joint-pain', facts: ['joint-pain'], answers: ['joint-pain'] },
  { id: 'fq-tingling', facts: ['paresthesia'], answers: ['paresthesia'] },
  { id: 'fq-numbness', facts: ['numbness'], answers: ['numbness'] },
];

/** Present, and begun since the first dose; an unknown onset counts only while the course runs. */
function sinceFirstDose({ id, facts, answers }: Symptom): Former {
  return (source) => {
    const exposed = source.fact('fq-exposed');
    const seen = facts.map((fact) => source.fact(fact));
    const missing = [...facts];
    if (isEqual(exposed, true) === 'unknown') return unknownFact(id, 'needs', { missing: ['fq-exposed'] });
    if (isEqual(exposed, true) === 'false')
      return { concept: id, state: 'known', value: false, ...citing([exposed]) };
    const there = seen.filter((fact) => isEqual(fact, true) === 'true');
    if (there.length === 0) {
      return seen.every((fact) => isEqual(fact, true) === 'false')
        ? { concept: id, state: 'known', value: false, ...citing(seen) }
        : unknownFact(id, 'needs', { missing });
    }
    const onset = onsetOf(answers, firstDose(source), source);
    const cited = { concept: id, ...withExposure(citing(there), exposed) };
    if (onset === 'before') return { ...cited, state: 'known', value: false };
    const running = isEqual(source.fact('fq-active'), true) === 'true';
    if (onset === 'since' || running) return { ...cited, state: 'known', value: true };
    return unknownFact(id, 'needs', { ...cited, detail: 'when it began is not known', missing });
  };
}

/** Of every symptom that was ever recorded the newest word is "no". */
const fqSymptomsAbsent: Former = (source) => {
  const id = 'fq-symptoms-absent';
  const newest = SYMPTOMS.flatMap(({ answers }) => {
    const said = answers
      .flatMap((answer) => source.assertions(answer))
      .filter(({ says, count }) => says !== 'unclear' || count !== undefined)
      .sort((a, b) => a.at.getTime() - b.at.getTime())
      .at(-1);
    return said ?? [];
  });
  if (newest.length === 0) return unknownFact(id, 'no-record');
  const value = newest.every(
    ({ says, count, notes }) =>
      (count === undefined ? says === 'absent' : count === 0) && !notes.includes('preliminary'),
  );
  return recorded(id, value, newest);
};

const anySymptom =
  (id: FactId, members: readonly FactId[]): Former =>
  (source) =>
    anyPart(id, members.map(present), source);

/** Muscle, joint and nerve are three groups: two of them say more than one. */
const fqSymptomGroups: Former = (source) =>
  countParts(
    'fq-symptom-groups',
    ['fq-muscle-symptom', 'fq-joint-pain', 'fq-nerve-symptom'].map(present),
    source,
  );

export const FLUOROQUINOLONE_FACTS: readonly (readonly [FactId, Former])[] = [
  ['fq-tendon-symptom', sinceCourse('fq-tendon-symptom', ['tendon-pain', 'tendon-rupture'])],
  ['fq-tendon-rupture', sinceCourse('fq-tendon-rupture', ['tendon-rupture'])],
  ['fq-tendon-risks-known', fqTendonRisksKnown],
  ['tendon-history', tendonHistory],
  ['tendon-history-after-fq', tendonHistoryAfterFq],
  ['tendon-symptom-denied', tendonSymptomDenied],
  ['fq-intolerance-gut-only', fqIntoleranceGutOnly],
  ...SYMPTOMS.map((symptom): [FactId, Former] => [symptom.id, sinceFirstDose(symptom)]),
  [
    'fq-muscle-symptom',
    anySymptom('fq-muscle-symptom', ['fq-cramps', 'fq-muscle-pain', 'fq-muscle-weakness']),
  ],
  ['fq-nerve-symptom', anySymptom('fq-nerve-symptom', ['fq-tingling', 'fq-numbness'])],
  ['fq-symptom-groups', fqSymptomGroups],
  ['fq-symptoms-absent', fqSymptomsAbsent],
];
