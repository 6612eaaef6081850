/** The reader and the player of stories, each on a story of its own. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { playAndCompare, storiesCommand } from '../../src/commands/stories.ts';
import { readRuleSet } from '../../src/rule-files/read-rule-set.ts';
import { readStory, StoryError } from '../../src/stories/read-story.ts';
import { ago, potassium } from '../core/facts/given.ts';

const RULES = readRuleSet(join(import.meta.dirname, '../../rules'));
const ruleSetFor = () => RULES;
const FOLDER = mkdtempSync(join(tmpdir(), 'stories-'));
const PATIENT = { resourceType: 'Patient', id: 'p', gender: 'male', birthDate: '1971-01-01' };

interface Step {
  at: string;
  [member: string]: unknown;
}
let written = 0;

function storyFile(steps: Step[], rest: object = {}): string {
  written += 1;
  const file = join(FOLDER, `story-${written}.json`);
  const told = steps.map((step) => ({ does: 'Something happens.', ...step }));
  const story = {
    id: 'a',
    title: 'A story',
    settings: { homeTimeZone: 'UTC' },
    patient: PATIENT,
    steps: told,
  };
  writeFileSync(file, JSON.stringify({ ...story, ...rest }));
  return file;
}

const low = (value: number, id: string, day: number, version = '1') =>
  potassium(value, { id, effectiveDateTime: ago(day), meta: { versionId: version, lastUpdated: ago(day) } });
const LOW = [{ rule: 'el-hypokalaemia', severity: 'low' }];

async function differences(steps: Step[]): Promise<string[]> {
  const report = await playAndCompare(readStory(storyFile(steps)), ruleSetFor);
  return report.steps.flatMap((step) => step.differences);
}

describe('a story file', () => {
  const problem = (file: string): string => {
    try {
      readStory(file);
      return 'none';
    } catch (error) {
      if (error instanceof StoryError) return error.message;
      throw error;
    }
  };
  const step = { at: ago(1), expect: { open: [] } };

  it('with a member that nobody knows is refused with its place', () => {
    expect(problem(storyFile([{ ...step, expects: {} }]))).toMatch(
      /steps\.0: no member of a story is called expects/,
    );
    expect(problem(storyFile([{ ...step, expect: { open: [], shut: [] } }]))).toMatch(
      /steps\.0\.expect: .*shut/,
    );
  });

  it('must tell its home time zone, and no setting that does not exist', () => {
    expect(problem(storyFile([step], { settings: {} }))).toMatch(/settings\.homeTimeZone: must be set/);
    expect(problem(storyFile([step], { settings: { homeTimeZone: 'UTC', phase: 1 } }))).toMatch(/no setting/);
  });

  it('must go forward in time', () => {
    expect(problem(storyFile([step, step]))).toMatch(/steps\.1\.at: must be after the step before/);
  });

  it('with an answer for an unknown reason is refused, with the reasons there are', () => {
    const feedback = { rule: 'x', outcome: 'overridden', catalogueReason: 'tired' };
    expect(problem(storyFile([{ ...step, feedback }]))).toMatch(/must be one of: already treated/);
  });

  it('that is no JSON or not there is a sentence', () => {
    const file = join(FOLDER, 'broken.json');
    writeFileSync(file, '{');
    expect(problem(file)).toMatch(/is not JSON/);
  });

  it('has its placeholder questionnaires replaced by ours', () => {
    const response = {
      resourceType: 'QuestionnaireResponse',
      id: 'q',
      questionnaire: 'http://cramp-cds.example.org/fhir/Questionnaire/cramp-diary-questionnaire',
    };
    const [first] = readStory(storyFile([{ ...step, push: [response] }])).steps;
    expect(first?.push[0]).toHaveProperty(
      'questionnaire',
      'https://cramp-cds.org/fhir/Questionnaire/cramp-diary-questionnaire',
    );
  });
});

describe('playing a story', () => {
  it('keeps its promises on a potassium that is low and then mended', async () => {
    expect(
      await differences([
        { at: ago(3), push: [low(3.2, 'a', 3)], expect: { open: LOW, mustNotSuggest: ['quinine'] } },
        {
          at: ago(2),
          push: [low(4.0, 'b', 2)],
          expect: { open: [], closed: [{ rule: 'el-hypokalaemia', how: 'resolved' }] },
        },
      ]),
    ).toEqual([]);
  });

  it('says what is missing, what is left over and which tier differs', async () => {
    const open = [
      { rule: 'el-hypokalaemia', severity: 'critical' },
      { rule: 'el-hypocalcaemia', severity: 'low' },
    ];
    expect(await differences([{ at: ago(3), push: [low(3.2, 'a', 3)], expect: { open } }])).toEqual([
      'el-hypokalaemia is low, not critical',
      'el-hypocalcaemia is not open (low)',
    ]);
    expect(await differences([{ at: ago(3), push: [low(3.2, 'a', 3)], expect: { open: [] } }])).toEqual([
      'el-hypokalaemia is open (low), and should not be',
    ]);
  });

  it('ignores a version that arrives after a newer one', async () => {
    const first = { ...low(2.4, 'a', 3, '1'), effectiveDateTime: ago(4) };
    const second = { ...low(4.2, 'a', 2, '2'), effectiveDateTime: ago(4) };
    expect(
      await differences([
        { at: ago(2), push: [second], expect: { open: [] } },
        { at: ago(1), push: [first], expect: { open: [] } },
      ]),
    ).toEqual([]);
  });

  it('compares closings, waiting rules and suggestions', async () => {
    const expected = {
      open: LOW,
      absorbed: ['el-hypomagnesaemia'],
      closed: [{ rule: 'el-hypokalaemia', how: 'suppressed' }],
      pending: [{ rule: 'el-hypokalaemia', missing: 'potassium' }],
      mustSuggest: ['walking'],
      mustNotSuggest: ['check:egfr'],
    };
    expect(await differences([{ at: ago(3), push: [low(3.2, 'a', 3)], expect: expected }])).toEqual([
      'el-hypomagnesaemia does not fire: unknown',
      'el-hypokalaemia is not closed as suppressed; it saw raise',
      'el-hypokalaemia does not wait for potassium; it is fired, missing nothing',
      'walking is not suggested',
      'check:egfr is suggested',
    ]);
  });

  it('says so when an alert is answered that is not open', async () => {
    const feedback = { rule: 'el-hypokalaemia', outcome: 'accepted' };
    expect(await differences([{ at: ago(1), feedback, expect: { open: [] } }])).toEqual([
      'el-hypokalaemia is answered and is not open',
    ]);
  });
});

describe('the command', () => {
  it('exits 0 when all is as promised and 1 when not, and says both as JSON', async () => {
    const lines: string[] = [];
    const terminal = {
      write: (line: string) => void lines.push(line),
      paint: (_: string, text: string) => text,
      width: 100,
    };
    const good = storyFile([{ at: ago(3), push: [low(3.2, 'a', 3)], expect: { open: LOW } }]);
    expect(await storiesCommand({ path: good, json: false }, ruleSetFor, terminal)).toBe(0);
    expect(lines.at(-1)).toBe('1 of 1 stories as promised, 1 of 1 steps');
    lines.length = 0;
    const bad = storyFile([{ at: ago(3), push: [low(3.2, 'a', 3)], expect: { open: [] } }]);
    expect(await storiesCommand({ path: bad, json: true }, ruleSetFor, terminal)).toBe(1);
    const { ok, stories } = JSON.parse(lines.join('')) as { ok: boolean; stories: { steps: unknown[] }[] };
    expect(ok).toBe(false);
    expect(stories[0]?.steps[0]).toMatchObject({
      expected: [],
      actual: [{ rule: 'el-hypokalaemia', tier: 'low' }],
      differences: ['el-hypokalaemia is open (low), and should not be'],
    });
  });
});
