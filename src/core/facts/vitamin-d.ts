/**
 * Vitamin D that the last level does not show yet, and active vitamin D.
 *
 * Source: core rule el-vitamin-d-deficiency; clinical foundations 5, IL-vitamin-d.
 */
import { isActive } from './counts.ts';
import { unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';

const TOO_EARLY_DAYS = 90; // a new level is not reached before, rule el-vitamin-d-deficiency

/** A vitamin D product was started after the sample and has been taken for less than 90 days. */
export const vitaminDStartedSinceTest: Former = (source) => {
  const id = 'vitamin-d-started-since-test';
  const drug = source.fact('drug.vitamin-d-product');
  const [days, level] = [source.fact('drug-days.vitamin-d-product'), source.fact('vitamin-d-25oh-serum')];
  const taken = isActive(drug);
  if (taken === 'unknown' || days.state !== 'known' || days.at === undefined || level.at === undefined)
    return unknownFact(id, 'needs', { missing: ['drug.vitamin-d-product'] });
  const value = taken === 'true' && days.at > level.at && Number(days.value) < TOO_EARLY_DAYS;
  return { concept: id, state: 'known', value, from: days.from, notes: [], at: days.at };
};

/** Already in the active form: more of it raises calcium without a brake. */
const ACTIVE_FORMS = ['calcitriol', 'alfacalcidol', 'paricalcitol', 'doxercalciferol'];

/** An active vitamin D analogue is taken. */
export const vitaminDAnalogueActive: Former = (source: FactSource) => {
  const id = 'vitamin-d-analogue-active';
  const drug = source.fact('drug.vitamin-d-product');
  const taken = isActive(drug);
  if (taken === 'unknown') return unknownFact(id, 'needs', { missing: ['drug.vitamin-d-product'] });
  const names = (drug.names ?? []).filter((name) => ACTIVE_FORMS.includes(name.toLowerCase()));
  const value = taken === 'true' && names.length > 0;
  return { concept: id, state: 'known', value, from: drug.from, names, notes: [] };
};

export const VITAMIN_D: readonly (readonly [string, Former])[] = [
  ['vitamin-d-started-since-test', vitaminDStartedSinceTest],
  ['vitamin-d-analogue-active', vitaminDAnalogueActive],
];
