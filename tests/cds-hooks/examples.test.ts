import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ehr } from './hooks.ts';
import { expectConformant } from './shape.ts';

const FOLDER = new URL('./examples/', import.meta.url);
const HOOKS = ['patient-view', 'order-select', 'order-sign', 'encounter-discharge'];

let ehr: Ehr;
beforeAll(async () => {
  ehr = await Ehr.open();
});
afterAll(() => ehr[Symbol.asyncDispose]());

/** Cards, no cards, or a refusal that says why; never our fault. */
async function expectAnswer(hook: string, body: object): Promise<number> {
  const { status, text } = await ehr.post(`cramp-risk-${hook}`, body);
  expect([200, 400, 412]).toContain(status);
  const answer = JSON.parse(text) as { issue?: { details: { text: string } }[] };
  if (status === 200) expectConformant(answer);
  else expect(answer.issue?.[0]?.details.text).toMatch(/\w+ \w+/);
  return status;
}

describe.each(readdirSync(FOLDER).filter((name) => name.endsWith('.json')))('the request %s', (name) => {
  const sent = JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as Record<string, unknown>;

  it('gets a right answer as it is, from every service', async () => {
    for (const hook of HOOKS) {
      const status = await expectAnswer(hook, sent);
      if (sent.hook !== hook) expect(status).toBe(400);
    }
  });

  it('gets a right answer when it is completed for each hook', async () => {
    for (const hook of HOOKS) await expectAnswer(hook, { hookInstance: 'example', ...sent, hook });
  });

  it('gets a right answer when its prefetch comes under the keys that we ask for', async () => {
    const { Patient, Observation, Condition, MedicationRequest, MedicationStatement, Procedure, ...rest } =
      (sent.prefetch ?? {}) as Record<string, unknown>;
    const ours = { patient: Patient, labs: Observation, conditions: Condition, meds: MedicationRequest };
    const prefetch = {
      ...rest,
      ...ours,
      statements: MedicationStatement,
      procedures: Procedure,
      allergies: null,
    };
    for (const hook of HOOKS) await expectAnswer(hook, { hookInstance: 'example', ...sent, hook, prefetch });
  });
});
