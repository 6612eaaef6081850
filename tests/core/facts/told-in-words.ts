/**
 * Facts of a chart that is written in the shorthand of the rule vectors.
 */
import { fileURLToPath } from 'node:url';
import { type Fact, factOf } from '../../../src/core/facts/fact.ts';
import { formFacts } from '../../../src/core/facts/form-facts.ts';
import { readCodeBook } from '../../../src/rule-files/code-book.ts';
import { vectorChart } from '../../../src/rule-files/vector-chart.ts';
import { concepts, LONDON, NOON } from './given.ts';

const codes = readCodeBook(fileURLToPath(new URL('../../../rules/concepts', import.meta.url)));

type Words = Readonly<Record<string, string | number | boolean | string[]>>;

/** The fact of a patient of 55, male unless said, described as in a vector file. */
export function factIn(id: string, words: Words): Fact {
  const chart = vectorChart({ says: '', expect: 'clear', ...words }, codes, NOON);
  return factOf(formFacts(chart, { concepts, settings: LONDON }, NOON).facts, id);
}

export function valueIn(id: string, words: Words): unknown {
  const fact = factIn(id, words);
  if (fact.state === 'known') return fact.value;
  return fact.state === 'bounded' ? { low: fact.low, high: fact.high } : `unknown: ${fact.why}`;
}
