/**
 * A patient story: what is pushed over time, and which alerts must then be open.
 *
 * The format is described in fhir-fixtures/stories/README.md. It is closed: a member that nobody knows is
 * refused, because a promise that is silently skipped is worse than none.
 */
import type { Patient, Resource } from '@medplum/fhirtypes';
import { z } from 'zod';
import { OVERRIDE_REASONS, type OverrideReason, TIERS } from '../core/decision.ts';
import { DEFAULT_FACT_SETTINGS, type FactSettings } from '../core/facts/settings.ts';
import { isObject } from '../vocabulary/json.ts';

z.config({ jitless: true }); // Node may run with code generation from strings off

/** The words of stories for the reasons of an override. */
const REASON_WORDS: Readonly<Record<string, OverrideReason>> = {
  'already treated / in progress': 'already-treated',
  'benefit outweighs risk': 'benefit-outweighs-risk',
  'patient declined': 'patient-declined',
  'not clinically relevant': 'not-relevant',
  'data wrong': 'data-wrong',
  'specialist already involved': 'specialist-involved',
  'no reason given': 'no-reason',
};

const text = z.string().trim().min(1, 'must not be empty');
const instant = text.refine((value) => !Number.isNaN(Date.parse(value)), 'must be an ISO time');
const reference = z.string().regex(/^[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/, 'must be Type/id');
const ruleId = text;
const resource = z.custom<Resource>(
  (value) => isObject(value) && typeof value.resourceType === 'string' && typeof value.id === 'string',
  'must be a FHIR resource with an id',
);
const patient = z.custom<Patient>(
  (value) => isObject(value) && value.resourceType === 'Patient' && typeof value.id === 'string',
  'must be a Patient with an id',
);
const reason = text.transform((words, context): OverrideReason => {
  const found = REASON_WORDS[words] ?? OVERRIDE_REASONS.find((code) => code === words);
  if (found !== undefined) return found;
  context.addIssue({ code: 'custom', message: `must be one of: ${Object.keys(REASON_WORDS).join('; ')}` });
  return z.NEVER;
});

const feedback = z
  .strictObject({
    rule: ruleId,
    outcome: z.enum(['accepted', 'overridden']),
    catalogueReason: reason.optional(),
    /** As in CDS Hooks feedback; the catalogue reason decides. */
    overrideReason: z.unknown().optional(),
    acceptedSuggestions: z.unknown().optional(),
    outcomeTimestamp: instant.optional(),
  })
  .refine(({ outcome, catalogueReason }) => outcome !== 'accepted' || catalogueReason === undefined, {
    path: ['catalogueReason'],
    message: 'is told for an overridden alert only',
  });

const expectation = z.strictObject({
  open: z.array(
    z.strictObject({
      rule: ruleId,
      severity: z.enum(TIERS),
      group: text.optional(),
      members: z.array(ruleId).optional(),
    }),
  ),
  absorbed: z.array(ruleId).default([]),
  closed: z
    .array(z.strictObject({ rule: ruleId, how: z.enum(['resolved', 'entered-in-error', 'suppressed']) }))
    .default([]),
  pending: z.array(z.strictObject({ rule: ruleId, missing: text })).default([]),
  mustSuggest: z.array(text).default([]),
  mustNotSuggest: z.array(text).default([]),
  notes: z.string().optional(),
});

const step = z.strictObject({
  at: instant,
  does: text,
  push: z.array(resource).default([]),
  delete: z.array(reference).default([]),
  feedback: z.preprocess(
    (given) => (given === undefined || Array.isArray(given) ? given : [given]),
    z.array(feedback).default([]),
  ),
  expect: expectation,
});

const settings = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
  .superRefine((given, context) => {
    if (typeof given.homeTimeZone !== 'string')
      context.addIssue({ code: 'custom', path: ['homeTimeZone'], message: 'must be set' });
    for (const [name, value] of Object.entries(given)) {
      const usual = (DEFAULT_FACT_SETTINGS as Readonly<Record<string, unknown>>)[name];
      if (usual === undefined)
        context.addIssue({ code: 'custom', path: [name], message: 'is no setting of this service' });
      else if (typeof usual !== typeof value)
        context.addIssue({ code: 'custom', path: [name], message: `must be a ${typeof usual}` });
    }
  })
  .transform((given) => given as Partial<FactSettings> & { readonly homeTimeZone: string });

export const storySchema = z
  .strictObject({
    id: text,
    title: text,
    asOf: instant.optional(),
    settings,
    patient,
    steps: z.array(step).nonempty('must not be empty'),
  })
  .superRefine(({ steps }, context) => {
    steps.forEach(({ at }, index) => {
      const before = steps[index - 1]?.at;
      if (before !== undefined && Date.parse(at) <= Date.parse(before))
        context.addIssue({
          code: 'custom',
          path: ['steps', index, 'at'],
          message: 'must be after the step before',
        });
    });
  });

export type Story = z.infer<typeof storySchema>;
export type StoryStep = z.infer<typeof step>;
export type StoryFeedback = z.infer<typeof feedback>;
export type Expectation = z.infer<typeof expectation>;
