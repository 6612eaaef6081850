import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Problem, RuleFilesError } from '../../src/rule-files/problems.ts';
import { readRuleFiles } from '../../src/rule-files/rule-files.ts';
import { ruleFile } from '../core/rules/rule-makers.ts';

const KNOWN = new Set(['potassium', 'egfr', 'cramps-present']);
const VECTORS = [{ says: '3.5 is not low', potassium: '3.5 mmol/L', expect: 'clear' }];
const CHECK = {
  id: 'check-magnesium',
  kind: 'ServiceRequest',
  text: 'Check magnesium.',
  suggests: ['check:magnesium'],
  interlocks: [],
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rules-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(path: string, content: unknown): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content));
}

/** Writes one rule with its vectors; the rule is sound except for what the test changes. */
function writeRule(changes: Record<string, unknown> = {}): void {
  write('electrolyte/el-test.json', { ...ruleFile(), ...changes });
  write('electrolyte/el-test.vectors.json', VECTORS);
}

function problems(): readonly Problem[] {
  try {
    readRuleFiles(folder, (id) => KNOWN.has(id));
    return [];
  } catch (error) {
    if (error instanceof RuleFilesError) return error.problems;
    throw error;
  }
}

const only = (at: string, reason: RegExp): unknown => [
  { file: 'electrolyte/el-test.json', at, reason: expect.stringMatching(reason) },
];
const clause = { fact: 'potassium', operator: 'below', value: 3.5 };
const nested = (depth: number): unknown => (depth === 0 ? clause : { all: [nested(depth - 1)] });

describe('a rule folder', () => {
  it('is read when everything in it is sound', () => {
    writeRule({ advice: ['check-magnesium', { advice: 'check-magnesium', when: clause }] });
    write('advice/check-magnesium.json', CHECK);
    const files = readRuleFiles(folder, (id) => KNOWN.has(id));
    expect(files.rules.map(({ id }) => id)).toEqual(['el-test']);
    expect(files.vectors.get('el-test')).toHaveLength(1);
  });

  it('is refused when the change history of a rule does not reach its version', () => {
    const { source } = ruleFile();
    const revisions = [{ version: '0.9.0', date: '2026-05-12', note: 'first version' }];
    writeRule({ source: { ...source, revisions } });
    expect(problems()).toEqual(only('source.revisions', /ends with 0\.9\.0; say in a line what version/));
  });

  it('is refused when a rule says neither "used" with how, nor "not used"', () => {
    const { source } = ruleFile();
    writeRule({ source: { ...source, uses: { race: 'perhaps' } } });
    expect(problems()).toEqual(only('source.uses.race', /must be "not used" or "used: how"/));
  });

  it('with several faults is told all of them at once, each with file, place and reason', () => {
    writeRule({
      firesWhen: { all: [{ fact: 'potasium', operator: 'lessThan', value: 3.5 }] },
      colour: 'red',
    });
    write('advice/check-magnesium.json', { ...CHECK, text: '' });
    expect(problems()).toEqual([
      {
        file: 'electrolyte/el-test.json',
        at: 'firesWhen.all[0].fact',
        reason: 'no fact is called "potasium"',
      },
      {
        file: 'electrolyte/el-test.json',
        at: 'firesWhen.all[0].operator',
        reason: expect.stringMatching(/^no operator is called "lessThan"/),
      },
      { file: 'electrolyte/el-test.json', at: '', reason: 'unknown key "colour"' },
      { file: 'advice/check-magnesium.json', at: 'text', reason: 'must not be empty' },
    ]);
  });

  it('names the faults in its message, for the terminal', () => {
    writeRule({ title: '' });
    expect(() => readRuleFiles(folder, (id) => KNOWN.has(id))).toThrow(
      'electrolyte/el-test.json: title: must not be empty',
    );
  });
});

describe('a rule does not load', () => {
  it('without vectors', () => {
    write('electrolyte/el-test.json', ruleFile());
    expect(problems()).toEqual(only('', /has no vectors beside it/));
  });

  it('with an empty list of vectors', () => {
    writeRule();
    write('electrolyte/el-test.vectors.json', []);
    expect(problems()[0]).toMatchObject({
      file: 'electrolyte/el-test.vectors.json',
      reason: expect.stringMatching(/must not be empty/),
    });
  });

  it.each<[string, Record<string, unknown>, string, RegExp]>([
    [
      'with a path, which would be run as code',
      { firesWhen: { all: [{ ...clause, path: '$.x' }] } },
      'firesWhen.all[0].path',
      /^does not exist in the rule language: a path would be run as code/,
    ],
    [
      'with a bare "not"',
      { firesWhen: { not: clause } },
      'firesWhen.not',
      /missing value must never satisfy/,
    ],
    [
      'with an empty group, which would always hold',
      { firesWhen: { any: [] } },
      'firesWhen.any',
      /must not be empty/,
    ],
    [
      'with "all" and "any" in one group',
      { firesWhen: { all: [clause], any: [clause] } },
      'firesWhen.any',
      /not allowed beside "all"/,
    ],
    [
      'with groups nested nine deep',
      { firesWhen: nested(9) },
      'firesWhen.all[0].all[0].all[0].all[0].all[0].all[0].all[0].all[0]',
      /nested deeper than 8/,
    ],
    [
      'with 201 clauses',
      { firesWhen: { all: Array(201).fill(clause) } },
      'firesWhen',
      /201 clauses; at most 200/,
    ],
    [
      'with an operator of the library',
      { firesWhen: { ...clause, operator: 'lessThan' } },
      'firesWhen.operator',
      /no operator is called "lessThan"/,
    ],
    [
      'with a limit in quotes',
      { firesWhen: { ...clause, value: '3.5' } },
      'firesWhen.value',
      /must be a finite number/,
    ],
    [
      'with a limit of null',
      { firesWhen: { ...clause, value: null } },
      'firesWhen.value',
      /must be a finite number/,
    ],
    [
      'with a setting that the file does not have',
      { firesWhen: { ...clause, value: { setting: 'low' } } },
      'firesWhen.value',
      /no setting of this file is called "low"/,
    ],
    [
      'with a setting outside its own range',
      { settings: { low: { default: 3.6, allowed: [3.3, 3.5], unit: 'mmol/L' } } },
      'settings.low.default',
      /inside "allowed"/,
    ],
    [
      'with an unknown key in a clause',
      { firesWhen: { ...clause, valeu: 3 } },
      'firesWhen.valeu',
      /is not a key of a clause/,
    ],
    [
      'with a condition on the last tier',
      { tiers: [{ tier: 'low', when: clause }] },
      'tiers[0].when',
      /last tier must have no "when"/,
    ],
    [
      'with an unconditional tier before the last',
      { tiers: [{ tier: 'high' }, { tier: 'low' }] },
      'tiers[0]',
      /only the last tier/,
    ],
    [
      'with an unknown tier',
      { tiers: [{ tier: 'urgent' }] },
      'tiers[0].tier',
      /must be one of low, moderate, high, critical/,
    ],
    [
      'with an unknown fact in the condition of a tier',
      { tiers: [{ tier: 'high', when: { ...clause, fact: 'x' } }, { tier: 'low' }] },
      'tiers[0].when.fact',
      /no fact is called "x"/,
    ],
    [
      'with a summary that shows an unknown fact',
      { summary: 'Low {potasium.value}' },
      'summary',
      /no fact is called "potasium"/,
    ],
    [
      'with a summary slot that shows nothing known',
      { summary: 'Low {potassium.colour}' },
      'summary',
      /must end in .value, .date, .name or .note/,
    ],
    ['with a dose in its text', { why: 'Give 40 mg.' }, 'why', /must not name a dose/],
    [
      'with a word that is never used towards clinicians',
      { summary: 'You must act' },
      'summary',
      /never used towards clinicians/,
    ],
    [
      'with advice that does not exist',
      { advice: ['check-nothing'] },
      '',
      /no advice is called "check-nothing"/,
    ],
    [
      'when it absorbs a rule that does not exist',
      { absorbs: ['el-nothing'] },
      '',
      /no rule is called "el-nothing"/,
    ],
    ['under another name than its file', { id: 'el-other' }, 'id', /must be the name of the file/],
    ['in another folder than its domain', { domain: 'renal' }, 'domain', /must be the name of the folder/],
  ])('%s', (_says, changes, at, reason) => {
    writeRule(changes);
    expect(problems()).toContainEqual((only(at, reason) as unknown[])[0]);
  });

  it.each(['__proto__', 'constructor', 'prototype'])('with the key %s at any depth', (key) => {
    writeRule();
    const text = JSON.stringify(ruleFile()).replace('"uses":{}', `"uses":{"${key}":"x"}`);
    write('electrolyte/el-test.json', text);
    expect(problems()).toEqual(only(`source.uses.${key}`, /this key is not allowed/));
  });

  it('with a number that JSON turns into infinity', () => {
    writeRule();
    write('electrolyte/el-test.json', JSON.stringify(ruleFile()).replace('3.5', '1e400'));
    expect(problems()).toEqual(only('firesWhen.value', /must be a finite number/));
  });

  it('with a key written twice, of which JSON.parse would keep the last silently', () => {
    writeRule();
    write(
      'electrolyte/el-test.json',
      JSON.stringify(ruleFile()).replace('"value":3.5', '"value":3.5,"value":9'),
    );
    expect(problems()).toEqual(only('', /has a key twice/));
  });

  it('when it is no JSON', () => {
    writeRule();
    write('electrolyte/el-test.json', '{');
    expect(problems()).toEqual(only('', /is not JSON/));
  });
});

describe('advice does not load', () => {
  it.each<[string, Record<string, unknown>, RegExp]>([
    ['when it suggests quinine', { suggests: ['quinine'] }, /quinine is never suggested/],
    ['when it names a dose', { text: 'Consider 500 mg of magnesium.' }, /must not name a dose/],
    [
      'when an avoid line could be withheld',
      { doNotPerform: true, interlocks: ['IL-potassium'] },
      /never withheld/,
    ],
    [
      'with an interlock that does not exist',
      { interlocks: ['IL-nothing'] },
      /no interlock is called "IL-nothing"/,
    ],
    [
      'when it opposes advice that does not exist',
      { opposes: ['check-nothing'] },
      /no advice is called "check-nothing"/,
    ],
  ])('%s', (_says, changes, reason) => {
    writeRule();
    write('advice/check-magnesium.json', { ...CHECK, ...changes });
    expect(problems()).toEqual([
      expect.objectContaining({ file: 'advice/check-magnesium.json', reason: expect.stringMatching(reason) }),
    ]);
  });
});

describe('an interlock does not load', () => {
  const INTERLOCK = { id: 'IL-test', title: 'Test', blocks: [], cautions: [], needs: [], source: 'test' };
  const GIVEN = [{ says: 'nothing recorded', expect: 'given' }];

  it('when it needs an unknown fact', () => {
    writeRule();
    write('interlocks/IL-test.json', { ...INTERLOCK, needs: [{ fact: 'x', check: 'check x' }] });
    write('interlocks/IL-test.vectors.json', GIVEN);
    expect(problems()).toEqual([
      { file: 'interlocks/IL-test.json', at: 'needs[0].fact', reason: 'no fact is called "x"' },
    ]);
  });

  it('without vectors, or with an empty list of them', () => {
    writeRule();
    write('interlocks/IL-test.json', INTERLOCK);
    expect(problems()).toEqual([
      { file: 'interlocks/IL-test.json', at: '', reason: expect.stringMatching(/has no vectors beside it/) },
    ]);
    write('interlocks/IL-test.vectors.json', []);
    expect(problems()).toEqual([
      {
        file: 'interlocks/IL-test.vectors.json',
        at: '',
        reason: expect.stringMatching(/an interlock without vectors/),
      },
    ]);
  });

  it('when a vector blocks and does not say why', () => {
    writeRule();
    write('interlocks/IL-test.json', INTERLOCK);
    write('interlocks/IL-test.vectors.json', [{ says: 'x', expect: 'blocked' }]);
    expect(problems()).toEqual([expect.objectContaining({ at: '[0].because' })]);
  });
});

it('vectors beside no rule do not load', () => {
  writeRule();
  write('electrolyte/el-gone.vectors.json', VECTORS);
  expect(problems()).toEqual([
    { file: 'el-gone.vectors.json', at: '', reason: 'stands beside no rule or interlock' },
  ]);
});

it('a vector that fires without a tier does not load', () => {
  writeRule();
  write('electrolyte/el-test.vectors.json', [{ says: 'low', potassium: '3.0 mmol/L', expect: 'fired' }]);
  expect(problems()).toEqual([expect.objectContaining({ at: '[0].tier' })]);
});
