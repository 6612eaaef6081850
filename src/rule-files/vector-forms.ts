/**
 * Forms and plans of a vector from their words: a diary week, a symptom checklist, a care plan.
 */
import type {
  CarePlan,
  Encounter,
  QuestionnaireResponse,
  QuestionnaireResponseItem,
  QuestionnaireResponseItemAnswer,
} from '@medplum/fhirtypes';
import { ASKED_BY } from '../core/facts/symptoms.ts';
import { DAY } from '../vocabulary/instant.ts';
import { dated, durationOf, SUBJECT, VectorError, type Writer } from './vector-resources.ts';

const ROLE = 'http://terminology.hl7.org/CodeSystem/v3-RoleCode';

/**
 * `frequency 3, nights 2, sleep yes, worst 5, fluid-day 3 glasses, 8 days ago`, with cramps as
 * `episode in-bed-or-asleep intensity 7 minutes 61 hour 5 trigger heat`; `in-progress` anywhere.
 */
export function diaryFor(words: string, writer: Writer): QuestionnaireResponse[] {
  const { at, rest } = dated(words, DAY, writer.now);
  const parts = rest.split(', ');
  const item = parts
    .filter((part) => part !== 'in-progress')
    .map((part) => (part.startsWith('episode ') ? episodeItem(part, at) : diaryItem(part)));
  return [form('cramp-diary-questionnaire', at, [{ linkId: 'diary', item }], parts, writer)];
}

/** `rf.cola yes, rf.neuro-onset 6 h, 2 days ago`; `all red flags no` answers every one of them. */
export function checklistFor(words: string, writer: Writer): QuestionnaireResponse[] {
  const { at, rest } = dated(words, DAY, writer.now);
  const parts = rest.split(', ');
  const item = parts
    .filter((part) => part !== 'in-progress')
    .flatMap((part) => (part === 'all red flags no' ? redFlags() : checklistItem(part, writer)));
  return [form('symptom-checklist-questionnaire', at, item, parts, writer)];
}

/** `accepted, 89 days ago`: a self-care plan of this service; any other words: an active plan that says so. */
export function carePlanFor(words: string, writer: Writer): CarePlan[] {
  const { at, rest } = dated(words, DAY, writer.now);
  const detail =
    rest === 'accepted'
      ? { code: { coding: [{ code: 'CB-stretch-1' }] }, status: 'in-progress' as const }
      : { description: rest, status: 'in-progress' as const };
  const plan: CarePlan = {
    resourceType: 'CarePlan',
    id: writer.next(),
    status: 'active',
    intent: 'plan',
    subject: SUBJECT,
    meta: { lastUpdated: at },
    activity: [{ detail }],
  };
  return [plan];
}

/** `intensive care`, `hospital ward`: a stay in progress, in a place of this kind. */
export function stayFor(place: string, writer: Writer): Encounter[] {
  const id = writer.next();
  const unit = place === 'intensive care' ? { coding: [{ system: ROLE, code: 'ICU' }] } : { text: place };
  return [
    {
      resourceType: 'Encounter',
      id,
      status: 'in-progress',
      class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'IMP' },
      subject: SUBJECT,
      contained: [{ resourceType: 'Location', id: 'place', type: [unit] }],
      location: [{ location: { reference: '#place' } }],
    },
  ];
}

function form(
  name: string,
  authored: string,
  item: QuestionnaireResponseItem[],
  parts: readonly string[],
  writer: Writer,
): QuestionnaireResponse {
  return {
    resourceType: 'QuestionnaireResponse',
    id: writer.next(),
    questionnaire: `https://cramp-cds.org/fhir/Questionnaire/${name}`,
    status: parts.includes('in-progress') ? 'in-progress' : 'completed',
    subject: SUBJECT,
    authored,
    item,
  };
}

function redFlags(): QuestionnaireResponseItem[] {
  return [...ASKED_BY.keys()]
    .filter((linkId) => linkId.startsWith('rf.'))
    .map((linkId) => ({ linkId, answer: [{ valueCoding: { code: 'no' } }] }));
}

function checklistItem(part: string, writer: Writer): QuestionnaireResponseItem {
  const [linkId = '', ...value] = part.split(' ');
  if (linkId !== 'rf.neuro-onset') return { linkId, answer: [answerFor(value.join(' '))] };
  const onset = new Date(writer.now.getTime() - durationOf(value.join(' '))).toISOString();
  return { linkId, answer: [{ valueDateTime: onset }] };
}

function diaryItem(part: string): QuestionnaireResponseItem {
  const [name = '', ...value] = part.split(' ');
  return { linkId: `diary.${name}`, answer: [answerFor(value.join(' '))] };
}

/** Words in pairs after the timing: `intensity 7`, `minutes 61`, `hour 5` (UTC), `trigger heat`. */
function episodeItem(part: string, asked: string): QuestionnaireResponseItem {
  const [, timing = '', ...pairs] = part.split(' ');
  const item: QuestionnaireResponseItem[] =
    timing === 'untimed'
      ? []
      : [{ linkId: 'diary.episode.timing', answer: [{ valueCoding: { code: timing } }] }];
  for (let index = 0; index < pairs.length; index += 2) {
    const [name, value = ''] = pairs.slice(index, index + 2);
    if (name === 'intensity') item.push(withAnswer('intensity', { valueInteger: Number(value) }));
    else if (name === 'minutes')
      item.push(
        withAnswer('duration', { valueQuantity: { value: Number(value), unit: 'min', code: 'min' } }),
      );
    else if (name === 'hour')
      item.push(
        withAnswer('when', { valueDateTime: `${asked.slice(0, 10)}T${value.padStart(2, '0')}:00:00Z` }),
      );
    else if (name === 'trigger') item.push(withAnswer('trigger', { valueCoding: { code: value } }));
    else throw new VectorError(`a cramp has no "${name}"`);
  }
  return { linkId: 'diary.episode', item };
}

function withAnswer(name: string, answer: QuestionnaireResponseItemAnswer): QuestionnaireResponseItem {
  return { linkId: `diary.episode.${name}`, answer: [answer] };
}

function answerFor(words: string): QuestionnaireResponseItemAnswer {
  if (/^\d+$/.test(words)) return { valueInteger: Number(words) };
  const [, value, unit] = /^(\d+(?:\.\d+)?) (mL|L|glasses)$/.exec(words) ?? [];
  if (unit !== undefined) return { valueQuantity: { value: Number(value), unit } };
  return ['yes', 'no', 'dont-know'].includes(words)
    ? { valueCoding: { code: words } }
    : { valueString: words };
}
