/**
 * Allergies and intolerances to medicine classes that rules ask for.
 *
 * Why: no terminology has a code for "allergy to fluoroquinolones"; the record names a medicine, and what
 * counts is the class it belongs to and what it did to the patient.
 * Source: clinical foundations 1.6, last row; code tables 4.
 */
import type { AllergyIntolerance, CodeableConcept } from '@medplum/fhirtypes';
import { readInstant } from '../../vocabulary/instant.ts';
import type { ConceptId, Concepts } from '../concepts/concept.ts';
import type { Assertion } from './assertions.ts';
import type { FactSettings } from './settings.ts';

interface Reader {
  readonly concepts: Concepts;
  readonly settings: FactSettings;
}

/** Medicine class -> the intolerance to it. An allergy is coded by the medicine; foundations 1.6, code tables 4. */
const INTOLERANCES: readonly (readonly [RegExp, ConceptId])[] = [
  [/^fluoroquinolone-(?:systemic|topical)$/, 'fluoroquinolone-intolerance'],
  [/^statin$/, 'statin-intolerance'],
  [/^quinine-systemic$/, 'quinine-intolerance'],
];
/** Classes as people write them where no code says the medicine. */
const CLASS_WORDS: readonly (readonly [RegExp, ConceptId])[] = [
  [/\b(?:fluoro)?quinolones?\b/i, 'fluoroquinolone-intolerance'],
  [/\bstatins?\b/i, 'statin-intolerance'],
  [/\bquinine\b/i, 'quinine-intolerance'],
];

/** An allergy or intolerance, recorded like a diagnosis; what it did to the patient is kept as notes. */
export function fromAllergy(allergy: AllergyIntolerance, reader: Reader): Assertion[] {
  const verification = allergy.verificationStatus?.coding?.[0]?.code;
  if (verification === 'entered-in-error') return [];
  const zone = reader.settings.homeTimeZone;
  const onset = readInstant(allergy.onsetDateTime ?? allergy.onsetPeriod?.start, zone)?.at;
  const at =
    readInstant(allergy.recordedDate, zone)?.at ?? readInstant(allergy.meta?.lastUpdated, zone)?.at ?? onset;
  if (at === undefined) return [];
  const over = ['inactive', 'resolved'].includes(allergy.clinicalStatus?.coding?.[0]?.code ?? '');
  const says = verification === 'refuted' ? 'absent' : over ? 'past' : 'present';
  const notes = [
    ...(verification === 'unconfirmed' ? ['suspected'] : []),
    ...(isGutOnly(allergy, reader.concepts) ? ['gut-only'] : []),
  ];
  return intolerancesIn(allergy, reader.concepts).map((concept) => ({
    concept,
    says,
    by: 'condition' as const,
    at,
    source: `AllergyIntolerance/${allergy.id}`,
    notes,
    ...(onset ? { onset } : {}),
  }));
}

function intolerancesIn(allergy: AllergyIntolerance, concepts: Concepts): ConceptId[] {
  const codes = [allergy.code, ...(allergy.reaction ?? []).map(({ substance }) => substance)];
  const found = codes.flatMap((code) => {
    const coded = (code?.coding ?? []).flatMap((coding) =>
      concepts.memberships(coding.system, coding.code).filter((member) => member.refused === undefined),
    );
    if (coded.length > 0) return coded.map((member) => member.concept);
    const text = code?.text ?? code?.coding?.[0]?.display ?? '';
    const words = CLASS_WORDS.filter(([word]) => word.test(text)).map(([, concept]) => concept);
    return [...words, ...concepts.namedInText(text).map((member) => member.concept)];
  });
  const reached = found.flatMap(
    (id) =>
      INTOLERANCES.find(([medicine]) => medicine.test(id))?.[1] ?? (id.endsWith('-intolerance') ? id : []),
  );
  return [...new Set(reached)];
}

const GUT_CONCEPTS: ReadonlySet<ConceptId> = new Set(['nausea', 'vomiting', 'diarrhea']);
const GUT_WORDS =
  /^(?:nausea|vomiting|nausea and vomiting|diarrh?o?ea|dyspepsia|indigestion|heartburn|bloating|constipation|stomach upset|upset stomach|gastrointestinal (?:upset|intolerance)|gi (?:upset|intolerance)|(?:abdominal|stomach) (?:pain|cramps?|discomfort))$/i;

/** Every reaction is stated, none is severe, and all are of the gut. */
function isGutOnly({ reaction = [], criticality }: AllergyIntolerance, concepts: Concepts): boolean {
  const manifestations = reaction.flatMap((each) => each.manifestation ?? []);
  const severe = criticality === 'high' || reaction.some(({ severity }) => severity === 'severe');
  return !severe && manifestations.length > 0 && manifestations.every((one) => isOfTheGut(one, concepts));
}

function isOfTheGut(code: CodeableConcept, concepts: Concepts): boolean {
  const coded = (code.coding ?? []).flatMap((coding) => concepts.memberships(coding.system, coding.code));
  if (coded.length > 0) return coded.every((member) => GUT_CONCEPTS.has(member.concept));
  return GUT_WORDS.test((code.text ?? code.coding?.[0]?.display ?? '').trim());
}
