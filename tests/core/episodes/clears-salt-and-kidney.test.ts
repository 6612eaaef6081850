/** What ends an alert of the electrolyte, renal and diuretic rules, and what does not end it yet. */
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { decide } from '../../../src/core/decide.ts';
import { readCodeBook } from '../../../src/rule-files/code-book.ts';
import { readRuleSet } from '../../../src/rule-files/read-rule-set.ts';
import type { Vector } from '../../../src/rule-files/rule-schema.ts';
import { VECTOR_NOON } from '../../../src/rule-files/run-vectors.ts';
import { vectorChart } from '../../../src/rule-files/vector-chart.ts';

const FOLDER = join(import.meta.dirname, '../../../rules');
const RULES = readRuleSet(FOLDER);
const CODES = readCodeBook(join(FOLDER, 'concepts'));

type Chart = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** Is the alert that the first chart raised still open after the second? */
async function outcomeAfter(
  rule: string,
  raised: Chart,
  later: Chart,
): Promise<'open' | 'resolved' | string> {
  const on = (chart: Chart) => vectorChart(chart as unknown as Vector, CODES, VECTOR_NOON);
  const first = await decide(on(raised), RULES, VECTOR_NOON, []);
  const open = first.episodeChanges.flatMap((change) => (change.change === 'raise' ? [change.episode] : []));
  expect(open.map(({ key }) => key)).toContain(rule);
  const second = await decide(on(later), RULES, VECTOR_NOON, open);
  const change = second.episodeChanges.find(({ key }) => key === rule)?.change;
  return change === 'resolve'
    ? 'resolved'
    : change === 'withdraw' || change === 'supersede'
      ? change
      : 'open';
}

const CRAMPS = { 'cramps-present': true } as const;
const NO_CRAMPS = {
  'cramps-present': ['true, 40 days ago', 'false'],
  'cramp-frequency-per-week': 0,
  'cramp-night-count-per-week': 0,
} as const;
const HCTZ = { hydrochlorothiazide: 'active, 400 days' } as const;
const FUROSEMIDE = { furosemide: 'active, 400 days' } as const;
const TESTED = { potassium: '4.2 mmol/L', sodium: '140 mmol/L', creatinine: '80 umol/L' } as const;
const URAEMIA_DENIED = {
  'cramps-present': false,
  'cramp-frequency-per-week': 0,
  'cramp-night-count-per-week': 0,
  nausea: false,
  vomiting: false,
  'metallic-taste': false,
  fatigue: false,
  confusion: false,
  'muscle-twitching': false,
  'restless-legs-syndrome': 'procedure not-done',
} as const;
const egfr = (...values: readonly [number, string][]): Chart => ({
  egfr: values.map(([value, ago]) => `${value} mL/min/{1.73_m2}, ${ago} ago`),
});
const creatinine = (...values: readonly [number, string][]): Chart => ({
  creatinine: values.map(([value, ago]) => `${value} umol/L, ${ago} ago`),
});
const AKI = creatinine([80, '9 days'], [170, '3 days']);
const FALL = egfr([58, '300 days'], [44, '30 days'], [43, '5 days']);

describe.each<[rule: string, raised: Chart, stillOpen: readonly Chart[], resolved: readonly Chart[]]>([
  ['el-hyponatraemia', { sodium: '129 mmol/L' }, [{ sodium: '135 mmol/L' }], [{ sodium: '136 mmol/L' }]],
  [
    'el-hyponatraemia',
    { sodium: '129 mmol/L' },
    [{ sodium: '138 mmol/L preliminary' }, { sodium: '>135 mmol/L' }, {}],
    [{ sodium: '>136 mmol/L' }],
  ],
  [
    'el-vitamin-d-deficiency',
    { 'vitamin-d': '20 nmol/L' },
    [{ 'vitamin-d': '34 nmol/L' }],
    [{ 'vitamin-d': '35 nmol/L' }],
  ],
  [
    'el-vitamin-d-deficiency',
    { 'vitamin-d': '45 nmol/L', 'cramps-present': true, 'malabsorption-or-bariatric': true },
    [{ 'vitamin-d': '49 nmol/L', 'malabsorption-or-bariatric': true }],
    [{ 'vitamin-d': '50 nmol/L', 'malabsorption-or-bariatric': true }],
  ],
  [
    'el-hypophosphataemia',
    { phosphate: '0.50 mmol/L' },
    [{ phosphate: '0.84 mmol/L' }, { phosphate: '0.95 mmol/L haemolysed' }],
    [{ phosphate: '0.85 mmol/L' }],
  ],
  [
    'el-electrolytes-gap',
    { 'cramp-frequency-per-week': 3 },
    [
      { ordered: 'electrolyte-panel, 1 day ago', 'cramp-frequency-per-week': 3 },
      { potassium: '4.2 mmol/L', magnesium: '0.8 mmol/L', calcium: '2.3 mmol/L registered' },
    ],
    [{ potassium: '4.2 mmol/L', magnesium: '0.8 mmol/L', calcium: '2.3 mmol/L' }],
  ],
  [
    'rn-uraemia',
    { egfr: 12, nausea: true, fatigue: true },
    [{ egfr: 17 }, { egfr: 18 }, { egfr: 32 }, { egfr: 18, urea: '25 mmol/L' }],
    [
      { egfr: 18, urea: '24 mmol/L' },
      { egfr: 33 },
      { egfr: 18, ...URAEMIA_DENIED },
      { urea: '24 mmol/L', egfr: 12, ...URAEMIA_DENIED },
      { egfr: 12, nausea: true, fatigue: true, dialysis: true },
    ],
  ],
  [
    'rn-aki',
    AKI,
    [
      creatinine([80, '9 days'], [170, '3 days'], [101, '1 day']),
      creatinine([80, '16 days'], [170, '9 days']), // the same sample, grown old
    ],
    [creatinine([80, '9 days'], [170, '3 days'], [100, '1 day'])],
  ],
  [
    'rn-egfr-decline',
    FALL,
    [egfr([58, '305 days'], [44, '30 days'], [43, '15 days'], [51.9, '1 day'])],
    [egfr([58, '305 days'], [44, '30 days'], [43, '15 days'], [52.5, '1 day'])],
  ],
  [
    'rn-dialysis-cramps',
    { dialysis: true, ...CRAMPS },
    [{ dialysis: true, ...NO_CRAMPS, 'cramps-present': ['true, 20 days ago', 'false'] }],
    [
      { dialysis: true, ...NO_CRAMPS },
      { dialysis: 'resolved', ...CRAMPS },
    ],
  ],
  [
    'rn-kidney-check-gap',
    { ...CRAMPS, 'foamy-urine': true },
    [{ ...CRAMPS, 'foamy-urine': true, ordered: 'kidney-check-panel, 1 day ago' }],
    [{ ...CRAMPS, 'foamy-urine': true, creatinine: '80 umol/L' }],
  ],
  [
    'di-cramps',
    { ...HCTZ, ...CRAMPS, ...TESTED },
    [
      { ...TESTED, ...CRAMPS, hydrochlorothiazide: 'stopped 14 days ago' },
      { ...TESTED, ...CRAMPS, hydrochlorothiazide: 'on-hold' },
      { ...TESTED, ...HCTZ },
    ],
    [
      { ...TESTED, ...CRAMPS, hydrochlorothiazide: 'stopped 15 days ago' },
      { ...TESTED, ...HCTZ, ...NO_CRAMPS },
    ],
  ],
  [
    'di-hyponatraemia',
    { ...FUROSEMIDE, sodium: '129 mmol/L' },
    [
      { ...FUROSEMIDE, sodium: '135 mmol/L' },
      { furosemide: 'stopped 15 days ago', sodium: '134 mmol/L' },
    ],
    [
      { ...FUROSEMIDE, sodium: '136 mmol/L' },
      { furosemide: 'stopped 15 days ago', sodium: '135 mmol/L' },
    ],
  ],
  [
    'di-electrolytes-gap',
    FUROSEMIDE,
    [
      { ...FUROSEMIDE, ordered: 'electrolyte-panel, 1 day ago' },
      { ...FUROSEMIDE, ...TESTED, potassium: '4.2 mmol/L preliminary' },
    ],
    [{ ...FUROSEMIDE, ...TESTED }],
  ],
  [
    'di-kidney-decline',
    { ...FUROSEMIDE, ...AKI },
    [{ ...FUROSEMIDE, ...creatinine([80, '9 days'], [170, '3 days'], [101, '1 day']) }],
    [{ ...FUROSEMIDE, ...creatinine([80, '9 days'], [170, '3 days'], [100, '1 day']) }],
  ],
  [
    'di-kidney-decline',
    { ...FUROSEMIDE, ...FALL },
    [{ ...FUROSEMIDE, ...egfr([58, '305 days'], [44, '30 days'], [43, '15 days'], [51.9, '1 day']) }],
    [{ ...FUROSEMIDE, ...egfr([58, '305 days'], [44, '30 days'], [43, '15 days'], [52.5, '1 day']) }],
  ],
  [
    'di-dual',
    { ...FUROSEMIDE, metolazone: 'active, 400 days', ...CRAMPS, ...TESTED },
    [
      { ...FUROSEMIDE, metolazone: 'stopped 14 days ago', ...TESTED },
      { ...FUROSEMIDE, metolazone: 'active, 400 days', ...TESTED },
    ],
    [
      { ...FUROSEMIDE, metolazone: 'stopped 15 days ago', ...TESTED },
      { ...FUROSEMIDE, metolazone: 'active, 400 days', ...NO_CRAMPS, ...TESTED },
    ],
  ],
  [
    'di-thiazide-hypercalcaemia',
    { ...HCTZ, ...TESTED, 'corrected-calcium': '2.70 mmol/L' },
    [{ ...HCTZ, ...TESTED, 'corrected-calcium': '2.56 mmol/L' }],
    [{ ...HCTZ, ...TESTED, 'corrected-calcium': '2.55 mmol/L' }],
  ],
  [
    'di-thiazide-hypercalcaemia',
    { ...HCTZ, ...TESTED, 'ionised-calcium': '1.40 mmol/L' },
    [{ ...HCTZ, ...TESTED, 'ionised-calcium': '1.30 mmol/L' }],
    [{ ...HCTZ, ...TESTED, 'ionised-calcium': '1.29 mmol/L' }],
  ],
])('an alert of %s', (rule, raised, stillOpen, resolved) => {
  it.each(stillOpen)('stays open with %j', async (later) => {
    expect(await outcomeAfter(rule, raised, later)).toBe('open');
  });
  it.each(resolved)('is resolved by %j', async (later) => {
    expect(await outcomeAfter(rule, raised, later)).toBe('resolved');
  });
});
