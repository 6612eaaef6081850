/**
 * What the patient drinks, how long a session was, and whether somebody advises to drink more or less.
 *
 * Source: wider rules A.5 and E; care-plan blocks 3.1 (glasses of 200 mL).
 */
import type { Quantity } from '@medplum/fhirtypes';
import { daysBetween, readInstant } from '../../vocabulary/instant.ts';
import { itemsOf } from './assertions.ts';
import { minutesOf } from './diary-entries.ts';
import { type Fact, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import { latestValue } from './measured.ts';

const INTAKE_DAYS = 28; // diary items, foundations 1.7
/** Millilitres in each unit; a glass is of care-plan blocks 3.1. */
const MILLILITRES: Readonly<Record<string, number>> = {
  mL: 1,
  ml: 1,
  L: 1000,
  l: 1000,
  litre: 1000,
  litres: 1000,
  glass: 200, // care-plan blocks 3.1
  glasses: 200,
  '{glass}': 200,
};

/** Fluid of a day, mL: the newer of a chart and the diary's own words (noted `self-reported`). */
const fluidIntake: Former = (source) => {
  const id = 'fluid-intake-24h';
  const concept = source.concepts.byId.get(id);
  if (concept === undefined) return unknownFact(id, 'no-record');
  const charted = latestValue(source.readings(id), concept, source.now, INTAKE_DAYS);
  const told = toldIntake(source);
  if (told === undefined) return charted;
  return charted.state !== 'unknown' && (charted.at?.getTime() ?? 0) >= (told.at?.getTime() ?? 0)
    ? charted
    : told;
};

function toldIntake(source: FactSource): Fact | undefined {
  const told = formsOf(source)
    .flatMap(({ items, at, from }) =>
      items
        .filter(({ linkId }) => linkId === 'diary.fluid-day')
        .map((item) => ({ at, from, value: millilitres(item.answer?.[0]?.valueQuantity) })),
    )
    .filter(({ value, at }) => value !== undefined && daysBetween(at, source.now) <= INTAKE_DAYS)
    .at(-1);
  if (told?.value === undefined) return undefined;
  const { value, at, from } = told;
  return {
    concept: 'fluid-intake-24h',
    state: 'known',
    value,
    unit: 'mL',
    decimals: 0,
    from: [from],
    notes: ['self-reported'],
    at,
  };
}

/** No unit, or one that is no volume: not guessed. */
function millilitres(quantity: Quantity | undefined): number | undefined {
  const factor = MILLILITRES[quantity?.code ?? ''] ?? MILLILITRES[quantity?.unit ?? ''];
  return quantity?.value === undefined || factor === undefined ? undefined : quantity.value * factor;
}

function formsOf(source: FactSource) {
  return source
    .resources('QuestionnaireResponse')
    .filter(({ status }) => status === 'completed' || status === 'amended')
    .flatMap((form) => {
      const at = readInstant(form.authored, source.settings.homeTimeZone)?.at;
      return at === undefined || at > source.now
        ? []
        : [{ at, from: `QuestionnaireResponse/${form.id}`, items: itemsOf(form.item) }];
    })
    .sort((a, b) => a.at.getTime() - b.at.getTime());
}

const LONG_SESSION = 60; // minutes, hy-long-exercise-sodium: longer than this
const SESSION_DAYS = 28; // hy-long-exercise-sodium

/** Did a session last more than an hour? A yes or no, or a recorded length with its unit. */
const exerciseOverAnHour: Former = (source) => {
  const id = 'exercise-over-60-min';
  const said = source.assertions(id).filter(({ at }) => at <= source.now);
  const newest = said.findLast(({ says, count }) => says !== 'unclear' || count !== undefined);
  if (newest === undefined) return unknownFact(id, 'no-record');
  const cited = { concept: id, from: [newest.source], notes: newest.notes, at: newest.at };
  if (daysBetween(newest.at, source.now) > SESSION_DAYS) return unknownFact(id, 'stale', cited);
  if (newest.count === undefined) return { ...cited, state: 'known', value: newest.says === 'present' };
  const resource = source.chart.byReference.get(newest.source);
  const minutes = resource?.resourceType === 'Observation' ? minutesOf(resource.valueQuantity) : undefined;
  if (minutes === undefined) return unknownFact(id, 'unit-unrecognised', cited);
  return { ...cited, state: 'known', value: minutes > LONG_SESSION };
};

const MORE = /\b(?:increase (?:oral )?(?:fluids?|fluid intake)|drink more|encourage (?:oral )?fluids)\b/i;
const LESS = /\bfluid (?:restriction|restricted|limit)\b|\brestrict (?:oral )?fluids?\b/i;
const STANDING = ['draft', 'active'];

/**
 * Words of care plans, nutrition orders and requests that stand: no code for either is confirmed, so their
 * text is read, noted `text-match`.
 */
function advised(id: string, words: RegExp, source: FactSource): Fact {
  const found = source.chart.resources.filter((resource) => {
    switch (resource.resourceType) {
      case 'CarePlan':
        return (
          STANDING.includes(resource.status ?? '') &&
          (resource.activity ?? []).some(
            ({ detail }) =>
              detail?.doNotPerform !== true &&
              detail?.status !== 'cancelled' &&
              words.test(`${detail?.code?.text ?? ''} ${detail?.description ?? ''}`),
          )
        );
      case 'NutritionOrder':
        return (
          STANDING.includes(resource.status ?? '') &&
          words.test(
            [
              ...(resource.oralDiet?.type ?? []).map(({ text }) => text ?? ''),
              resource.oralDiet?.instruction ?? '',
              ...(resource.note ?? []).map(({ text }) => text ?? ''),
            ].join(' '),
          )
        );
      case 'ServiceRequest':
        return (
          STANDING.includes(resource.status ?? '') &&
          resource.doNotPerform !== true &&
          words.test(`${resource.code?.text ?? ''} ${resource.patientInstruction ?? ''}`)
        );
      default:
        return false;
    }
  });
  if (found.length === 0) return unknownFact(id, 'no-record');
  const from = found.map(({ resourceType, id: key }) => `${resourceType}/${key}`).sort();
  return { concept: id, state: 'known', value: true, from, notes: ['text-match'] };
}

/** Facts about intake and sessions, by id. */
export const INTAKE: readonly (readonly [string, Former])[] = [
  ['fluid-intake-24h', fluidIntake],
  ['exercise-over-60-min', exerciseOverAnHour],
  ['fluid-increase-advised', (source) => advised('fluid-increase-advised', MORE, source)],
  ['fluid-restriction-recorded', (source) => advised('fluid-restriction-recorded', LESS, source)],
];
