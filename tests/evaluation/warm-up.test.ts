import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { warmUp } from '../../src/evaluation/warm-up.ts';
import { readRuleSet } from '../../src/rule-files/read-rule-set.ts';

const RULES = fileURLToPath(new URL('../../rules', import.meta.url));

it('The decision before the first patient raises an alert, so that the way of a first alert is not new either', async () => {
  const decision = await warmUp(readRuleSet(RULES), new Date('2026-07-01T12:00:00Z'));

  expect(decision.episodeChanges.map(({ change, episode }) => [change, episode.rule])).toEqual([
    ['raise', 'el-refractory-hypokalaemia'],
  ]);
});
