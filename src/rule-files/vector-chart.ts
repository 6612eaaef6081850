/**
 * A vector's shorthand as a real chart: FHIR resources as a hospital would send them.
 *
 * Why: a vector that named facts would test the rule alone. Written as FHIR it also tests codes, units,
 * statuses, times and specimens on the way.
 *
 * Unless a vector says otherwise the patient is 55 and male, results are final, 1 day old and from a
 * specimen reported as acceptable, and vital signs are 2 hours old. Source: core and wider rules, "Vectors".
 */
import type { CodeableConcept, Patient, Resource } from '@medplum/fhirtypes';
import { type Chart, chartOf } from '../core/chart/chart.ts';
import type { ConceptFile } from '../core/concepts/concept-file.ts';
import { FRESH_DAYS } from '../core/facts/symptoms.ts';
import type { CodeBook } from './code-book.ts';
import { PROMISE_KEYS, type Shorthand } from './rule-schema.ts';
import { allergyFor, habitFor, textMedicineFor } from './vector-answers.ts';
import { carePlanFor, checklistFor, diaryFor, stayFor } from './vector-forms.ts';
import { medicineFor } from './vector-medicines.ts';
import {
  answerFor,
  askedFor,
  conditionFor,
  isAnswer,
  namedInWords,
  orderFor,
  resultFor,
  symptomFor,
  VectorError,
  type Writer,
} from './vector-resources.ts';

/** Names that read better than the concept behind them. */
export const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  ['potassium', 'potassium-serum'],
  ['phosphate', 'phosphate-serum'],
  ['bicarbonate', 'bicarbonate-serum'],
  ['glucose', 'glucose-plasma'],
  ['vitamin-d', 'vitamin-d-25oh-serum'],
  ['ck', 'ck-serum'],
  ['systolic', 'systolic-blood-pressure'],
  ['diastolic', 'diastolic-blood-pressure'],
  ['sodium', 'sodium-serum'],
  ['magnesium', 'magnesium-serum'],
  ['calcium', 'calcium-total-serum'],
  ['ionised-calcium', 'calcium-ionized'],
  ['corrected-calcium', 'calcium-corrected-serum'],
  ['albumin', 'albumin-serum'],
  ['creatinine', 'creatinine-serum'],
  ['urea', 'urea-serum'],
  ['egfr', 'egfr-reported'],
  ['temperature', 'body-temperature'],
  ['qtc', 'qtc-interval'],
  ['ck', 'ck-serum'],
  ['glucose', 'glucose-plasma'],
  ['weight', 'body-weight'],
  ['systolic', 'systolic-blood-pressure'],
  ['tsh', 'tsh-serum'],
  ['phosphate', 'phosphate-serum'],
  ['urine-acr', 'urine-albumin-creatinine-ratio'],
  ['cramps-present', 'leg-cramp'],
  ['rigors', 'chills-or-rigors'],
  ['dialysis', 'dialysis-status'],
  ['pregnant', 'pregnancy'],
  ['ck', 'ck-serum'],
  ['tsh', 'tsh-serum'],
  ['glucose', 'glucose-plasma'],
  ['systolic', 'systolic-blood-pressure'],
  ['diastolic', 'diastolic-blood-pressure'],
  ['abi', 'ankle-brachial-index'],
  ['ferritin', 'ferritin-serum'],
  ['fluid-intake', 'fluid-intake-24h'],
  ['saturation', 'oxygen-saturation'],
  ['abi-exercise', 'ankle-brachial-index-exercise'],
  ['toe-index', 'toe-brachial-index'],
  ['smoking', 'tobacco-smoking-status'],
]);

/** What has no confirmed code and is known by its words. */
const IN_WORDS: ReadonlyMap<string, string> = new Map([
  ['leg-vein-ultrasound', 'Ultrasound of leg veins'],
  ['leg-artery-duplex', 'Duplex of leg arteries'],
  ['leg-thrombectomy', 'Thrombectomy of femoral artery'],
]);
const CHECKLIST = 'asked.';
/** A symptom on the problem list: `true as condition, 29 days ago`. */
const AS_CONDITION = ' as condition';

/** Keys that describe the patient. */
const PATIENT_KEYS = new Set(['age', 'sex']);

/**
 * The chart that a vector describes.
 *
 * @throws VectorError when it names something that no concept or ingredient is called, or says it in words
 *   that this reader does not know.
 */
export function vectorChart(vector: Shorthand, codes: CodeBook, now: Date): Chart {
  const writer: Writer = { codes, now, next: counter() };
  const resources = Object.entries(vector)
    .filter(([key, value]) => value !== undefined && !PROMISE_KEYS.has(key) && !PATIENT_KEYS.has(key))
    .flatMap(([key, value]) =>
      [value].flat().flatMap((one) => resourcesFor(key, one as string | number | boolean, writer)),
    );
  return chartOf([patient(vector, now), ...resources]);
}

const HABITS = new Set(['alcohol-use', 'tobacco-smoking-status']);

/** Keys that are whole resources. */
const WHOLE: ReadonlyMap<string, (words: string, writer: Writer) => Resource[]> = new Map<
  string,
  (words: string, writer: Writer) => Resource[]
>([
  ['diary', diaryFor],
  ['checklist', checklistFor],
  ['care-plan', carePlanFor],
  ['stay', stayFor],
]);

function resourcesFor(key: string, value: string | number | boolean, writer: Writer): Resource[] {
  if (key === 'ordered') return orderFor(String(value), writer);
  if (key === 'allergy') return allergyFor(String(value), writer);
  if (key === 'medicine in words') return textMedicineFor(String(value), writer);
  const whole = WHOLE.get(key);
  if (whole !== undefined) return whole(String(value), writer);
  if (key.startsWith(CHECKLIST)) return askedFor(key.slice(CHECKLIST.length), String(value), writer);
  const words = IN_WORDS.get(key);
  if (words !== undefined) return namedInWords(words, String(value), writer);
  const id = SHORT_NAMES.get(key) ?? key;
  const concept = writer.codes.concept(id);
  if (concept !== undefined && HABITS.has(id)) return habitFor(concept, String(value), writer);
  if (concept !== undefined && isCoded(concept, value)) return answerFor(concept, String(value), writer);
  if (concept?.unit !== undefined) return resultFor(concept, value, writer);
  if (concept !== undefined && (concept.kind === 'condition' || concept.kind === 'observation')) {
    const plain = typeof value === 'string' ? value.replace(AS_CONDITION, '') : value;
    const isSymptom = FRESH_DAYS.has(id) && plain === value;
    if (isSymptom) return symptomFor(concept, value, writer);
    return isAnswer(concept, plain)
      ? answerFor(concept, String(value), writer)
      : conditionFor(concept, plain, writer);
  }
  // A class without an ingredient of its own, such as a salt substitute, is written by its own code.
  const drug = writer.codes.ingredient(key) ?? writer.codes.codeOf(key);
  if (drug !== undefined) return medicineFor(drug, String(value), writer);
  const parts = key.split(' with ').map((part) => writer.codes.ingredient(part));
  if (parts.length > 1 && !parts.includes(undefined))
    return medicineFor(parts as CodeableConcept[], String(value), writer);
  throw new VectorError(`nothing is called "${key}": it is no concept and no ingredient`);
}

/** A result in words, such as a test strip; what is said as true or false is a record of presence. */
function isCoded({ kind, unit }: ConceptFile, value: string | number | boolean): boolean {
  const isPresence = /^(true|false|suspected|resolved|procedure)\b/.test(String(value));
  return kind === 'observation' && unit === undefined && typeof value === 'string' && !isPresence;
}

function patient({ age = 55, sex = 'male' }: Shorthand, now: Date): Patient {
  return {
    resourceType: 'Patient',
    id: 'vector',
    ...(age === 'not recorded' ? {} : { birthDate: birthDate(age as string | number, now) }),
    gender: sex as 'male' | 'female' | 'unknown',
    meta: { lastUpdated: now.toISOString() },
  };
}

/** `72`: a birthday today. `60 years 1 day`. `60 by birth year`: only the year is recorded. */
function birthDate(age: string | number, now: Date): string {
  const [, years, days, byYear] = /^(\d+)(?: years (\d+) days?)?( by birth year)?$/.exec(String(age)) ?? [];
  if (years === undefined)
    throw new VectorError(
      `an age is written 72, "60 years 1 day", "60 by birth year" or "not recorded", not "${age}"`,
    );
  const year = now.getUTCFullYear() - Number(years);
  if (byYear !== undefined) return String(year);
  const day = now.getUTCDate() - Number(days ?? 0);
  return new Date(Date.UTC(year, now.getUTCMonth(), day)).toISOString().slice(0, 10);
}

function counter(): () => string {
  let last = 0;
  return () => `v${++last}`;
}
