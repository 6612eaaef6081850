/** Every story of fhir-fixtures/stories through the core, step by step. */
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { playAndCompare } from '../../src/commands/stories.ts';
import type { FactSettings } from '../../src/core/facts/settings.ts';
import type { RuleSet } from '../../src/core/rules/rule-set.ts';
import { readRuleSet } from '../../src/rule-files/read-rule-set.ts';
import { readStories } from '../../src/stories/read-story.ts';

const ROOT = join(import.meta.dirname, '../..');
const STORIES = readStories(join(ROOT, 'fhir-fixtures/stories'));
const ruleSets = new Map<string, RuleSet>();

/** One rule set per combination of settings: reading all files for each story would take longer than playing. */
function ruleSetFor(settings: Partial<FactSettings>): RuleSet {
  const key = JSON.stringify(settings);
  const ruleSet = ruleSets.get(key) ?? readRuleSet(join(ROOT, 'rules'), { settings });
  ruleSets.set(key, ruleSet);
  return ruleSet;
}

describe('the stories', () => {
  it('are twenty-four', () => {
    expect(STORIES).toHaveLength(24);
  });

  it.each(STORIES.map((story) => [story.id, story.title, story] as const))(
    '%s: %s',
    async (_id, _title, story) => {
      const report = await playAndCompare(story, ruleSetFor);
      const differing = report.steps.filter(({ differences }) => differences.length > 0);
      expect({
        rulesThatDoNotExist: report.missingRules,
        differences: differing.map(({ at, differences }) => [at, ...differences]),
      }).toEqual({ rulesThatDoNotExist: [], differences: [] });
    },
  );
});
