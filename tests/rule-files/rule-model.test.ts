import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readGateRecord, recordOf } from '../../src/rule-files/gate-record.ts';
import { readRuleModels } from '../../src/rule-files/read-rule-models.ts';
import { readRuleSet } from '../../src/rule-files/read-rule-set.ts';
import type { RuleModel } from '../../src/rule-files/rule-model.ts';
import { wrongUses } from '../../src/rule-files/source-attributes.ts';

const FOLDER = join(import.meta.dirname, '../../rules');
const RULES = readRuleSet(FOLDER);
const MODELS = readRuleModels(FOLDER, RULES);
function modelOf(id: string): RuleModel {
  const found = MODELS.find((model) => model.id === id);
  if (found === undefined) throw new Error(`no rule ${id}`);
  return found;
}

describe('what is shown of a rule', () => {
  it('has thirteen source attributes for every rule, none of them empty', () => {
    expect(MODELS).toHaveLength(RULES.rules.length);
    for (const { sourceAttributes } of MODELS) {
      expect(sourceAttributes.map(({ number }) => number)).toEqual([
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
      ]);
      for (const { says } of sourceAttributes) expect(says).not.toBe('');
    }
  });

  it('says that an attribute on which the rule file is silent is not provided', () => {
    const [first] = RULES.rules;
    if (first === undefined) throw new Error('no rule');
    const { race: _, ...uses } = first.file.source.uses;
    const { revisions: __, ...source } = first.file.source;
    const silent = { ...first, file: { ...first.file, source: { ...source, uses } } };
    const [model] = readRuleModels(FOLDER, { ...RULES, rules: [silent] });
    expect(model?.sourceAttributes[4]).toEqual({
      number: 5,
      name: 'Use of race',
      says: 'Not provided by the developer',
    });
    expect(model?.history).toEqual([
      { version: '1.0.0', date: '2026-05-12', note: 'Not provided by the developer' },
    ]);
  });

  it('names the inputs beneath derived facts: low potassium reads creatinine through the kidney function', () => {
    const { inputs } = modelOf('el-hypokalaemia');
    const creatinine = inputs.find(({ concept }) => concept === 'creatinine-serum');
    expect(creatinine).toMatchObject({ kind: 'measurement', unit: 'umol/L', countsFor: '90 days' });
    expect(inputs.find(({ concept }) => concept === 'potassium-serum')?.codes).toContainEqual(
      expect.objectContaining({ system: 'http://loinc.org', code: '2823-3' }),
    );
    expect(inputs.find(({ concept }) => concept === 'syncope')).toMatchObject({
      kind: 'answer or sign',
      countsFor: '7 days',
    });
  });

  it('shows what the gate found, and nothing once the rule is another than the one judged', () => {
    const folder = mkdtempSync(join(tmpdir(), 'rules-'));
    cpSync(FOLDER, folder, { recursive: true });
    const path = join(folder, 'electrolyte/el-hypokalaemia.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"default": 3.5', '"default": 3.4'));
    const changed = readRuleModels(folder, readRuleSet(folder));
    rmSync(folder, { recursive: true });

    const { validation } = modelOf('el-hypokalaemia');
    const vectors = JSON.parse(
      readFileSync(join(FOLDER, 'electrolyte/el-hypokalaemia.vectors.json'), 'utf8'),
    );
    const { fired = 0, clear = 0, unknown = 0 } = validation?.vectors ?? {};
    expect(fired + clear + unknown).toBe(vectors.length);
    expect(validation?.slips.unnoticed).toBe(0);
    expect(changed.find(({ id }) => id === 'el-hypokalaemia')?.validation).toBeUndefined();
    expect(changed.find(({ id }) => id === 'el-hypomagnesaemia')?.validation).toBeDefined();
  });
});

describe('what a rule says it uses of a person', () => {
  const record = readGateRecord(FOLDER);

  it('is what its facts were seen to read, for every rule', () => {
    const wrong = RULES.rules.flatMap(({ file }) => {
      const reads = recordOf(file, record)?.reads;
      return reads === undefined ? [`${file.id} was not judged`] : wrongUses(file, reads);
    });
    expect(wrong).toEqual([]);
  });

  it('is found wrong where it hides what is read, and where it claims what is not', () => {
    const file = RULES.byId.get('el-hypokalaemia')?.file;
    if (file === undefined) throw new Error('no rule');
    const saying = (uses: Record<string, string>) => ({
      ...file,
      source: { ...file.source, uses: { ...file.source.uses, ...uses } },
    });
    const reads = { concepts: ['leg-cramp', 'pregnancy-status'], patient: ['birthDate', 'gender'] };
    expect(wrongUses(file, reads)).toEqual([]);
    expect(wrongUses(saying({ sex: 'not used', 'health-status-assessments': 'not used' }), reads)).toEqual([
      'el-hypokalaemia: says that sex is not used, and reads gender',
      'el-hypokalaemia: says that health-status-assessments is not used, and reads leg-cramp, pregnancy-status',
    ]);
    expect(wrongUses(saying({ race: 'used: a race term' }), reads)).toEqual([
      'el-hypokalaemia: says that race is used, and no vector makes it read that',
    ]);
    expect(wrongUses(file, { ...reads, concepts: [...reads.concepts, 'tobacco-smoking-status'] })).toEqual([
      'el-hypokalaemia: says that social-determinants is not used, and reads tobacco-smoking-status',
    ]);
  });
});
