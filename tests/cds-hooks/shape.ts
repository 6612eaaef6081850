/**
 * The shape of what we send, written from CDS Hooks 2.0 and care-team 7; not from our types.
 */
import { expect } from '@jest/globals';
import { z } from 'zod';

const Text = z.string().min(1);
const Uuid = z.string().regex(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
const Coding = z.strictObject({ system: z.url(), code: Text, display: Text });
const Draft = z.looseObject({
  resourceType: z.literal('ServiceRequest'),
  id: z.undefined().optional(),
  status: z.literal('draft'),
  intent: z.literal('proposal'),
  code: z.strictObject({ coding: z.array(z.object({ system: z.url(), code: Text })).min(1), text: Text }),
  subject: z.strictObject({ reference: z.string().regex(/^Patient\//) }),
});
const Action = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('create'), description: Text.max(120), resource: Draft }),
  z.strictObject({
    type: z.literal('delete'),
    description: Text.max(120),
    resourceId: z.string().regex(/^MedicationRequest\/[A-Za-z0-9\-.]+$/),
  }),
]);
const Link = z.discriminatedUnion('type', [
  z.strictObject({ label: Text, url: z.url(), type: z.literal('absolute') }),
  z.strictObject({ label: Text, url: z.url(), type: z.literal('smart'), appContext: Text.optional() }),
]);
const Card = z
  .strictObject({
    uuid: Uuid,
    summary: Text.max(139),
    indicator: z.enum(['info', 'warning', 'critical']),
    source: z.strictObject({ label: Text.max(80), url: z.url(), topic: Coding }),
    detail: Text.max(1200).optional(),
    suggestions: z
      .array(z.strictObject({ label: Text.max(60), uuid: Uuid, actions: z.array(Action).min(1) }))
      .min(1)
      .max(3)
      .optional(),
    selectionBehavior: z.enum(['any', 'at-most-one']).optional(),
    overrideReasons: z.array(Coding).length(7).optional(),
    links: z.array(Link).min(1).optional(),
  })
  .refine((card) => (card.suggestions === undefined) === (card.selectionBehavior === undefined))
  .refine((card) => (card.indicator === 'info') === (card.overrideReasons === undefined));
const Response = z.strictObject({ cards: z.array(Card) });

/** Conformant, and nothing null, empty or raw in it. */
export function expectConformant(body: unknown): void {
  const read = Response.safeParse(body);
  expect(read.error?.issues ?? []).toEqual([]);
  const text = JSON.stringify((body as { cards: unknown[] }).cards.map((card) => card));
  expect(text).not.toMatch(/:(?:null|""|\[\]|\{\})/);
  for (const { detail = '' } of read.data?.cards ?? []) expect(detail).not.toMatch(/</);
}
