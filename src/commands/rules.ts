/**
 * `npm run rules`: the gate for rules. Checks every rule file, runs its vectors, and looks for slips that no
 * vector would notice.
 *
 * A rule without vectors is refused wherever rules are read; that its vectors also notice every slip is
 * checked here, because it takes longer than a start of the service may.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { INTERLOCK_ANSWERS } from '../core/advice/interlock.ts';
import { TIERS } from '../core/decision.ts';
import { isKnownFact } from '../core/facts/form-facts.ts';
import { readCodeBook } from '../rule-files/code-book.ts';
import { InputNotes } from '../rule-files/fact-inputs.ts';
import { factKnowledgeOf } from '../rule-files/fact-knowledge.ts';
import { GATE_RECORD, gateRecordOf, gateRecordText } from '../rule-files/gate-record.ts';
import { type InterlockResult, judgeInterlocks } from '../rule-files/interlock-vectors.ts';
import { judgeMutants, type MutationScore } from '../rule-files/judge-mutants.ts';
import { RuleFilesError } from '../rule-files/problems.ts';
import { readCheckedRuleSet } from '../rule-files/read-rule-set.ts';
import { type DocsParts, outdatedPages, rulePages, writePages } from '../rule-files/rule-docs.ts';
import {
  type JudgedVector,
  judgeVectors,
  resultsOf,
  VECTOR_NOON,
  type VectorResult,
} from '../rule-files/run-vectors.ts';
import { wrongUses } from '../rule-files/source-attributes.ts';
import { suggestVectors } from '../rule-files/suggest-vectors.ts';
import { readClaims, traceabilityPage, unknownIds } from '../rule-files/traceability.ts';
import { vectorChart } from '../rule-files/vector-chart.ts';

export interface RulesOptions {
  /** The rule folder, with `concepts/` in it. */
  readonly folder: string;
  readonly print: (line: string) => void;
  /** The folder of the pages generated from rules; they must be up to date. Left out: not looked at. */
  readonly docs?: string;
  /** Write those pages instead of comparing them. */
  readonly writeDocs?: boolean;
  /** Also print vectors that would notice the survivors of this rule. */
  readonly suggestFor?: string;
}

/** Exit code: 0 when every file is sound, every vector holds and no slip goes unnoticed, else 1. */
export async function checkRules(options: RulesOptions): Promise<0 | 1> {
  const { folder, print, suggestFor } = options;
  try {
    const { ruleSet, vectors, interlockVectors, waivers } = readCheckedRuleSet(folder);
    const codes = readCodeBook(join(folder, 'concepts'));
    const facts = factKnowledgeOf(codes.files);
    const judged = await judgeVectors(ruleSet, vectors, codes);
    const results = resultsOf(judged, ruleSet);
    const interlocks = judgeInterlocks(ruleSet, interlockVectors, waivers, codes, facts);
    const broken = [...results, ...interlocks.results].filter((result) => result.broken.length > 0);
    const kept = judged.filter(
      (each, index): each is JudgedVector => !('trouble' in each) && results[index]?.broken.length === 0,
    );
    const ruleScores = judgeMutants(ruleSet, kept, waivers, facts);
    const scores = [...ruleScores, ...interlocks.scores];
    for (const line of tableOf(results, ruleScores)) print(line);
    for (const line of interlockTable(interlocks.results, interlocks.scores)) print(line);
    for (const { rule, says, broken: reasons } of broken) print(`${rule}: "${says}": ${reasons.join('; ')}`);
    const unnoticed = scores.flatMap(slipsOf);
    for (const line of unnoticed) print(line);
    const asked = scores.find(({ rule }) => rule === suggestFor);
    if (asked !== undefined) {
      const parts = { ruleSet, codes, facts };
      for (const vector of suggestVectors(asked.rule, asked.survived, vectors.get(asked.rule) ?? [], parts))
        print(JSON.stringify(vector));
    }
    const killed = scores.reduce((sum, score) => sum + score.killed, 0);
    const waived = scores.reduce((sum, score) => sum + score.waived.length, 0);
    print(
      `${ruleSet.rules.length} rules, ${ruleSet.interlocks.size} interlocks, ${results.length + interlocks.results.length} vectors, ${broken.length} broken; ${killed} mutants killed, ${waived} waived, ${unnoticed.length} to look at; rule set ${ruleSet.hash.slice(0, 12)}`,
    );
    if (options.docs === undefined) return broken.length + unnoticed.length === 0 ? 0 : 1;
    const inputs = new InputNotes(ruleSet.concepts);
    for (const vector of kept.map(({ vector }) => vector))
      inputs.take(vectorChart(vector, codes, VECTOR_NOON), ruleSet, VECTOR_NOON);
    const parts = { ruleSet, codes, vectors, interlockVectors, waivers, scores, inputs };
    const problems = [
      ...ruleSet.rules.flatMap((rule) => wrongUses(rule.file, inputs.readBy(rule))),
      ...docsProblems(options, parts),
    ];
    for (const line of problems) print(line);
    return broken.length + unnoticed.length + problems.length === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof RuleFilesError)) throw error;
    print(error.message);
    return 1;
  }
}

/** What is wrong with the pages: ids that nothing is called by, and pages out of date unless they were written. */
function docsProblems({ folder, docs, writeDocs }: RulesOptions, parts: DocsParts): string[] {
  if (docs === undefined) return [];
  const record = new Map([[GATE_RECORD, gateRecordText(gateRecordOf(parts))]]);
  const problems: string[] = [];
  const pages = rulePages(parts);
  const file = join(docs, CLAIMS);
  if (existsSync(file)) {
    const claims = readClaims(file, (at, reason) => problems.push(`docs/${CLAIMS}: ${at}: ${reason}`));
    if (claims === undefined) return problems;
    const isKnown = (id: string) => isKnownFact(id, parts.ruleSet.concepts);
    problems.push(...unknownIds(claims, parts.ruleSet, isKnown).map((words) => `docs/${CLAIMS}: ${words}`));
    pages.set('traceability.md', traceabilityPage(claims, parts.ruleSet));
  }
  if (writeDocs === true) writePages(docs, pages);
  if (writeDocs === true) writePages(folder, record);
  const outdated = [
    ...outdatedPages(docs, pages).map((page) => `docs/${page}`),
    ...outdatedPages(folder, record).map((page) => `rules/${page}`),
  ];
  return [...problems, ...outdated.map((page) => `${page} is out of date; npm run rules -- --write-docs`)];
}

const CLAIMS = 'claims.json';

function slipsOf({ rule, survived, idleWaivers }: MutationScore): string[] {
  return [
    ...survived.map((slip) => `${rule}: no vector notices "${slip}"; add one, or waive it with a reason`),
    ...idleWaivers.map((slip) => `${rule}: the waiver of "${slip}" is not needed; take it out`),
  ];
}

function tableOf(results: readonly VectorResult[], scores: readonly MutationScore[]): string[] {
  const byRule = [...Map.groupBy(results, ({ rule }) => rule)];
  const width = Math.max(4, ...byRule.map(([rule]) => rule.length));
  const head = `${'rule'.padEnd(width)}  kept  broken  fired  silent  killed  waived  survived  tiers`;
  return [
    head,
    ...byRule.map(([rule, vectors]) => {
      const score = scores.find((candidate) => candidate.rule === rule);
      const broken = vectors.filter((vector) => vector.broken.length > 0).length;
      const fired = vectors.filter(({ expect }) => expect === 'fired').length;
      const tiers = TIERS.filter((tier) => vectors.some((vector) => vector.tier === tier)).join(', ');
      const counts = [
        String(vectors.length - broken).padStart(4),
        String(broken).padStart(6),
        String(fired).padStart(5),
        String(vectors.length - fired).padStart(6),
        String(score?.killed ?? 0).padStart(6),
        String(score?.waived.length ?? 0).padStart(6),
        String(score?.survived.length ?? 0).padStart(8),
      ];
      return `${rule.padEnd(width)}  ${counts.join('  ')}  ${tiers}`;
    }),
  ];
}

function interlockTable(results: readonly InterlockResult[], scores: readonly MutationScore[]): string[] {
  const width = Math.max(9, ...scores.map(({ rule }) => rule.length));
  return [
    `${'interlock'.padEnd(width)}  ${INTERLOCK_ANSWERS.join('  ')}  broken  killed  waived  survived`,
    ...scores.map(({ rule, killed, waived, survived }) => {
      const own = results.filter((result) => result.rule === rule);
      const broken = own.filter((result) => result.broken.length > 0).length;
      const counts = [
        ...INTERLOCK_ANSWERS.map(
          (answer) => [own.filter(({ expect }) => expect === answer).length, answer] as const,
        ),
        [broken, 'broken'] as const,
        [killed, 'killed'] as const,
        [waived.length, 'waived'] as const,
        [survived.length, 'survived'] as const,
      ];
      return `${rule.padEnd(width)}  ${counts.map(([count, head]) => String(count).padStart(head.length)).join('  ')}`;
    }),
  ];
}
