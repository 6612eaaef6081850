/**
 * What the gate found about each rule: how many promised cases, how many slips they notice, what it reads.
 *
 * Why: the gate takes longer than a start of the service may, so a rule page can not run it. The figures are
 * written by `npm run rules -- --write-docs`, compared on every run of the gate, and shown only for the very
 * rule that they were found for.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { RuleFile } from '../core/rules/rule.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import type { InputNotes } from './fact-inputs.ts';
import type { MutationScore } from './judge-mutants.ts';
import { hashOf } from './read-rule-set.ts';
import type { Vector } from './rule-schema.ts';

const count = z.int().nonnegative();
const ruleRecord = z.strictObject({
  /** `hashOfRule` of the file that was judged. */
  rule: z.string(),
  vectors: z.strictObject({ fired: count, clear: count, unknown: count }),
  slips: z.strictObject({ noticed: count, waived: count, unnoticed: count }),
  reads: z.strictObject({ concepts: z.array(z.string()), patient: z.array(z.string()) }),
});
const gateRecord = z.strictObject({ about: z.string(), rules: z.record(z.string(), ruleRecord) });
export type RuleRecord = z.infer<typeof ruleRecord>;
export type GateRecord = z.infer<typeof gateRecord>;

export interface GateParts {
  readonly ruleSet: RuleSet;
  readonly vectors: ReadonlyMap<string, readonly Vector[]>;
  readonly scores: readonly MutationScore[];
  readonly inputs: InputNotes;
}

/** Where the record lies in a rule folder. */
export const GATE_RECORD = 'gate/record.json';

export function gateRecordOf({ ruleSet, vectors, scores, inputs }: GateParts): GateRecord {
  const rules = ruleSet.rules.flatMap((rule): [string, RuleRecord][] => {
    const score = scores.find((candidate) => candidate.rule === rule.id);
    if (score === undefined) return [];
    const expecting = (expect: Vector['expect']) =>
      (vectors.get(rule.id) ?? []).filter((vector) => vector.expect === expect).length;
    const { concepts, patient } = inputs.readBy(rule);
    return [
      [
        rule.id,
        {
          rule: hashOfRule(rule.file),
          vectors: { fired: expecting('fired'), clear: expecting('clear'), unknown: expecting('unknown') },
          slips: {
            noticed: score.killed,
            waived: score.waived.length,
            unnoticed: score.survived.length,
          },
          reads: { concepts: [...concepts], patient: [...patient] },
        },
      ],
    ];
  });
  const about = 'Written by `npm run rules -- --write-docs`; change the rules, not this file.';
  return { about, rules: Object.fromEntries(rules) };
}

/** One rule per line, so that a change of one rule changes one line. */
export function gateRecordText({ about, rules }: GateRecord): string {
  const lines = Object.entries(rules).map(([id, record]) => `    "${id}": ${JSON.stringify(record)}`);
  return `{\n  "about": ${JSON.stringify(about)},\n  "rules": {\n${lines.join(',\n')}\n  }\n}\n`;
}

/** The record in a rule folder; empty when the gate never wrote one. @throws when it is damaged. */
export function readGateRecord(folder: string): GateRecord {
  const path = join(folder, GATE_RECORD);
  if (!existsSync(path)) return { about: '', rules: {} };
  return gateRecord.parse(JSON.parse(readFileSync(path, 'utf8')));
}

/** What was found about this very file; undefined when the rule has changed since. */
export function recordOf(file: RuleFile, record: GateRecord): RuleRecord | undefined {
  const found = record.rules[file.id];
  return found?.rule === hashOfRule(file) ? found : undefined;
}

function hashOfRule(file: RuleFile): string {
  return hashOf([file]).slice(0, 16); // short: it tells versions of one rule apart, no more
}
