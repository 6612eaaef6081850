/**
 * An episode for tests of the store.
 */
import type { Episode } from '../../src/core/decision.ts';

export const NOON = '2026-03-04T12:00:00.000Z';

export function episode(tier: Episode['tier'] = 'high', number = 1): Episode {
  return {
    key: 'el-hypokalaemia',
    number,
    rule: 'el-hypokalaemia',
    members: ['el-hypokalaemia'],
    tier,
    raisedAt: NOON,
    finding: {
      key: 'el-hypokalaemia',
      rule: 'el-hypokalaemia',
      title: 'Low potassium',
      tier,
      summary: 'Low potassium',
      detail: '',
      members: ['el-hypokalaemia'],
      absorbed: [],
      advice: [],
      withheld: [],
      reasons: [],
      implicated: [],
      evidence: ['Observation/k1'],
      raisedBy: ['Observation/k1'],
      notKnown: [],
      code: 'OBSA',
    },
    evidence: { 'Observation/k1': '1' },
  };
}
