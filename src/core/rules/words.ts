/**
 * Clauses and what they saw, in words for clinicians.
 */
import { remembered } from '../../vocabulary/remembered.ts';
import type { Fact, FactId, Why } from '../facts/fact.ts';
import type { Question } from './operators.ts';
import type { OperatorName } from './rule.ts';

/** The unit in which a fact is compared, UCUM; undefined for truths and codes. */
export type UnitOf = (fact: FactId) => string | undefined;

const OPERATOR_WORDS = {
  below: 'below',
  atMost: 'at most',
  above: 'above',
  atLeast: 'at least',
  is: 'is',
  isIn: 'is one of',
  active: 'active',
  activeOrRecent: 'active or recent',
  hasNote: 'noted',
  lacksNote: 'not noted',
  isKnown: 'known',
} as const satisfies Record<OperatorName, string>;

const WHY_WORDS = {
  'no-record': 'no record',
  stale: 'only an older record',
  'no-value': 'reported without a value',
  'unit-unrecognised': 'unit not recognised',
  implausible: 'implausible value set aside',
  'future-dated': 'dated in the future',
  haemolysed: 'haemolysed specimen',
  status: 'status unknown',
  'not-recognised': 'medicine not recognised',
  refused: 'reported in a form that is not used',
  needs: 'not known',
  'not-applicable': 'does not apply',
} as const satisfies Record<Why, string>;

/** `potassium below 3.5 mmol/L`, `loop diuretic active or recent`, `cramps present is yes`. */
export function clauseInWords(fact: FactId, question: Question, unitOf: UnitOf): string {
  const { operator, limit, withinDays } = question;
  const window = withinDays === undefined ? '' : ` within ${withinDays} days`;
  const words = OPERATOR_WORDS[operator];
  if (typeof limit === 'boolean' && operator !== 'is') {
    return `${factInWords(fact)} ${limit ? '' : 'not '}${words}${window}`;
  }
  const value = Array.isArray(limit) ? limit.join(', ') : valueInWords(limit as string | number | boolean);
  const unit = typeof limit === 'number' ? unitInWords(unitOf(fact)) : '';
  return `${factInWords(fact)} ${words} ${value}${unit}${window}`;
}

/** Ids whose plain reading is not what a clinician says. */
const SPOKEN: ReadonlyMap<FactId, string> = new Map([
  ['egfr', 'eGFR'],
  ['egfr-2021', 'eGFR by CKD-EPI 2021'],
  ['egfr-stage', 'eGFR stage'],
  ['aki-stage', 'AKI stage'],
  ['calcium-best', 'adjusted calcium'],
  ['calcium-total-only', 'total calcium with albumin unknown'],
  ['potassium-high-unconfirmed', 'high potassium in a haemolysed sample'],
  ['cramps-present', 'cramps'],
  ['pregnant', 'pregnancy'],
  ['k-raising', 'potassium-raising medicine'],
  ['qt-context', 'number of QT risks'],
  ['fq-active', 'fluoroquinolone active'],
  ['fq-exposed', 'fluoroquinolone active or recent'],
  ['fq-tendon-risk-count', 'number of tendon risks'],
  ['uti-current', 'urinary infection'],
  ['uti-likely', 'urinary infection likely'],
  ['uti-symptom-count', 'number of urinary symptoms'],
  ['qtc-interval', 'QTc interval'],
]);

/** What a clause asks for, as a goal: `potassium 3.6 mmol/L or more`; other clauses as they are. */
export function goalInWords(fact: FactId, question: Question, unitOf: UnitOf): string {
  const { operator, limit } = question;
  if (typeof limit !== 'number' || (operator !== 'atLeast' && operator !== 'atMost'))
    return clauseInWords(fact, question, unitOf);
  const value = `${valueInWords(limit)}${unitInWords(unitOf(fact))}`;
  return `${factInWords(fact)} ${value} or ${operator === 'atLeast' ? 'more' : 'less'}`;
}

/** A fact id as people read it: `drug.loop-diuretic` is `loop diuretic`, `magnesium-serum` is `magnesium`. */
export const factInWords: (fact: FactId) => string = remembered((fact) => {
  const spoken = SPOKEN.get(fact);
  if (spoken !== undefined) return spoken;
  const [, days, untested] = /^not-tested-(\d+)d\.(.+)$/.exec(fact) ?? [];
  if (untested !== undefined) return `${plain(untested)} not tested for ${days} days`;
  const [, one, span] = /^(.+)-not-tested-(\d+)d$/.exec(fact) ?? [];
  if (one !== undefined) return `${plain(one)} not tested for ${span} days`;
  const [, group, rest] = /^([a-z-]+)\.(.+)$/.exec(fact) ?? [];
  if (group === undefined || rest === undefined) return plain(fact);
  const name = plain(rest);
  const frames: Readonly<Record<string, string>> = {
    drug: name,
    last: `last known ${name}`,
    'drug-days': `days on ${name}`,
    'drug-new': `new ${name}`,
    'drug-ended-days': `days since the end of ${name}`,
  };
  return frames[group] ?? `${group.replaceAll('-', ' ')} ${name}`;
});

function plain(id: string): string {
  return id.replace(/-serum$/, '').replaceAll('-', ' ');
}

/** What a clause saw: `3.2 mmol/L`, `at most 3.3 mmol/L`, `yes`, `no record`. */
export function factSeen(fact: Fact): string {
  const unit = unitInWords(fact.unit);
  switch (fact.state) {
    case 'known':
      return `${valueInWords(fact.value)}${unit}`;
    case 'bounded':
      return `${rangeInWords(fact.low, fact.high, fact.exclusive === true)}${unit}`;
    case 'unknown':
      return unknownInWords(fact);
  }
}

const MISSING_SHOWN = 2; // names in one line; the rest is counted

function unknownInWords(fact: Extract<Fact, { state: 'unknown' }>): string {
  const missing = fact.missing ?? [];
  const needs = missing.slice(0, MISSING_SHOWN).map(factInWords).join(', ');
  const more = missing.length - MISSING_SHOWN;
  if (needs) return `not known without ${needs}${more > 0 ? ` +${more}` : ''}`;
  return fact.detail === undefined ? WHY_WORDS[fact.why] : `${WHY_WORDS[fact.why]}: ${fact.detail}`;
}

function rangeInWords(low: number | undefined, high: number | undefined, exclusive: boolean): string {
  if (low !== undefined && high !== undefined)
    return `between ${valueInWords(low)} and ${valueInWords(high)}`;
  if (high !== undefined) return `${exclusive ? 'below' : 'at most'} ${valueInWords(high)}`;
  if (low !== undefined) return `${exclusive ? 'above' : 'at least'} ${valueInWords(low)}`;
  return 'not known';
}

/** At most two decimals: enough for every threshold of the catalogue. */
function valueInWords(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'number' ? String(Number(value.toFixed(2))) : value;
}

/** UCUM as people write it: `mL/min/{1.73_m2}` is `mL/min/1.73 m2`. */
function unitInWords(unit: string | undefined): string {
  if (unit === undefined || unit === '1' || unit === '{ratio}') return '';
  return ` ${plainUnit(unit)}`;
}

const plainUnit = remembered((unit) => unit.replaceAll(/[{}[\]]/g, '').replaceAll('_', ' '));
