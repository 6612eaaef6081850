/**
 * Is the patient in hospice or comfort care?
 *
 * Why: near the end of life only what is dangerous within hours, or relieves, is shown.
 * Source: clinical foundations 7; resolutions 30 and 31.
 */

import { readPeriodEnd } from '../../vocabulary/instant.ts';
import { isEqual, unknownFact } from './fact.ts';
import type { Former } from './fact-source.ts';
import { presence } from './presence.ts';

const CONCEPT = 'comfort-care';

/** A Condition or Procedure says so, or the category of an active CarePlan. */
const endOfLife: Former = (source) => {
  const recorded = presence(CONCEPT, source.assertions(CONCEPT), source.now);
  if (isEqual(recorded, true) === 'true') return { ...recorded, concept: 'end-of-life' };
  const plan = source
    .resources('CarePlan')
    .find(
      (resource) =>
        resource.status === 'active' &&
        (readPeriodEnd(resource.period?.end, source.settings.homeTimeZone) ?? source.now) >= source.now &&
        resource.category?.some(({ coding }) =>
          coding?.some(({ system, code }) =>
            source.concepts.memberships(system, code).some(({ concept }) => concept === CONCEPT),
          ),
        ),
    );
  if (plan === undefined) return unknownFact('end-of-life', 'no-record');
  return { concept: 'end-of-life', state: 'known', value: true, from: [`CarePlan/${plan.id}`], notes: [] };
};

export const COMFORT_CARE: readonly (readonly [string, Former])[] = [['end-of-life', endOfLife]];
