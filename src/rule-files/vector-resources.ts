/**
 * One resource of a vector from its words: a result, a symptom, a condition or a medicine.
 */
import type { CodeableConcept, Condition, Observation, Procedure, Resource } from '@medplum/fhirtypes';
import type { ConceptFile } from '../core/concepts/concept-file.ts';
import { DAY, HOUR } from '../vocabulary/instant.ts';
import type { CodeBook } from './code-book.ts';

export interface Writer {
  readonly codes: CodeBook;
  readonly now: Date;
  /** A fresh id. */
  readonly next: () => string;
}

/** A vector says something that its reader does not know. */
export class VectorError extends Error {}

export const UCUM = 'http://unitsofmeasure.org';
export const SUBJECT = { reference: 'Patient/vector' };
const VITAL_SIGNS = new Set([
  'body-temperature',
  'heart-rate',
  'respiratory-rate',
  'oxygen-saturation',
  'systolic-blood-pressure',
]);
const LENGTH = {
  h: HOUR,
  hours: HOUR,
  day: DAY,
  days: DAY,
  week: 7 * DAY,
  weeks: 7 * DAY,
  month: 30 * DAY,
  months: 30 * DAY,
  year: 365 * DAY,
  years: 365 * DAY,
};
export const SPAN = '(\\d+(?:\\.\\d+)?) (h|hours|days?|weeks?|months?|years?)'; // our own constant, never data
const AGO = new RegExp(`,? ?${SPAN} ago`);
export const DURATION = new RegExp(`^${SPAN}$`);

/** `0.65 right`, `3.9 mmol/L haemolysed`, `<3.0 mmol/L`, `800 U/L, upper limit 200`, `80 umol/L, 40 h ago`, `3.2 mmol/L entered-in-error`, or a number in the canonical unit. */
export function resultFor(
  concept: ConceptFile,
  value: string | number | boolean,
  writer: Writer,
): Resource[] {
  const [words = '', upperLimit] = (
    typeof value === 'number' ? `${value} ${concept.unit}` : String(value)
  ).split(', upper limit ');
  const { at, rest: undated } = dated(words, VITAL_SIGNS.has(concept.id) ? 2 * HOUR : DAY, writer.now);
  const { word: status, rest: unstated } = taken(undated, [
    'entered-in-error',
    'registered',
    'preliminary',
    'amended',
    'corrected',
  ]);
  const { word: specimen, rest: unmarked } = taken(unstated, ['haemolysed', 'haemolysis unknown']);
  const { word: side, rest } = taken(unmarked, ['left', 'right']);
  const [, comparator, number, unit] = /^(<=|>=|<|>)?\s*(-?\d+(?:\.\d+)?)\s*(.*)$/.exec(rest) ?? [];
  if (number === undefined) throw new VectorError(`"${value}" is no result`);
  const observation = observationOf(concept, at, writer, status);
  const measured: Observation = {
    ...observation,
    ...(side && { bodySite: { text: `${side} leg` } }),
    valueQuantity: {
      value: Number(number),
      ...(comparator && { comparator: comparator as '<' }),
      ...unitOf(concept, unit),
    },
    ...(upperLimit && { referenceRange: [{ high: { value: Number(upperLimit), ...(unit && { unit }) } }] }),
  };
  if (VITAL_SIGNS.has(concept.id) || specimen === 'haemolysis unknown') return [measured];
  const specimenReference = { reference: `Specimen/${observation.id}-s` };
  return [
    { ...measured, specimen: specimenReference },
    { ...haemolysisReport(specimen === 'haemolysed', at, writer), specimen: specimenReference },
  ];
}

/** A ratio written without a unit is sent with the canonical one; any other number as it stands. */
function unitOf(concept: ConceptFile, unit: string | undefined) {
  const written = unit || (concept.unit === '{ratio}' ? concept.unit : undefined);
  return written === undefined ? {} : { unit: written, system: UCUM, code: written };
}

function haemolysisReport(positive: boolean, at: string, writer: Writer): Observation {
  const code = writer.codes.codeOf('hemolysis-index');
  const text = positive ? 'positive' : 'negative';
  return {
    resourceType: 'Observation',
    id: writer.next(),
    status: 'final',
    code: code as CodeableConcept,
    subject: SUBJECT,
    effectiveDateTime: at,
    valueCodeableConcept: { text },
  };
}

const SINCE = new RegExp(`, since ${SPAN} ago`);

/**
 * `true`, `false`, `"true, 2 days ago"`, `"true, onset 6 h, left side"`, a count such as 3, a length such as
 * `61 min`, a timing such as `during-exercise`; `"true, since 5 days ago"` is a diagnosis with its onset.
 */
export function symptomFor(
  concept: ConceptFile,
  value: string | number | boolean,
  writer: Writer,
): Resource[] {
  if (typeof value === 'number')
    return [{ ...observationOf(concept, before(writer.now, DAY), writer), valueInteger: value }];
  if (SINCE.test(String(value))) return conditionFor(concept, value, writer);
  const { at, rest } = dated(String(value), DAY, writer.now);
  const observation = observationOf(concept, at, writer);
  const [, amount, unit] = /^(\d+(?:\.\d+)?) (min|h)$/.exec(rest) ?? [];
  if (unit !== undefined)
    return [{ ...observation, valueQuantity: { value: Number(amount), unit, code: unit, system: UCUM } }];
  if (concept.id === 'cramp-timing')
    return [
      { ...observation, valueCodeableConcept: { coding: [{ code: rest.replaceAll(' ', '-') }], text: rest } },
    ];
  const [said, ...more] = rest.split(', ');
  if (said !== 'true' && said !== 'false')
    throw new VectorError(`a symptom is true or false, not "${value}"`);
  return [{ ...placed(observation, more, writer), valueBoolean: said === 'true' }];
}

/** `onset 6 h`: the Observation is of the time since then. `left side`, `both sides`: its body site. */
function placed(observation: Observation, more: readonly string[], writer: Writer): Observation {
  const at: Observation = { ...observation };
  for (const word of more) {
    const [, side] = /^(left|right|both) sides?$/.exec(word) ?? [];
    const [, span] = /^onset (.+)$/.exec(word) ?? [];
    if (side !== undefined) {
      const code = { left: '7771000', right: '24028007', both: '51440002' }[side] as string;
      at.bodySite = { coding: [{ system: 'http://snomed.info/sct', code }] };
    } else if (span !== undefined) {
      const start = before(writer.now, durationOf(span));
      at.effectivePeriod = { start, end: observation.effectiveDateTime as string };
      delete at.effectiveDateTime;
    } else throw new VectorError(`"${word}" says nothing about a symptom`);
  }
  return at;
}

/** The word of a coded result: `positive`, `2+`, `trace`, `absent`, `current`, each with `, 2 days ago`; `done` is a Procedure. */
export function answerFor(concept: ConceptFile, value: string, writer: Writer): Resource[] {
  const vital = concept.id === 'consciousness-level';
  const { at, rest: undated } = dated(value, vital ? 2 * HOUR : DAY, writer.now);
  if (undated === 'done') {
    const procedure: Procedure = {
      resourceType: 'Procedure',
      id: writer.next(),
      status: 'completed',
      code: codeFor(concept, writer),
      subject: SUBJECT,
      performedDateTime: at,
    };
    return [procedure];
  }
  const { word: status, rest } = taken(undated, ['preliminary', 'entered-in-error']);
  return [{ ...observationOf(concept, at, writer, status), valueCodeableConcept: { text: rest } }];
}

/** Is this an answer of its own, or a procedure, rather than what is said of a condition? */
export function isAnswer(concept: ConceptFile, value: string | number | boolean): boolean {
  const words = String(value);
  if (/^(?:true|false|suspected|resolved|procedure)(?:[, ]|$)/.test(words)) return false;
  return concept.kind === 'observation' || /^(?:done|normal|abnormal)(?:,|$)/.test(words);
}

/** An answer of the checklist by its linkId: `yes, 2 days ago`. */
export function askedFor(linkId: string, value: string, writer: Writer): Resource[] {
  const { at, rest } = dated(value, DAY, writer.now);
  const item = [{ linkId, answer: rest.split('+').map((code) => ({ valueCoding: { code } })) }];
  const base = { id: writer.next(), subject: SUBJECT, authored: at, item };
  return [{ ...base, resourceType: 'QuestionnaireResponse', status: 'completed' }];
}

/** A study or operation that has no confirmed code and is known by its words: `negative, 3 days ago`. */
export function namedInWords(text: string, value: string, writer: Writer): Resource[] {
  const { at, rest } = dated(value, DAY, writer.now);
  const base = { id: writer.next(), subject: SUBJECT, code: { text } };
  if (rest === 'completed')
    return [{ ...base, resourceType: 'Procedure', status: 'completed', performedDateTime: at }];
  const answer = { effectiveDateTime: at, valueCodeableConcept: { text: rest } };
  return [{ ...base, ...answer, resourceType: 'Observation', status: 'final' }];
}

/** `electrolyte-panel, 3 days ago`: an active order of what the concept names. */
export function orderFor(words: string, writer: Writer): Resource[] {
  const { at, rest } = dated(words, DAY, writer.now);
  const code = writer.codes.codeOf(rest);
  if (code === undefined) throw new VectorError(`"${rest}" has no confirmed code to order`);
  const base = { id: writer.next(), subject: SUBJECT, code, authoredOn: at };
  return [{ ...base, resourceType: 'ServiceRequest', status: 'active', intent: 'order' }];
}

/** `true`, `false` (refuted), `suspected`, `resolved`, `remission`, `procedure in-progress`, each with `, 2 days ago`, `, since 5 days ago`. */
export function conditionFor(
  concept: ConceptFile,
  value: string | number | boolean,
  writer: Writer,
): Resource[] {
  const since = SINCE.exec(String(value));
  const { at, rest } = dated(String(value).replace(SINCE, ''), DAY, writer.now);
  const procedure = /^procedure (in-progress|completed|not-done)$/.exec(rest)?.[1];
  if (procedure !== undefined) {
    const base = { id: writer.next(), code: codeFor(concept, writer), subject: SUBJECT };
    const status = procedure as 'completed';
    return [{ ...base, resourceType: 'Procedure', status, performedDateTime: at }];
  }
  const verification = {
    true: 'confirmed',
    remission: 'confirmed',
    false: 'refuted',
    suspected: 'provisional',
    resolved: 'confirmed',
  }[rest];
  if (verification === undefined)
    throw new VectorError(
      `a condition is true, false, suspected or resolved, or in remission, not "${value}"`,
    );
  const condition: Condition = {
    resourceType: 'Condition',
    id: writer.next(),
    clinicalStatus: {
      coding: [
        {
          system: 'http://terminology.hl7.org/CodeSystem/condition-clinical',
          code: rest === 'resolved' || rest === 'remission' ? rest : 'active',
        },
      ],
    },
    verificationStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status', code: verification }],
    },
    code: codeFor(concept, writer),
    subject: SUBJECT,
    recordedDate: at,
    ...(rest === 'resolved' && { abatementDateTime: at }),
    ...(since === null ? {} : { onsetDateTime: before(writer.now, lengthOf(since)) }),
  };
  return [condition];
}

export function observationOf(
  concept: ConceptFile,
  at: string,
  writer: Writer,
  status = 'final',
): Observation {
  return {
    resourceType: 'Observation',
    id: writer.next(),
    status: status as 'final',
    code: codeFor(concept, writer),
    subject: SUBJECT,
    effectiveDateTime: at,
  };
}

function codeFor(concept: ConceptFile, writer: Writer): CodeableConcept {
  const code = writer.codes.codeOf(concept.id);
  if (code === undefined) throw new VectorError(`"${concept.id}" has no confirmed code`);
  return code;
}

/** Takes `, 2 days ago` out of the words. */
export function dated(words: string, otherwise: number, now: Date): { at: string; rest: string } {
  const ago = AGO.exec(words);
  return { at: before(now, ago === null ? otherwise : lengthOf(ago)), rest: words.replace(AGO, '').trim() };
}

function taken(words: string, known: readonly string[]): { word?: string; rest: string } {
  const word = known.find((candidate) => words.includes(candidate));
  return word === undefined ? { rest: words } : { word, rest: words.replace(word, '').trim() };
}

/** Milliseconds of `6 h` or `2 days`. */
export function durationOf(words: string): number {
  const span = DURATION.exec(words);
  if (span === null) throw new VectorError(`"${words}" is no length of time`);
  return lengthOf(span);
}

export function lengthOf([, amount, unit]: RegExpExecArray): number {
  return Number(amount) * LENGTH[unit as keyof typeof LENGTH];
}

export function before(now: Date, length: number): string {
  return new Date(now.getTime() - length).toISOString();
}
