/** Slips in rules, and whether vectors notice them. */

import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { RuleFile } from '../../src/core/rules/rule.ts';
import { readCodeBook } from '../../src/rule-files/code-book.ts';
import { factKnowledgeOf } from '../../src/rule-files/fact-knowledge.ts';
import { judgeMutants } from '../../src/rule-files/judge-mutants.ts';
import { type FactKnowledge, mutantsOf } from '../../src/rule-files/mutate.ts';
import { readCheckedRuleSet } from '../../src/rule-files/read-rule-set.ts';
import type { Vector } from '../../src/rule-files/rule-schema.ts';
import { type JudgedVector, judgeVectors } from '../../src/rule-files/run-vectors.ts';
import { suggestVectors } from '../../src/rule-files/suggest-vectors.ts';
import { ruleFile } from '../core/rules/rule-makers.ts';

const FOLDER = join(import.meta.dirname, '../../rules');
const codes = readCodeBook(join(FOLDER, 'concepts'));
const facts = factKnowledgeOf(codes.files);
const { ruleSet, vectors } = readCheckedRuleSet(FOLDER);

const PLAIN: FactKnowledge = {
  stepOf: () => 0.1,
  neighbourOf: (fact) => (fact.startsWith('drug.') ? 'drug.diuretic-any' : undefined),
  inOtherUnit: () => undefined,
};
const slips = (rest: Partial<RuleFile>) =>
  mutantsOf(ruleFile({ clearsWhen: { fact: 'age', operator: 'hasNote', value: 'x' }, ...rest }), PLAIN)
    .map(({ slip }) => slip)
    .filter((slip) => !slip.startsWith('clearsWhen'));

describe('the slips of a rule', () => {
  it('move a limit by one reporting step and mistake "below" for "at most"', () => {
    expect(slips({ firesWhen: { fact: 'potassium', operator: 'below', value: 3.5 } })).toEqual([
      'firesWhen: below -> atMost',
      'firesWhen: below -> atLeast',
      'firesWhen: limit 3.5 -> 3.4',
      'firesWhen: limit 3.5 -> 3.6',
    ]);
  });

  it('leave a clause out and mistake "all" for "any"', () => {
    const yes = (fact: string) => ({ fact, operator: 'is' as const, value: true });
    expect(slips({ firesWhen: { all: [yes('vomiting'), yes('diarrhea')] } })).toEqual([
      'firesWhen: all -> any',
      'firesWhen.all[0]: left out',
      'firesWhen.all[1]: left out',
      'firesWhen.all[0]: limit true -> false',
      'firesWhen.all[1]: limit true -> false',
    ]);
  });

  it('move a window by one day and forget it', () => {
    expect(
      slips({ firesWhen: { fact: 'vomiting', operator: 'is', value: true, withinDays: 7 } }).slice(1),
    ).toEqual(['firesWhen: within 7 days -> 6', 'firesWhen: within 7 days -> 8', 'firesWhen: at any time']);
  });

  it('take a neighbour of a drug class, except where the list names its neighbours on purpose', () => {
    const active = (fact: string) => ({ fact, operator: 'active' as const, value: true });
    const swap = (slip: string) => slip.includes('diuretic-any');
    expect(slips({ firesWhen: active('drug.loop-diuretic') }).filter(swap)).toHaveLength(1);
    const both = { any: [active('drug.loop-diuretic'), active('drug.thiazide-diuretic')] };
    expect(slips({ firesWhen: both }).filter(swap)).toEqual([]);
  });

  it('put tiers in the wrong order, lose one, and drop exclusions, absorptions and own handling', () => {
    const when = { fact: 'vomiting', operator: 'is' as const, value: true };
    const found = slips({
      tiers: [{ tier: 'high', when }, { tier: 'low' }],
      notWhen: when,
      absorbs: ['el-other'],
      ownHandlingOf: ['haemolysed'],
    });
    expect(found).toEqual(
      expect.arrayContaining([
        'tiers[0]: left out',
        'tiers[0]: high and low swapped',
        'notWhen: left out',
        'absorbs el-other: left out',
        'ownHandlingOf: "haemolysed" left out',
      ]),
    );
  });

  it('know the reporting step, the other unit and the parent class from the concept files', () => {
    expect([facts.stepOf('potassium', 3.5), facts.stepOf('magnesium-serum', 0.7)]).toEqual([0.1, 0.01]);
    expect(facts.stepOf('age', 65)).toBe(1);
    expect(facts.inOtherUnit('temperature-highest-48h', 38)).toBeCloseTo(100.4);
    expect(facts.neighbourOf('drug.tacrolimus-systemic')).toBe('drug.systemic-immunosuppressant');
    expect(facts.neighbourOf('potassium')).toBeUndefined();
  });
});

describe('vectors against slips', () => {
  const judged = async (list: readonly Vector[]) =>
    (await judgeVectors(ruleSet, new Map([['el-hypokalaemia', list]]), codes)).filter(
      (each): each is JudgedVector => !('trouble' in each),
    );
  const scoreOf = async (list: readonly Vector[], waived: { mutant: string; why: string }[] = []) => {
    const scores = judgeMutants(ruleSet, await judged(list), new Map([['el-hypokalaemia', waived]]), facts);
    const score = scores.find(({ rule }) => rule === 'el-hypokalaemia');
    if (score === undefined) throw new Error('no score');
    return score;
  };
  const own = vectors.get('el-hypokalaemia') ?? [];

  it('miss "at most" for "below" when nobody promised that 3.5 is not low', async () => {
    const without = own.filter(({ potassium }) => !String(potassium).startsWith('3.5'));
    expect((await scoreOf(without)).survived).toContain('firesWhen.all[0]: below -> atMost');
    expect((await scoreOf(own)).survived).not.toContain('firesWhen.all[0]: below -> atMost');
  });

  it('miss what closes an alert when no vector speaks of it', async () => {
    const without = own.map(({ clears: _untold, ...vector }) => vector as Vector);
    expect((await scoreOf(without)).survived).toContain('clearsWhen.all[0]: limit 3.6 -> 3.7');
  });

  it('a waiver names one slip, or a whole place with *, and an idle one is told', async () => {
    const why = 'a reason of some length';
    const score = await scoreOf(
      [],
      [
        { mutant: 'clearsWhen*', why },
        { mutant: 'nowhere', why },
      ],
    );
    expect(score.waived.length).toBeGreaterThan(3);
    expect(score.survived.filter((slip) => slip.startsWith('clearsWhen'))).toEqual([]);
    expect(score.idleWaivers).toEqual(['nowhere']);
  });

  it('are suggested for what survives, and then notice it', async () => {
    const without = own.filter(({ potassium, clears }) => clears === undefined && potassium !== '3.5 mmol/L');
    const { survived } = await scoreOf(without);
    const wanted = survived.filter((slip) => /^(?:settings|clearsWhen)/.test(slip));
    expect(wanted.length).toBeGreaterThan(3);
    const suggested = suggestVectors('el-hypokalaemia', wanted, without, { ruleSet, codes, facts });
    const after = await scoreOf([...without, ...suggested]);
    expect(after.survived.filter((slip) => wanted.includes(slip))).toEqual([]);
    for (const { says } of suggested) expect(says).toMatch(/potassium .*: .*/);
  });
});
