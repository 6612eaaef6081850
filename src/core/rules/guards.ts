/**
 * Population guards: who the rules do not answer for, and where a tier may not fall below.
 *
 * Why: they hold for every rule, so no rule file repeats them. Source: clinical foundations 7.
 * Death is answered before any rule runs; pregnancy stands in the rules that it stops.
 */
import type { Tier } from '../decision.ts';
import type { Facts } from '../facts/fact.ts';
import { compileCondition } from './compile.ts';

/** Adults only. Source: foundations 7, "age < 18: no adult rule fires". */
const NOT_ANSWERED = [
  {
    when: compileCondition({ fact: 'age', operator: 'below', value: 18 }, 'raising'),
    says: 'adult thresholds do not apply under 18',
  },
] as const;

const TIER_FLOORS = [
  {
    // On dialysis eGFR says nothing, and 5.5 to 5.9 mmol/L is moderate. Source: foundations 7, resolution 32.
    rules: ['el-hyperkalaemia', 'md-hyperkalaemia-drugs'],
    when: compileCondition(
      {
        all: [
          { fact: 'dialysis', operator: 'is', value: true },
          { fact: 'potassium', operator: 'atLeast', value: 5.5 },
        ],
      },
      'raising',
    ),
    tier: 'moderate',
  },
] as const satisfies readonly { rules: readonly string[]; tier: Tier; when: unknown }[];

/** Why no rule answers for this patient, in words; undefined when rules answer. */
export function guardOver(facts: Facts, now: Date): string | undefined {
  return NOT_ANSWERED.find(({ when }) => when.truth(facts, now) === 'true')?.says;
}

/** The tier below which this rule may not fall for this patient. */
export function tierFloor(rule: string, facts: Facts, now: Date): Tier | undefined {
  const over = TIER_FLOORS.find(
    ({ rules, when }) => rules.some((id) => id === rule) && when.truth(facts, now) === 'true',
  );
  return over?.tier;
}
