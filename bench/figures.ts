/**
 * Where figures go: docs/figures.json, the only file that may be quoted, each with machine, date and commit.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

export const FIGURES = fileURLToPath(new URL('../docs/figures.json', import.meta.url));

/** @param name of the bench or fault run; figures of other runs stay */
export function keep(name: string, figures: object): void {
  const before = existsSync(FIGURES)
    ? (JSON.parse(readFileSync(FIGURES, 'utf8')) as Record<string, unknown>)
    : {};
  const [cpu] = cpus();
  const machine = {
    cores: cpus().length,
    cpu: cpu?.model ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const entry = { date: new Date().toISOString().slice(0, 10), commit, machine, ...figures };
  writeFileSync(FIGURES, `${JSON.stringify({ ...before, [name]: entry }, null, 2)}\n`);
}
