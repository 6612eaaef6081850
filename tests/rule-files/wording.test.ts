/** The words that care teams read, over all rules, advice and interlocks. Source: clinical foundations 8. */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { decide } from '../../src/core/decide.ts';
import type { Finding } from '../../src/core/decision.ts';
import { readCodeBook } from '../../src/rule-files/code-book.ts';
import { readCheckedRuleSet } from '../../src/rule-files/read-rule-set.ts';
import { VECTOR_NOON } from '../../src/rule-files/run-vectors.ts';
import { vectorChart } from '../../src/rule-files/vector-chart.ts';

const FOLDER = join(import.meta.dirname, '../../rules');
const { ruleSet, vectors } = readCheckedRuleSet(FOLDER);
const CODES = readCodeBook(join(FOLDER, 'concepts'));

/** Place -> text. */
const TEXTS: readonly (readonly [string, string])[] = [
  ...ruleSet.rules.flatMap(({ id, file }) => [
    [`${id} title`, file.title] as const,
    [`${id} why`, file.why] as const,
    [`${id} summary`, file.summary] as const,
  ]),
  ...[...ruleSet.advice.values()].map(({ id, text }) => [id, text] as const),
  ...[...ruleSet.interlocks.values()].flatMap(({ id, file }) => [
    ...[...file.blocks, ...file.cautions].map(({ because }) => [id, because] as const),
    ...file.needs.map(({ check }) => [id, check] as const),
  ]),
];

const saying = (pattern: RegExp) => TEXTS.filter(([, text]) => pattern.test(text));

describe('what is written in the rule folder', () => {
  it('never says must, diagnosis, safe, normal kidneys, caused by or cures', () => {
    expect(saying(/\b(?:must|diagnos(?:is|ed)|safe|normal kidneys|caused by|cures?\b(?! cramps))/i)).toEqual(
      [],
    );
  });

  it('names no dose; hours of spacing are the only amounts', () => {
    expect(
      saying(/\b\d+(?:[.,]\d+)?\s*(?:mg|mcg|micrograms?|g|ml|litres?|units?|tablets?|drops)\b/i),
    ).toEqual([]);
  });

  it('orders nobody to stop or start a medicine', () => {
    const orders = /(?:^|[.;:] )(?:stop|start|reduce|switch|discontinue) (?!short of pain)/i;
    expect([...ruleSet.advice.values()].filter(({ text }) => orders.test(text)).map(({ id }) => id)).toEqual(
      [],
    );
  });

  it('gives clinicians advice that considers, reviews, checks, asks or repeats; it promises nothing', () => {
    expect(saying(/\b(?:will (?:stop|cure|prevent|help)|guarantee|always works|proven to)\b/i)).toEqual([]);
  });
});

describe('what is shown when a rule fires', () => {
  let findings: Finding[];
  beforeAll(async () => {
    findings = [];
    for (const { id } of ruleSet.rules)
      for (const vector of (vectors.get(id) ?? [])
        .filter(({ expect: fires }) => fires === 'fired')
        .slice(0, 3))
        findings.push(
          ...(await decide(vectorChart(vector, CODES, VECTOR_NOON), ruleSet, VECTOR_NOON, [])).findings,
        );
  });

  it('is a summary of at most 140 characters without an empty slot', () => {
    expect(findings.length).toBeGreaterThan(200);
    expect(
      findings.filter(({ summary }) => summary.length > 140 || /[{}]|undefined|NaN/.test(summary)),
    ).toEqual([]);
  });

  it('names at most three things that are not known', () => {
    expect(findings.filter(({ notKnown }) => notKnown.length > 3)).toEqual([]);
  });

  it('says why each withheld advice is withheld', () => {
    const silent = findings.flatMap(({ withheld }) => withheld).filter(({ reason }) => reason.trim() === '');
    expect(silent).toEqual([]);
  });
});
