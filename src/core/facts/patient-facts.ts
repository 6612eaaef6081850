/**
 * Age, sex for calculation, pregnancy.
 *
 * Source: clinical foundations 1.8.
 */
import type { Patient, PatientLink } from '@medplum/fhirtypes';
import { DAY, daysBetween, localDay, readInstant } from '../../vocabulary/instant.ts';
import { type Fact, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';

const PREGNANCY_ANSWER_DAYS = 280; // foundations 1.8
const PREGNANCY_UNLIKELY_ABOVE = 55; // years, foundations 1.8

/** Exact years; a partial birth date gives a range. */
export const age: Former = ({ chart, settings, now }) => {
  const birthDate = chart.patient.birthDate;
  const cited = { concept: 'age', unit: 'a', from: [`Patient/${chart.patient.id}`], notes: [] };
  const [year, month, day] = (birthDate ?? '').split('-').map(Number);
  if (year === undefined || !Number.isInteger(year) || year < 1850) return unknownFact('age', 'no-record');
  const today = localDay(now, settings.homeTimeZone);
  if (month !== undefined && day !== undefined) {
    return { ...cited, state: 'known', value: yearsBetween([year, month, day], today) };
  }
  const earliest: CalendarDay = [year, month ?? 1, 1];
  const latest: CalendarDay = month === undefined ? [year, 12, 31] : [year, month, lastDay(year, month)];
  return {
    ...cited,
    state: 'bounded',
    low: yearsBetween(latest, today),
    high: yearsBetween(earliest, today),
    notes: ['birth-date-partial'],
  };
};

const SEX_EXTENSIONS = [
  'http://hl7.org/fhir/StructureDefinition/patient-sexParameterForClinicalUse',
  'http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex',
  'http://hl7.org/fhir/StructureDefinition/patient-birthSex',
];

/** `male` or `female` for formulas; anything else is unknown. */
export const sex: Former = ({ chart }) => {
  const word = [...SEX_EXTENSIONS.map((url) => sexIn(chart.patient, url)), chart.patient.gender].find(
    (found) => found === 'male' || found === 'female',
  );
  if (word === undefined) return unknownFact('sex', 'no-record');
  return { concept: 'sex', state: 'known', value: word, from: [`Patient/${chart.patient.id}`], notes: [] };
};

/** Is the patient pregnant? Without a record it is known only where it can not be. */
export const pregnant: Former = (source) => {
  const answer = pregnancyAnswer(source);
  const recorded = source.fact('pregnancy');
  const over = source.fact('postpartum');
  const newest = [answer, recorded, negated(over)]
    .filter((fact): fact is Fact & { state: 'known' } => fact?.state === 'known')
    .sort((a, b) => (b.at?.getTime() ?? 0) - (a.at?.getTime() ?? 0))[0];
  if (newest !== undefined) return { ...newest, concept: 'pregnant' };
  const { state, ...rest } = source.fact('age');
  const young = state === 'known' ? (rest as { value: number }).value : (rest as { low?: number }).low;
  const male = source.fact('sex');
  if (
    (male.state === 'known' && male.value === 'male') ||
    (young !== undefined && young > PREGNANCY_UNLIKELY_ABOVE)
  ) {
    return {
      concept: 'pregnant',
      state: 'known',
      value: false,
      from: [`Patient/${source.chart.patient.id}`],
      notes: ['not-applicable'],
    };
  }
  return unknownFact('pregnant', 'no-record');
};

function pregnancyAnswer(source: FactSource): Fact | undefined {
  const newest = source
    .readings('pregnancy-status')
    .filter((reading) => reading.answer !== undefined)
    .at(-1);
  if (newest === undefined || daysBetween(newest.at, source.now) > PREGNANCY_ANSWER_DAYS) return undefined;
  const word = String(newest.answer).toLowerCase();
  const value = ['pregnant', 'yes', 'true', 'positive', 'detected'].includes(word)
    ? true
    : ['not pregnant', 'not-pregnant', 'no', 'false', 'negative', 'not detected'].includes(word)
      ? false
      : undefined;
  if (value === undefined) return undefined;
  return {
    concept: 'pregnant',
    state: 'known',
    value,
    from: [newest.source],
    notes: newest.notes,
    at: newest.at,
  };
}

function negated(fact: Fact): Fact | undefined {
  return fact.state === 'known' && fact.value === true ? { ...fact, value: false } : undefined;
}

function sexIn(patient: Patient, url: string): string | undefined {
  const extension = patient.extension?.find((candidate) => candidate.url === url);
  const nested = extension?.extension?.find((part) => part.url === 'value');
  const coded =
    extension?.valueCode ??
    (extension?.valueCodeableConcept ?? nested?.valueCodeableConcept)?.coding?.[0]?.code;
  if (coded === undefined) return undefined;
  const word = coded.toLowerCase();
  if (word === 'm' || word === 'male' || word === 'male-typical') return 'male';
  return word === 'f' || word === 'female' || word === 'female-typical' ? 'female' : undefined;
}

type CalendarDay = [year: number, month: number, day: number];

/** Whole years plus the share of the year since the last birthday. A birthday is exactly a whole year. */
function yearsBetween([year, month, day]: CalendarDay, [toYear, toMonth, toDay]: CalendarDay): number {
  const target = Date.UTC(toYear, toMonth - 1, toDay);
  const birthday = (inYear: number): number => Date.UTC(inYear, month - 1, day);
  const had = birthday(toYear) <= target ? toYear : toYear - 1;
  return had - year + (target - birthday(had)) / DAY / ((birthday(had + 1) - birthday(had)) / DAY);
}

function lastDay(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

/** The patient died: recorded true, or with a date. */
export function isDeceased(patient: Patient, zone: string): boolean {
  return (
    patient.deceasedBoolean === true ||
    readInstant(patient.deceasedDateTime, zone) !== undefined ||
    patient.deceasedDateTime !== undefined
  );
}

/** The record lives on under another Patient, which is evaluated on its own. Source: foundations 6. */
export function isMergedAway(patient: Patient): boolean {
  return mergedInto(patient) !== undefined;
}

/** The link to the record that took its place. One out of use that refers to another was merged too. */
export function mergedInto({ active, link = [] }: Patient): PatientLink | undefined {
  return (
    link.find(({ type }) => type === 'replaced-by') ??
    (active === false ? link.find(({ type }) => type === 'refer') : undefined)
  );
}
