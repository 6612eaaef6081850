import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import type { Resource } from '@medplum/fhirtypes';
import { chartOf } from '../../src/core/chart/chart.ts';
import { decideOnAll, decideOnReadable } from '../../src/core/decide-on-readable.ts';
import { readRuleSet } from '../../src/rule-files/read-rule-set.ts';
import { LONDON, NOON, patient, potassium, result } from './facts/given.ts';

const RULES = readRuleSet(fileURLToPath(new URL('../../rules', import.meta.url)), { settings: LONDON });
const MAGNESIUM = result('magnesium', 0.85, 'mmol/L', { id: 'mg' });

describe.each([
  [
    'codes that are a number',
    { resourceType: 'Observation', id: 'bad', status: 'final', code: { coding: 5 } },
  ],
  ['a coding without anything', { resourceType: 'Condition', id: 'bad', code: { coding: [null] } }],
  [
    'a category that is a word',
    { resourceType: 'Condition', id: 'bad', category: 'problem', code: { coding: 7 } },
  ],
])('a record at the server with %s', (_, broken) => {
  const chart = chartOf([patient(), potassium(2.2), MAGNESIUM, broken as unknown as Resource]);

  it('breaks the reading when nothing may be left out', async () => {
    await expect(decideOnAll(chart, RULES, NOON, [])).rejects.toThrow(TypeError);
  });

  it('does not keep a critical potassium from its alert, and its type counts as not wholly seen', async () => {
    const { decision, unreadable, chart: read } = await decideOnReadable(chart, RULES, NOON, []);
    expect(decision.findings.map(({ rule, tier }) => `${rule} ${tier}`)).toEqual([
      'el-hypokalaemia critical',
    ]);
    expect(unreadable).toEqual([broken.resourceType]);
    expect([...read.unseen]).toEqual([broken.resourceType]);
  });
});
