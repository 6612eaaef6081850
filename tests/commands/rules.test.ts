import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkRules, type RulesOptions } from '../../src/commands/rules.ts';

const RULES = join(import.meta.dirname, '../../rules');
const DOCS = join(import.meta.dirname, '../../docs');
const RULE = 'electrolyte/el-hypokalaemia.json';

let folder: string;
/** One rule by itself, absorbing nothing: judging all of them in every test would take minutes. */
let alone: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rules-'));
  for (const part of ['concepts', 'advice', 'interlocks'])
    cpSync(join(RULES, part), join(folder, part), { recursive: true });
  const write = (end: string, content: unknown) =>
    writeFileSync(join(folder, RULE.replace('.json', end)), JSON.stringify(content, null, 2));
  const read = (end: string) => JSON.parse(readFileSync(join(RULES, RULE.replace('.json', end)), 'utf8'));
  mkdirSync(join(folder, dirname(RULE)));
  const { absorbs: _, ...rule } = read('.json');
  write('.json', rule);
  write(
    '.vectors.json',
    read('.vectors.json').map(({ absorbs: _, absorbedBy: __, ...vector }: Record<string, unknown>) => vector),
  );
  write(
    '.waivers.json',
    read('.waivers.json').filter(({ mutant }: { mutant: string }) => !mutant.startsWith('absorbs')),
  );
  alone = readFileSync(join(folder, RULE), 'utf8');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function check(
  path: string,
  rest: Partial<RulesOptions> = {},
): Promise<{ code: number; printed: string }> {
  const lines: string[] = [];
  const code = await checkRules({ folder: path, print: (line) => lines.push(line), ...rest });
  return { code, printed: lines.join('\n') };
}

/** Checks the copied folder with one text of one rule replaced. */
async function checkWith(from: string, to: string): Promise<{ code: number; printed: string }> {
  expect(alone).toContain(from);
  writeFileSync(join(folder, RULE), alone.replace(from, to));
  const checked = await check(folder);
  writeFileSync(join(folder, RULE), alone);
  return checked;
}

describe('npm run rules', () => {
  it('finds every rule sound, every slip noticed and every page in docs/ up to date', async () => {
    const { code, printed } = await check(RULES, { docs: DOCS });
    expect(printed).not.toContain('out of date');
    expect(code).toBe(0);
    expect(printed).toMatch(/^el-hypokalaemia +\d+ +0 .* low, moderate, high, critical$/m);
    expect(printed).toMatch(
      /, 0 broken; \d+ mutants killed, \d+ waived, 0 to look at; rule set [0-9a-f]{12}$/,
    );
  });

  it('names each broken promise and ends with 1 when a threshold is moved by one step', async () => {
    const { code, printed } = await checkWith('"default": 3.5', '"default": 3.4');
    expect(code).toBe(1);
    expect(printed).toContain(
      'el-hypokalaemia: "3.4 without any symptom recorded is low": expected fired, is clear',
    );
  });

  it('names a card that is out of date and one of a rule that is gone, and writes them when asked', async () => {
    const docs = mkdtempSync(join(tmpdir(), 'docs-'));
    const card = join(docs, 'rules/el-hypokalaemia.md');
    expect((await check(folder, { docs })).printed).toContain('docs/rules/el-hypokalaemia.md is out of date');
    expect((await check(folder, { docs, writeDocs: true })).printed).not.toContain('out of date');
    const written = readFileSync(card, 'utf8');
    expect(written).toContain('- potassium below 3.5 mmol/L');
    writeFileSync(card, written.replace('at least 3.6', 'at least 3.9'));
    writeFileSync(join(docs, 'rules/el-gone.md'), '');
    const { code, printed } = await check(folder, { docs });
    expect(code).toBe(1);
    expect(printed).toContain('docs/rules/el-hypokalaemia.md is out of date; npm run rules -- --write-docs');
    expect(printed).toContain('docs/rules/el-gone.md is out of date');
    await check(folder, { docs, writeDocs: true });
    expect(readFileSync(card, 'utf8')).toBe(written);
    rmSync(docs, { recursive: true });
  });

  it('ends with 1 when no vector notices a slip', async () => {
    const path = join(folder, RULE.replace('.json', '.waivers.json'));
    const kept = readFileSync(path, 'utf8');
    writeFileSync(path, '[]');
    const { code, printed } = await check(folder);
    writeFileSync(path, kept);
    expect(code).toBe(1);
    expect(printed).toContain('el-hypokalaemia: no vector notices "tiers[1].when.all[1].any[2]: left out"');
  });

  it('ends with 1 when no vector notices a slip in an interlock, or one is broken', async () => {
    const path = join(folder, 'interlocks/IL-phosphate.vectors.json');
    const kept = readFileSync(path, 'utf8');
    writeFileSync(
      path,
      JSON.stringify([
        { says: 'eGFR 90', egfr: 90, expect: 'given' },
        { says: 'dialysis', dialysis: true, expect: 'given' },
      ]),
    );
    const { code, printed } = await check(folder);
    writeFileSync(path, kept);
    expect(code).toBe(1);
    expect(printed).toContain('IL-phosphate: "dialysis": expected given, is blocked (on dialysis)');
    expect(printed).toContain('IL-phosphate: no vector notices "blocks[0].when: limit 30 -> 29"');
  });

  it('names each fault of the files and ends with 1', async () => {
    const { code, printed } = await checkWith('"version"', '"colour": "red", "version"');
    expect(code).toBe(1);
    expect(printed).toContain('electrolyte/el-hypokalaemia.json: unknown key "colour"');
  });
});
