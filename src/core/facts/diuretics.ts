/**
 * Two diuretics together, and what makes a diuretic harder on the kidneys.
 *
 * Why a fact: "two" means two ingredients of two classes. One ingredient in two records, or one class with
 * two names, is one diuretic here.
 * Source: core rules di-dual and di-kidney-decline.
 */
import { allOf, anyOf } from '../../vocabulary/truth.ts';
import { citing, isActive, isExposed } from './counts.ts';
import { type Fact, type FactId, unknownFact } from './fact.ts';
import type { Former } from './fact-source.ts';

/** Classes that lose potassium, each a class of its own. */
const WASTING = [
  'thiazide-diuretic',
  'thiazide-like-diuretic',
  'loop-diuretic',
  'carbonic-anhydrase-inhibitor',
];
const SPARING = ['potassium-sparing-diuretic', 'mineralocorticoid-antagonist'];

/**
 * Two classes with different ingredients, one of them potassium-wasting.
 *
 * Notes: `two-potassium-wasting`; `fixed-thiazide-sparing` when one record holds both. False rests on what is
 * recorded; without any diuretic on record it is unknown.
 */
function pair(id: FactId, counts: (fact: Fact) => 'true' | 'false' | 'unknown'): Former {
  return (source) => {
    const recorded = [...WASTING, ...SPARING]
      .map((name) => ({ name, fact: source.fact(`drug.${name}`) }))
      .filter(({ fact }) => fact.state !== 'unknown' || fact.why !== 'no-record');
    if (recorded.length === 0) return unknownFact(id, 'no-record');
    const taken = recorded.filter(({ fact }) => counts(fact) === 'true');
    const wasting = taken.filter(({ name }) => WASTING.includes(name));
    const names = [...new Set(taken.flatMap(({ fact }) => fact.names ?? []))].sort();
    const from = [...new Set(taken.flatMap(({ fact }) => fact.from))].sort();
    if (taken.length >= 2 && names.length >= 2 && wasting.length >= 1) {
      const fixed =
        from.length === 1 &&
        taken.every(({ name }) => name === 'thiazide-diuretic' || SPARING.includes(name));
      const notes = [
        ...(wasting.length >= 2 ? ['two-potassium-wasting'] : []),
        ...(fixed ? ['fixed-thiazide-sparing'] : []),
      ];
      return { concept: id, state: 'known', value: true, from, names, notes };
    }
    const open = recorded.filter(({ fact }) => counts(fact) === 'unknown');
    if (open.length > 0)
      return unknownFact(id, 'needs', { missing: open.map(({ fact }) => fact.concept), from });
    return {
      concept: id,
      state: 'known',
      value: false,
      ...citing(recorded.map(({ fact }) => fact)),
      names: [],
    };
  };
}

const RAAS_BLOCKERS = ['ace-inhibitor', 'angiotensin-receptor-blocker', 'direct-renin-inhibitor'];

/** An NSAID and a blocker of the renin-angiotensin system, both active. */
export const nsaidWithRaasBlocker: Former = (source) => {
  const id = 'nsaid-with-raas-blocker';
  const nsaid = source.fact('drug.nsaid-systemic');
  const blockers = RAAS_BLOCKERS.map((name) => source.fact(`drug.${name}`));
  const truth = allOf([isActive(nsaid), anyOf(blockers.map(isActive))]);
  const taken = [nsaid, ...blockers].filter((fact) => isActive(fact) === 'true');
  if (truth === 'unknown')
    return unknownFact(id, 'needs', { missing: ['drug.nsaid-systemic', 'drug.ace-inhibitor'] });
  return { concept: id, state: 'known', value: truth === 'true', ...citing(taken) };
};

export const DIURETICS: readonly (readonly [FactId, Former])[] = [
  ['diuretic-pair', pair('diuretic-pair', isActive)],
  ['diuretic-pair-or-recent', pair('diuretic-pair-or-recent', isExposed)],
  ['nsaid-with-raas-blocker', nsaidWithRaasBlocker],
];
