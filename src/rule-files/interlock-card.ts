/**
 * An interlock as a page that a clinician can review: what it blocks, asks for and warns of, and every promised case.
 */
import type { CompiledInterlock } from '../core/rules/compile.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { factInWords } from '../core/rules/words.ts';
import type { MutationScore } from './judge-mutants.ts';
import { GENERATED, listed, scoreLines, section, vectorTable } from './rule-card.ts';
import { inWords } from './rule-model.ts';
import type { InterlockVector, Waiver } from './rule-schema.ts';

export interface InterlockCardParts {
  readonly ruleSet: RuleSet;
  readonly vectors: readonly InterlockVector[];
  readonly waivers: readonly Waiver[];
  readonly score: MutationScore;
}

/** The card of one interlock, Markdown. The same files give the same bytes. */
export function interlockCard(interlock: CompiledInterlock, parts: InterlockCardParts): string {
  const { id, file } = interlock;
  const guarded = [...parts.ruleSet.advice.values()].filter(({ interlocks }) => interlocks.includes(id));
  const sections = [
    `# ${file.title}`,
    GENERATED,
    `\`${id}\` stands before advice and can not be switched off. It blocks first, then asks for what is not known, then warns.`,
    section('Blocks', lines(interlock.blocks)),
    section('Checks first', interlock.needs.flatMap(needLines)),
    section('Warns', lines(interlock.cautions)),
    section(
      `Advice behind it (${guarded.length})`,
      guarded.map((advice) => `- ${advice.text} \`${advice.id}\``),
    ),
    section(`Promised cases (${parts.vectors.length})`, vectorTable(parts.vectors)),
    section('Slips that the cases notice', scoreLines(parts)),
    section('Source', [`- ${file.source}`]),
  ];
  return `${sections.filter((text) => text !== '').join('\n\n')}\n`;
}

function lines(guards: CompiledInterlock['blocks']): string[] {
  return guards.flatMap(({ when, because }) => [`- "${because}"`, ...listed(inWords(when), 1)]);
}

function needLines({ fact, check, when }: CompiledInterlock['needs'][number]): string[] {
  const asked =
    when === undefined ? [] : ['  - unless this is known not to hold:', ...listed(inWords(when), 2)];
  return [`- "${check}", while ${factInWords(fact)} is not known`, ...asked];
}
