/**
 * What is wrong with rule files: every problem at once, each with file, place and reason in words.
 */
export interface Problem {
  /** Path of the file inside the rule folder. */
  readonly file: string;
  /** Place inside the file: `firesWhen.all[0].value`; empty for the file itself. */
  readonly at: string;
  readonly reason: string;
}

export class RuleFilesError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(`${problems.length} problem(s) in the rule files:\n${problems.map(problemInWords).join('\n')}`);
    this.name = 'RuleFilesError';
    this.problems = problems;
  }
}

export function problemInWords({ file, at, reason }: Problem): string {
  return at === '' ? `${file}: ${reason}` : `${file}: ${at}: ${reason}`;
}

/** `['firesWhen', 'all', 0]` as `firesWhen.all[0]`. */
export function placeOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : `${text}${text && '.'}${String(step)}`),
    '',
  );
}
