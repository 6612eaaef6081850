/**
 * The pages that are generated from rules and interlocks: one card for each, and a list of them.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TIERS } from '../core/decision.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import type { CodeBook } from './code-book.ts';
import { type GateParts, gateRecordOf } from './gate-record.ts';
import { interlockCard } from './interlock-card.ts';
import { GENERATED, ruleCard } from './rule-card.ts';
import { ruleModel } from './rule-model.ts';
import type { InterlockVector, Waiver } from './rule-schema.ts';

/** Path below the docs folder -> text. */
export type Pages = ReadonlyMap<string, string>;

export interface DocsParts extends GateParts {
  readonly codes: CodeBook;
  readonly interlockVectors: ReadonlyMap<string, readonly InterlockVector[]>;
  readonly waivers: ReadonlyMap<string, readonly Waiver[]>;
}

const CARDS = 'rules';

export function rulePages(parts: DocsParts): Map<string, string> {
  const { ruleSet, codes, vectors, interlockVectors, waivers, scores } = parts;
  const record = gateRecordOf(parts);
  const cards = ruleSet.rules.flatMap((rule) => {
    const score = scores.find((candidate) => candidate.rule === rule.id);
    if (score === undefined) return [];
    const own = { vectors: vectors.get(rule.id) ?? [], waivers: waivers.get(rule.id) ?? [] };
    const model = ruleModel(rule, { ruleSet, codes, record: record.rules[rule.id] });
    return [[`${CARDS}/${rule.id}.md`, ruleCard(model, { score, ...own })] as const];
  });
  const interlockCards = [...ruleSet.interlocks.values()].flatMap((interlock) => {
    const score = scores.find((candidate) => candidate.rule === interlock.id);
    if (score === undefined) return [];
    const own = {
      vectors: interlockVectors.get(interlock.id) ?? [],
      waivers: waivers.get(interlock.id) ?? [],
    };
    return [[`${CARDS}/${interlock.id}.md`, interlockCard(interlock, { ruleSet, score, ...own })] as const];
  });
  return new Map([[`${CARDS}/README.md`, contents(ruleSet)], ...cards, ...interlockCards]);
}

function contents({ rules, interlocks }: RuleSet): string {
  const rows = rules.map(({ id, file }) => {
    const tiers = TIERS.filter((tier) => file.tiers.some((line) => line.tier === tier));
    return `| [${id}](${id}.md) | ${file.title} | ${file.domain} | ${tiers.join(', ')} | ${file.version} |`;
  });
  const guards = [...interlocks.values()].map(({ id, file }) => `| [${id}](${id}.md) | ${file.title} |`);
  const page = [
    ...[
      '# Rules',
      '',
      GENERATED,
      '',
      '| rule | title | domain | tiers | version |',
      '|---|---|---|---|---|',
      ...rows,
    ],
    ...[
      '',
      '# Interlocks',
      '',
      'What stands before advice.',
      '',
      '| interlock | before |',
      '|---|---|',
      ...guards,
    ],
  ];
  return `${page.join('\n')}\n`;
}

/** Pages that differ from what is written, and cards of rules that are gone; paths below the docs folder. */
export function outdatedPages(docs: string, pages: Pages): string[] {
  const differing = [...pages].filter(([path, text]) => readText(join(docs, path)) !== text);
  return [...differing.map(([path]) => path), ...leftOver(docs, pages)];
}

export function writePages(docs: string, pages: Pages): void {
  for (const [path, text] of pages) {
    mkdirSync(dirname(join(docs, path)), { recursive: true });
    writeFileSync(join(docs, path), text);
  }
  for (const path of leftOver(docs, pages)) rmSync(join(docs, path));
}

function leftOver(docs: string, pages: Pages): string[] {
  const folder = join(docs, CARDS);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((name) => `${CARDS}/${name}`)
    .filter((path) => path.endsWith('.md') && !pages.has(path));
}

function readText(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}
