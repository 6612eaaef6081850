/**
 * Questions about several medicine classes at once, or about some ingredients of a class.
 *
 * Why: a rule that says "any macrolide but azithromycin" or "two drugs that raise potassium" must count
 * ingredients: one tablet in two classes is one drug.
 * Source: clinical foundations 1.5.
 */
import { DAY } from '../../vocabulary/instant.ts';
import type { ConceptId } from '../concepts/concept.ts';
import { type Fact, type FactId, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import { type Exposure, factsOfClass, isActive, newestWords } from './medicines.ts';

/** How an ingredient of the set stands: current, over, or not told. */
type Standing = 'current' | 'over' | 'open';

export interface MedicineSet {
  readonly classes: readonly ConceptId[];
  /** Which ingredients of the classes; all when missing. */
  readonly only?: (ingredient: string) => boolean;
  /** Days after its end in which an ingredient still counts; 0 when missing. */
  readonly endedDays?: (ingredient: string) => number;
}

/** The newest word on every ingredient of the set, each once. */
function wordsOn({ classes, only }: MedicineSet, source: FactSource): Exposure[] {
  const exposures = classes.flatMap((concept) => source.exposures(concept));
  return newestWords(exposures).filter(({ ingredient }) => only === undefined || only(ingredient));
}

function standing(exposure: Exposure, { endedDays }: MedicineSet, now: Date): Standing {
  if (isActive(exposure)) return 'current';
  const { status, ended, ingredient } = exposure;
  const days = endedDays?.(ingredient) ?? 0;
  const counts = days > 0 && ended !== undefined && now.getTime() - ended.getTime() <= days * DAY;
  if (status === 'recent' || status === 'not-taking') return counts ? 'current' : 'over';
  if (status === 'lapsed') return counts ? 'current' : 'open';
  return status === 'unknown' ? 'open' : 'over';
}

interface Standings {
  readonly current: readonly Exposure[];
  readonly open: readonly Exposure[];
  readonly all: readonly Exposure[];
}

export function standingsOf(set: MedicineSet, source: FactSource): Standings {
  const all = wordsOn(set, source);
  return {
    all,
    current: all.filter((exposure) => standing(exposure, set, source.now) === 'current'),
    open: all.filter((exposure) => standing(exposure, set, source.now) === 'open'),
  };
}

/** Does one of the set count now? Known false only from records that are over; no record is unknown. */
export function anyOfSet(id: FactId, set: MedicineSet): Former {
  return (source) => {
    const { current, open, all } = standingsOf(set, source);
    if (current.length > 0) return { ...citedBy(id, current), state: 'known', value: true };
    if (open.length > 0) return unknownFact(id, 'status', citedBy(id, open));
    if (all.length > 0) return { ...citedBy(id, all), state: 'known', value: false };
    return noneRecorded(id, set, source);
  };
}

/** How many different ingredients of the set count now: at least those on record. */
export function countOfSet(id: FactId, set: MedicineSet): Former {
  return (source) => {
    const { current, open } = standingsOf(set, source);
    const cited = citedBy(id, current);
    const told = set.classes.every((concept) => source.fact(`drug.${concept}`).state === 'known');
    if (told && open.length === 0) return { ...cited, state: 'known', value: current.length };
    return { ...cited, state: 'bounded', low: current.length };
  };
}

/** How many ingredients of the set the record does not show as over. What the record says, so always known. */
export function onRecord(id: FactId, set: MedicineSet): Former {
  return (source) => {
    const { current, open } = standingsOf(set, source);
    const left = [...current, ...open];
    return { ...citedBy(id, left), state: 'known', value: left.length };
  };
}

/** Several classes as one: `drug.<name>`, `drug-days.<name>`, `drug-new.<name>`, `drug-ended-days.<name>`. */
export function classesAsOne(name: string, classes: readonly ConceptId[]): [FactId, Former][] {
  return ['drug', 'drug-days', 'drug-new', 'drug-ended-days'].map((kind): [FactId, Former] => {
    const id = `${kind}.${name}`;
    return [
      id,
      (source) => {
        const exposures = classes.flatMap((concept) => source.exposures(concept));
        const formed = exposures.length === 0 ? [] : factsOfClass(name, exposures, source);
        return new Map(formed).get(id) ?? noneRecorded(id, { classes }, source);
      },
    ];
  });
}

function noneRecorded(id: FactId, { classes }: MedicineSet, source: FactSource): Fact {
  const facts = classes.map((concept) => source.fact(`drug.${concept}`));
  const unrecognised = facts.some((fact) => fact.state === 'unknown' && fact.why === 'not-recognised');
  return unknownFact(id, unrecognised ? 'not-recognised' : 'no-record');
}

export function citedBy(
  id: FactId,
  exposures: readonly Exposure[],
): Pick<Fact, 'concept' | 'from' | 'notes'> & { names?: readonly string[]; at?: Date } {
  const names = [...new Set(exposures.map(({ ingredient }) => ingredient))].sort();
  const [at] = exposures
    .flatMap(({ record }) => record.start ?? [])
    .sort((a, b) => b.getTime() - a.getTime());
  return {
    concept: id,
    from: [...new Set(exposures.map(({ record }) => record.source))].sort(),
    notes: [...new Set(exposures.flatMap(({ notes }) => notes))],
    ...(names.length === 0 ? {} : { names }),
    ...(at === undefined ? {} : { at }),
  };
}
