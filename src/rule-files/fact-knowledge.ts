/**
 * What the mutation of rules knows about facts: reporting steps, neighbours and other units, from concept files.
 */
import type { ConceptFile } from '../core/concepts/concept-file.ts';
import type { FactKnowledge } from './mutate.ts';

/** Derived facts that are reported like a concept. */
const REPORTED_LIKE: ReadonlyMap<string, string> = new Map([
  ['potassium', 'potassium-serum'],
  ['potassium-high-unconfirmed', 'potassium-serum'],
  ['sodium', 'sodium-serum'],
  ['sodium-glucose-adjusted', 'sodium-serum'],
  ['calcium-best', 'calcium-total-serum'],
  ['calcium-total-only', 'calcium-total-serum'],
  ['urea', 'urea-serum'],
  ['egfr', 'egfr-reported'],
  ['temperature-highest-48h', 'body-temperature'],
]);

/** @param files all concepts; a concept without decimals is reported in whole numbers. */
export function factKnowledgeOf(files: readonly ConceptFile[]): FactKnowledge {
  const byId = new Map(files.map((file) => [file.id, file]));
  const parents = new Map(files.flatMap((file) => (file.includes ?? []).map((child) => [child, file.id])));
  const conceptOf = (fact: string) => byId.get(REPORTED_LIKE.get(fact) ?? fact.replace(/^last\./, ''));
  return {
    stepOf: (fact, limit) => 10 ** -(conceptOf(fact)?.decimals ?? decimalsOf(limit)),
    neighbourOf: (fact) => {
      const [, prefix = '', id = ''] = /^([a-z-]+\.)?(.+)$/.exec(fact) ?? [];
      const parent = prefix === 'last.' ? undefined : parents.get(id);
      return parent === undefined ? undefined : `${prefix}${parent}`;
    },
    inOtherUnit: (fact, limit) => otherUnit(conceptOf(fact), limit),
  };
}

/** The unit that gives the most different number: a slip into it is the likeliest not to be seen in a limit. */
function otherUnit(concept: ConceptFile | undefined, limit: number): number | undefined {
  const numbers = Object.values(concept?.units ?? {}).flatMap((conversion) => {
    if (conversion === 'fahrenheit') return [limit * 1.8 + 32]; // definition of the Fahrenheit scale
    return typeof conversion === 'number' && conversion !== 1 ? [limit / conversion] : [];
  });
  return numbers.sort((a, b) => distance(b, limit) - distance(a, limit))[0];
}

function distance(a: number, b: number): number {
  return Math.abs(Math.log(a / b));
}

function decimalsOf(limit: number): number {
  return String(limit).split('.')[1]?.length ?? 0;
}
