/**
 * The shapes of rule, advice, interlock and vector files: closed, so that a typing error is refused
 * and never ignored.
 *
 * Conditions are read as they are here and checked by condition-check.ts, which answers in words.
 */
import { z } from 'zod';
import { INTERLOCK_ANSWERS } from '../core/advice/interlock.ts';
import { TIERS } from '../core/decision.ts';
import { AUDIENCES, CHANNELS, type Condition } from '../core/rules/rule.ts';
import type { Report } from './condition-check.ts';
import { placeOf } from './problems.ts';
import { USES } from './source-attributes.ts';

z.config({ jitless: true }); // Node may run with code generation from strings off

const text = z.string().trim().min(1, 'must not be empty');
const id = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower case words joined by dashes');
/** Advice: `recheck-potassium`, an activity of a care-plan block `CB-stretch-1`, or the whole block `CB-stretch`. */
const adviceId = z
  .string()
  .regex(
    /^(?:CB-)?[a-z0-9]+(-[a-z0-9]+)*$/,
    'must be lower case words joined by dashes, or like CB-stretch-1',
  );
const factId = text;
const interlockId = z.string().regex(/^IL(-[a-z]+)+$/, 'must be like IL-potassium');
const condition = z.custom<Condition>((value) => value !== undefined, 'is missing');
const tier = z.enum(TIERS);
const date = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'must be a date such as 2026-05-12');

const DOMAINS = [
  'electrolyte',
  'renal',
  'diuretic',
  'fluoroquinolone',
  'medication',
  'infection',
  'vascular',
  'neuro-metabolic',
  'hydration',
  'diary',
  'lifestyle',
] as const;

/** A dose belongs to the prescriber. Source: clinical foundations 8. */
const DOSE = /\b\d+(?:[.,]\d+)?\s*(?:mg|mcg|micrograms?|g|ml|litres?|units?|tablets?|mmol\/h)\b/i;
/** Words never used towards clinicians. Source: clinical foundations 8. */
const BANNED_WORDS = /\b(?:must|diagnosis|safe|normal kidneys|caused by)\b/i;
const wording = text
  .refine((words) => !DOSE.test(words), 'must not name a dose')
  .refine((words) => !BANNED_WORDS.test(words), 'uses a word that is never used towards clinicians');

const setting = z
  .strictObject({ default: z.number(), allowed: z.tuple([z.number(), z.number()]), unit: text })
  .refine(({ default: value, allowed: [low, high] }) => low <= value && value <= high, {
    path: ['default'],
    message: 'must lie inside "allowed"',
  });

const version = z.string().regex(/^\d+\.\d+\.\d+$/, 'must be like 1.0.0');
const revision = z.strictObject({ version, date, note: text });
const use = z.string().regex(/^(?:not used|used: .+)(?:: .+)?$/, 'must be "not used" or "used: how"');

export const ruleSchema = z.strictObject({
  id,
  version,
  title: wording,
  domain: z.enum(DOMAINS),
  why: wording,
  rights: z.strictObject({
    info: text,
    audience: z.array(z.enum(AUDIENCES)).nonempty('must name somebody'),
    format: text,
    channels: z.array(z.enum(CHANNELS)).nonempty('must name at least one'),
    moment: text,
  }),
  settings: z.record(z.string(), setting).optional(),
  firesWhen: condition,
  notWhen: condition.optional(),
  clearsWhen: condition,
  tiers: z
    .array(z.strictObject({ tier, when: condition.optional() }))
    .nonempty('must not be empty')
    .superRefine((tiers, context) => {
      tiers.forEach(({ when }, index) => {
        const isLast = index === tiers.length - 1;
        if (isLast && when !== undefined)
          context.addIssue({
            code: 'custom',
            path: [index, 'when'],
            message: 'the last tier must have no "when"',
          });
        if (!isLast && when === undefined)
          context.addIssue({ code: 'custom', path: [index], message: 'only the last tier has no "when"' });
      });
    }),
  lowerTierWhen: condition.optional(),
  ownHandlingOf: z.array(text).optional(),
  summary: wording,
  advice: z.array(z.union([adviceId, z.strictObject({ advice: adviceId, when: condition })])),
  implicated: z.array(factId),
  evidence: z.array(factId),
  absorbs: z
    .array(
      z.union([
        id,
        z.strictObject({ rule: id, when: condition.optional(), unless: z.literal('critical').optional() }),
      ]),
    )
    .optional(),
  yieldsTo: tier.optional(),
  group: z
    .string()
    .regex(/^g-[a-z-]+$/, 'must be like g-electrolyte')
    .optional(),
  groupUpTo: tier.optional(),
  code: z.string().regex(/^[A-Z]{2,10}$/, 'must be a code of v3-ActCode such as OBSA'),
  source: z.strictObject({
    citations: z.array(text).nonempty('must name at least one source'),
    basis: text,
    lastReview: date,
    /** Oldest first; the last is this version. */
    revisions: z.array(revision).nonempty('must not be empty').optional(),
    developer: text,
    funding: text,
    uses: z.partialRecord(z.enum(USES), use),
  }),
});

export const adviceSchema = z
  .strictObject({
    id: adviceId,
    kind: z.enum(['ServiceRequest', 'MedicationRequest', 'CommunicationRequest', 'NutritionOrder', 'Task']),
    text: wording,
    doNotPerform: z.literal(true).optional(),
    suggests: z.array(text),
    interlocks: z.array(interlockId),
    opposes: z.array(adviceId).optional(),
    hold: z.literal(true).optional(),
    shownWhen: condition.optional(),
  })
  .refine(({ suggests }) => !suggests.includes('quinine'), {
    path: ['suggests'],
    message: 'quinine is never suggested',
  })
  .refine(({ doNotPerform, interlocks }) => doNotPerform === undefined || interlocks.length === 0, {
    path: ['interlocks'],
    message: 'an avoid line is never withheld, so it has no interlocks',
  });

const guardLine = z.strictObject({ when: condition, because: wording });
export const interlockSchema = z.strictObject({
  id: interlockId,
  title: text,
  blocks: z.array(guardLine),
  cautions: z.array(guardLine),
  needs: z.array(z.strictObject({ fact: factId, check: wording, when: condition.optional() })),
  source: text,
});

/** What a chart holds, in the shorthand that vector-chart.ts reads. */
const given = z.union([z.string(), z.boolean(), z.number(), z.array(z.string())]);

/** What a vector of a rule says and promises. */
const promises = z.object({
  says: text,
  expect: z.enum(['fired', 'clear', 'unknown']),
  tier: tier.optional(),
  pending: factId.optional(),
  shownBy: text.optional(),
  absorbedBy: id.optional(),
  /** Rules that become lines of the finding that shows this one, and rules that do not. */
  absorbs: z.array(id).optional(),
  absorbsNot: z.array(id).optional(),
  /** Would this chart close an alert of the rule that is open? */
  clears: z.boolean().optional(),
  /** Kinds that are suggested, or ids of advice. */
  suggests: z.array(text).optional(),
  suggestsNot: z.array(text).optional(),
});
export const vectorSchema = promises
  .catchall(given)
  .refine(({ expect, tier: expected }) => (expect === 'fired') === (expected !== undefined), {
    path: ['tier'],
    message: 'is told exactly when "expect" is "fired"',
  });
export const vectorsSchema = z
  .array(vectorSchema)
  .nonempty('must not be empty: a rule without vectors does not load');
export type Vector = z.infer<typeof vectorSchema>;

/** What a vector of an interlock says and promises. */
const interlockPromises = z.object({
  says: text,
  expect: z.enum(INTERLOCK_ANSWERS),
  /** All that the reader sees, word for word: why it is blocked, what to check first, what to keep in mind. */
  because: z.array(text).nonempty('must not be empty').optional(),
});
export const interlockVectorsSchema = z
  .array(
    interlockPromises
      .catchall(given)
      .refine(({ expect, because }) => (expect === 'given') === (because === undefined), {
        path: ['because'],
        message: 'is told except when "expect" is "given"',
      }),
  )
  .nonempty('must not be empty: an interlock without vectors does not load');
export type InterlockVector = z.infer<typeof interlockVectorsSchema>[number];

/** Keys of a vector that are no part of the chart. */
export const PROMISE_KEYS: ReadonlySet<string> = new Set([
  ...Object.keys(promises.shape),
  ...Object.keys(interlockPromises.shape),
]);

/** A chart in shorthand; in an edit, `undefined` takes a line out. */
export type Shorthand = Readonly<Record<string, z.infer<typeof given> | undefined>>;

/** Mutants that no vector can notice, because they say the same; each with its reason, for a reviewer. */
export const waiversSchema = z.array(
  z.strictObject({
    mutant: text,
    why: text.min(20, 'must say in a sentence why no chart can tell the difference'),
  }),
);
export type Waiver = z.infer<typeof waiversSchema>[number];

/** The value in its shape, or undefined with every problem reported. */
export function readShape<T>(schema: z.ZodType<T>, value: unknown, report: Report): T | undefined {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues.flatMap(unfolded)) report(placeOf(issue.path), reasonOf(issue));
  return undefined;
}

type Issue = z.core.$ZodIssue;

/** Of a union, the problems of the branch that came nearest, so that the reader sees one reason. */
function unfolded(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const branches = issue.errors.filter((errors) =>
    errors.some(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'),
  );
  const [nearest] = branches.sort((a, b) => a.length - b.length);
  return nearest === undefined
    ? [issue]
    : nearest.flatMap((inner) => unfolded({ ...inner, path: [...issue.path, ...inner.path] }));
}

function reasonOf(issue: Issue): string {
  if (issue.code === 'unrecognized_keys')
    return `unknown key ${issue.keys.map((key) => `"${key}"`).join(', ')}`;
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.join(', ')}`;
  if (issue.code === 'invalid_type') return issue.message.replace(/^Invalid input: /, '');
  return issue.message;
}
