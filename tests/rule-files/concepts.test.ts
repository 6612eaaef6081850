import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { CodeMatch, ConceptFile } from '../../src/core/concepts/concept-file.ts';
import { isLoincCode, isSnomedCode } from '../../src/rule-files/check-digits.ts';
import { RuleFilesError } from '../../src/rule-files/problems.ts';
import { readConcepts } from '../../src/rule-files/read-concepts.ts';

const FOLDER = 'rules/concepts';
const NAMES = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
const FILES = NAMES.map((name) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as ConceptFile);

const made: string[] = [];
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true });
});

/** A copy of the real folder with some files changed or added. */
function folderWith(changes: Record<string, object | string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'concepts-'));
  made.push(folder);
  cpSync(FOLDER, folder, { recursive: true });
  for (const [name, change] of Object.entries(changes)) {
    writeFileSync(join(folder, name), typeof change === 'string' ? change : JSON.stringify(change));
  }
  return folder;
}

function file(id: string): ConceptFile {
  const found = FILES.find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(`no concept ${id}`);
  return found;
}

function problemsOf(changes: Record<string, object | string>): string {
  try {
    readConcepts(folderWith(changes));
  } catch (error) {
    if (error instanceof RuleFilesError) return error.message;
    throw error;
  }
  return 'none';
}

describe('the concept files of the project', () => {
  it('are all read, each under its own name', () => {
    const { concepts } = readConcepts(FOLDER);
    expect([...concepts.byId.keys()].sort()).toEqual(NAMES.map((name) => name.replace('.json', '')).sort());
    expect(NAMES.length).toBeGreaterThan(380);
  });

  it('give the same hash whenever they are the same, and another one when a code changes', () => {
    const { hash } = readConcepts(FOLDER);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(readConcepts(folderWith({})).hash).toBe(hash);
    expect(
      readConcepts(folderWith({ 'heat-cramp.json': { ...file('heat-cramp'), note: 'changed' } })).hash,
    ).not.toBe(hash);
  });

  it('are written one code per line and no key twice, so that a change can be reviewed', () => {
    for (const name of NAMES) {
      const text = readFileSync(join(FOLDER, name), 'utf8');
      expect({ name, text }).toEqual({ name, text: written(JSON.parse(text)) });
    }
  });

  it('never refuse a laboratory code in one place and count it in another', () => {
    const members = new Set(FILES.flatMap((each) => (each.codes ?? []).map(keyOf)));
    const both = FILES.flatMap((each) => (each.refused ?? []).filter((row) => members.has(keyOf(row))));
    expect(both.filter(({ system }) => system === 'loinc')).toEqual([]);
  });

  it('read every conversion as a positive number or a named formula', () => {
    const conversions = FILES.flatMap(({ units }) => Object.values(units ?? {}));
    expect(conversions.length).toBeGreaterThan(750);
    for (const conversion of conversions) {
      const factor = typeof conversion === 'number' ? conversion : 1;
      expect(Number.isFinite(factor) && factor > 0).toBe(true);
    }
  });
});

describe('a concept file that can not be trusted', () => {
  it('is refused for a LOINC or SNOMED CT code with a typing error', () => {
    const codes = [
      { system: 'loinc', code: '2823-4', display: 'Potassium' },
      { system: 'snomed', code: '372840009', display: 'Ciprofloxacin' },
    ];
    const said = problemsOf({ 'heat-cramp.json': { ...file('heat-cramp'), codes } });
    expect(said).toContain('concepts/heat-cramp.json: loinc 2823-4 (Potassium) has a wrong check digit');
    expect(said).toContain(
      'concepts/heat-cramp.json: snomed 372840009 (Ciprofloxacin) has a wrong check digit',
    );
  });

  it('is refused when a code is both a member and refused, or listed twice under two spellings', () => {
    const [potassium] = file('potassium-serum').codes ?? [];
    const refused = [{ ...potassium, reason: 'urine' }];
    expect(problemsOf({ 'potassium-serum.json': { ...file('potassium-serum'), refused } })).toContain(
      'is both a member and refused',
    );
    const codes = ['R25.2', 'R252'].map((code) => ({ system: 'icd10cm', code, display: 'Cramp' }));
    expect(problemsOf({ 'heat-cramp.json': { ...file('heat-cramp'), codes } })).toContain(
      'R252 (Cramp) is listed twice',
    );
  });

  it('is refused when an eye drop is also listed as a systemic fluoroquinolone', () => {
    const drop = file('fluoroquinolone-topical').codes?.find(({ route }) => route === 'ophthalmic');
    const systemic = file('fluoroquinolone-systemic');
    const said = problemsOf({
      'fluoroquinolone-systemic.json': { ...systemic, codes: [...(systemic.codes ?? []), drop] },
    });
    expect(said).toContain('is also in fluoroquinolone-topical; a product has one route');
  });

  it('is refused when a measured concept has no canonical unit, or a factor is not a positive number', () => {
    const { unit: _, ...unitless } = file('magnesium-serum');
    expect(problemsOf({ 'magnesium-serum.json': unitless })).toContain(
      'a measured concept needs its canonical unit',
    );
    for (const factor of ['1e999', '0', '-1', 'null']) {
      const text = JSON.stringify(file('magnesium-serum')).replace('"mg/dL":0.411438', `"mg/dL":${factor}`);
      expect(problemsOf({ 'magnesium-serum.json': text })).toContain(
        'concepts/magnesium-serum.json: units.mg/dL',
      );
    }
  });

  it('is refused when it includes a concept that is not there, or itself through others', () => {
    const said = problemsOf({
      'leg-cramp.json': { ...file('leg-cramp'), includes: ['arm-cramp'] },
      'heat-cramp.json': { ...file('heat-cramp'), includes: ['nocturnal-leg-cramp'] },
      'nocturnal-leg-cramp.json': { ...file('nocturnal-leg-cramp'), includes: ['heat-cramp'] },
    });
    expect(said).toContain('concepts/leg-cramp.json: it includes arm-cramp, and there is no such concept');
    expect(said).toContain('concepts/heat-cramp.json: it includes itself, directly or through others');
    expect(said).not.toContain(
      'leg-cramp.json: it includes itself, directly or through others\nconcepts/leg-cramp',
    );
  });

  it('is refused for unknown keys, a prefix where codes have no tree, and a name that is not its id', () => {
    const codes = [{ system: 'loinc', prefix: '28', display: 'anything' }];
    const said = problemsOf({
      'heat-cramp.json': { ...file('heat-cramp'), synonyms: [] },
      'muscle-spasm.json': { ...file('muscle-spasm'), codes },
      'muscle-pain.json': file('muscle-spasm'),
    });
    expect(said).toContain('concepts/heat-cramp.json: Unrecognized key: "synonyms"');
    expect(said).toContain(
      'concepts/muscle-spasm.json: loinc 28 (anything) is a prefix; only icd10cm and atc have them',
    );
    expect(said).toContain('concepts/muscle-pain.json: id: is muscle-spasm; file and id must agree');
  });

  it('is refused when a key stands in it twice, of which JSON would keep the second silently', () => {
    const text = JSON.stringify(file('heat-cramp')).replace('"kind":', '"kind":"medication","kind":');
    expect(problemsOf({ 'heat-cramp.json': text })).toContain('has a key twice in one place');
  });

  it('is told with all other problems at once, also when one file is not JSON', () => {
    const said = problemsOf({
      'heat-cramp.json': '{',
      'magnesium-serum.json': { ...file('magnesium-serum'), kind: 'magic' },
    });
    expect(said).toContain('concepts/heat-cramp.json: is not JSON');
    expect(said).toContain('concepts/magnesium-serum.json: kind: ');
    expect(said).not.toContain('leg-cramp.json: it includes');
  });
});

describe('check digits', () => {
  it('tell right LOINC numbers, answers included, from wrong ones', () => {
    expect(
      ['2823-3', '98979-8', '104063-3', 'LA33-6', 'LA32-8', 'LA15173-0', 'LA4489-6'].filter(
        (code) => !isLoincCode(code),
      ),
    ).toEqual([]);
    expect(['2823-4', '60026-4', '2832-3', 'LA33-7', '2823', ''].filter(isLoincCode)).toEqual([]);
  });

  it('tell right SNOMED CT identifiers from wrong ones', () => {
    expect(
      ['372840008', '387475002', '16462851000119106', '796001'].filter((code) => !isSnomedCode(code)),
    ).toEqual([]);
    expect(['372840009', '268004004', '378240008', '12345', ''].filter(isSnomedCode)).toEqual([]);
  });
});

function keyOf({ system, code, prefix }: CodeMatch): string {
  return `${system}|${prefix ?? code}`;
}

/** The one way a concept file is written. */
function written(concept: Record<string, unknown>): string {
  const lines = Object.entries(concept).map(([key, value]) => `  ${ascii(key)}: ${member(key, value)}`);
  return `{\n${lines.join(',\n')}\n}\n`;
}

function member(key: string, value: unknown): string {
  if (['includes', 'ingredients', 'codes', 'refused'].includes(key)) {
    return `[\n${(value as unknown[]).map((item) => `    ${inLine(item)}`).join(',\n')}\n  ]`;
  }
  if (key !== 'units') return inLine(value);
  const units = Object.entries(value as object).map(
    ([unit, factor]) => `    ${ascii(unit)}: ${ascii(factor)}`,
  );
  return `{\n${units.join(',\n')}\n  }`;
}

function inLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(ascii).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return ascii(value);
  return `{ ${Object.entries(value)
    .map(([key, part]) => `${ascii(key)}: ${inLine(part)}`)
    .join(', ')} }`;
}

/** Look-alikes such as the micro sign and the Greek mu stay apart for the reader. */
function ascii(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
