/**
 * What a linter can not say about this repository. Each check reads files and gives complaints; a complaint names the fix.
 *
 * Imports are found by a simple pattern, which is enough for how this code is written.
 */
import { posix } from 'node:path';

export interface TextFile {
  /** From the top of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** The shell's stages in the order of the path of one event; each may import those before it. */
const STAGES = [
  'connections',
  'intake',
  'evaluation',
  'delivery',
  'answers',
  'pages',
  'cds-hooks',
  'alert-page',
  'rule-pages',
  'reports',
];
/** What lies beneath the stages, and what it may import itself. */
const BENEATH: Readonly<Record<string, readonly string[]>> = {
  vocabulary: [],
  core: ['vocabulary'],
  'rule-files': ['vocabulary', 'core'],
  store: ['vocabulary', 'core'],
  watch: ['vocabulary', 'core', 'store'],
  pages: ['vocabulary', 'core', 'watch'],
};
/** Not part of the service: they stand for the hospital. */
const APART: Readonly<Record<string, readonly string[]>> = {
  sandbox: ['vocabulary'],
  demo: ['vocabulary'],
  stories: ['vocabulary', 'core'],
};
/** May import everything, and are imported by nothing else. */
const ON_TOP = ['commands', 'config', 'http', 'main', 'start'];

const CORE_PACKAGES = ['json-rules-engine'];
const CORE_TYPES = ['@medplum/fhirtypes'];
const FHIR_CLIENT = '@medplum/core';
const FHIR_CLIENT_PARTS = ['connections', 'sandbox'];

const BANNED_IN_CORE: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\./, 'reads the clock: take `now` as an argument'],
  [/\bMath\.random\b|\brandomUUID\b/, 'is random: take the value as an argument'],
  [/\bprocess\./, 'reads the process: take what it needs as an argument'],
  [/\bconsole\./, 'writes: put it into the answer, the shell logs it'],
  [/\bfetch\(|\bset(?:Timeout|Interval|Immediate)\(/, 'does I/O or waits: the shell does that'],
];

const MOST_LINES = 400;
const LEFTOVER_FOLDER = /^(?:utils?|helpers?|common|lib|misc|shared)$/;
const REPLACED_WORDS: Readonly<Record<string, string>> = {
  tenant: 'site',
  snapshot: 'chart',
  webhook: 'push',
};
const NOT_RULES = /^rules\/(?:concepts|advice|interlocks|sites|gate)\//;

interface Import {
  readonly from: string;
  readonly typeOnly: boolean;
}

/** Import direction: stages only import earlier ones and what lies beneath; nothing imports what is on top. */
export function importsAgainstTheOrder(files: readonly TextFile[]): string[] {
  return sources(files).flatMap((file) => {
    const part = partOf(file.path);
    const allowed = mayImport(part);
    if (allowed === undefined)
      return [`${file.path}: src/${part} is in no list of tests/tidy.ts; add it with what it may import`];
    return importsOf(file)
      .filter(({ from }) => from.startsWith('.'))
      .map(({ from }) => partOf(posix.join(posix.dirname(file.path), from)))
      .filter((other) => other !== part && !allowed.includes(other))
      .map(
        (other) =>
          `${file.path}: imports ${other}/, which ${part}/ may not; pass it as an argument from main.ts, or move it beneath`,
      );
  });
}

/** Packages: the core has two, the FHIR client stays behind the gate, and all are declared. */
export function packagesOutOfPlace(files: readonly TextFile[], declared: readonly string[]): string[] {
  return sources(files).flatMap((file) => {
    const part = partOf(file.path);
    return importsOf(file)
      .filter(({ from }) => !from.startsWith('.'))
      .flatMap(({ from, typeOnly }) => {
        const name = packageOf(from);
        if (part === 'core' && !CORE_PACKAGES.includes(name) && !(CORE_TYPES.includes(name) && typeOnly))
          return [
            `${file.path}: imports ${from}; the core takes ${CORE_PACKAGES} and types of ${CORE_TYPES}, all else is an argument`,
          ];
        if (name === FHIR_CLIENT && !FHIR_CLIENT_PARTS.includes(part))
          return [
            `${file.path}: imports ${from}; only ${FHIR_CLIENT_PARTS.join('/ and ')}/ do, go through connections/gate.ts`,
          ];
        if (!from.startsWith('node:') && !declared.includes(name))
          return [
            `${file.path}: imports ${from}; add ${name} to dependencies, with its line in docs/dependencies.md`,
          ];
        return [];
      });
  });
}

/** Clock, randomness, process, console and I/O do not occur in the core. */
export function impureCore(files: readonly TextFile[]): string[] {
  return sources(files)
    .filter(({ path }) => partOf(path) === 'core')
    .flatMap((file) =>
      BANNED_IN_CORE.filter(([pattern]) => pattern.test(code(file.text))).map(
        ([pattern, fix]) => `${file.path}: ${pattern.exec(code(file.text))?.[0]} ${fix}`,
      ),
    );
}

/** The environment is read in one place. */
export function environmentReaders(files: readonly TextFile[]): string[] {
  return sources(files)
    .filter(({ path, text }) => !ON_TOP.includes(partOf(path)) && /\bprocess\.env\b/.test(code(text)))
    .map(({ path }) => `${path}: reads process.env; read it in config.ts and pass the value`);
}

export function longFiles(files: readonly TextFile[]): string[] {
  return sources(files)
    .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > MOST_LINES)
    .map(
      ({ path, lines }) =>
        `${path}: ${lines} lines; it holds two ideas, give each a file of at most ${MOST_LINES}`,
    );
}

export function leftoverFolders(files: readonly TextFile[]): string[] {
  return files
    .filter(({ path }) => path.startsWith('src/') || path.startsWith('tests/'))
    .filter(({ path }) =>
      path
        .split('/')
        .slice(0, -1)
        .some((folder) => LEFTOVER_FOLDER.test(folder)),
    )
    .map(
      ({ path }) =>
        `${path}: a folder is called after what it holds; put the function with the noun it is about`,
    );
}

export function defaultExports(files: readonly TextFile[]): string[] {
  return files
    .filter(
      ({ path, text }) =>
        /^(?:src|tests)\/.*\.ts$/.test(path) && /^export default\b|\bas default\b/m.test(code(text)),
    )
    .map(({ path }) => `${path}: has a default export; give it a name`);
}

/** Words that the glossary replaces, in our own names and file names. */
export function replacedWords(files: readonly TextFile[]): string[] {
  return sources(files).flatMap((file) =>
    Object.entries(REPLACED_WORDS)
      .filter(
        ([word]) => new RegExp(word, 'i').test(file.path) || new RegExp(word, 'i').test(code(file.text)),
      )
      .map(([word, ours]) => `${file.path}: says ${word}; our word is ${ours} (docs/architecture.md, words)`),
  );
}

/** Files that no command reaches. Tests do not count as users. */
export function deadFiles(files: readonly TextFile[]): string[] {
  const byPath = new Map(sources(files).map((file) => [file.path, file]));
  const waiting = [...byPath.keys()].filter(
    (path) => path === 'src/main.ts' || path.startsWith('src/commands/'),
  );
  for (const { path, text } of files)
    if (path.startsWith('bin/'))
      waiting.push(...[...text.matchAll(/src\/[\w/-]+\.ts/g)].map(([found]) => found));
  const reached = new Set<string>();
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const file = byPath.get(path);
    if (file === undefined || reached.has(path)) continue;
    reached.add(path);
    const folder = posix.dirname(path);
    waiting.push(...importsOf(file).map(({ from }) => posix.join(folder, from)));
  }
  return [...byPath.keys()]
    .filter((path) => !reached.has(path))
    .map((path) => `${path}: no command reaches it; wire it from main.ts, or delete it`);
}

export function rulesWithoutVectors(files: readonly TextFile[]): string[] {
  const paths = new Set(files.map(({ path }) => path));
  return [...paths]
    .filter(
      (path) =>
        /^rules\/.+\.json$/.test(path) && !NOT_RULES.test(path) && !/\.(?:vectors|waivers)\.json$/.test(path),
    )
    .filter((path) => !paths.has(path.replace(/\.json$/, '.vectors.json')))
    .map(
      (path) =>
        `${path}: has no vectors; write ${posix.basename(path, '.json')}.vectors.json beside it first`,
    );
}

/**
 * In the core, a constant that holds numbers says where they come from: above it, on the line, or in a comment
 * line above within a table. 0 and 1 are no measurements.
 */
export function numbersWithoutSource(files: readonly TextFile[]): string[] {
  return sources(files)
    .filter(({ path }) => partOf(path) === 'core')
    .flatMap(({ path, text }) => {
      const written = text.split('\n');
      const bare = code(text).split('\n');
      return constantsOf(bare).flatMap(({ name, first, last }) => {
        const commentAt = range(first - 1, last).find((at) => isComment(written[at] ?? '')) ?? last + 1;
        const unsaid = range(first, last).find(
          (at) => at < commentAt && hasNumber(bare[at] ?? '') && !/\/\/|\/\*/.test(written[at] ?? ''),
        );
        return unsaid === undefined
          ? []
          : [`${path}:${unsaid + 1}: ${name} holds a number; say in a comment what it is and who says so`];
      });
    });
}

/** Paths of one machine, and work left for later. */
export function strayText(files: readonly TextFile[]): string[] {
  return files.flatMap(({ path, text }) => [
    ...(/(?:^|[\s'"`(=])\/work\//m.test(text)
      ? [`${path}: names a folder of one machine; use a path inside the repository`]
      : []),
    ...(/\b(?:TO[D]O|FIX[M]E|XX[X])\b/.test(text)
      ? [`${path}: leaves work for later; do it, or open an issue`]
      : []),
  ]);
}

function sources(files: readonly TextFile[]): TextFile[] {
  return files.filter(({ path }) => path.startsWith('src/') && path.endsWith('.ts'));
}

/** `src/core/facts/fact.ts` is of `core`, `src/main.ts` of `main`. */
function partOf(path: string): string {
  return (path.split('/')[1] ?? '').replace(/\.ts$/, '');
}

function mayImport(part: string): readonly string[] | undefined {
  const stage = STAGES.indexOf(part);
  if (stage >= 0) return [...Object.keys(BENEATH), ...STAGES.slice(0, stage)];
  if (ON_TOP.includes(part)) return [...Object.keys(BENEATH), ...Object.keys(APART), ...STAGES, ...ON_TOP];
  return BENEATH[part] ?? APART[part];
}

const IMPORT =
  /\b(?:import|export)\s+(type\s+)?[^'";()]*?\bfrom\s*'([^']+)'|\bimport\s*\(\s*'([^']+)'\s*\)|\bimport\s+'([^']+)'|\bnew URL\(\s*'(\.[^']+\.ts)'/g;

function importsOf({ text }: TextFile): Import[] {
  return [...withoutComments(text).matchAll(IMPORT)].map(([, type, named, called, bare, worker]) => ({
    from: named ?? called ?? bare ?? worker ?? '',
    typeOnly: type !== undefined,
  }));
}

function packageOf(from: string): string {
  return from
    .split('/')
    .slice(0, from.startsWith('@') ? 2 : 1)
    .join('/');
}

const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|(?<=[=(,:!&|?[;]\s*)\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/g;

/** The text with comments, quoted strings and patterns blanked; lines stay lines. Templates stay, they hold code. */
function code(text: string): string {
  return text.replace(TOKEN, (token) => (token.startsWith('`') ? token : blank(token)));
}

function withoutComments(text: string): string {
  return text.replace(TOKEN, (token) => (/^\/[/*]/.test(token) ? blank(token) : token));
}

function blank(token: string): string {
  return token.replace(/[^\n]/g, ' ');
}

/** Lines (from 0) of each `const` that is a number, or a table in capitals. */
function constantsOf(lines: readonly string[]): { name: string; first: number; last: number }[] {
  return lines.flatMap((line, first) => {
    const [, name, value = ''] = /^\s*(?:export )?const ([A-Za-z_$][\w$]*)[^=]*=(?!>)(.*)$/.exec(line) ?? [];
    if (name === undefined) return [];
    if (/^\s*-?[\d._]+(?:\s*[-+*/]\s*[\d._]+)*;?\s*$/.test(value)) return [{ name, first, last: first }];
    if (!/^[A-Z][A-Z0-9_]*$/.test(name)) return [];
    const end = lines.findIndex((later, at) => at >= first && /;\s*$/.test(later));
    return [{ name, first, last: end < 0 ? first : end }];
  });
}

function hasNumber(line: string): boolean {
  const value = line.replace(/^.*?\bconst\b[^=]*=/, '');
  return (value.match(/(?<![\w.$])\d[\d._]*/g) ?? []).some((number) => number !== '0' && number !== '1');
}

function isComment(line: string): boolean {
  return /^\s*(?:\/\/|\/\*|\*)/.test(line);
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, step) => first + step);
}
