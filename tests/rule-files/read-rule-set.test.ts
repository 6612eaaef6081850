import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { TIERS } from '../../src/core/decision.ts';
import { readCodeBook } from '../../src/rule-files/code-book.ts';
import { readCheckedRuleSet, readRuleSet } from '../../src/rule-files/read-rule-set.ts';
import type { Vector } from '../../src/rule-files/rule-schema.ts';
import { judgeVectors, resultsOf, VECTOR_NOON } from '../../src/rule-files/run-vectors.ts';
import { vectorChart } from '../../src/rule-files/vector-chart.ts';

const FOLDER = join(import.meta.dirname, '../../rules');
const { ruleSet, vectors } = readCheckedRuleSet(FOLDER);
const codes = readCodeBook(join(FOLDER, 'concepts'));

describe('the rule set of the project', () => {
  it('holds the first nine rules and those they need', () => {
    expect([...ruleSet.byId.keys()]).toEqual(
      expect.arrayContaining([
        'el-hypokalaemia',
        'el-hypomagnesaemia',
        'el-hypocalcaemia',
        'el-hyperkalaemia',
        'rn-ckd-cramps',
        'di-low-potassium-magnesium',
        'fq-age-over-60',
        'fq-qt-electrolytes',
        'in-pyelonephritis-suspected',
      ]),
    );
  });

  it('keeps every promise beside its rules', async () => {
    const results = resultsOf(await judgeVectors(ruleSet, vectors, codes), ruleSet);
    expect(results.filter(({ broken }) => broken.length > 0)).toEqual([]);
    expect(results.length).toBeGreaterThan(200);
  }, 120_000);

  it('has a vector for every tier of every rule, and one that stays silent', () => {
    for (const rule of ruleSet.rules) {
      const promised = vectors.get(rule.id) ?? [];
      expect([rule.id, TIERS.filter((tier) => promised.some((vector) => vector.tier === tier))]).toEqual([
        rule.id,
        TIERS.filter(
          (tier) =>
            rule.tiers.some((line) => line.tier === tier) || promised.some((vector) => vector.tier === tier),
        ),
      ]);
      expect(promised.some(({ expect: expected }) => expected !== 'fired')).toBe(true);
    }
  });

  it('is frozen through and through', () => {
    const [rule] = ruleSet.rules;
    expect(Object.isFrozen(rule?.file.firesWhen)).toBe(true);
    expect(Object.isFrozen(rule?.tiers[0])).toBe(true);
  });

  it('has the same hash each time it is read, and another with another setting', () => {
    expect(readRuleSet(FOLDER).hash).toBe(ruleSet.hash);
    expect(readRuleSet(FOLDER, { settings: { feverCel: 38.3 } }).hash).not.toBe(ruleSet.hash);
    expect(readRuleSet(FOLDER, { overlay: { 'el-hypokalaemia': { low: 3.4 } } }).hash).not.toBe(ruleSet.hash);
  });

  it('refuses an overlay outside the range of its rule, and one for a rule that does not exist', () => {
    expect(() => readRuleSet(FOLDER, { overlay: { 'el-hypokalaemia': { low: 3.0 } } })).toThrow(
      '"low" may be 3.3 to 3.5, not 3',
    );
    expect(() => readRuleSet(FOLDER, { overlay: { 'el-nothing': {} } })).toThrow('no rule has this id');
  });
});

describe('a vector', () => {
  const run = async (vector: Vector) =>
    resultsOf(await judgeVectors(ruleSet, new Map([['el-hypokalaemia', [vector]]]), codes), ruleSet)[0]
      ?.broken;

  it('that is not kept says what came instead', async () => {
    expect(await run({ says: '3.5 is low', potassium: '3.5 mmol/L', expect: 'fired', tier: 'low' })).toEqual([
      'expected fired, is clear (potassium below 3.5 mmol/L: 3.5 mmol/L)',
    ]);
    expect(
      await run({ says: '3.4 is high', potassium: '3.4 mmol/L', expect: 'fired', tier: 'high' }),
    ).toEqual(['expected tier high, is low']);
  });

  it('that is shown elsewhere, or suggests something else, says so', async () => {
    expect(
      await run({
        says: 'x',
        potassium: '3.4 mmol/L',
        expect: 'fired',
        tier: 'low',
        shownBy: 'g-x',
        absorbedBy: 'el-x',
        suggests: ['iron'],
        suggestsNot: ['recheck:potassium'],
      }),
    ).toEqual([
      'expected to be shown by g-x, is by el-hypokalaemia',
      'expected to be absorbed by el-x',
      'does not suggest iron',
      'suggests recheck:potassium',
    ]);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['a name that nothing has', { potasium: '3.5 mmol/L' }, /nothing is called "potasium"/],
    ['a result without a number', { potassium: 'low' }, /"low" is no result/],
    ['a symptom that is neither yes nor no', { 'cramps-present': 'often' }, /a symptom is true or false/],
    [
      'a condition in other words',
      { 'heart-failure': 'maybe' },
      /a condition is true, false, suspected or resolved/,
    ],
    ['a medicine in other words', { furosemide: 'sometimes' }, /a medicine is active, ordered/],
    [
      'a medicine with a word too many',
      { furosemide: 'active, daily' },
      /"daily" says nothing about a medicine/,
    ],
    ['an age in other words', { age: 'old' }, /an age is written/],
  ])('with %s is broken, not silently passed', async (_says, facts, reason) => {
    expect(await run({ says: 'x', expect: 'unknown', ...facts })).toEqual([expect.stringMatching(reason)]);
  });

  it('becomes FHIR as a hospital sends it: code, unit, time, status and specimen', () => {
    const chart = vectorChart(
      { says: 'x', expect: 'clear', potassium: '3.9 mmol/L haemolysed', furosemide: 'active, 2 years' },
      codes,
      VECTOR_NOON,
    );
    const [statement] = chart.resources.filter(({ resourceType }) => resourceType === 'MedicationStatement');
    const [potassium, haemolysis] = chart.resources.filter(
      ({ resourceType }) => resourceType === 'Observation',
    );
    expect(potassium).toMatchObject({
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '2823-3' }] },
      effectiveDateTime: '2026-05-11T12:00:00.000Z',
      valueQuantity: { value: 3.9, unit: 'mmol/L', code: 'mmol/L', system: 'http://unitsofmeasure.org' },
    });
    expect(haemolysis).toMatchObject({ valueCodeableConcept: { text: 'positive' } });
    expect(statement).toMatchObject({
      medicationCodeableConcept: { coding: [{ code: '4603' }] },
      effectivePeriod: { start: '2024-05-12T12:00:00.000Z' },
    });
    expect(chart.patient.birthDate).toBe('1971-05-12');
  });
});
