import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import type { Resource } from '@medplum/fhirtypes';
import { chartOf } from '../../../src/core/chart/chart.ts';
import { decide } from '../../../src/core/decide.ts';
import type { Finding } from '../../../src/core/decision.ts';
import { readRuleSet } from '../../../src/rule-files/read-rule-set.ts';
import { ago, LONDON, NOON, patient, result, statement } from '../facts/given.ts';

const RULES = readRuleSet(fileURLToPath(new URL('../../../rules', import.meta.url)), { settings: LONDON });

async function findingsOf(...resources: Resource[]): Promise<readonly Finding[]> {
  return (await decide(chartOf([patient(), ...resources]), RULES, NOON, [])).findings;
}

const LOW_SODIUM = result('sodium', 129, 'mmol/L');
const LOW_CALCIUM = [result('calcium', 2.0, 'mmol/L'), result('albumin', 40, 'g/L')];
const LOW_MAGNESIUM = result('magnesium', 0.6, 'mmol/L');
const omeprazole = (status: 'active' | 'unknown') =>
  statement('omeprazole', { status, effectivePeriod: { start: ago(400) }, dateAsserted: ago(1) });

describe('low values of several electrolytes', () => {
  it('make one statement under the name of the group, with every rule in it', async () => {
    const [finding, ...others] = await findingsOf(LOW_SODIUM, ...LOW_CALCIUM);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ key: 'g-electrolyte', tier: 'moderate' });
    expect([...(finding?.members ?? [])].sort()).toEqual(['el-hypocalcaemia', 'el-hyponatraemia']);
  });

  it('take the tier of the worst', async () => {
    const [finding] = await findingsOf(result('sodium', 118, 'mmol/L'), ...LOW_CALCIUM);
    expect(finding).toMatchObject({ key: 'g-electrolyte', rule: 'el-hyponatraemia', tier: 'critical' });
  });

  it('a single one keeps its own name', async () => {
    expect((await findingsOf(LOW_SODIUM)).map(({ key }) => key)).toEqual(['el-hyponatraemia']);
  });

  it('one whose medicine takes it in stands beside the other', async () => {
    const keys = (await findingsOf(...LOW_CALCIUM, LOW_MAGNESIUM, omeprazole('active'))).map(
      ({ key }) => key,
    );
    expect(keys.sort()).toEqual(['el-hypocalcaemia', 'md-ppi-low-magnesium']);
  });

  it('a medicine that may not be taken does not part them', async () => {
    const keys = (await findingsOf(...LOW_CALCIUM, LOW_MAGNESIUM, omeprazole('unknown'))).map(
      ({ key }) => key,
    );
    expect(keys).toEqual(['g-electrolyte']);
  });

  it('the two left beside one that its medicine takes in are one statement', async () => {
    const lowPhosphate = result('phosphate', 0.5, 'mmol/L');
    const keys = (await findingsOf(...LOW_CALCIUM, LOW_MAGNESIUM, lowPhosphate, omeprazole('active'))).map(
      ({ key }) => key,
    );
    expect(keys.sort()).toEqual(['g-electrolyte', 'md-ppi-low-magnesium']);
  });

  it('what another rule already shows does not come back in the group', async () => {
    const diuretic = statement('furosemide', { effectivePeriod: { start: ago(400) }, dateAsserted: ago(1) });
    const findings = await findingsOf(LOW_SODIUM, ...LOW_CALCIUM, diuretic);
    expect(findings.map(({ key }) => key).sort()).toEqual(['di-hyponatraemia', 'el-hypocalcaemia']);
  });
});
