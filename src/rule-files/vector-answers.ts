/**
 * What a vector says beside results, symptoms and coded medicines: allergies, habits, medicines in text only.
 */
import type { AllergyIntolerance, Resource } from '@medplum/fhirtypes';
import type { ConceptFile } from '../core/concepts/concept-file.ts';
import { DAY } from '../vocabulary/instant.ts';
import { before, dated, observationOf, SUBJECT, UCUM, type Writer } from './vector-resources.ts';

const VERIFICATION = 'http://terminology.hl7.org/CodeSystem/allergyintolerance-verification';
const CLINICAL = 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical';

/** `ciprofloxacin`, `levofloxacin, Nausea, Diarrhoea`, `Quinolones, Tendon rupture, severe`, `ciprofloxacin, refuted`. */
export function allergyFor(words: string, writer: Writer): Resource[] {
  const [substance = '', ...more] = words.split(', ');
  const states = ['refuted', 'suspected', 'inactive', 'severe'];
  const manifestation = more.filter((word) => !states.includes(word)).map((text) => ({ text }));
  const verification = more.includes('refuted')
    ? 'refuted'
    : more.includes('suspected')
      ? 'unconfirmed'
      : 'confirmed';
  const clinical = more.includes('inactive') ? 'inactive' : 'active';
  const allergy: AllergyIntolerance = {
    resourceType: 'AllergyIntolerance',
    id: writer.next(),
    patient: SUBJECT,
    code: writer.codes.ingredient(substance) ?? { text: substance },
    verificationStatus: { coding: [{ system: VERIFICATION, code: verification }] },
    clinicalStatus: { coding: [{ system: CLINICAL, code: clinical }] },
    recordedDate: before(writer.now, 400 * DAY),
    ...(manifestation.length === 0
      ? {}
      : { reaction: [{ manifestation, ...(more.includes('severe') ? { severity: 'severe' } : {}) }] }),
  };
  return [allergy];
}

/** A habit: `current`, `15 units/week`, or any other text; each with `, 400 days ago`. */
export function habitFor(concept: ConceptFile, words: string, writer: Writer): Resource[] {
  const { at, rest } = dated(words, DAY, writer.now);
  const observation = observationOf(concept, at, writer);
  const [, value, unit] = /^(\d+(?:\.\d+)?) (\S.*)$/.exec(rest) ?? [];
  if (value === undefined || unit === undefined) return [{ ...observation, valueString: rest }];
  return [{ ...observation, valueQuantity: { value: Number(value), unit, system: UCUM, code: unit } }];
}

/** A medicine that is in no concept, active. */
export function textMedicineFor(text: string, writer: Writer): Resource[] {
  return [
    {
      resourceType: 'MedicationStatement',
      id: writer.next(),
      status: 'active',
      subject: SUBJECT,
      medicationCodeableConcept: { text },
      effectivePeriod: { start: before(writer.now, 10 * DAY) },
      dateAsserted: before(writer.now, DAY),
    },
  ];
}
