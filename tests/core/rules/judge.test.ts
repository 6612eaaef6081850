import { describe, expect, it } from '@jest/globals';
import type { Verdict } from '../../../src/core/decision.ts';
import type { Facts } from '../../../src/core/facts/fact.ts';
import { type CompiledRule, compileRule, RuleError } from '../../../src/core/rules/compile.ts';
import { judge } from '../../../src/core/rules/judge.ts';
import { below, factsOf, known, NOON, unknownFact } from './fact-makers.ts';
import { LOW_POTASSIUM, rule, ruleFile } from './rule-makers.ts';

async function verdictOf(compiled: CompiledRule, facts: Facts): Promise<Verdict> {
  const [verdict] = await judge([compiled], facts, NOON);
  if (verdict === undefined) throw new Error('no verdict');
  return verdict;
}

const cramps = { fact: 'cramps-present', operator: 'is', value: true } as const;
const lowWithCramps = rule({ firesWhen: { all: [LOW_POTASSIUM, cramps] } });

describe('a verdict', () => {
  it('fires at 3.4 mmol/L and shows the clause that held and the value it saw', async () => {
    const verdict = await verdictOf(rule(), factsOf(known('potassium', 3.4, { unit: 'mmol/L' })));
    expect(verdict).toEqual({
      rule: 'el-test',
      version: '1.0.0',
      verdict: 'fired',
      tier: 'low',
      clauses: [
        { clause: 'potassium below 3.5 mmol/L', fact: 'potassium', truth: 'true', saw: '3.4 mmol/L' },
      ],
    });
  });

  it('is clear at 3.5 mmol/L and shows the clause that stopped it', async () => {
    const verdict = await verdictOf(
      lowWithCramps,
      factsOf(known('potassium', 3.5), known('cramps-present', true)),
    );
    expect(verdict).toMatchObject({
      verdict: 'clear',
      clauses: [{ fact: 'potassium', truth: 'false', saw: '3.5' }],
    });
  });

  it('is unknown without a result, and waits for the one fact that is missing', async () => {
    const verdict = await verdictOf(lowWithCramps, factsOf(known('cramps-present', true)));
    expect(verdict).toMatchObject({ verdict: 'unknown', missing: ['potassium'], pending: 'potassium' });
    expect(verdict.clauses).toEqual([
      { clause: 'potassium below 3.5 mmol/L', fact: 'potassium', truth: 'unknown', saw: 'no record' },
    ]);
  });

  it('waits for nothing when two facts are missing', async () => {
    const verdict = await verdictOf(lowWithCramps, factsOf());
    expect(verdict.missing).toEqual(['potassium', 'cramps-present']);
    expect(verdict.pending).toBeUndefined();
  });

  it('of two alternatives waits for the first that lacks one fact only', async () => {
    const either = rule({
      firesWhen: {
        all: [cramps, { any: [LOW_POTASSIUM, { fact: 'magnesium-serum', operator: 'below', value: 0.7 }] }],
      },
    });
    expect((await verdictOf(either, factsOf(known('cramps-present', true)))).pending).toBe('potassium');
  });

  it('fires on "<3.0" for a limit of 3.5 and can not tell for a limit of 2.5', async () => {
    const facts = factsOf(below('potassium', 3));
    expect((await verdictOf(rule(), facts)).verdict).toBe('fired');
    const critical = rule({ firesWhen: { fact: 'potassium', operator: 'below', value: 2.5 } });
    expect(await verdictOf(critical, facts)).toMatchObject({
      verdict: 'unknown',
      clauses: [{ saw: 'below 3' }],
    });
  });

  it('says which result is missing behind a derived fact', async () => {
    const facts = factsOf(unknownFact('potassium', 'needs', { missing: ['albumin-serum'] }));
    expect((await verdictOf(rule(), facts)).clauses?.[0]?.saw).toBe('not known without albumin');
  });

  it('never answers for a patient of 17, and does for one of 18 or of unknown age', async () => {
    const at = (age: number) => factsOf(known('potassium', 2.4), known('age', age));
    expect(await verdictOf(rule(), at(17.99))).toEqual({
      rule: 'el-test',
      version: '1.0.0',
      verdict: 'unknown',
      guard: 'adult thresholds do not apply under 18',
    });
    expect((await verdictOf(rule(), at(18))).verdict).toBe('fired');
    expect((await verdictOf(rule(), factsOf(known('potassium', 2.4)))).verdict).toBe('fired');
  });
});

describe('an exclusion', () => {
  const unlessDialysis = rule({ notWhen: { fact: 'dialysis', operator: 'is', value: true } });

  it('stops the rule when it is known to be true', async () => {
    const verdict = await verdictOf(unlessDialysis, factsOf(known('potassium', 3), known('dialysis', true)));
    expect(verdict).toMatchObject({
      verdict: 'clear',
      clauses: [{ clause: 'dialysis is yes', truth: 'true' }],
    });
  });

  it('does not stop the rule when it is unknown, and is listed as not known', async () => {
    const verdict = await verdictOf(unlessDialysis, factsOf(known('potassium', 3)));
    expect(verdict).toMatchObject({ verdict: 'fired', notKnown: ['dialysis'] });
  });

  it('is not listed when it is known to be false', async () => {
    const verdict = await verdictOf(unlessDialysis, factsOf(known('potassium', 3), known('dialysis', false)));
    expect(verdict).not.toHaveProperty('notKnown');
  });
});

describe('a tier', () => {
  const graded = rule({
    tiers: [
      { tier: 'critical', when: { fact: 'potassium', operator: 'below', value: 2.5 } },
      { tier: 'moderate', when: cramps },
      { tier: 'low' },
    ],
  });
  const tierAt = async (...facts: Parameters<typeof factsOf>) =>
    (await verdictOf(graded, factsOf(...facts))).tier;

  it('is the first that matches; an unknown one does not match', async () => {
    expect(await tierAt(known('potassium', 2.4), known('cramps-present', true))).toBe('critical');
    expect(await tierAt(known('potassium', 3), known('cramps-present', true))).toBe('moderate');
    expect(await tierAt(below('potassium', 3))).toBe('low');
  });

  it('is one lower on a preliminary result and never below low', async () => {
    const preliminary = { notes: ['preliminary'], raisesOnly: true } as const;
    expect(await tierAt(known('potassium', 2.4, preliminary))).toBe('high');
    expect(await tierAt(known('potassium', 3.2, preliminary))).toBe('low');
  });

  it('is not lowered for a note that the rule takes in itself', async () => {
    const own = rule({ ...graded.file, ownHandlingOf: ['haemolysed'] });
    const facts = factsOf(known('potassium', 2.4, { notes: ['haemolysed'] }));
    expect((await verdictOf(graded, facts)).tier).toBe('high');
    expect((await verdictOf(own, facts)).tier).toBe('critical');
  });

  it('is not lowered while one sound fact alone fires the rule', async () => {
    const either = rule({ firesWhen: { any: [LOW_POTASSIUM, cramps] }, tiers: [{ tier: 'high' }] });
    const doubtful = known('cramps-present', true, { notes: ['preliminary'] });
    expect((await verdictOf(either, factsOf(known('potassium', 3), doubtful))).tier).toBe('high');
    expect((await verdictOf(either, factsOf(known('potassium', 4), doubtful))).tier).toBe('moderate');
  });

  it('of a potassium of 5.5 is moderate on dialysis', async () => {
    const high = rule({
      id: 'el-hyperkalaemia',
      firesWhen: { fact: 'potassium', operator: 'atLeast', value: 5.5 },
    });
    expect((await verdictOf(high, factsOf(known('potassium', 5.5)))).tier).toBe('low');
    expect((await verdictOf(high, factsOf(known('potassium', 5.5), known('dialysis', true)))).tier).toBe(
      'moderate',
    );
  });
});

describe('doubtful and strange values', () => {
  it('a preliminary normal potassium does not say "not low"', async () => {
    const facts = factsOf(known('potassium', 4.1, { raisesOnly: true }));
    expect((await verdictOf(rule(), facts)).verdict).toBe('unknown');
  });

  it('a preliminary normal potassium clears nothing, a final one does', () => {
    const clears = rule().clearsWhen;
    expect(clears.truth(factsOf(known('potassium', 4.1, { raisesOnly: true })), NOON)).toBe('unknown');
    expect(clears.truth(factsOf(known('potassium', 4.1)), NOON)).toBe('true');
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'a potassium of %d answers nothing',
    async (value) => {
      expect((await verdictOf(rule(), factsOf(known('potassium', value)))).verdict).toBe('unknown');
    },
  );

  it.each(['3.1', true])('a potassium of %p, which is no number, answers nothing', async (value) => {
    expect((await verdictOf(rule(), factsOf(known('potassium', value)))).verdict).toBe('unknown');
  });

  it('a result older than the window of the clause answers nothing', async () => {
    const thisWeek = rule({ firesWhen: { fact: 'potassium', operator: 'below', value: 3.5, withinDays: 7 } });
    const at = (iso: string) => factsOf(known('potassium', 3, { at: new Date(iso) }));
    expect((await verdictOf(thisWeek, at('2026-05-05T12:00:00Z'))).verdict).toBe('fired');
    expect((await verdictOf(thisWeek, at('2026-05-05T11:59:59Z'))).verdict).toBe('unknown');
  });
});

describe('a medicine', () => {
  const state = async (operator: 'active' | 'activeOrRecent', value: boolean, seen: string) =>
    (
      await verdictOf(
        rule({ firesWhen: { fact: 'drug.loop-diuretic', operator, value } }),
        factsOf(known('drug.loop-diuretic', seen)),
      )
    ).verdict;

  it.each(['taking', 'prescribed'])('recorded as %s is active', async (seen) => {
    expect(await state('active', true, seen)).toBe('fired');
    expect(await state('active', false, seen)).toBe('clear');
  });

  it.each(['recent', 'planned', 'not-taking', 'on-hold'])('recorded as %s is not active', async (seen) => {
    expect(await state('active', true, seen)).toBe('clear');
    expect(await state('activeOrRecent', true, seen)).toBe(seen === 'recent' ? 'fired' : 'clear');
  });

  it('in a state that nobody defined is not guessed', async () => {
    expect(await state('active', true, 'perhaps')).toBe('unknown');
    expect(await state('active', false, 'perhaps')).toBe('unknown');
  });

  it('without a record is not "not taken"', async () => {
    const none = rule({ firesWhen: { fact: 'drug.loop-diuretic', operator: 'active', value: false } });
    expect((await verdictOf(none, factsOf())).verdict).toBe('unknown');
  });

  it('that nobody confirmed for long is exposure, but not known to be active', async () => {
    const facts = factsOf(unknownFact('drug.loop-diuretic', 'stale', { notes: ['end-assumed'] }));
    const asked = (operator: 'active' | 'activeOrRecent') =>
      rule({ firesWhen: { fact: 'drug.loop-diuretic', operator, value: true } });
    expect((await verdictOf(asked('activeOrRecent'), facts)).verdict).toBe('fired');
    expect((await verdictOf(asked('active'), facts)).verdict).toBe('unknown');
  });
});

describe('a broken rule', () => {
  const broken: CompiledRule = {
    ...rule({ id: 'el-broken' }),
    firesWhen: {
      kind: 'clause',
      fact: 'potassium',
      question: { operator: 'below', limit: 3.5 },
      words: 'potassium below 3.5',
      goal: 'potassium below 3.5',
      truth: () => {
        throw new TypeError('planted-134418 3.2 mmol/L');
      },
    },
  };

  it('is an error of that rule only, and the others finish', async () => {
    const verdicts = await judge([broken, rule()], factsOf(known('potassium', 3)), NOON);
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(['error', 'fired']);
  });

  it('does not pass on a message that could quote a value', async () => {
    const verdict = await verdictOf(broken, factsOf(known('potassium', 3)));
    expect(verdict).toEqual({
      rule: 'el-broken',
      version: '1.0.0',
      verdict: 'error',
      error: 'threw TypeError',
    });
  });

  it('is an error when json-rules-engine does not confirm what fired', async () => {
    const lying = { ...rule(), firesWhen: { ...rule().firesWhen, truth: () => 'true' as const } };
    const [verdict, sound] = await judge(
      [lying, rule({ id: 'el-sound', firesWhen: { fact: 'potassium', operator: 'above', value: 4 } })],
      factsOf(known('potassium', 4.5)),
      NOON,
    );
    expect(verdict).toMatchObject({ verdict: 'error', error: expect.stringContaining('did not confirm') });
    expect(sound?.verdict).toBe('fired');
  });

  it('that makes json-rules-engine throw does not take the others with it', async () => {
    const strange = rule({ id: 'el-strange' });
    const question = { operator: 'noSuchOperator' as never, limit: 3.5 };
    const throwing = {
      ...strange,
      firesWhen: {
        ...strange.firesWhen,
        kind: 'clause' as const,
        fact: 'potassium',
        words: '',
        goal: '',
        question,
        truth: () => 'true' as const,
      },
    };
    const verdicts = await judge([throwing, rule()], factsOf(known('potassium', 3)), NOON);
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(['error', 'fired']);
  });
});

describe('a setting', () => {
  const file = ruleFile({
    settings: { low: { default: 3.5, allowed: [3.3, 3.5], unit: 'mmol/L' } },
    firesWhen: { fact: 'potassium', operator: 'below', value: { setting: 'low' } },
  });

  it('moves the limit inside its range', async () => {
    const facts = factsOf(known('potassium', 3.4));
    expect((await verdictOf(compileRule(file), facts)).verdict).toBe('fired');
    expect((await verdictOf(compileRule(file, { low: 3.3 }), facts)).verdict).toBe('clear');
  });

  it.each([3.2, 3.6, Number.NaN])('of %d lies outside its range and does not load', (low) => {
    expect(() => compileRule(file, { low })).toThrow(RuleError);
  });

  it('that the file does not have does not load', () => {
    expect(() => compileRule(file, { high: 3 })).toThrow('el-test has no setting "high"');
  });
});

it('many evaluations at once lose no rule and mix no patient', async () => {
  const rules = Array.from({ length: 20 }, (_, index) => rule({ id: `el-${index}` }));
  const runs = await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      judge(rules, factsOf(known('potassium', index % 2 === 0 ? 3 : 4)), NOON),
    ),
  );
  runs.forEach((verdicts, index) => {
    expect(new Set(verdicts.map(({ verdict }) => verdict))).toEqual(
      new Set([index % 2 === 0 ? 'fired' : 'clear']),
    );
  });
});
