/** A complete rule file around the one thing a test is about. */
import { type CompiledRule, compileRule } from '../../../src/core/rules/compile.ts';
import type { Condition, RuleFile } from '../../../src/core/rules/rule.ts';

export const LOW_POTASSIUM: Condition = { fact: 'potassium', operator: 'below', value: 3.5 };

export function ruleFile(rest: Partial<RuleFile> = {}): RuleFile {
  return {
    id: 'el-test',
    version: '1.0.0',
    title: 'Low potassium',
    domain: 'electrolyte',
    why: 'A test.',
    rights: {
      info: 'a value',
      audience: ['pharmacist'],
      format: 'an alert',
      channels: ['record', 'patient-view'],
      moment: 'when it arrives',
    },
    firesWhen: LOW_POTASSIUM,
    clearsWhen: { fact: 'potassium', operator: 'atLeast', value: 3.6 },
    tiers: [{ tier: 'low' }],
    summary: 'Low potassium {potassium.value} mmol/L',
    advice: [],
    implicated: [],
    evidence: [],
    code: 'OBSA',
    source: {
      citations: ['test'],
      basis: 'test',
      lastReview: '2026-05-12',
      developer: 'test',
      funding: 'none',
      uses: {},
    },
    ...rest,
  };
}

const UNITS: Readonly<Record<string, string>> = { potassium: 'mmol/L', egfr: 'mL/min/{1.73_m2}' };

export function rule(rest: Partial<RuleFile> = {}): CompiledRule {
  return compileRule(ruleFile(rest), {}, (fact) => UNITS[fact]);
}
