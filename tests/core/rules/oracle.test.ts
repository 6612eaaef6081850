/**
 * Stock json-rules-engine as the oracle: Kleene logic as two two-valued runs.
 */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Fact } from '../../../src/core/facts/fact.ts';
import { confirm } from '../../../src/core/rules/confirm.ts';
import { reasonsFor } from '../../../src/core/rules/explain.ts';
import type { Condition } from '../../../src/core/rules/rule.ts';
import { factsOf, NOON } from './fact-makers.ts';
import { rule } from './rule-makers.ts';

const RUNS = { numRuns: 1000, seed: Number(process.env.SEED ?? 20260512), verbose: 1 } as const;
const IDS = ['potassium', 'magnesium-serum', 'cramps-present', 'drug.loop-diuretic', 'egfr-stage'];
const NOTES = ['haemolysed', 'preliminary', 'end-assumed'];

const id = fc.constantFrom(...IDS);
const number = fc.integer({ min: 0, max: 6 });
const days = fc.option(fc.constantFrom(1, 7, 30), { nil: undefined });

const clause = fc
  .oneof(
    fc.record({ fact: id, operator: fc.constantFrom('below', 'atMost', 'above', 'atLeast'), value: number }),
    fc.record({
      fact: id,
      operator: fc.constant('is'),
      value: fc.oneof(fc.boolean(), number, fc.constantFrom('G3b', 'taking')),
    }),
    fc.record({
      fact: id,
      operator: fc.constant('isIn'),
      value: fc.subarray(['G3a', 'G3b', 'G4', 'taking'], { minLength: 1 }),
    }),
    fc.record({
      fact: id,
      operator: fc.constantFrom('active', 'activeOrRecent', 'isKnown'),
      value: fc.boolean(),
    }),
    fc.record({
      fact: id,
      operator: fc.constantFrom('hasNote', 'lacksNote'),
      value: fc.constantFrom(...NOTES),
    }),
  )
  .chain((made) => days.map((withinDays) => (withinDays === undefined ? made : { ...made, withinDays })));

const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    clause as fc.Arbitrary<Condition>,
    fc.array(tie('condition'), { minLength: 1, maxLength: 4 }).map((all) => ({ all })),
    fc.array(tie('condition'), { minLength: 1, maxLength: 4 }).map((any) => ({ any })),
  ),
}));

const quality = fc.record({
  notes: fc.subarray(NOTES),
  at: fc.option(
    fc.integer({ min: 0, max: 40 }).map((age) => new Date(NOON.getTime() - age * 86_400_000)),
    { nil: undefined },
  ),
  raisesOnly: fc.option(fc.constant(true as const), { nil: undefined }),
});
const value = fc.oneof(
  number,
  fc.boolean(),
  fc.constantFrom(
    'G3a',
    'G3b',
    'taking',
    'prescribed',
    'recent',
    'on-hold',
    'perhaps',
    Number.NaN,
    Number.POSITIVE_INFINITY,
  ),
);
const state = fc.oneof(
  value.map((known) => ({ state: 'known' as const, value: known })),
  fc
    .record({
      low: fc.option(number, { nil: undefined }),
      high: fc.option(number, { nil: undefined }),
      exclusive: fc.option(fc.constant(true as const), { nil: undefined }),
    })
    .map((range) => ({ ...range, state: 'bounded' as const })),
  fc.constant({ state: 'unknown' as const, why: 'no-record' as const }),
);
const fact = fc
  .tuple(id, state, quality)
  .map(([concept, said, cited]) => ({ concept, from: [], ...cited, ...said }) as Fact);
const facts = fc.array(fact, { maxLength: 5 }).map((list) => factsOf(...list));

describe('json-rules-engine and the compiled rules agree on random rules and facts', () => {
  it('fires in the definite reading exactly when ours is true', async () => {
    await fc.assert(
      fc.asyncProperty(condition, facts, async (firesWhen, given) => {
        const compiled = rule({ firesWhen });
        const [answer] = (await confirm([compiled], given, NOON, 'definite')).values();
        expect(answer === 'holds').toBe(compiled.firesWhen.truth(given, NOON) === 'true');
      }),
      RUNS,
    );
  });

  it('fires in the possible reading exactly when ours is not false', async () => {
    await fc.assert(
      fc.asyncProperty(condition, facts, async (firesWhen, given) => {
        const compiled = rule({ firesWhen });
        const [answer] = (await confirm([compiled], given, NOON, 'possible')).values();
        expect(answer === 'holds').toBe(compiled.firesWhen.truth(given, NOON) !== 'false');
      }),
      RUNS,
    );
  });

  it('the reasons shown have the answer they explain', () => {
    fc.assert(
      fc.property(condition, facts, (firesWhen, given) => {
        const compiled = rule({ firesWhen }).firesWhen;
        const truth = compiled.truth(given, NOON);
        const reasons = reasonsFor(compiled, given, NOON);
        expect(reasons.length).toBeGreaterThan(0);
        for (const reason of reasons) expect(reason.truth).toBe(truth);
      }),
      RUNS,
    );
  });

  it('taking a fact away never turns "can not tell" into an answer, except where the gap itself is asked', () => {
    const asksTheRecord = (tree: Condition): boolean =>
      'all' in tree
        ? tree.all.some(asksTheRecord)
        : 'any' in tree
          ? tree.any.some(asksTheRecord)
          : ['isKnown', 'hasNote', 'lacksNote'].includes(tree.operator);
    fc.assert(
      fc.property(condition, facts, id, (firesWhen, given, gone) => {
        fc.pre(!asksTheRecord(firesWhen));
        const compiled = rule({ firesWhen }).firesWhen;
        const without = new Map([...given].filter(([key]) => key !== gone));
        const after = compiled.truth(without, NOON);
        if (after !== 'unknown') expect(compiled.truth(given, NOON)).toBe(after);
      }),
      RUNS,
    );
  });
});
