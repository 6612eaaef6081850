/**
 * Every statement of the articles this project started from, and what answers it.
 *
 * Why: so that a change can not drop a statement silently. The statements are in docs/claims.json, in our own
 * words; the page docs/traceability.md is made of them.
 */
import { z } from 'zod';
import type { RuleSet } from '../core/rules/rule-set.ts';
import type { Report } from './condition-check.ts';
import { readJson } from './read-json.ts';
import { GENERATED } from './rule-card.ts';
import { readShape } from './rule-schema.ts';

const ids = z.array(z.string().min(1)).nonempty().optional();
const claim = z
  .strictObject({
    id: z.string().regex(/^\d{3}-\d{2,3}$/, 'must be like 001-07'),
    says: z.string().min(1),
    rules: ids,
    /** Rules whose "why" carries the statement. */
    toldBy: ids,
    advice: ids,
    interlocks: ids,
    facts: ids,
    /** No datum decides it: the reason. */
    textOnly: z.string().min(1).optional(),
    /** How a statement of weak evidence is dealt with. */
    doubtful: z.string().min(1).optional(),
  })
  .refine(
    ({ rules, toldBy, advice, interlocks, facts, textOnly }) =>
      [rules, toldBy, advice, interlocks, facts, textOnly].some((answer) => answer !== undefined),
    'is answered by nothing',
  );
const claimsSchema = z.strictObject({
  about: z.string(),
  claims: z.array(claim).nonempty(),
  /** Rules that answer no statement: added on purpose, with a source of their own. */
  beyond: z.array(z.string().min(1)),
});
export type Claims = z.infer<typeof claimsSchema>;
type Claim = Claims['claims'][number];

/** The statements of `docs/claims.json`; undefined with every problem reported. */
export function readClaims(file: string, report: Report): Claims | undefined {
  const claims = readShape(claimsSchema, readJson(file, report), report);
  const numbers = claims?.claims.map(({ id }) => id) ?? [];
  for (const id of new Set(numbers.filter((one, at) => numbers.indexOf(one) !== at)))
    report(id, 'is there twice');
  return claims;
}

const KINDS = ['rules', 'toldBy', 'advice', 'interlocks', 'facts'] as const;

/** Ids in claims that nothing is called by, and rules that claims do not place, in words. */
export function unknownIds(
  { claims, beyond }: Claims,
  { byId, advice, interlocks }: RuleSet,
  isKnownFact: (id: string) => boolean,
): string[] {
  const isRule = (id: string) => byId.has(id);
  const known: Record<(typeof KINDS)[number], (id: string) => boolean> = {
    rules: isRule,
    toldBy: isRule,
    advice: (id) => isAdvice(id, [...advice.keys()]),
    interlocks: (id) => interlocks.has(id),
    facts: isKnownFact,
  };
  const unknown = claims.flatMap((one) =>
    KINDS.flatMap((kind) =>
      (one[kind] ?? [])
        .filter((id) => !known[kind](id))
        .map((id) => `${one.id}: ${kind}: nothing is called "${id}"`),
    ),
  );
  const named = rulesNamed(claims);
  const unplaced = [...byId.keys()].filter((id) => !named.has(id) && !beyond.includes(id));
  const misplaced = beyond.filter((id) => !isRule(id) || named.has(id));
  return [
    ...unknown,
    ...unplaced.map((id) => `${id} answers no statement: name it at one, or in "beyond"`),
    ...misplaced.map((id) => `beyond: "${id}" is no rule, or answers a statement`),
  ];
}

function rulesNamed(claims: Claims['claims']): ReadonlySet<string> {
  return new Set(claims.flatMap((one) => [...(one.rules ?? []), ...(one.toldBy ?? [])]));
}

/** An id, or the name of a block whose activities are numbered: `CB-stretch` of `CB-stretch-1`. */
function isAdvice(id: string, all: readonly string[]): boolean {
  return all.some(
    (advice) => advice === id || (advice.startsWith(`${id}-`) && /^\d+$/.test(advice.slice(id.length + 1))),
  );
}

/** `traceability.md`: statement by statement, and rules that answer none. */
export function traceabilityPage({ about, claims, beyond }: Claims, { byId }: RuleSet): string {
  const sources = [...Map.groupBy(claims, ({ id }) => id.slice(0, 3))];
  const textOnly = claims.filter((one) => one.textOnly !== undefined).length;
  const sections = sources.map(([source, list]) =>
    [
      `## Article ${source} (${list.length})`,
      '',
      '| claim | says | answered by |',
      '|---|---|---|',
      ...list.map((one) => `| ${one.id} | ${one.says} | ${answersOf(one, byId)} |`),
    ].join('\n'),
  );
  const head = `${claims.length} statements, ${textOnly} of them text only. ${about}`;
  const last = `## Rules beyond the articles\n\n${beyond.map((id) => linked(id, byId)).join(', ') || 'None.'}`;
  return `${['# Traceability', GENERATED.replace('the rule', 'docs/claims.json'), head, ...sections, last].join('\n\n')}\n`;
}

function answersOf(one: Claim, byId: RuleSet['byId']): string {
  const list = (what: string, found: readonly string[] | undefined) =>
    found === undefined ? [] : [`${what} ${found.map((id) => linked(id, byId)).join(', ')}`];
  const parts = [
    ...(one.rules?.map((id) => linked(id, byId)) ?? []),
    ...list('the why of', one.toldBy),
    ...list('advice', one.advice),
    ...list('fact', one.facts),
    ...list('interlock', one.interlocks),
    ...(one.textOnly === undefined ? [] : [`text only: ${one.textOnly}`]),
    ...(one.doubtful === undefined ? [] : [`doubtful: ${one.doubtful}`]),
  ];
  return parts.join('; ').replaceAll('|', '\\|');
}

function linked(id: string, byId: RuleSet['byId']): string {
  return byId.has(id) ? `[${id}](rules/${id}.md)` : id;
}
