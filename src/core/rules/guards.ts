/**
 * Population guards: who the rules do not answer for, and where a tier may not fall below.
 *
 * Why: they hold for every rule, so no rule file repeats them. Source: clinical foundations 7.
 * Death is answered before any rule runs; pregnancy stands in the rules that it stops.
 */
import type { Finding, Tier } from '../decision.ts';
import type { Facts } from '../facts/fact.ts';
import { compileCondition } from './compile.ts';

/** Adults only. Source: foundations 7, "age < 18: no adult rule fires". */
const NOT_ANSWERED = [
  {
    when: compileCondition({ fact: 'age', operator: 'below', value: 18 }, 'raising'),
    says: 'adult thresholds do not apply under 18',
  },
] as const;

/** Whom the rules answer for, in words; what stands here is what is done below. */
export const POPULATION = {
  for: 'Adults of 18 years and over whose record is on a connected FHIR server.',
  notFor: [
    'Under 18 years: no rule answers.',
    'A patient whose death is recorded: no rule answers.',
    'Near the end of life only what is critical or relieves is shown.',
  ],
} as const;

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

/** Near the end of life what is not critical is held back, unless it relieves. Source: foundations 7, resolution 31. */
const END_OF_LIFE = compileCondition({ fact: 'end-of-life', operator: 'is', value: true }, 'raising');
const RELIEVES = ['rn-dialysis-cramps', 'nm-rls-mimic', 'fq-tendon-symptoms', 'dy-night-cramps'];

/** Why a finding is not shown to anybody, in words; undefined when it is shown. */
export function heldBack(finding: Finding, facts: Facts, now: Date): string | undefined {
  if (finding.tier === 'critical' || END_OF_LIFE.truth(facts, now) !== 'true') return undefined;
  const relieves = finding.members.some((rule) => RELIEVES.includes(rule) || rule.startsWith('in-uti-'));
  return relieves ? undefined : 'comfort care is recorded: only what is critical or relieves is shown';
}

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
