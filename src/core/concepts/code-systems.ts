/**
 * Code systems by short name, and the spellings under which they arrive.
 *
 * Why: the same system comes as http, https, with a trailing slash, or as the OID of a CDA or HL7 v2
 * source. Codes are compared only after both sides were brought to one spelling.
 * Source of URIs and OIDs: HL7 terminology, code system registry (terminology.hl7.org).
 */
export const CODE_SYSTEMS = {
  loinc: { uri: 'http://loinc.org', oid: '2.16.840.1.113883.6.1' },
  snomed: { uri: 'http://snomed.info/sct', oid: '2.16.840.1.113883.6.96' },
  rxnorm: { uri: 'http://www.nlm.nih.gov/research/umls/rxnorm', oid: '2.16.840.1.113883.6.88' },
  atc: { uri: 'http://www.whocc.no/atc', oid: '2.16.840.1.113883.6.73' },
  icd10cm: { uri: 'http://hl7.org/fhir/sid/icd-10-cm', oid: '2.16.840.1.113883.6.90' },
  'act-route': {
    uri: 'http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration',
    oid: '2.16.840.1.113883.5.112',
  },
  /** Kinds of places, of Location.type. */
  'role-code': {
    uri: 'http://terminology.hl7.org/CodeSystem/v3-RoleCode',
    oid: '2.16.840.1.113883.5.111',
  },
  edqm: { uri: 'http://standardterms.edqm.eu', oid: '0.4.0.127.0.16.1.1.2.1' },
  'v2-0490': { uri: 'http://terminology.hl7.org/CodeSystem/v2-0490', oid: undefined },
  'v2-0493': { uri: 'http://terminology.hl7.org/CodeSystem/v2-0493', oid: undefined },
  /** Ideas without a standard code, such as questionnaire items. Never sent as if it were a standard. */
  local: { uri: 'urn:cramp-cds:concept', oid: undefined },
} as const satisfies Record<string, { uri: string; oid: string | undefined }>;

export type CodeSystem = keyof typeof CODE_SYSTEMS;

const BY_SPELLING = new Map<string, CodeSystem>(
  Object.entries(CODE_SYSTEMS).flatMap(([name, { uri, oid }]) =>
    [uri, spelling(uri), oid ?? uri].map((text) => [text, name as CodeSystem] as const),
  ),
);

/** Systems whose codes form a tree by their letters, and are written with or without a dot. */
const HIERARCHICAL: ReadonlySet<CodeSystem> = new Set(['icd10cm', 'atc']);

/** @returns undefined for a system that no concept uses. */
export function codeSystemOf(uri: string | undefined): CodeSystem | undefined {
  if (uri === undefined) return undefined;
  return BY_SPELLING.get(uri) ?? BY_SPELLING.get(spelling(uri));
}

export function isHierarchical(system: CodeSystem): boolean {
  return HIERARCHICAL.has(system);
}

/** The code in the one spelling that is compared: dots out and capitals for ICD-10-CM and ATC. */
export function plainCode(system: CodeSystem, code: string): string {
  const trimmed = code.trim();
  return isHierarchical(system) ? trimmed.replaceAll('.', '').toUpperCase() : trimmed;
}

function spelling(uri: string): string {
  return uri
    .trim()
    .toLowerCase()
    .replace(/^https?:\/\/(www\.)?/, '')
    .replace(/^urn:oid:/, '')
    .replace(/\/+$/, '');
}
