import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const text = (path: string): string => readFileSync(join(import.meta.dirname, '..', path), 'utf8');

/** Rows of the first table under `## Speed`: what, and its figure. */
function quoted(): [string, number][] {
  const [, section = ''] = text('README.md').split('\n## Speed\n');
  const rows = (section.split('\n## ')[0] ?? '').matchAll(/^\| *([^|]+?) *\| *(\d+(?:\.\d+)?) *\|/gm);
  return [...rows].map(([, what, figure]) => [what as string, Number(figure)]);
}

describe('the speed that the README tells', () => {
  const { ratios } = JSON.parse(text('docs/figures.json')).rules;

  it.each(quoted())('%s is %d in docs/figures.json too', (what, figure) => {
    expect(ratios[what]).toBe(figure);
  });

  it('of a hook call is that of docs/figures.json', () => {
    const { p50, p95 } = JSON.parse(text('docs/figures.json')).cds.ms;
    expect(text('README.md')).toContain(`p50 ${p50} ms, p95 ${p95} ms`);
  });

  it('names every ratio that was measured, the ones that miss their aim as well', () => {
    expect(quoted().map(([what]) => what)).toEqual(Object.keys(ratios));
  });
});
