/**
 * The models of all rules that run, ready to be shown: made once, when the service starts.
 */
import { join } from 'node:path';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { readCodeBook } from './code-book.ts';
import { readGateRecord, recordOf } from './gate-record.ts';
import { type RuleModel, ruleModel } from './rule-model.ts';

/** @param folder the rule folder that the rule set was read from. @returns sorted by id. */
export function readRuleModels(folder: string, ruleSet: RuleSet): RuleModel[] {
  const codes = readCodeBook(join(folder, 'concepts'));
  const gate = readGateRecord(folder);
  return ruleSet.rules.map((rule) => ruleModel(rule, { ruleSet, codes, record: recordOf(rule.file, gate) }));
}
