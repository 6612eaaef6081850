/**
 * The security labels of an alert: those of what it rests on.
 *
 * Why: an alert that quotes a restricted result tells what is in it. Of confidentiality the most restrictive
 * code counts; every other label, such as one for a sensitive subject, is kept.
 * Source: v3-Confidentiality, in which each code is stricter than those before it.
 */
import type { Resource } from '@medplum/fhirtypes';

export interface SecurityLabel {
  readonly system?: string;
  readonly code: string;
  readonly display?: string;
}

export const CONFIDENTIALITY = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const LOOSE_TO_STRICT = ['U', 'L', 'M', 'N', 'R', 'V'];

/** All labels of these resources, each once and sorted, with one of confidentiality at most. */
export function securityLabelsOf(resources: readonly Resource[]): SecurityLabel[] {
  return strictest(resources.flatMap(({ meta }) => (meta?.security ?? []).flatMap(readLabel)));
}

/** Each label once and sorted; of confidentiality the most restrictive. */
export function strictest(labels: readonly SecurityLabel[]): SecurityLabel[] {
  const byKey = new Map(labels.map((label) => [`${label.system ?? ''}|${label.code}`, label]));
  const sorted = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, label]) => label);
  const [most] = sorted.filter(isConfidentiality).sort((a, b) => rank(b) - rank(a));
  return sorted.filter((label) => !isConfidentiality(label) || label === most);
}

/** What a push brings has not been checked. */
function readLabel({ system, code, display }: Partial<SecurityLabel>): SecurityLabel[] {
  if (typeof code !== 'string') return [];
  return [
    {
      code,
      ...(typeof system === 'string' && { system }),
      ...(typeof display === 'string' && { display }),
    },
  ];
}

/** A code that we do not know is none that could be compared. */
function isConfidentiality(label: SecurityLabel): boolean {
  return label.system === CONFIDENTIALITY && rank(label) >= 0;
}

function rank({ code }: SecurityLabel): number {
  return LOOSE_TO_STRICT.indexOf(code);
}
