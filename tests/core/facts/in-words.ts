/**
 * Facts of a chart written in the shorthand of vectors, at the same fixed noon.
 */
import { fileURLToPath } from 'node:url';
import { type Fact, factOf } from '../../../src/core/facts/fact.ts';
import { formFacts } from '../../../src/core/facts/form-facts.ts';
import { DEFAULT_FACT_SETTINGS } from '../../../src/core/facts/settings.ts';
import { readCodeBook } from '../../../src/rule-files/code-book.ts';
import { vectorChart } from '../../../src/rule-files/vector-chart.ts';
import { concepts, NOON } from './given.ts';

const codes = readCodeBook(fileURLToPath(new URL('../../../rules/concepts', import.meta.url)));

export type Words = Readonly<Record<string, string | number | boolean | string[]>>;

export function factIn(id: string, words: Words): Fact {
  const chart = vectorChart({ says: 'x', expect: 'unknown', ...words }, codes, NOON);
  return factOf(formFacts(chart, { concepts, settings: DEFAULT_FACT_SETTINGS }, NOON).facts, id);
}

/** The value, the range as `2..6`, or `unknown`. */
export function valueIn(id: string, words: Words): unknown {
  const fact = factIn(id, words);
  if (fact.state === 'known') return fact.value;
  return fact.state === 'bounded' ? `${fact.low ?? ''}..${fact.high ?? ''}` : 'unknown';
}
