/**
 * `npm run rules`: checks every rule file and its vectors, and prints one line per rule.
 */
import { join } from 'node:path';
import { TIERS } from '../core/decision.ts';
import { readCodeBook } from '../rule-files/code-book.ts';
import { RuleFilesError } from '../rule-files/problems.ts';
import { readCheckedRuleSet } from '../rule-files/read-rule-set.ts';
import { runVectors, type VectorResult } from '../rule-files/run-vectors.ts';

export interface RulesOptions {
  /** The rule folder, with `concepts/` in it. */
  readonly folder: string;
  readonly print: (line: string) => void;
}

/** Exit code: 0 when every file is sound and every vector holds, else 1. */
export async function checkRules({ folder, print }: RulesOptions): Promise<0 | 1> {
  try {
    const { ruleSet, vectors } = readCheckedRuleSet(folder);
    const results = await runVectors(ruleSet, vectors, readCodeBook(join(folder, 'concepts')));
    for (const line of tableOf(results)) print(line);
    const broken = results.filter((result) => result.broken.length > 0);
    for (const { rule, says, broken: reasons } of broken) print(`${rule}: "${says}": ${reasons.join('; ')}`);
    print(
      `${ruleSet.rules.length} rules, ${results.length} vectors, ${broken.length} broken; rule set ${ruleSet.hash.slice(0, 12)}`,
    );
    return broken.length === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof RuleFilesError)) throw error;
    print(error.message);
    return 1;
  }
}

function tableOf(results: readonly VectorResult[]): string[] {
  const byRule = [...Map.groupBy(results, ({ rule }) => rule)];
  const width = Math.max(4, ...byRule.map(([rule]) => rule.length));
  const head = `${'rule'.padEnd(width)}  kept  broken  fired  silent  tiers`;
  return [
    head,
    ...byRule.map(([rule, vectors]) => {
      const broken = vectors.filter((vector) => vector.broken.length > 0).length;
      const fired = vectors.filter(({ expect }) => expect === 'fired').length;
      const tiers = TIERS.filter((tier) => vectors.some((vector) => vector.tier === tier)).join(', ');
      const counts = [
        String(vectors.length - broken).padStart(4),
        String(broken).padStart(6),
        String(fired).padStart(5),
        String(vectors.length - fired).padStart(6),
      ];
      return `${rule.padEnd(width)}  ${counts.join('  ')}  ${tiers}`;
    }),
  ];
}
