/**
 * A rule that fired, with the tier it fired at.
 */
import { TIERS, type Tier, type Verdict } from '../decision.ts';
import { type FactId, type Facts, factOf } from '../facts/fact.ts';
import type { CompiledRule } from '../rules/compile.ts';

export interface FiredRule {
  readonly rule: CompiledRule;
  readonly verdict: Verdict;
  readonly tier: Tier;
}

/** The merge group of a fired rule at its tier. */
export function groupOf({ rule, tier }: FiredRule): string | undefined {
  const { group, groupUpTo } = rule.file;
  const above = groupUpTo !== undefined && TIERS.indexOf(tier) > TIERS.indexOf(groupUpTo);
  return above ? undefined : group;
}

/** A medicine taken or prescribed, or a condition that is present. */
export function isInvolved(id: FactId, facts: Facts): boolean {
  const fact = factOf(facts, id);
  return (
    fact.state === 'known' &&
    (fact.value === true || fact.value === 'taking' || fact.value === 'prescribed' || fact.value === 'recent')
  );
}
