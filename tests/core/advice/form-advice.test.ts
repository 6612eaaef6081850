import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { blockOf, inPlanOrder } from '../../../src/core/advice/blocks.ts';
import { formAdvice } from '../../../src/core/advice/form-advice.ts';
import { decide } from '../../../src/core/decide.ts';
import type { Episode, Finding, Tier } from '../../../src/core/decision.ts';
import { formFacts } from '../../../src/core/facts/form-facts.ts';
import type { CompiledRule } from '../../../src/core/rules/compile.ts';
import { readCodeBook } from '../../../src/rule-files/code-book.ts';
import { readRuleSet } from '../../../src/rule-files/read-rule-set.ts';
import { vectorChart } from '../../../src/rule-files/vector-chart.ts';
import { NOON } from '../facts/given.ts';
import type { Words } from '../facts/in-words.ts';

const FOLDER = join(import.meta.dirname, '../../../rules');
const RULES = readRuleSet(FOLDER);
const CODES = readCodeBook(join(FOLDER, 'concepts'));
const chart = (words: Words) => vectorChart({ says: 'x', expect: 'unknown', ...words }, CODES, NOON);
const asking = (...advice: string[]): CompiledRule =>
  ({ advice: advice.map((id) => ({ advice: id })) }) as unknown as CompiledRule;

function given(wanted: readonly string[], words: Words = {}, worst: Tier = 'low') {
  const { facts } = formFacts(chart(words), RULES, NOON);
  return formAdvice([asking(...wanted)], { tier: 'low', worst }, facts, RULES, NOON);
}
const ids = (advice: readonly { advice: string }[]) => advice.map((line) => line.advice);
const HEALTHY = { egfr: 90, sodium: 140, 'heart-failure': 'resolved' };

describe('a care-plan block', () => {
  it('asked for by name brings all its activities, by number', () => {
    expect(ids(given(['CB-diary']).advice)).toEqual(['CB-diary-1', 'CB-diary-2', 'CB-diary-3']);
  });

  it('does not bring another block whose name begins alike', () => {
    expect(ids(given(['CB-seek-care']).advice).filter((id) => blockOf(id) !== 'CB-seek-care')).toEqual([
      'check-first-red-flags-denied',
    ]);
  });

  it('is asked for by single activities as well', () => {
    expect(ids(given(['CB-hydration-7']).advice)).toEqual(['CB-hydration-7']);
  });

  it('says each activity once, however many rules ask', () => {
    expect(ids(given(['CB-diary', 'CB-diary-2', 'CB-diary']).advice)).toEqual([
      'CB-diary-1',
      'CB-diary-2',
      'CB-diary-3',
    ]);
  });

  it('stands behind the advice for clinicians, in the order of a plan', () => {
    expect(
      ['CB-diary-1', 'CB-stretch-10', 'b', 'CB-stretch-2', 'a', 'CB-seek-care-now-1'].sort(inPlanOrder),
    ).toEqual(['b', 'a', 'CB-seek-care-now-1', 'CB-stretch-2', 'CB-stretch-10', 'CB-diary-1']);
  });
});

describe('an activity with a condition', () => {
  it('is shown only where the condition is known to hold', () => {
    const food = (words: Words) => ids(given(['CB-food-minerals-8', 'CB-food-minerals-7'], words).advice);
    expect(food({})).toEqual([]);
    expect(food({ warfarin: 'active' })).toEqual(['CB-food-minerals-8']);
    expect(food({ ciprofloxacin: 'active' })).toEqual(['CB-food-minerals-7']);
  });
});

describe('at most eight activities', () => {
  it('are shown, and the blocks of the rest are named', () => {
    const { advice } = given(['CB-stretch', 'CB-diary', 'CB-foot-care-diabetes', 'CB-footwear']);
    const activities = advice.filter(({ advice: id, doNotPerform }) => blockOf(id) && !doNotPerform);
    expect(activities).toHaveLength(8);
    expect(advice.at(-1)).toMatchObject({
      advice: 'also-available',
      text: expect.stringContaining('Cramp diary'),
    });
    expect(advice.at(-1)?.suggests).toEqual([]);
  });

  it('never count what to avoid', () => {
    const { advice } = given(['CB-foot-care-diabetes', 'CB-med-review', 'CB-diary']);
    expect(ids(advice)).toEqual(expect.arrayContaining(['CB-foot-care-diabetes-5', 'CB-med-review-3']));
  });
});

describe('self-care while something urgent is open', () => {
  it('is held back beside a high finding, and says so once for each block', () => {
    const { advice, withheld } = given(['CB-stretch', 'CB-diary'], {}, 'high');
    expect(ids(advice)).toEqual(['CB-diary-1', 'CB-diary-2', 'CB-diary-3']);
    expect(withheld).toEqual([
      {
        advice: 'CB-stretch',
        interlock: 'red-flag-open',
        why: 'held',
        reason: 'held back while a high finding is open',
      },
    ]);
  });

  it('is given beside a moderate one', () => {
    expect(ids(given(['CB-stretch-1'], {}, 'moderate').advice)).toEqual(['CB-stretch-1']);
  });

  it('leaves only the call for help beside a critical one', () => {
    expect(ids(given(['CB-seek-care-now-1', 'CB-diary', 'CB-stretch'], {}, 'critical').advice)).toEqual([
      'CB-seek-care-now-1',
    ]);
  });

  it('holds the words "usually harmless" back beside any high finding', () => {
    const words = { checklist: 'all red flags no' };
    expect(ids(given(['CB-seek-care-5'], words).advice)).toEqual(['CB-seek-care-5']);
    expect(ids(given(['CB-seek-care-5'], words, 'high').advice)).toEqual([]);
  });
});

describe('the interlocks of self-care', () => {
  const words = (advice: string, facts: Words) => {
    const { advice: lines, withheld } = given([advice], facts);
    const held = withheld.map(({ why, interlock }) => `${why} by ${interlock}`);
    return ids(lines).includes(advice) ? ['given', ...(lines[0]?.cautions ?? [])] : held;
  };
  it.each([
    [
      'heart failure blocks drinking more',
      'CB-hydration-1',
      { 'heart-failure': true },
      ['blocked by IL-fluids'],
    ],
    [
      'a recorded fluid restriction blocks it',
      'CB-hydration-1',
      { 'care-plan': 'Fluid restriction' },
      ['blocked by IL-fluids'],
    ],
    ['sodium 129 blocks it', 'CB-hydration-1', { sodium: 129 }, ['blocked by IL-fluids']],
    ['nothing known: the intake is reviewed', 'CB-hydration-1', {}, ['check-first by IL-fluids']],
    ['known sodium and eGFR allow it', 'CB-hydration-1', HEALTHY, ['given']],
    ['hypertension blocks salt', 'CB-exercise-gradual-4', { hypertension: true }, ['blocked by IL-salt']],
    [
      'an unknown blood pressure is checked before salt',
      'CB-exercise-gradual-4',
      { egfr: 90 },
      ['check-first by IL-salt'],
    ],
    ['eGFR 44 blocks salt', 'CB-exercise-gradual-4', { egfr: 44, systolic: 120 }, ['blocked by IL-salt']],
    ['eGFR 45 allows salt', 'CB-exercise-gradual-4', { egfr: 45, systolic: 120 }, ['given']],
    ['sodium 134 blocks less salt', 'CB-less-salt-1', { sodium: 134 }, ['blocked by IL-less-salt']],
    [
      'sodium not known: general advice only',
      'CB-less-salt-1',
      {},
      ['given', 'sodium is not known: general advice only'],
    ],
    ['an index of 0.90 blocks cold', 'CB-cold-heat-2', { abi: 0.9 }, ['blocked by IL-cold']],
    ['an index of 0.91 allows cold', 'CB-cold-heat-2', { abi: 0.91 }, ['given']],
    ['always cold feet block cold', 'CB-cold-heat-2', { 'cold-extremity': true }, ['blocked by IL-cold']],
    [
      'diabetes without a sensation test is checked before cold',
      'CB-cold-heat-2',
      { 'diabetes-mellitus': true },
      ['check-first by IL-cold'],
    ],
    ['ferritin 301 blocks iron', 'consider-iron', { ferritin: 301 }, ['blocked by IL-iron']],
    ['ferritin not known is checked before iron', 'consider-iron', {}, ['check-first by IL-iron']],
    [
      'levothyroxine is kept apart from iron',
      'consider-iron',
      { ferritin: 40, levothyroxine: 'active' },
      ['given', 'levothyroxine is recorded: 4 h apart'],
    ],
    [
      'adjusted calcium 2.61 blocks vitamin D',
      'vitamin-d-in-pregnancy',
      { calcium: 2.61, albumin: 40, egfr: 90 },
      ['blocked by IL-vitamin-d'],
    ],
    [
      'calcium not known is checked before vitamin D',
      'vitamin-d-in-pregnancy',
      {},
      ['check-first by IL-vitamin-d'],
    ],
    [
      'dialysis blocks watching the urine',
      'CB-urine-colour-1',
      { dialysis: true },
      ['blocked by IL-urine-colour, IL-fluids'],
    ],
    [
      'at 65 urine colour carries its caution',
      'CB-urine-colour-1',
      { ...HEALTHY, age: 65 },
      ['given', '65 years or over: urine colour is unreliable'],
    ],
    [
      'warning signs not asked leave "usually harmless" out',
      'CB-tests-4',
      {},
      ['check-first by IL-cramp-benign'],
    ],
    [
      'a thiazide leaves daylight out',
      'CB-sun-vitamin-d-1',
      { hydrochlorothiazide: 'active' },
      ['blocked by IL-daylight'],
    ],
  ] as const)('%s', (_says, advice, facts, expected) => {
    expect(words(advice, facts as Words)).toEqual(expected);
  });

  it('for quinine blocks whatever is known', () => {
    const quinine = RULES.interlocks.get('IL-quinine');
    const { facts } = formFacts(chart({}), RULES, NOON);
    expect(quinine?.blocks.map(({ when }) => when.truth(facts, NOON))).toEqual(['true']);
    expect([...RULES.advice.values()].filter(({ suggests }) => suggests.includes('quinine'))).toEqual([]);
  });
});

describe('a rule that yields', () => {
  const findings = async (words: Words, open: readonly Episode[] = []): Promise<readonly Finding[]> =>
    (await decide(chart(words), RULES, NOON, open)).findings;

  it('is an alert of its own while nothing else is found', async () => {
    expect(await findings({ 'leg-cramp': true })).toMatchObject([{ key: 'ls-self-care', tier: 'low' }]);
  });

  it('becomes a line of any other finding, with its activities', async () => {
    const [found, ...others] = await findings({ 'leg-cramp': true, 'parkinson-disease': true });
    expect(others).toEqual([]);
    expect(found).toMatchObject({ key: 'nm-neuro-context', absorbed: ['ls-self-care'] });
    expect(ids(found?.advice ?? [])).toContain('CB-diary-1');
  });

  it('waits for an episode that is still open and high, though it does not fire now', async () => {
    const words = { 'leg-cramp': true, checklist: 'all red flags no', ...HEALTHY };
    const [alone] = await findings(words);
    expect(ids(alone?.advice ?? [])).toContain('CB-stretch-1');
    const high = { rule: 'hy-dehydration-labs', tier: 'high' } as unknown as Episode;
    const { facts } = formFacts(chart(words), RULES, NOON);
    expect(RULES.byId.get(high.rule)?.clearsWhen.truth(facts, NOON)).not.toBe('true');
    const open = [
      {
        ...high,
        key: 'hy-dehydration-labs',
        members: ['hy-dehydration-labs'],
        finding: { evidence: [], implicated: [], raisedBy: [] },
        evidence: {},
      },
    ];
    const [beside] = await findings(words, open as unknown as Episode[]);
    expect(ids(beside?.advice ?? [])).not.toContain('CB-stretch-1');
  });
});
