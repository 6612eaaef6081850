/**
 * Mutants of an interlock: the same file with one slip in it.
 *
 * Why: an interlock is what stands between a patient and advice that harms; a slip in it is seen by nobody.
 */
import type { InterlockFile } from '../core/rules/rule.ts';
import { type FactKnowledge, slipsIn } from './mutate.ts';

export interface InterlockMutant {
  /** Where and what, stable while the interlock does not change: `blocks[2]: left out`. */
  readonly slip: string;
  readonly file: InterlockFile;
}

/** Each line left out, each need asked of everybody, and every slip in a condition. */
export function interlockMutantsOf(file: InterlockFile, facts: FactKnowledge): InterlockMutant[] {
  return [
    ...lineMutants(file, 'blocks', facts),
    ...lineMutants(file, 'cautions', facts),
    ...lineMutants(file, 'needs', facts),
    ...file.needs.flatMap(({ when: _everybody, ...need }, index) =>
      _everybody === undefined
        ? []
        : [{ slip: `needs[${index}].when: left out`, file: replaced(file, 'needs', index, need) }],
    ),
  ];
}

type List = 'blocks' | 'cautions' | 'needs';

function lineMutants(file: InterlockFile, list: List, facts: FactKnowledge): InterlockMutant[] {
  return file[list].flatMap((line, index) => {
    const at = `${list}[${index}]`;
    const slips = line.when === undefined ? [] : slipsIn(line.when, facts);
    return [
      { slip: `${at}: left out`, file: replaced(file, list, index) },
      ...slips.map(({ at: inner, what, condition: when }) => ({
        slip: `${at}.when${inner}: ${what}`,
        file: replaced(file, list, index, { ...line, when }),
      })),
    ];
  });
}

function replaced(file: InterlockFile, list: List, index: number, line?: object): InterlockFile {
  return { ...file, [list]: file[list].flatMap((other, at) => (at === index ? (line ?? []) : other)) };
}
