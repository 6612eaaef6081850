import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { decide } from '../../../src/core/decide.ts';
import type { Decision, Episode } from '../../../src/core/decision.ts';
import { readCodeBook } from '../../../src/rule-files/code-book.ts';
import { readRuleSet } from '../../../src/rule-files/read-rule-set.ts';
import { vectorChart } from '../../../src/rule-files/vector-chart.ts';
import { NOON } from '../facts/given.ts';
import type { Words } from '../facts/in-words.ts';

const FOLDER = join(import.meta.dirname, '../../../rules');
const RULES = readRuleSet(FOLDER);
const CODES = readCodeBook(join(FOLDER, 'concepts'));

function decideOn(words: Words, open: readonly Episode[] = []): Promise<Decision> {
  return decide(vectorChart({ says: 'x', expect: 'unknown', ...words }, CODES, NOON), RULES, NOON, open);
}

async function shown(words: Words): Promise<string[]> {
  return (await decideOn(words)).findings.map(({ key, tier }) => `${key} ${tier}`);
}

async function guardOf(rule: string, words: Words): Promise<string | undefined> {
  return (await decideOn(words)).verdicts.find((verdict) => verdict.rule === rule)?.guard;
}

const LOW = { potassium: 3.4, magnesium: 0.8 };
const HIGH_MAGNESIUM_RISK = { magnesium: 0.35, potassium: 4.1 };
const CRITICAL = { potassium: 2.3, magnesium: 0.8 };
const ICU = { stay: 'intensive care' };
const HOSPICE = { 'comfort-care': true };
const CHEMOTHERAPY = { carboplatin: 'active, 10 days' };

describe('under 18 years', () => {
  it('no rule answers, and each verdict says why', async () => {
    const { verdicts, findings } = await decideOn({ age: 17, ...CRITICAL });
    expect(findings).toEqual([]);
    expect(new Set(verdicts.map(({ guard }) => guard))).toEqual(
      new Set(['adult thresholds do not apply under 18']),
    );
    expect(await shown({ age: 18, ...CRITICAL })).toEqual(['el-hypokalaemia critical']);
  });

  it('an alert that was open closes with the reason once the birth date is corrected', async () => {
    const [raised] = (await decideOn(LOW)).episodeChanges;
    expect((await decideOn({ ...LOW, age: 17 }, [raised?.episode as Episode])).episodeChanges).toMatchObject([
      { change: 'supersede', reason: 'adult thresholds do not apply under 18' },
    ]);
  });
});

describe('age not recorded', () => {
  it('laboratory rules answer; what needs an age or a computed eGFR is unknown', async () => {
    const words = { ...CRITICAL, creatinine: 300, ciprofloxacin: 'active, 5 days' };
    const { patient, ...chart } = vectorChart({ says: 'x', expect: 'unknown', ...words }, CODES, NOON);
    const { birthDate: _unknown, ...ageless } = patient;
    const { facts, verdicts, findings } = await decide({ ...chart, patient: ageless }, RULES, NOON, []);
    expect(findings.flatMap(({ members, absorbed }) => [...members, ...absorbed])).toContain(
      'el-hypokalaemia',
    );
    expect(facts.find(({ concept }) => concept === 'egfr')?.state).toBe('unknown');
    expect(verdicts.find(({ rule }) => rule === 'fq-age-over-60')).toMatchObject({
      verdict: 'unknown',
      missing: ['age'],
    });
  });
});

describe('in critical care', () => {
  it('what is low is left out, and what is high or critical is shown', async () => {
    expect(await shown(LOW)).toEqual(['el-hypokalaemia low']);
    expect(await shown({ ...LOW, ...ICU })).toEqual([]);
    expect(await shown({ ...HIGH_MAGNESIUM_RISK, ...ICU })).toEqual(['el-hypomagnesaemia high']);
    expect(await shown({ ...CRITICAL, ...ICU })).toEqual(['el-hypokalaemia critical']);
  });

  it('a stay on an ordinary ward changes nothing', async () => {
    expect(await shown({ ...LOW, stay: 'hospital ward' })).toEqual(['el-hypokalaemia low']);
  });

  it('missing tests and daily life are not asked about, and the verdict says why', async () => {
    const words = { 'cramp-frequency-per-week': 3, ...ICU };
    expect(await guardOf('el-electrolytes-gap', words)).toBe(
      'the patient is in critical care: missing tests and daily life are not asked about',
    );
  });

  it('a low alert that was open closes with the reason on admission', async () => {
    const [raised] = (await decideOn(LOW)).episodeChanges;
    const { episodeChanges } = await decideOn({ ...LOW, ...ICU }, [raised?.episode as Episode]);
    expect(episodeChanges).toMatchObject([
      {
        change: 'supersede',
        notify: false,
        reason: 'the patient is in critical care: alerts of the lowest tier are left out',
      },
    ]);
  });

  it('an alert about a missing test that was open closes with the reason', async () => {
    const gap = { 'cramp-frequency-per-week': 3 };
    const raised = (await decideOn(gap)).episodeChanges.find(({ key }) => key === 'el-electrolytes-gap');
    const { episodeChanges } = await decideOn({ ...gap, ...ICU }, [raised?.episode as Episode]);
    expect(episodeChanges).toMatchObject([
      { change: 'supersede', key: 'el-electrolytes-gap', reason: expect.stringContaining('critical care') },
    ]);
  });

  it('adjusted calcium never clears an alert', async () => {
    const calcium = async (words: Words) =>
      (await decideOn({ calcium: 2.3, albumin: 40, ...words })).facts.find(
        ({ concept }) => concept === 'calcium-best',
      );
    expect((await calcium({}))?.raisesOnly).toBeUndefined();
    expect(await calcium(ICU)).toMatchObject({
      raisesOnly: true,
      notes: expect.arrayContaining(['adjustment-unreliable']),
    });
  });
});

describe('near the end of life', () => {
  it('only what is critical or relieves is shown', async () => {
    expect(await shown({ ...HIGH_MAGNESIUM_RISK, ...HOSPICE })).toEqual([]);
    expect(await shown({ ...CRITICAL, ...HOSPICE })).toEqual(['el-hypokalaemia critical']);
    const dialysis = { dialysis: true, 'leg-cramp': true };
    expect(await shown({ ...dialysis, ...HOSPICE })).toEqual(['rn-dialysis-cramps low']);
  });

  it('self-care is no line of what is shown', async () => {
    const words = { dialysis: true, 'leg-cramp': true };
    const lines = async (more: Words) =>
      (await decideOn({ ...words, ...more })).findings.flatMap(({ absorbed }) => absorbed);
    expect(await lines({})).toContain('ls-self-care');
    expect(await lines(HOSPICE)).not.toContain('ls-self-care');
    expect(await guardOf('ls-self-care', { ...words, ...HOSPICE })).toMatch(/^comfort care is recorded/);
  });
});

describe('during chemotherapy', () => {
  it('electrolyte rules stay on, also when low', async () => {
    expect(await shown({ ...LOW, ...CHEMOTHERAPY })).toContain('el-hypokalaemia low');
  });

  it('what is low about a statin is left out, what is high is shown', async () => {
    const statin = {
      atorvastatin: 'active, 2 years',
      'muscle-pain': true,
      fenofibrate: 'stopped 5 days ago',
    };
    expect(await guardOf('md-lipid-drug-cramps', statin)).toBeUndefined();
    expect(await guardOf('md-lipid-drug-cramps', { ...statin, ...CHEMOTHERAPY })).toBe(
      'chemotherapy is under way: low alerts about statins and daily life are left out',
    );
    const weak = { ...statin, fenofibrate: 'active, 1 year', ...CHEMOTHERAPY };
    expect((await shown(weak)).join()).toMatch(/md-statin-interaction high/);
  });
});

describe('the deceased', () => {
  it('are not evaluated: no fact is formed', async () => {
    const { patient, ...chart } = vectorChart({ says: 'x', expect: 'unknown', ...CRITICAL }, CODES, NOON);
    const dead = { ...chart, patient: { ...patient, deceasedBoolean: true } };
    expect(await decide(dead, RULES, NOON, [])).toMatchObject({ facts: [], verdicts: [], findings: [] });
  });
});
