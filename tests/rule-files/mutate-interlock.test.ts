/** Slips in interlocks. */
import { describe, expect, it } from '@jest/globals';
import type { InterlockFile } from '../../src/core/rules/rule.ts';
import type { FactKnowledge } from '../../src/rule-files/mutate.ts';
import { interlockMutantsOf } from '../../src/rule-files/mutate-interlock.ts';

const PLAIN: FactKnowledge = { stepOf: () => 1, neighbourOf: () => undefined, inOtherUnit: () => undefined };
const INTERLOCK: InterlockFile = {
  id: 'IL-test',
  title: 'Test',
  blocks: [{ when: { fact: 'egfr', operator: 'below', value: 30 }, because: 'eGFR is below 30' }],
  cautions: [{ when: { fact: 'k-raising', operator: 'is', value: true }, because: 'a medicine' }],
  needs: [{ fact: 'abi', check: 'check', when: { fact: 'diabetes-mellitus', operator: 'is', value: true } }],
  source: 'test',
};

describe('the slips of an interlock', () => {
  it('leave a line out, change its condition, and ask a need of everybody', () => {
    expect(interlockMutantsOf(INTERLOCK, PLAIN).map(({ slip }) => slip)).toEqual([
      'blocks[0]: left out',
      'blocks[0].when: below -> atMost',
      'blocks[0].when: below -> atLeast',
      'blocks[0].when: limit 30 -> 29',
      'blocks[0].when: limit 30 -> 31',
      'cautions[0]: left out',
      'cautions[0].when: limit true -> false',
      'needs[0]: left out',
      'needs[0].when: limit true -> false',
      'needs[0].when: left out',
    ]);
  });

  it('change that place and nothing else', () => {
    const files = new Map(interlockMutantsOf(INTERLOCK, PLAIN).map(({ slip, file }) => [slip, file]));
    expect(files.get('blocks[0]: left out')).toEqual({ ...INTERLOCK, blocks: [] });
    expect(files.get('needs[0].when: left out')).toEqual({
      ...INTERLOCK,
      needs: [{ fact: 'abi', check: 'check' }],
    });
  });
});
