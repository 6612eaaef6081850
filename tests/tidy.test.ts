import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  deadFiles,
  defaultExports,
  environmentReaders,
  importsAgainstTheOrder,
  impureCore,
  leftoverFolders,
  longFiles,
  numbersWithoutSource,
  packagesOutOfPlace,
  replacedWords,
  rulesWithoutVectors,
  strayText,
  type TextFile,
} from './tidy.ts';

const ROOT = join(import.meta.dirname, '..');
const FOLDERS = ['src', 'rules', 'tests', 'bin', 'bench', 'docs', 'fhir-fixtures', '.ci'];
const FILES = readProduct();
const DECLARED = Object.keys(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).dependencies);

describe('this repository', () => {
  it.each([
    ['imports only what lies before or beneath', importsAgainstTheOrder(FILES)],
    ['keeps packages where they belong', packagesOutOfPlace(FILES, DECLARED)],
    ['has a core without clock, randomness and I/O', impureCore(FILES)],
    ['reads the environment in one place', environmentReaders(FILES)],
    ['has no file above 400 lines', longFiles(FILES)],
    ['has no folder for leftovers', leftoverFolders(FILES)],
    ['exports by name', defaultExports(FILES)],
    ['uses one word per idea', replacedWords(FILES)],
    ['has no file that nothing uses', deadFiles(FILES)],
    ['has vectors for every rule', rulesWithoutVectors(FILES)],
    ['says where the numbers of the core come from', numbersWithoutSource(FILES)],
    ['names no machine and leaves nothing for later', strayText(FILES)],
  ])('%s', (_, complaints) => {
    expect(complaints).toEqual([]);
  });

  it('was read: source, rules and tests are among the files looked at', () => {
    for (const start of ['src/core/', 'rules/electrolyte/', 'tests/', 'docs/'])
      expect(FILES.some(({ path }) => path.startsWith(start))).toBe(true);
  });
});

const file = (path: string, text: string): TextFile => ({ path, text });
const plant = (path: string, text: string) => [file(path, text)];

describe('each check complains about', () => {
  it.each([
    [
      'the core importing the store',
      importsAgainstTheOrder(plant('src/core/a.ts', "import { b } from '../store/b.ts';")),
    ],
    [
      'intake importing delivery',
      importsAgainstTheOrder(plant('src/intake/a.ts', "import type { B } from '../delivery/b.ts';")),
    ],
    [
      'the sandbox importing the service',
      importsAgainstTheOrder(plant('src/sandbox/a.ts', "import {\n  b,\n} from '../core/b.ts';")),
    ],
    [
      'a part importing main',
      importsAgainstTheOrder(plant('src/intake/a.ts', "const b = await import('../main.ts');")),
    ],
    ['a part that is in no list', importsAgainstTheOrder(plant('src/gadgets/a.ts', ''))],
    [
      'files read in the core',
      packagesOutOfPlace(plant('src/core/a.ts', "import { b } from 'node:fs';"), []),
    ],
    [
      'FHIR types imported as a value in the core',
      packagesOutOfPlace(plant('src/core/a.ts', "import { b } from '@medplum/fhirtypes';"), [
        '@medplum/fhirtypes',
      ]),
    ],
    [
      'a FHIR client beside the gate',
      packagesOutOfPlace(plant('src/delivery/a.ts', "import { b } from '@medplum/core';"), ['@medplum/core']),
    ],
    [
      'a package that is not declared',
      packagesOutOfPlace(plant('src/store/a.ts', "export * from 'left-pad/x';"), []),
    ],
    ['a clock in the core', impureCore(plant('src/core/a.ts', 'const at = new Date();'))],
    [
      'a clock hidden in a template',
      impureCore(plant('src/core/a.ts', ['const at = `$', '{Date.now()}`;'].join(''))),
    ],
    [
      'a clock behind a pattern with a quote',
      impureCore(plant('src/core/a.ts', "const q = /'/; const at = Date.now(); const r = '';")),
    ],
    [
      'the environment read in a part',
      environmentReaders(plant('src/store/a.ts', 'const url = process.env.DATABASE_URL;')),
    ],
    ['401 lines', longFiles(plant('src/store/a.ts', 'a\n'.repeat(401)))],
    ['a folder of leftovers', leftoverFolders(plant('src/core/utils/a.ts', ''))],
    ['a default export', defaultExports(plant('src/store/a.ts', 'export default 3;'))],
    ['a replaced word in a name', replacedWords(plant('src/store/a.ts', 'const tenantId = 3;'))],
    ['a replaced word in a file name', replacedWords(plant('src/intake/webhook.ts', ''))],
    [
      'a file nothing imports',
      deadFiles([file('src/main.ts', "import './b.ts';"), file('src/b.ts', ''), file('src/c.ts', '')]),
    ],
    ['a rule without vectors', rulesWithoutVectors(plant('rules/renal/rn-x.json', '{}'))],
    ['a number without a comment', numbersWithoutSource(plant('src/core/a.ts', '\nconst lowBelow = 3.5;'))],
    [
      'a table line without a comment',
      numbersWithoutSource(plant('src/core/a.ts', '\nconst K = {\n  low: 3.5, // source\n  high: 5.5,\n};')),
    ],
    ['a path of one machine', strayText(plant('docs/a.md', ['see ', 'work', 'x'].join('/')))],
    ['work left for later', strayText(plant('docs/a.md', ['TO', 'DO: later'].join('')))],
  ])('%s', (_, complaints) => {
    expect(complaints).toHaveLength(1);
  });

  it.each([
    [
      'what is only said in a comment',
      impureCore(plant('src/core/a.ts', '// never Date.now()\n/** no process.env */')),
    ],
    ['what is only said in a string', impureCore(plant('src/core/a.ts', "const says = 'console.log';"))],
    ['a date made from an argument', impureCore(plant('src/core/a.ts', 'const at = new Date(now);'))],
    [
      'types of FHIR in the core',
      packagesOutOfPlace(plant('src/core/a.ts', "import type { b } from '@medplum/fhirtypes';"), [
        '@medplum/fhirtypes',
      ]),
    ],
    [
      'evaluation importing the core and the store',
      importsAgainstTheOrder(
        plant('src/evaluation/a.ts', "import { b } from '../core/b.ts';\nimport { c } from '../store/c.ts';"),
      ),
    ],
    [
      'a file that a command reaches over another',
      deadFiles([
        file('src/commands/a.ts', "import { b } from '../b.ts';"),
        file('src/b.ts', "export * from './c.ts';"),
        file('src/c.ts', ''),
      ]),
    ],
    [
      'a number with its source above',
      numbersWithoutSource(plant('src/core/a.ts', '// source: KDIGO 2024\nconst LOW = 3.5;')),
    ],
    [
      '0, 1 and text with digits',
      numbersWithoutSource(
        plant('src/core/a.ts', "\nconst NONE = 0;\nconst LOINC = 'http://loinc.org/2823-3';"),
      ),
    ],
    [
      'concepts and advice, which have no vectors',
      rulesWithoutVectors([file('rules/concepts/a.json', ''), file('rules/advice/a.json', '')]),
    ],
  ])('not about %s', (_, complaints) => {
    expect(complaints).toEqual([]);
  });
});

/** Every text file that we ship, without data folders, locks and what git ignores. */
function readProduct(): TextFile[] {
  const top = readdirSync(ROOT, { withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = top.map(({ name }) => name).filter((name) => !['package-lock.json', '.git'].includes(name)); // .git is a file in a worktree
  for (const folder of FOLDERS) paths.push(...filesBelow(folder));
  return paths.map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

function filesBelow(folder: string): string[] {
  try {
    const entries = readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true });
    return entries
      .filter((entry) => entry.isFile() && !/\.(?:ndjson|png)$/.test(entry.name))
      .filter((entry) => !entry.parentPath.includes('node_modules'))
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(ROOT.length + 1)
          .replaceAll('\\', '/'),
      );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
