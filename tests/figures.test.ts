import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { withFigures } from './faults/figures-table.ts';

const text = (path: string): string => readFileSync(join(import.meta.dirname, '..', path), 'utf8');

/** Rows of the first table under `## Speed`: what, and its figure. */
function quoted(): [string, number][] {
  const [, section = ''] = text('README.md').split('\n## Speed\n');
  const rows = (section.split('\n## ')[0] ?? '').matchAll(/^\| *([^|]+?) *\| *(\d+(?:\.\d+)?) *\|/gm);
  return [...rows].map(([, what, figure]) => [what as string, Number(figure)]);
}

describe('the speed that the README tells', () => {
  const { rules, intake, delivery } = JSON.parse(text('docs/figures.json'));
  const ratios = { ...rules.ratios, ...intake.ratios, ...delivery.ratios };

  it.each(quoted())('%s is %d in docs/figures.json too', (what, figure) => {
    expect(ratios[what]).toBe(figure);
  });

  it('of a hook call is that of docs/figures.json', () => {
    const { p50, p95 } = JSON.parse(text('docs/figures.json')).cds.ms;
    expect(text('README.md')).toContain(`p50 ${p50} ms, p95 ${p95} ms`);
  });

  it('from a push to its alert is that of docs/figures.json', () => {
    const { pushToIssueMs, ownPartMs } = delivery;
    expect(text('README.md')).toContain(
      `p50 ${pushToIssueMs.p50} ms, p99 ${pushToIssueMs.p99} ms; without the time of the FHIR server p50 ${ownPartMs.p50} ms`,
    );
  });

  it('names every ratio that was measured, the ones that miss their aim as well', () => {
    expect(quoted().map(([what]) => what)).toEqual(Object.keys(ratios));
  });
});

describe('the page on what we break on purpose', () => {
  it('tells the figures of docs/figures.json', () => {
    const page = text('docs/faults.md');
    expect(page).toBe(withFigures(page, JSON.parse(text('docs/figures.json'))));
  });
});
