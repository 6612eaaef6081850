import { describe, expect, it } from '@jest/globals';
import { factInWords } from '../../../src/core/rules/words.ts';

describe('a fact', () => {
  it.each([
    ['drug.loop-diuretic', 'loop diuretic'],
    ['magnesium-serum', 'magnesium'],
    ['not-tested-30d.diuretic-checks', 'diuretic checks not tested for 30 days'],
    ['magnesium-not-tested-365d', 'magnesium not tested for 365 days'],
    ['drug-new.diuretic-any', 'new diuretic any'],
  ])('%s is read as "%s"', (fact, words) => expect(factInWords(fact)).toBe(words));
});
