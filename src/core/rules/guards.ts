/**
 * Population guards: who the rules do not answer for, which rules are off, and where a tier may not fall below.
 *
 * Why: they hold for every rule, so no rule file repeats them. Each says in words why it acts, in the verdict or
 * where an alert closes. Source: clinical foundations 7; resolutions 31 and 32.
 *
 * What is not here: death is answered before any rule runs; pregnancy and dialysis stand in the rules and formulas
 * that they stop, and with transplants in the interlocks of what they forbid.
 */
import { type Finding, TIERS, type Tier } from '../decision.ts';
import type { Facts } from '../facts/fact.ts';
import { compileCondition } from './compile.ts';
import type { Condition, RuleFile } from './rule.ts';

interface Guard {
  readonly when: Condition;
  /** For people: why nothing is said. */
  readonly says: string;
}

const COMFORT_CARE = { fact: 'end-of-life', operator: 'is', value: true } as const;
const CRITICAL_CARE = { fact: 'critical-care', operator: 'is', value: true } as const;
const CHEMOTHERAPY = { fact: 'chemotherapy-active', operator: 'is', value: true } as const;

/** Adults only. Source: foundations 7, "age < 18: no adult rule fires". */
const NOT_ANSWERED = compiled([
  {
    when: { fact: 'age', operator: 'below', value: 18 },
    says: 'adult thresholds do not apply under 18',
  },
]);

/** Rules about a record that is missing, and nothing else. Source: foundations 4, the line of data gaps. */
const DATA_GAPS = ['el-electrolytes-gap', 'di-electrolytes-gap', 'rn-kidney-check-gap'];
const STATINS = ['md-lipid-drug-cramps', 'md-statin-interaction'];

/** Rules that are off for a patient, whatever else is found: not a line of another alert either. */
const RULES_OFF = compiled([
  {
    when: COMFORT_CARE,
    says: 'comfort care is recorded: nothing is shown that prevents, screens or asks for tests that are missing',
    off: (rule: RuleFile, tier: Tier) => isDataGap(rule) || isLifestyle(rule, tier),
  },
  {
    when: CRITICAL_CARE,
    says: 'the patient is in critical care: missing tests and daily life are not asked about',
    off: (rule: RuleFile, tier: Tier) => isDataGap(rule) || isLifestyle(rule, tier),
  },
  {
    when: CHEMOTHERAPY,
    says: 'chemotherapy is under way: low alerts about statins and daily life are left out',
    off: (rule: RuleFile, tier: Tier) =>
      tier === 'low' && (STATINS.includes(rule.id) || isLifestyle(rule, tier)),
  },
]);

/** Symptoms that are worth treating whatever else is not. Source: resolution 31. */
const RELIEVES = ['rn-dialysis-cramps', 'nm-rls-mimic', 'fq-tendon-symptoms', 'dy-night-cramps'];

const FINDINGS_HELD = compiled([
  {
    when: COMFORT_CARE,
    says: 'comfort care is recorded: only what is critical or relieves is shown',
    holds: (finding: Finding) => finding.tier !== 'critical' && !relieves(finding),
  },
  {
    when: CRITICAL_CARE,
    says: 'the patient is in critical care: alerts of the lowest tier are left out',
    holds: (finding: Finding) => finding.tier === 'low',
  },
]);

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

/** Why no rule answers for this patient, in words; undefined when rules answer. */
export function guardOver(facts: Facts, now: Date): string | undefined {
  return NOT_ANSWERED.find(({ holdsOn }) => holdsOn(facts, now))?.says;
}

/** Why this rule, which would fire at this tier, is off for this patient, in words; undefined when it is not. */
export function switchedOff(rule: RuleFile, tier: Tier, facts: Facts, now: Date): string | undefined {
  return RULES_OFF.find(({ off, holdsOn }) => off(rule, tier) && holdsOn(facts, now))?.says;
}

/** Why a finding is not shown to anybody, in words; undefined when it is shown. */
export function heldBack(finding: Finding, facts: Facts, now: Date): string | undefined {
  return FINDINGS_HELD.find(({ holds, holdsOn }) => holds(finding) && holdsOn(facts, now))?.says;
}

/** The tier below which this rule may not fall for this patient. */
export function tierFloor(rule: string, facts: Facts, now: Date): Tier | undefined {
  const over = TIER_FLOORS.find(
    ({ rules, when }) => rules.some((id) => id === rule) && when.truth(facts, now) === 'true',
  );
  return over?.tier;
}

function isDataGap({ id }: RuleFile): boolean {
  return DATA_GAPS.includes(id);
}

/** Habits and prevention; what is high there is a danger, not a habit (blood pressure in pregnancy). */
function isLifestyle({ id, domain }: RuleFile, tier: Tier): boolean {
  return (domain === 'lifestyle' || id === 'va-smoking') && TIERS.indexOf(tier) < TIERS.indexOf('high');
}

function relieves({ members }: Finding): boolean {
  return members.some((rule) => RELIEVES.includes(rule) || rule.startsWith('in-uti-'));
}

function compiled<G extends Guard>(guards: readonly G[]) {
  return guards.map((guard) => {
    const when = compileCondition(guard.when, 'raising');
    return { ...guard, holdsOn: (facts: Facts, now: Date) => when.truth(facts, now) === 'true' };
  });
}
