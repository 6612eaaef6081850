import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { decide } from '../../../src/core/decide.ts';
import type { Episode } from '../../../src/core/decision.ts';
import { readCodeBook } from '../../../src/rule-files/code-book.ts';
import { readRuleSet } from '../../../src/rule-files/read-rule-set.ts';
import { vectorChart } from '../../../src/rule-files/vector-chart.ts';
import { NOON } from '../facts/given.ts';

const RULES = fileURLToPath(new URL('../../../rules', import.meta.url));
const ruleSet = readRuleSet(RULES);
const codes = readCodeBook(`${RULES}/concepts`);
const A_DAY_LATER = new Date(NOON.getTime() + 86_400_000);

type Words = Readonly<Record<string, string | number | boolean>>;

async function changes(words: Words, at: Date, open: readonly Episode[] = []) {
  const chart = vectorChart({ says: '', expect: 'clear', ...words }, codes, NOON);
  const { episodeChanges } = await decide(chart, ruleSet, at, open);
  return episodeChanges;
}

describe('an open alert', () => {
  const pill = { 'ethinyl estradiol': 'active, 1 year', sex: 'female', age: 28, 'leg-cramp': true };

  it('is not written again because a day has passed', async () => {
    const words = { amlodipine: 'active, 20 days', 'leg-cramp': true };
    const [raised] = await changes(words, NOON);
    expect(raised?.change).toBe('raise');
    expect(await changes(words, A_DAY_LATER, [raised?.episode as Episode])).toEqual([]);
  });

  it('gives way when its rule is ruled out: a swollen leg on the pill is no drug effect any more', async () => {
    const [raised] = await changes(pill, NOON);
    const later = await changes({ ...pill, 'leg-swelling-unilateral': true }, NOON, [
      raised?.episode as Episode,
    ]);
    expect(later.map(({ change, key }) => [change, key])).toEqual([
      ['raise', 'va-dvt-suspected'],
      ['supersede', 'g-drug-review'],
    ]);
  });

  it('stays while it is only not known whether the rule is ruled out', async () => {
    const [raised] = await changes(pill, NOON);
    expect(await changes(pill, A_DAY_LATER, [raised?.episode as Episode])).toEqual([]);
  });
});

describe('an alert about a fluoroquinolone', () => {
  it('about tendon pain stays for 90 days and a no', async () => {
    const words = { ciprofloxacin: 'active, 3 days', 'tendon-pain': true, age: 70 };
    const [raised] = await changes(words, NOON);
    const ended = { ...words, ciprofloxacin: 'stopped 91 days ago' };
    const open = [raised?.episode as Episode];
    expect((await changes(ended, NOON, open)).map(({ change }) => change)).not.toContain('resolve');
    const denied = await changes({ ...ended, 'tendon-pain': false }, NOON, open);
    expect(denied.map(({ change, key }) => [change, key])).toEqual([['resolve', 'fq-tendon-symptoms']]);
  });

  it('about a QT medicine closes when that medicine ends', async () => {
    const words = { ciprofloxacin: 'active, 3 days', citalopram: 'active, 1 year' };
    const [raised] = await changes(words, NOON);
    const open = [raised?.episode as Episode];
    const ended = await changes({ ...words, citalopram: 'stopped 1 day ago' }, NOON, open);
    expect(ended.map(({ change, key }) => [change, key])).toEqual([['resolve', 'g-fq-qt']]);
  });
});

describe('an alert about a statin', () => {
  it('closes 8 days after the interacting medicine ended', async () => {
    const words = { simvastatin: 'active, 1 year', clarithromycin: 'active, 3 days' };
    const [raised] = await changes(words, NOON);
    const open = [raised?.episode as Episode];
    expect(await changes({ ...words, clarithromycin: 'stopped 7 days ago' }, NOON, open)).not.toContainEqual(
      expect.objectContaining({ change: 'resolve' }),
    );
    const gone = await changes({ ...words, clarithromycin: 'stopped 8 days ago' }, NOON, open);
    expect(gone.map(({ change }) => change)).toEqual(['resolve']);
  });
});

describe('an alert about magnesium on a proton-pump inhibitor', () => {
  const ppi = { omeprazole: 'active, 400 days' };
  it('raised by a missing test closes with any result that is not low', async () => {
    const [raised] = await changes({ ...ppi, 'leg-cramp': true }, NOON);
    const tested = await changes({ ...ppi, 'leg-cramp': true, magnesium: '0.71 mmol/L' }, NOON, [
      raised?.episode as Episode,
    ]);
    expect(tested.map(({ change }) => change)).toContain('resolve');
  });

  it('raised by a low value needs 0.75 mmol/L', async () => {
    const [raised] = await changes({ ...ppi, magnesium: '0.65 mmol/L' }, NOON);
    const open = [raised?.episode as Episode];
    const low = ['0.65 mmol/L, 2 days ago', '0.74 mmol/L'] as unknown as string;
    const fine = ['0.65 mmol/L, 2 days ago', '0.75 mmol/L'] as unknown as string;
    expect((await changes({ ...ppi, magnesium: low }, NOON, open)).map(({ change }) => change)).toEqual([]);
    expect((await changes({ ...ppi, magnesium: fine }, NOON, open)).map(({ change }) => change)).toEqual([
      'resolve',
    ]);
  });
});
