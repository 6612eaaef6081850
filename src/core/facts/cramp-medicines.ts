/**
 * Medicines and habits that rules of the medication domain ask for: classes taken together, medicines that
 * raise potassium, alcohol, smoking, what quinine is taken for, whether magnesium was ever tested.
 *
 * Source: core rules, medication; clinical foundations 2.9.
 */
import type { CodeableConcept } from '@medplum/fhirtypes';
import { daysBetween, readInstant } from '../../vocabulary/instant.ts';
import { K_RAISING } from './combined.ts';
import { anyPart, exposed, present } from './counts.ts';
import { type Fact, type FactId, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import { classesAsOne, countOfSet, type MedicineSet, onRecord } from './medicine-sets.ts';
import { recentDays } from './medicines.ts';

/** Blood-pressure medicines that are no diuretic. Source: core rules, md-antihypertensive-cramps. */
const ANTIHYPERTENSIVES = [
  'ace-inhibitor',
  'angiotensin-receptor-blocker',
  'direct-renin-inhibitor',
  'beta-blocker-systemic',
  'calcium-channel-blocker',
  'antihypertensive-other',
];
const NOT_DIURETIC = 'antihypertensive-not-diuretic';

/** New when one class of them is, even beside an older one. */
const newAntihypertensive: Former = (source) =>
  anyPart(
    `drug-new.${NOT_DIURETIC}`,
    ANTIHYPERTENSIVES.map((drug) => present(`drug-new.${drug}`)),
    source,
  );

const K_RAISING_SET: MedicineSet = { classes: K_RAISING };
const TRIMETHOPRIM_DAYS = recentDays('trimethoprim-systemic');
const OTHERS_DAYS = recentDays('k-raising');
const K_RAISING_OR_RECENT: MedicineSet = {
  classes: K_RAISING,
  endedDays: (ingredient) => (ingredient === 'trimethoprim' ? TRIMETHOPRIM_DAYS : OTHERS_DAYS),
};

const kRaisingExposed: Former = (source) =>
  anyPart(
    'k-raising-exposed',
    K_RAISING.map((drug) => exposed(`drug.${drug}`)),
    source,
  );

const TESTED_DAYS = 365; // core rules, md-ppi-low-magnesium
const IN_PROGRESS_DAYS = 14; // a preliminary result this young is in progress; foundations 2.9
const LOW_MAGNESIUM = { below: 0.7, days: 90 }; // mmol/L; core rules, md-ppi-low-magnesium

/** Nobody measured magnesium for a year. About the record, so known where it was seen; a result without a value is none. */
const magnesiumNotTested: Former = (source) => {
  const tested = source.readings('magnesium-serum').filter(({ value, status, at }) => {
    const days = daysBetween(at, source.now);
    return value !== undefined && days <= (status === 'preliminary' ? IN_PROGRESS_DAYS : TESTED_DAYS);
  });
  if (tested.length === 0 && source.chart.unseen.has('Observation'))
    return unknownFact('magnesium-not-tested-365d', 'no-record');
  const from = tested.map((reading) => reading.source).sort();
  return {
    concept: 'magnesium-not-tested-365d',
    state: 'known',
    value: tested.length === 0,
    from,
    notes: [],
  };
};

/** A magnesium below 0.70 mmol/L was reported within 90 days. About the record, so always known. */
const magnesiumWasLow: Former = (source) => {
  const low = source
    .readings('magnesium-serum')
    .filter(
      ({ value, at }) =>
        value !== undefined &&
        value < LOW_MAGNESIUM.below &&
        daysBetween(at, source.now) <= LOW_MAGNESIUM.days,
    );
  const from = low.map((reading) => reading.source).sort();
  return { concept: 'magnesium-was-low-90d', state: 'known', value: low.length > 0, from, notes: [] };
};

const POTASSIUM_GAP_DAYS = 90; // core rules, md-beta-agonist-cramps and md-insulin-cramps

/** Nobody measured potassium for 90 days, in serum or blood. About the record, so known where it was seen. */
const potassiumNotTested: Former = (source) => {
  const tested = [...source.readings('potassium-serum'), ...source.readings('potassium-blood')].filter(
    ({ value, at }) => value !== undefined && daysBetween(at, source.now) <= POTASSIUM_GAP_DAYS,
  );
  if (tested.length === 0 && source.chart.unseen.has('Observation'))
    return unknownFact('potassium-not-tested-90d', 'no-record');
  const from = tested.map((reading) => reading.source).sort();
  return { concept: 'potassium-not-tested-90d', state: 'known', value: tested.length === 0, from, notes: [] };
};

const BAND_DAYS = 30; // core rules, md-hyperkalaemia-drugs, the band of 5.1 to 5.4 mmol/L

/** The potassium of now, else the last one in serum of 30 days. */
const potassium30Days: Former = (source) => {
  const now = source.fact('potassium');
  const last = source.fact('last.potassium-serum');
  const useful = last.at !== undefined && daysBetween(last.at, source.now) <= BAND_DAYS;
  return { ...(now.state === 'unknown' && useful ? last : now), concept: 'potassium-30d' };
};

/** Limits of "low". Source: core rules, el-hypomagnesaemia, el-hypokalaemia, el-hypophosphataemia; mmol/L. */
const MINERALS: readonly (readonly [concepts: readonly string[], low: number])[] = [
  [['magnesium-serum'], 0.7],
  [['potassium-serum', 'potassium-blood'], 3.5],
  [['phosphate-serum'], 0.8],
];
const MINERAL_DAYS = 30; // core rules, md-alcohol-cramps

/** Magnesium, potassium or phosphate was low at its last result of 30 days, or has none. About the record, always known. */
const mineralsLowOrUnknown: Former = (source) => {
  const lasts = MINERALS.map(([concepts, low]) => {
    const readings = concepts
      .flatMap((concept) => source.readings(concept))
      .filter(({ value, at }) => value !== undefined && daysBetween(at, source.now) <= MINERAL_DAYS)
      .sort((a, b) => a.at.getTime() - b.at.getTime());
    return { last: readings.at(-1), low };
  });
  const value = lasts.some(({ last, low }) => last?.value === undefined || last.value < low);
  const from = lasts.flatMap(({ last }) => last?.source ?? []).sort();
  return { concept: 'minerals-low-or-unknown-30d', state: 'known', value, from, notes: [] };
};

/** Malaria is in no concept: its word in a diagnosis, or in the reason of a quinine record. About the record, always known. */
const malariaRecorded: Former = (source) => {
  const quinine = new Set(source.exposures('quinine-systemic').map(({ record }) => record.source));
  const from = source.chart.resources.flatMap((resource) => {
    const reference = `${resource.resourceType}/${resource.id}`;
    if (resource.resourceType === 'Condition') {
      const off = ['refuted', 'entered-in-error'].includes(codeOf(resource.verificationStatus));
      const over = ['inactive', 'resolved'].includes(codeOf(resource.clinicalStatus));
      return !off && !over && namesMalaria(resource.code) ? [reference] : [];
    }
    const isOrder =
      resource.resourceType === 'MedicationRequest' || resource.resourceType === 'MedicationStatement';
    return isOrder && quinine.has(reference) && (resource.reasonCode ?? []).some(namesMalaria)
      ? [reference]
      : [];
  });
  return {
    concept: 'malaria-recorded',
    state: 'known',
    value: from.length > 0,
    from: from.sort(),
    notes: [],
  };
};

function namesMalaria(code: CodeableConcept | undefined): boolean {
  const words = [code?.text, ...(code?.coding ?? []).map(({ display }) => display)];
  return words.some((word) => /\bmalaria\b/i.test(word ?? ''));
}

function codeOf(code: CodeableConcept | undefined): string {
  return code?.coding?.[0]?.code ?? '';
}

const HABIT_DAYS = 365; // as the habits of the symptom checklist

/** Does the patient smoke tobacco now? */
const smokesTobacco: Former = (source) => {
  const id = 'smokes-tobacco';
  const newest = source
    .readings('tobacco-smoking-status')
    .findLast(({ answer }) => answer !== undefined && answer !== 'unknown');
  if (newest === undefined) return unknownFact(id, 'no-record', { missing: ['tobacco-smoking-status'] });
  const cited = { from: [newest.source], notes: newest.notes, at: newest.at };
  if (daysBetween(newest.at, source.now) > HABIT_DAYS) return unknownFact(id, 'stale', cited);
  const known = ['current', 'former', 'never', 'not-current'].includes(String(newest.answer));
  if (!known) return unknownFact(id, 'no-value', cited);
  return { ...cited, concept: id, state: 'known', value: newest.answer === 'current' };
};

/** UK units of 8 g alcohol a week for one of each unit. Source: core rules, md-alcohol-cramps. */
const UNITS_PER_WEEK: ReadonlyMap<string, number> = new Map([
  ['units/week', 1],
  ['{units}/wk', 1],
  ['[UK units]/wk', 1],
  ['g/wk', 1 / 8],
  ['g/week', 1 / 8],
  ['g/d', 7 / 8],
  ['g/day', 7 / 8],
  ['US drinks/week', 14 / 8],
  ['{US drinks}/wk', 14 / 8],
]);
/** Drinks of no stated size: one holds at least one UK unit, the smallest standard drink (recalled). */
const DRINKS_PER_WEEK: ReadonlyMap<string, number> = new Map([
  ['drinks/week', 1],
  ['{drinks}/wk', 1],
  ['drinks/day', 7],
  ['{drinks}/d', 7],
]);

/** Alcohol in UK units a week. Drinks of no stated size give at least as many units. Text tells nothing. */
const alcoholUnits: Former = (source) => {
  const id = 'alcohol-units-per-week';
  const said = [...alcoholResults(id, source), ...alcoholAnswers(id, source)]
    .filter((fact) => fact.at !== undefined && daysBetween(fact.at, source.now) <= HABIT_DAYS)
    .sort((a, b) => (a.at as Date).getTime() - (b.at as Date).getTime());
  const told = said.findLast(({ state }) => state !== 'unknown');
  return told ?? said.at(-1) ?? unknownFact(id, 'no-record', { missing: ['alcohol-use'] });
};

function alcoholResults(id: FactId, source: FactSource): Fact[] {
  return source.observations('alcohol-use').flatMap((resource) => {
    const { value, unit, code, comparator } = resource.valueQuantity ?? {};
    const at = readInstant(resource.effectiveDateTime ?? resource.issued, source.settings.homeTimeZone)?.at;
    const counts = ['final', 'amended', 'corrected'].includes(resource.status ?? '');
    if (value === undefined || at === undefined || !counts || at > source.now) return [];
    const cited = { concept: id, unit: 'units/week', from: [`Observation/${resource.id}`], notes: [], at };
    const exact = UNITS_PER_WEEK.get(code ?? '') ?? UNITS_PER_WEEK.get(unit ?? '');
    const least = DRINKS_PER_WEEK.get(code ?? '') ?? DRINKS_PER_WEEK.get(unit ?? '');
    const perWeek = exact ?? least;
    if (perWeek === undefined) return [unknownFact(id, 'unit-unrecognised', cited)];
    return [amount(cited, value * perWeek, exact === undefined ? '>=' : comparator)];
  });
}

function amount(
  cited: Pick<Fact, 'concept' | 'from' | 'notes'> & { at: Date },
  value: number,
  comparator: string | undefined,
): Fact {
  if (value === 0) return { ...cited, state: 'known', value };
  if (comparator === undefined) return { ...cited, state: 'known', value };
  const open = comparator === '<' || comparator === '>' ? { exclusive: true as const } : {};
  return comparator.startsWith('<')
    ? { ...cited, ...open, state: 'bounded', high: value }
    : { ...cited, ...open, state: 'bounded', low: value };
}

/** The checklist asks for drinks in a usual week, of no stated size. */
function alcoholAnswers(id: FactId, source: FactSource): Fact[] {
  return source
    .assertions('alcohol-use')
    .filter(({ by, count, at }) => by === 'answer' && count !== undefined && at <= source.now)
    .map(({ source: from, notes, at, count }) =>
      amount({ concept: id, from: [from], notes, at }, count as number, '>='),
    );
}

export const CRAMP_MEDICINE_FACTS: readonly (readonly [FactId, Former])[] = [
  ...classesAsOne('beta-agonist', ['beta-agonist-inhaled', 'beta-agonist-systemic']),
  ...classesAsOne('hormonal-contraceptive', ['oral-contraceptive', 'combined-hormonal-contraceptive']),
  ...classesAsOne(NOT_DIURETIC, ANTIHYPERTENSIVES),
  [`drug-new.${NOT_DIURETIC}`, newAntihypertensive],
  ['k-raising-exposed', kRaisingExposed],
  ['k-raising-count', countOfSet('k-raising-count', K_RAISING_OR_RECENT)],
  ['k-raising-on-record', onRecord('k-raising-on-record', K_RAISING_SET)],
  ['magnesium-not-tested-365d', magnesiumNotTested],
  ['magnesium-was-low-90d', magnesiumWasLow],
  ['potassium-not-tested-90d', potassiumNotTested],
  ['potassium-30d', potassium30Days],
  ['minerals-low-or-unknown-30d', mineralsLowOrUnknown],
  ['malaria-recorded', malariaRecorded],
  ['smokes-tobacco', smokesTobacco],
  ['alcohol-units-per-week', alcoholUnits],
];
