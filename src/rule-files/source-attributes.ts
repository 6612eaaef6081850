/**
 * The thirteen source attributes of evidence-based decision support, and whether a rule tells the truth about them.
 *
 * Why: a hospital must be able to see what a rule rests on and which personal attributes it uses. What a rule
 * file says it uses is compared with what its facts were seen to read.
 * Source: 45 CFR 170.315(b)(11)(iv)(A).
 */

import { FRESH_DAYS } from '../core/facts/symptoms.ts';
import type { RuleFile } from '../core/rules/rule.ts';
import type { InputsRead } from './fact-inputs.ts';

export const USES = [
  'race',
  'ethnicity',
  'language',
  'sexual-orientation',
  'gender-identity',
  'sex',
  'date-of-birth',
  'social-determinants',
  'health-status-assessments',
] as const;
export type Use = (typeof USES)[number];

const NAMES = {
  race: 'Use of race',
  ethnicity: 'Use of ethnicity',
  language: 'Use of language',
  'sexual-orientation': 'Use of sexual orientation',
  'gender-identity': 'Use of gender identity',
  sex: 'Use of sex',
  'date-of-birth': 'Use of date of birth',
  'social-determinants': 'Use of social determinants of health data',
  'health-status-assessments': 'Use of health status assessments data',
} as const satisfies Record<Use, string>;

export const NOT_PROVIDED = 'Not provided by the developer';

export interface SourceAttribute {
  /** 1 to 13, as the regulation counts them. */
  readonly number: number;
  readonly name: string;
  /** Never empty: `NOT_PROVIDED` where the rule file is silent. */
  readonly says: string;
}

/** All thirteen, in the order of the regulation. */
export function sourceAttributes({ source, version }: RuleFile): SourceAttribute[] {
  const { citations, developer, funding, lastReview, revisions = [] } = source;
  const dates = [
    ...revisions.map((revision) => `${revision.version} of ${revision.date}`),
    `last review ${lastReview}`,
  ];
  const said: readonly (readonly [string, string | undefined])[] = [
    ['Bibliographic citation', citations.join('; ')],
    ['Developer of the intervention', developer],
    ['Funding source of the technical implementation', funding],
    ['Release and revision dates', `version ${version}: ${dates.join(', ')}`],
    ...USES.map((use) => [NAMES[use], source.uses[use]] as const),
  ];
  return said.map(([name, says], index) => ({ number: index + 1, name, says: says || NOT_PROVIDED }));
}

/** Properties of a Patient that carry the attribute; the extensions of US Core count where they are read. */
const PATIENT_PROPERTIES: Partial<Record<Use, string>> = {
  sex: 'gender',
  'date-of-birth': 'birthDate',
  language: 'communication',
};

/**
 * Concepts that carry the attribute. Tobacco and alcohol are also health status; they are counted once, with
 * the circumstances of life, as the rule files do.
 */
const LIFE_CIRCUMSTANCES: readonly string[] = [
  'tobacco-smoking-status',
  'alcohol-use',
  'occupation-posture',
  'prolonged-standing-or-sitting',
];
const isHealthStatus = (concept: string): boolean =>
  !LIFE_CIRCUMSTANCES.includes(concept) &&
  (FRESH_DAYS.has(concept) || concept === 'pregnancy-status' || concept === 'breastfeeding-status');

/** What read by the rule's facts carries the attribute; empty when nothing does. */
function carriersOf(use: Use, { concepts, patient }: InputsRead): string[] {
  const property = PATIENT_PROPERTIES[use];
  if (property !== undefined) return patient.filter((read) => read === property);
  if (use === 'social-determinants')
    return concepts.filter((concept) => LIFE_CIRCUMSTANCES.includes(concept));
  return use === 'health-status-assessments' ? concepts.filter(isHealthStatus) : [];
}

/** Where the rule file says "used" and nothing reads it, or "not used" and something does, in words. */
export function wrongUses({ id, source }: RuleFile, read: InputsRead): string[] {
  return USES.flatMap((use) => {
    const says = source.uses[use];
    if (says === undefined) return [];
    const carriers = carriersOf(use, read);
    if (says.startsWith('used') === carriers.length > 0) return [];
    return [
      carriers.length > 0
        ? `${id}: says that ${use} is not used, and reads ${carriers.join(', ')}`
        : `${id}: says that ${use} is used, and no vector makes it read that`,
    ];
  });
}
