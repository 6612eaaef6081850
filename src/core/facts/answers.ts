/**
 * Answers of the symptom checklist that are choices and not yes or no, by linkId at any depth.
 *
 * Source: care-plan blocks 3.2.
 */
import type { QuestionnaireResponseItemAnswer } from '@medplum/fhirtypes';
import { readInstant } from '../../vocabulary/instant.ts';
import { itemsOf } from './assertions.ts';
import type { FactSource } from './fact-source.ts';

export interface Choice {
  readonly at: Date;
  /** `QuestionnaireResponse/id`. */
  readonly source: string;
  /** Codes or words chosen, lower case; `yes` and `no` for a truth; a date as it was given. */
  readonly chosen: readonly string[];
}

/** What was chosen on finished forms, oldest first; answers dated in the future are left out. */
export function choicesOf(linkId: string, source: FactSource): Choice[] {
  const choices = source.resources('QuestionnaireResponse').flatMap((resource): Choice[] => {
    if (resource.status !== 'completed' && resource.status !== 'amended') return [];
    const at = readInstant(resource.authored ?? resource.meta?.lastUpdated, source.settings.homeTimeZone)?.at;
    if (at === undefined || at > source.now) return [];
    return itemsOf(resource.item)
      .filter((item) => item.linkId === linkId && (item.answer ?? []).length > 0)
      .map((item) => ({
        at,
        source: `QuestionnaireResponse/${resource.id}`,
        chosen: (item.answer ?? []).map(wordOf).filter((word) => word !== ''),
      }));
  });
  return choices.sort((a, b) => a.at.getTime() - b.at.getTime() || (a.source < b.source ? -1 : 1));
}

function wordOf({
  valueBoolean,
  valueCoding,
  valueString,
  valueDateTime,
}: QuestionnaireResponseItemAnswer): string {
  if (valueBoolean !== undefined) return valueBoolean ? 'yes' : 'no';
  if (valueDateTime !== undefined) return valueDateTime;
  return (valueCoding?.code ?? valueString ?? '').trim().toLowerCase();
}
