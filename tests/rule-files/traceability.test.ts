/** Every statement of the articles is answered by something that exists. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { isKnownFact } from '../../src/core/facts/form-facts.ts';
import { readRuleSet } from '../../src/rule-files/read-rule-set.ts';
import { type Claims, readClaims, traceabilityPage, unknownIds } from '../../src/rule-files/traceability.ts';

const ROOT = join(import.meta.dirname, '../..');
const RULES = readRuleSet(join(ROOT, 'rules'));
const FOLDER = mkdtempSync(join(tmpdir(), 'claims-'));

function read(content?: unknown): { claims: Claims | undefined; problems: string[] } {
  const problems: string[] = [];
  const file = content === undefined ? join(ROOT, 'docs/claims.json') : join(FOLDER, 'claims.json');
  if (content !== undefined) writeFileSync(file, JSON.stringify(content));
  const claims = readClaims(file, (at, reason) => problems.push(`${at}: ${reason}`));
  return { claims, problems };
}
const unknown = (claims: Claims) => unknownIds(claims, RULES, (id) => isKnownFact(id, RULES.concepts));

describe('the statements of the articles', () => {
  const { claims, problems } = read();

  it('are 346, each once, each answered', () => {
    expect(problems).toEqual([]);
    expect(claims?.claims).toHaveLength(346);
    const bySource = Map.groupBy(claims?.claims ?? [], ({ id }) => id.slice(0, 3));
    expect([...bySource].map(([source, list]) => [source, list.length])).toEqual([
      ['000', 58],
      ['001', 42],
      ['002', 63],
      ['003', 183],
    ]);
  });

  it('name only rules, advice, interlocks and facts that exist, and every rule, or it is said to be beyond them', () => {
    expect(claims && unknown(claims)).toEqual([]);
  });
});

describe('a claims file', () => {
  const one = { id: '000-01', says: 'something', rules: ['el-hypokalaemia'] };

  it('with a rule that nothing is called by is told', () => {
    const others = RULES.rules.map(({ id }) => id).filter((id) => id !== 'el-hypokalaemia');
    const { claims } = read({
      about: '',
      claims: [{ ...one, rules: ['el-gone'], facts: ['no-fact'] }],
      beyond: [...others, 'el-lost'],
    });
    expect(claims && unknown(claims)).toEqual([
      '000-01: rules: nothing is called "el-gone"',
      '000-01: facts: nothing is called "no-fact"',
      'el-hypokalaemia answers no statement: name it at one, or in "beyond"',
      'beyond: "el-lost" is no rule, or answers a statement',
    ]);
  });

  it('with a statement twice, or one that nothing answers, is refused', () => {
    expect(read({ about: '', claims: [one, one], beyond: [] }).problems).toEqual(['000-01: is there twice']);
    expect(
      read({ about: '', claims: [{ id: '000-02', says: 'something' }], beyond: [] }).problems.join(),
    ).toMatch(/is answered by nothing/);
  });

  it('becomes a page with links to the cards of rules', () => {
    const { claims } = read({ about: 'All.', claims: [{ ...one, textOnly: 'a reason' }], beyond: [] });
    const page = claims ? traceabilityPage(claims, RULES) : '';
    expect(page).toContain(
      '| 000-01 | something | [el-hypokalaemia](rules/el-hypokalaemia.md); text only: a reason |',
    );
    expect(page).toContain('1 statements, 1 of them text only');
  });
});
