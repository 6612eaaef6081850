/**
 * Single lines of shorthand that move a fact of a rule to one side or the other of what the rule asks.
 */
import type { Clause, RuleFile } from '../core/rules/rule.ts';
import type { CodeBook } from './code-book.ts';
import type { FactKnowledge } from './mutate.ts';
import type { Shorthand } from './rule-schema.ts';
import { SHORT_NAMES } from './vector-chart.ts';

/** Derived facts by what makes them so. */
const MADE_BY: ReadonlyMap<string, readonly Shorthand[]> = new Map<string, readonly Shorthand[]>([
  ['cardiac-symptom', [{ palpitations: true }]],
  ['cardiac-risk', [{ 'heart-failure': true }, { palpitations: true }]],
  ['neuromuscular-symptom', [{ 'cramps-present': true }, { 'muscle-weakness': true }]],
  ['cramps-present', [{ 'cramps-present': true }, { 'cramps-present': false }]],
  ['cramps-frequent', [{ 'cramp-frequency-per-week': 3 }]],
  ['cramps-absent-28d', [{ 'cramps-present': false }, { 'cramps-present': ['true, 29 days ago', 'false'] }]],
  ['tetany-like', [{ 'muscle-stiffness': true }, { paresthesia: true, 'cramps-present': true }]],
  ['dialysis', [{ dialysis: true }, { dialysis: false }]],
  ['fq-active', [{ ciprofloxacin: 'active' }, { ciprofloxacin: 'stopped 20 days ago' }]],
  ['fq-exposed', [{ ciprofloxacin: 'stopped 20 days ago' }, { ciprofloxacin: 'stopped 95 days ago' }]],
  ['k-raising', [{ ramipril: 'active' }]],
  ['reduced-filtration-or-dialysis', [{ egfr: 59 }, { egfr: 60 }]],
  ['pregnant', [{ sex: 'female', pregnant: true, age: 30 }]],
  [
    'aki-stage',
    [
      { creatinine: ['80 umol/L, 5 days ago', '170 umol/L'] },
      { creatinine: ['80 umol/L, 5 days ago', '80 umol/L'] },
    ],
  ],
  [
    'potassium-low-despite-supplement',
    [{ potassium: ['3.2 mmol/L, 5 days ago', '3.2 mmol/L'], 'potassium chloride': 'active' }],
  ],
  ['qt-context', [{ ciprofloxacin: 'active', citalopram: 'active' }, { 'long-qt-syndrome': true }]],
]);
/** What a vector writes for a fact. */
const SHORT: ReadonlyMap<string, string> = new Map([
  ...[...SHORT_NAMES].map(([short, concept]) => [concept, short] as const),
  ['leg-cramp', 'cramps-present'],
  ['calcium-best', 'calcium'],
  ['calcium-total-only', 'calcium'],
  ['temperature-highest-48h', 'temperature'],
]);
/** Units in which a vector says derived facts. */
const UNITS: ReadonlyMap<string, string> = new Map([
  ['potassium', 'mmol/L'],
  ['sodium', 'mmol/L'],
  ['calcium-best', 'mmol/L'],
  ['calcium-total-only', 'mmol/L'],
  ['urea', 'mmol/L'],
  ['egfr', 'mL/min/{1.73_m2}'],
  ['temperature-highest-48h', 'Cel'],
]);
const INGREDIENTS_TRIED = 2;

/** Every line worth trying for these clauses of a rule, each alone. */
export function editsFor(
  clauses: readonly Clause[],
  rule: Pick<RuleFile, 'settings'>,
  codes: CodeBook,
  facts: FactKnowledge,
): Shorthand[] {
  const edits = clauses.flatMap((clause) => [
    ...editsOf(clause, limitOf(clause, rule), codes, facts),
    ...neighbourEdits(clause.fact, codes, facts),
  ]);
  return [...new Map(edits.map((edit) => [JSON.stringify(edit), edit])).values()];
}

function editsOf(
  { fact, withinDays }: Clause,
  limit: number | undefined,
  codes: CodeBook,
  facts: FactKnowledge,
): Shorthand[] {
  const made = MADE_BY.get(fact) ?? [];
  const drugDays = /^drug-(?:days|new)\.(.+)$/.exec(fact)?.[1];
  if (drugDays !== undefined && limit !== undefined) {
    const spans = [limit - 1, limit, limit + 1].filter((days) => days > 0);
    return ingredientsOf(drugDays, codes).flatMap((name) =>
      spans.map((days) => ({ [name]: `active, ${days} days` })),
    );
  }
  if (fact.startsWith('drug.')) return drugEdits(fact.slice(5), codes);
  if (fact === 'age' && limit !== undefined)
    return [limit - 1, limit, limit + 1, `${limit} years 1 day`].map((age) => ({ age }));
  const key = SHORT.get(fact) ?? fact.replace(/^(?:last|history)\./, '');
  const times = [
    ...(withinDays === undefined ? [] : [withinDays - 0.5, withinDays + 0.5, withinDays + 40]),
    ...(fact.startsWith('last.') ? [20, 90.5] : []),
  ];
  const dated = (words: string) => [words, ...times.map((days) => `${words}, ${days} days ago`)];
  const answers = limit === undefined ? ['true', 'false'] : valuesAround(fact, limit, codes, facts);
  const albumin = fact === 'calcium-best' ? { albumin: 40, 'ionised-calcium': undefined } : {};
  return [
    ...made,
    ...answers.flatMap(dated).map((words) => ({ ...albumin, [key]: words })),
    { [key]: undefined },
  ];
}

/** On both sides of a limit, and as it is said in words that make a result doubtful. */
function valuesAround(fact: string, limit: number, codes: CodeBook, facts: FactKnowledge): string[] {
  const unit = UNITS.get(fact) ?? codes.concept(fact.replace(/^last\./, ''))?.unit ?? '';
  const step = facts.stepOf(fact, limit);
  const values = [limit - step, limit, limit + step].map((value) =>
    `${Number(value.toPrecision(6))} ${unit}`.trim(),
  );
  return [
    ...values,
    ...values.map((value) => `${value} haemolysed`),
    ...values.map((value) => `${value} preliminary`),
  ];
}

function drugEdits(concept: string, codes: CodeBook): Shorthand[] {
  const route = concept.endsWith('-inhaled') ? ', inhaled' : '';
  const states = [`active${route}`, `stopped 5 days ago${route}`, 'not-taken'];
  return ingredientsOf(concept, codes).flatMap((name) => states.map((state) => ({ [name]: state })));
}

/** What belongs to the neighbour and not to the fact itself. */
function neighbourEdits(fact: string, codes: CodeBook, facts: FactKnowledge): Shorthand[] {
  const neighbour = facts.neighbourOf(fact);
  if (neighbour === undefined) return [];
  const [, prefix = '', id = ''] = /^([a-z-]+\.)?(.+)$/.exec(fact) ?? [];
  const parent = neighbour.slice(prefix.length);
  const own = new Set(membersOf(id, codes));
  const others = membersOf(parent, codes).filter((member) => !own.has(member));
  if (!prefix.startsWith('drug'))
    return others.slice(0, INGREDIENTS_TRIED).map((other) => ({ [SHORT.get(other) ?? other]: true }));
  const names = others.flatMap((other) => namesIn(other, codes));
  const ownNames = new Set([...own].flatMap((member) => namesIn(member, codes)));
  const foreign = names.filter((name) => !ownNames.has(name)).slice(0, INGREDIENTS_TRIED);
  return foreign.flatMap((name) => [{ [name]: 'active' }, { [name]: 'active, 5 days' }]);
}

function ingredientsOf(concept: string, codes: CodeBook): string[] {
  return membersOf(concept, codes)
    .flatMap((member) => namesIn(member, codes))
    .slice(0, INGREDIENTS_TRIED);
}

function membersOf(concept: string, codes: CodeBook): string[] {
  return [concept, ...(codes.concept(concept)?.includes ?? []).flatMap((child) => membersOf(child, codes))];
}

function namesIn(concept: string, codes: CodeBook): string[] {
  const rows = codes.files.find(({ id }) => id === concept)?.codes ?? [];
  const names = rows.flatMap(({ system, level, ingredient }) =>
    system === 'rxnorm' && level === 'IN' && ingredient !== undefined ? [ingredient] : [],
  );
  const uncoded = codes.files.find(({ id }) => id === concept)?.ingredients ?? [];
  return [...new Set([...names, ...uncoded.map(({ name }) => name)])];
}

function limitOf({ value }: Clause, rule: Pick<RuleFile, 'settings'>): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'object' && 'setting' in value
    ? rule.settings?.[value.setting]?.default
    : undefined;
}
