/** An alert whose exclusion becomes true gives way to the alert that the exclusion raises. Resolution 4. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import type { Resource } from '@medplum/fhirtypes';
import { chartOf } from '../../../src/core/chart/chart.ts';
import { decide } from '../../../src/core/decide.ts';
import type { Episode } from '../../../src/core/decision.ts';
import type { CompiledRule } from '../../../src/core/rules/compile.ts';
import type { Condition } from '../../../src/core/rules/rule.ts';
import { readRuleSet } from '../../../src/rule-files/read-rule-set.ts';
import { LONDON, patient, symptom } from '../facts/given.ts';
import { rule } from '../rules/rule-makers.ts';
import { later } from './life.ts';

const RULES = readRuleSet(fileURLToPath(new URL('../../../rules', import.meta.url)), { settings: LONDON });
const yes = (fact: string): Condition => ({ fact, operator: 'is', value: true });
const no = (fact: string): Condition => ({ fact, operator: 'is', value: false });
const CRAMP = symptom('449917004', 'yes', later(0, 'h').toISOString());
const WEAK = symptom('26544005', 'yes', later(1, 'h').toISOString());

const cramps = rule({
  id: 'md-cramps',
  firesWhen: yes('cramps-present'),
  notWhen: yes('muscle-weakness'),
  clearsWhen: no('cramps-present'),
});
const weakness = rule({
  id: 'nm-weakness',
  firesWhen: yes('muscle-weakness'),
  clearsWhen: no('muscle-weakness'),
});

async function changes(rules: readonly CompiledRule[], resources: Resource[], episodes: Episode[]) {
  const ruleSet = { ...RULES, rules, byId: new Map(rules.map((one) => [one.id, one])) };
  const chart = chartOf([patient(), ...resources]);
  return (await decide(chart, ruleSet, later(2, 'h'), episodes)).episodeChanges;
}

describe('an alert whose exclusion has become true', () => {
  it('gives way to the alert that rests on the exclusion', async () => {
    const raised = await changes([cramps, weakness], [CRAMP], []);
    expect(raised.map(({ change }) => change)).toEqual(['raise']);
    const open = raised.map(({ episode }) => episode);
    const next = await changes([cramps, weakness], [CRAMP, WEAK], open);
    expect(next.map(({ change, key }) => `${change} ${key}`)).toEqual([
      'raise nm-weakness',
      'supersede md-cramps',
    ]);
    expect(next[1]).toHaveProperty('reason', 'now shown instead: Low potassium');
  });

  it('stays open when no alert takes it up', async () => {
    const open = (await changes([cramps], [CRAMP], [])).map(({ episode }) => episode);
    expect(await changes([cramps], [CRAMP, WEAK], open)).toEqual([]);
  });
});
