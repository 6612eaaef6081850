/**
 * The inputs of a rule as people ask for them: what it is, in which unit, how old it may be, by which codes.
 */
import { CODE_SYSTEMS } from '../core/concepts/code-systems.ts';
import type { ConceptFile } from '../core/concepts/concept-file.ts';
import { LOOKBACK_OTHERWISE } from '../core/facts/form-facts.ts';
import { recentDays } from '../core/facts/medicines.ts';
import { FRESH_DAYS } from '../core/facts/symptoms.ts';
import type { CompiledRule } from '../core/rules/compile.ts';
import { factInWords } from '../core/rules/words.ts';
import type { CodeBook } from './code-book.ts';
import { factsAskedBy } from './fact-inputs.ts';

export interface Input {
  readonly concept: string;
  readonly name: string;
  readonly kind: 'measurement' | 'medicine' | 'answer or sign' | 'problem or procedure';
  /** UCUM; of measurements. */
  readonly unit?: string;
  /** How old it may be to count for today, in words. */
  readonly countsFor: string;
  /** The first of its codes; `codeCount` says how many there are. */
  readonly codes: readonly { readonly system: string; readonly code: string; readonly display: string }[];
  readonly codeCount: number;
}

const CODES_SHOWN = 12; // a medicine class may have thousands

/** @param concepts what the gate saw the rule read; without it, what its clauses name. */
export function inputsOf(
  rule: CompiledRule,
  concepts: readonly string[] | undefined,
  codes: CodeBook,
): Input[] {
  const ids =
    concepts ?? factsAskedBy(rule).map((fact) => fact.replace(/^(?:drug[a-z-]*|history|last)\./, ''));
  return ids.flatMap((id) => {
    const file = codes.concept(id);
    return file === undefined ? [] : [inputOf(file)];
  });
}

function inputOf(file: ConceptFile): Input {
  const rows = file.codes ?? [];
  return {
    concept: file.id,
    name: factInWords(file.id),
    kind: kindOf(file),
    ...(file.unit && { unit: file.unit }),
    countsFor: countsFor(file),
    codes: rows.slice(0, CODES_SHOWN).map(({ system, code, prefix, display }) => ({
      system: CODE_SYSTEMS[system].uri,
      code: code ?? `${prefix}*`,
      display,
    })),
    codeCount: rows.length,
  };
}

function kindOf({ id, kind, unit }: ConceptFile): Input['kind'] {
  if (kind === 'medication') return 'medicine';
  if (FRESH_DAYS.has(id)) return 'answer or sign';
  return unit === undefined && kind === 'condition' ? 'problem or procedure' : 'measurement';
}

function countsFor({ id, kind, lookbackDays, unit }: ConceptFile): string {
  if (kind === 'medication') return `while active; recent up to ${recentDays(id)} days after its end`;
  const fresh = FRESH_DAYS.get(id);
  if (fresh !== undefined) return `${fresh} days`;
  if (unit !== undefined || kind === 'observation') return `${lookbackDays ?? LOOKBACK_OTHERWISE} days`;
  return 'while the record says it is active';
}
