/** What would clear a finding: said only when it holds. */
import { describe, expect, it } from '@jest/globals';
import type { Fact } from '../../../src/core/facts/fact.ts';
import { counterfactual } from '../../../src/core/findings/counterfactual.ts';
import type { Condition, RuleFile } from '../../../src/core/rules/rule.ts';
import { factsOf, known, NOON } from '../rules/fact-makers.ts';
import { rule } from '../rules/rule-makers.ts';

const said = (rest: Partial<RuleFile>, ...facts: Fact[]) =>
  counterfactual([rule(rest)], factsOf(...facts), NOON);
const drug = (state: string): Fact => ({ ...known('drug.loop-diuretic', state), names: ['furosemide'] });
const LOW: Condition = { fact: 'potassium', operator: 'below', value: 3.5 };

describe('what would clear a finding', () => {
  it('is the limit with its unit', () => {
    expect(said({}, known('potassium', 3.2))).toBe('clears at potassium 3.6 mmol/L or more');
    expect(
      said(
        {
          clearsWhen: { fact: 'potassium', operator: 'atMost', value: 5.4 },
          firesWhen: { fact: 'potassium', operator: 'atLeast', value: 5.5 },
        },
        known('potassium', 6),
      ),
    ).toBe('clears at potassium 5.4 mmol/L or less');
  });

  it('is a medicine by its name, with the window where recent use counts', () => {
    const stopped = (operator: 'active' | 'activeOrRecent') => ({
      firesWhen: { fact: 'drug.loop-diuretic', operator, value: true },
      clearsWhen: { fact: 'drug.loop-diuretic', operator, value: false },
    });
    expect(said(stopped('active'), drug('taking'))).toBe('clears with furosemide stopped');
    expect(said(stopped('activeOrRecent'), drug('taking'))).toBe(
      'clears with furosemide stopped and no longer recent',
    );
  });

  it('is the shortest way of several, and all that is needed of a group', () => {
    const clearsWhen: Condition = {
      any: [
        {
          all: [
            { fact: 'egfr', operator: 'above', value: 30 },
            { fact: 'potassium', operator: 'atLeast', value: 3.6 },
          ],
        },
        { fact: 'potassium', operator: 'atLeast', value: 3.8 },
      ],
    };
    expect(said({ clearsWhen }, known('potassium', 3.2), known('egfr', 20))).toBe(
      'clears at potassium 3.8 mmol/L or more',
    );
    expect(said({ clearsWhen }, known('potassium', 3.2), known('egfr', 40))).toBe(
      'clears at potassium 3.6 mmol/L or more',
    );
  });

  it('is not said when the rule would still fire', () => {
    const still: Condition = { any: [LOW, { fact: 'vomiting', operator: 'is', value: true }] };
    expect(said({ firesWhen: still }, known('potassium', 3.2), known('vomiting', true))).toBeUndefined();
    expect(said({ firesWhen: still }, known('potassium', 3.2), known('vomiting', false))).toBe(
      'clears at potassium 3.6 mmol/L or more',
    );
  });

  it('is not said when the patient would have to be younger, or the record be empty', () => {
    expect(
      said({ clearsWhen: { fact: 'age', operator: 'below', value: 60 } }, known('potassium', 3.2)),
    ).toBeUndefined();
    expect(
      said({ clearsWhen: { fact: 'egfr', operator: 'isKnown', value: false } }, known('egfr', 40)),
    ).toBeUndefined();
  });

  it('asks all rules of a merged finding', () => {
    const both = [
      rule({}),
      rule({ id: 'el-second', clearsWhen: { fact: 'potassium', operator: 'atLeast', value: 3.9 } }),
    ];
    for (const rules of [both, both.toReversed()])
      expect(counterfactual(rules, factsOf(known('potassium', 3.2)), NOON)).toBe(
        'clears at potassium 3.9 mmol/L or more',
      );
  });

  it('counts a new value as the last known one, too', () => {
    const firesWhen: Condition = { any: [LOW, { fact: 'last.potassium', operator: 'below', value: 3.5 }] };
    expect(said({ firesWhen }, known('potassium', 3.2), known('last.potassium', 3.2))).toBe(
      'clears at potassium 3.6 mmol/L or more',
    );
  });
});
