/**
 * What a card offers to draft: tests, an ECG, or taking an unsigned order away. Never a medicine, never an order.
 *
 * Only from advice that the interlocks let through. A replacement is a line of the card and no button: a
 * draft without a dose is a trap, and the dose is not ours to say.
 */
import type { Coding, ServiceRequest } from '@medplum/fhirtypes';
import type { AdviceLine } from '../core/decision.ts';
import type { PatientId } from '../vocabulary/ids.ts';
import type { CdsAction, CdsSuggestion } from './card.ts';
import { uuidOf } from './card-id.ts';
import { orderName } from './card-words.ts';
import type { Evaluation } from './evaluate-call.ts';
import { cut, plainLine } from './md-text.ts';
import type { Problem } from './problems.ts';
import { type Hook, isOrderHook } from './services.ts';

/** A suggestion and the advice behind it, by which an answer is kept. */
export interface Suggested {
  readonly suggestion: CdsSuggestion;
  readonly advice: readonly string[];
}

const MOST = 3;
const LONGEST_LABEL = 60; // characters; care-team 7.7
const LONGEST_DESCRIPTION = 120;

interface Test {
  readonly code: Coding;
  readonly text: string;
}

function test(code: string, text: string): Test {
  return { code: { system: 'http://loinc.org', code }, text };
}

const CREATININE = test('14682-9', 'Creatinine');
/** What an analyte is ordered as: one usual code each, a member of the concept that the rules read. */
export const TESTS: ReadonlyMap<string, Test> = new Map([
  ['potassium', test('2823-3', 'Potassium')],
  ['sodium', test('2951-2', 'Sodium')],
  ['magnesium', test('2601-3', 'Magnesium')],
  ['calcium', test('2000-8', 'Calcium')],
  ['calcium-ionized', test('1995-0', 'Ionised calcium')],
  ['phosphate', test('14879-1', 'Phosphate')],
  ['albumin', test('1751-7', 'Albumin')],
  ['bicarbonate', test('1963-8', 'Bicarbonate')],
  ['creatinine', CREATININE],
  ['egfr', CREATININE],
  ['ck', test('2157-6', 'Creatine kinase')],
  ['tsh', test('3016-3', 'TSH')],
  ['free-t4', test('14920-3', 'Free T4')],
  ['glucose', test('14749-6', 'Glucose')],
  ['hba1c', test('4548-4', 'HbA1c')],
  ['lactate', test('2524-7', 'Lactate')],
  ['vitamin-b12', test('2132-9', 'Vitamin B12')],
  ['vitamin-d', test('1989-3', 'Vitamin D')],
  ['ferritin', test('2276-4', 'Ferritin')],
  ['urine-albumin-creatinine-ratio', test('9318-7', 'Urine albumin to creatinine ratio')],
]);
const ECG: Test = { code: { system: 'http://snomed.info/sct', code: '268400002' }, text: '12-lead ECG' };

interface Suggesting {
  readonly cardId: string;
  readonly hook: Hook;
  readonly patientId: PatientId;
  readonly evaluation: Evaluation;
}

export function suggestionsFor(problems: readonly Problem[], suggesting: Suggesting): Suggested[] {
  const advice = problems
    .flatMap(({ finding }) => finding.advice)
    .filter(({ doNotPerform }) => doNotPerform !== true);
  const all = [
    ...(isOrderHook(suggesting.hook) ? removals(problems, suggesting) : []),
    ...testsIn(advice, suggesting),
    ...ecgIn(advice, suggesting),
  ];
  return all.slice(0, MOST);
}

/** Advice to review a medicine that is only being ordered: it can still be left out. */
function removals(problems: readonly Problem[], suggesting: Suggesting): Suggested[] {
  const orders = [...new Set(problems.flatMap((problem) => problem.orders))];
  return orders.flatMap((order) => {
    const review = problems
      .filter((problem) => problem.orders.includes(order))
      .flatMap(({ finding }) => finding.advice)
      .filter(({ suggests }) => suggests.some((kind) => kind.startsWith('review-drug:')));
    if (review.length === 0) return [];
    const name = plainLine(orderName(order, suggesting.evaluation));
    const description = cut(`Remove the unsigned order of ${name}`, LONGEST_DESCRIPTION);
    const label = cut(`Remove ${name} from these orders`, LONGEST_LABEL);
    return [
      suggested(
        `remove:${order}`,
        label,
        [{ type: 'delete', description, resourceId: order }],
        review,
        suggesting,
      ),
    ];
  });
}

function testsIn(advice: readonly AdviceLine[], suggesting: Suggesting): Suggested[] {
  const asking = advice.filter(({ suggests }) => suggests.some((kind) => testOf(kind) !== undefined));
  const tests = [
    ...new Set(asking.flatMap(({ suggests }) => suggests.flatMap((kind) => testOf(kind) ?? []))),
  ];
  const [first, ...rest] = tests.map((one) => drafted(one, suggesting.patientId));
  if (first === undefined) return [];
  const names = tests.map(({ text }, index) => (index === 0 ? text : lowerFirst(text)));
  return [suggested('tests', labelFor(names), [first, ...rest], asking, suggesting)];
}

function testOf(kind: string): Test | undefined {
  const [, analyte = ''] = /^(?:re)?check:(.+)$/.exec(kind) ?? [];
  return TESTS.get(analyte);
}

/** `Draft tests: potassium, magnesium, creatinine`, or how many more. */
function labelFor(names: readonly string[]): string {
  for (let shown = names.length; shown > 0; shown--) {
    const more = names.length > shown ? ` +${names.length - shown}` : '';
    const label = `Draft tests: ${names.slice(0, shown).map(lowerFirst).join(', ')}${more}`;
    if (label.length <= LONGEST_LABEL) return label;
  }
  return 'Draft tests';
}

/** `Potassium` is `potassium` within a sentence, `TSH` stays. */
function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) && !text.startsWith('Hb')
    ? text.charAt(0).toLowerCase() + text.slice(1)
    : text;
}

function ecgIn(advice: readonly AdviceLine[], suggesting: Suggesting): Suggested[] {
  const asking = advice.filter(({ suggests }) => suggests.includes('ecg'));
  if (asking.length === 0) return [];
  return [suggested('ecg', 'Draft a 12-lead ECG', [drafted(ECG, suggesting.patientId)], asking, suggesting)];
}

function drafted({ code, text }: Test, patientId: PatientId): CdsAction {
  const resource: ServiceRequest = {
    resourceType: 'ServiceRequest',
    status: 'draft',
    intent: 'proposal',
    code: { coding: [code], text },
    subject: { reference: `Patient/${patientId}` },
  };
  return { type: 'create', description: `Draft for review: ${lowerFirst(text)}`, resource };
}

function suggested(
  key: string,
  label: string,
  actions: CdsSuggestion['actions'],
  advice: readonly AdviceLine[],
  { cardId }: Suggesting,
): Suggested {
  return {
    suggestion: { label, uuid: uuidOf(cardId, key), actions },
    advice: [...new Set(advice.map((line) => line.advice))],
  };
}
