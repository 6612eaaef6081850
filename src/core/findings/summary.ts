/**
 * The sentence a clinician reads first.
 *
 * Templates hold `{fact.value}`, `{fact.date}` and `{fact.name}` slots; a phrase in square brackets is
 * left out when one of its slots is empty. At most 140 characters; the value is never cut.
 * Source: clinical foundations 8.
 */
import { showInstant } from '../../vocabulary/instant.ts';
import { type Fact, type Facts, factOf } from '../facts/fact.ts';

const LONGEST = 140; // characters; the limit of a CDS Hooks card

/** Fills a template from facts. */
export function fillSummary(template: string, facts: Facts, homeTimeZone: string): string {
  const withoutEmpty = template.replaceAll(/\[([^[\]]*)\]/g, (_whole, phrase: string) =>
    slotsOf(phrase).every((slot) => slotText(slot, facts, homeTimeZone) !== '') ? phrase : '',
  );
  const filled = withoutEmpty.replaceAll(/\{([^{}]+)\}/g, (_whole, slot: string) =>
    slotText(slot, facts, homeTimeZone),
  );
  return shortened(tidied(filled));
}

/** Spaces and commas that left-out phrases leave behind; a capital at the start. */
function tidied(text: string): string {
  const plain = text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/ ([,;:])/g, '$1')
    .replaceAll(/([:(]) ?, ?/g, '$1 ')
    .trim();
  return plain.slice(0, 1).toUpperCase() + plain.slice(1);
}

function slotsOf(phrase: string): string[] {
  return [...phrase.matchAll(/\{([^{}]+)\}/g)].map((match) => match[1] as string);
}

function slotText(slot: string, facts: Facts, zone: string): string {
  const dot = slot.lastIndexOf('.');
  const fact = factOf(facts, slot.slice(0, dot));
  const property = slot.slice(dot + 1);
  if (fact.state === 'unknown') return '';
  switch (property) {
    case 'value':
      return valueText(fact);
    case 'date':
      return fact.at === undefined
        ? ''
        : showInstant(fact.at, zone, fact.notes.includes('date-only') ? 'date' : 'time');
    case 'name':
      return namesText(fact.names ?? []);
    case 'note':
      return fact.notes
        .filter((note) => SHOWN_NOTES.has(note))
        .map((note) => NOTE_WORDS.get(note) ?? note.replaceAll('-', ' '))
        .join(', ');
    default:
      return '';
  }
}

const SHOWN_NOTES = new Set([
  'haemolysed',
  'preliminary',
  'conflict',
  'date-only',
  'computed',
  'adjusted-for-albumin',
  'corrected-by-laboratory',
  'assumed-uln',
  'pending-albumin',
  'glucose-adjusted',
  'rise-timing-not-shown',
]);
const NOTE_WORDS = new Map([['assumed-uln', 'assumed limit']]);

/** `3.2`, `<3.0`, `at most 3.3`, `31 to 42`. eGFR and age as whole numbers. */
export function valueText(fact: Fact): string {
  if (fact.state === 'unknown') return '';
  const show = (value: number): string => numberText(value, fact);
  if (fact.state === 'known') return typeof fact.value === 'number' ? show(fact.value) : String(fact.value);
  if (fact.low !== undefined && fact.high !== undefined) return `${show(fact.low)} to ${show(fact.high)}`;
  if (fact.high !== undefined && fact.notes.includes('haemolysed')) return show(fact.high);
  if (fact.high !== undefined) return `${fact.exclusive ? '<' : 'at most '}${show(fact.high)}`;
  return fact.low === undefined ? '' : `${fact.exclusive ? '>' : 'at least '}${show(fact.low)}`;
}

const WHOLE = new Set(['age', 'egfr', 'egfr-2021', 'creatinine-clearance']);

/** Whole where the field shows whole numbers; an eGFR is cut, never rounded up over its stage. */
function numberText(value: number, { concept, decimals = 0 }: Fact): string {
  if (WHOLE.has(concept) || concept.startsWith('drug-days.')) return String(Math.floor(value));
  const asReported = String(Math.round(value * 100) / 100);
  const given = asReported.split('.')[1]?.length ?? 0;
  return value.toFixed(Math.max(given, decimals));
}

function namesText(names: readonly string[]): string {
  return names.length <= 2 ? names.join(' and ') : `${names.slice(0, 2).join(', ')} +${names.length - 2}`;
}

function shortened(text: string): string {
  if (text.length <= LONGEST) return text;
  const clause = text.lastIndexOf(';');
  if (clause > 0) return shortened(`${text.slice(0, clause)}.`);
  return `${text.slice(0, LONGEST - 1).trimEnd()}…`;
}
