/**
 * How urgent a fired rule is. Source: clinical foundations 3 and the tiers of each rule.
 */
import { TIERS, type Tier } from '../decision.ts';
import { type Facts, factOf } from '../facts/fact.ts';
import type { Compiled, CompiledRule } from './compile.ts';
import { tierFloor } from './guards.ts';

/** Notes that lower a tier by one, unless the rule takes them in itself. Source: foundations 3. */
const LOWERING = ['preliminary', 'suspected', 'assumed-uln', 'haemolysed'];

/** The first tier that matches; one lower when the rule fired on doubtful facts only; never below low. */
export function tierOf(rule: CompiledRule, facts: Facts, now: Date): Tier {
  const matched = rule.tiers.find(({ when }) => when === undefined || when.truth(facts, now) === 'true');
  if (matched === undefined) throw new Error('no tier matches; the last one must have no "when"');
  const own = rule.file.ownHandlingOf ?? [];
  const lowering = LOWERING.filter((note) => !own.includes(note));
  const stated = rule.lowerTierWhen?.truth(facts, now) === 'true' ? oneLower(matched.tier) : matched.tier;
  const shown = restsOn(lowering, rule.firesWhen, facts, now) ? oneLower(stated) : stated;
  return higher(shown, tierFloor(rule.id, facts, now) ?? 'low');
}

export function higher(a: Tier, b: Tier): Tier {
  return TIERS.indexOf(a) >= TIERS.indexOf(b) ? a : b;
}

/** Would the condition not hold without facts that carry one of these notes? */
function restsOn(notes: readonly string[], condition: Compiled, facts: Facts, now: Date): boolean {
  if (condition.kind === 'clause') {
    return factOf(facts, condition.fact).notes.some((note) => notes.includes(note));
  }
  const held = condition.parts.filter((part) => part.truth(facts, now) === 'true');
  const rests = (part: Compiled) => restsOn(notes, part, facts, now);
  return condition.kind === 'all' ? held.some(rests) : held.every(rests);
}

function oneLower(tier: Tier): Tier {
  return TIERS[Math.max(0, TIERS.indexOf(tier) - 1)] ?? tier;
}
