/**
 * Where and how the patient is cared for: hospice or comfort care, critical care, chemotherapy.
 *
 * Why: each is a population guard. What is of use to an adult at home disturbs at the end of life, at a bed in
 * intensive care or between two cycles of chemotherapy. Nobody records "not in intensive care", so these are
 * true or unknown. Source: clinical foundations 7; resolutions 30 and 31.
 */
import type { Coding, Encounter, Location } from '@medplum/fhirtypes';
import { daysBetween, readPeriodEnd } from '../../vocabulary/instant.ts';
import type { ConceptId } from '../concepts/concept.ts';
import { isExposed } from './counts.ts';
import { type Fact, type FactId, isEqual, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import { presence } from './presence.ts';

const COMFORT = 'comfort-care';
const CHEMOTHERAPY = 'chemotherapy';
const CHEMOTHERAPY_DAYS = 30; // a cycle lasts three to four weeks; local convention

/** A Condition or Procedure says so, the category of an active CarePlan, or the stay itself. */
const endOfLife: Former = (source) => {
  const recorded = presence(COMFORT, source.assertions(COMFORT), source.now);
  if (isEqual(recorded, true) === 'true') return { ...recorded, concept: 'end-of-life' };
  const plan = source.resources('CarePlan').find(
    (resource) =>
      resource.status === 'active' &&
      !isOver(resource.period?.end, source) &&
      means(
        COMFORT,
        resource.category?.flatMap(({ coding }) => coding ?? []),
        source,
      ),
  );
  return plan === undefined
    ? duringStay('end-of-life', COMFORT, source)
    : known('end-of-life', `CarePlan/${plan.id}`);
};

/** A stay in progress whose kind, service or present place is an intensive care unit. */
const criticalCare: Former = (source) => duringStay('critical-care', 'intensive-care', source);

/** A cytostatic medicine taken or ended within 30 days, or chemotherapy recorded within 30 days. */
const chemotherapyActive: Former = (source) => {
  const id = 'chemotherapy-active';
  const medicine = source.fact('drug.antineoplastic');
  if (isExposed(medicine) === 'true') return { ...medicine, concept: id, state: 'known', value: true };
  const said = source
    .assertions(CHEMOTHERAPY)
    .findLast(({ at, says }) => says === 'present' && daysBetween(at, source.now) <= CHEMOTHERAPY_DAYS);
  return said === undefined ? unknownFact(id, 'no-record') : known(id, said.source, said.at);
};

function duringStay(id: FactId, concept: ConceptId, source: FactSource): Fact {
  const stay = source
    .resources('Encounter')
    .find(
      (resource) =>
        resource.status === 'in-progress' &&
        !isOver(resource.period?.end, source) &&
        means(concept, codingsOf(resource, source), source),
    );
  return stay === undefined ? unknownFact(id, 'no-record') : known(id, `Encounter/${stay.id}`);
}

/** Of the stay and of the place where the patient is now. A place left is over by its status or its end. */
function codingsOf(stay: Encounter, source: FactSource): Coding[] {
  const places = (stay.location ?? [])
    .filter(({ status, period }) => (status ?? 'active') === 'active' && !isOver(period?.end, source))
    .flatMap(({ location }) => placeAt(location?.reference, stay, source) ?? []);
  const kinds = [...(stay.type ?? []), stay.serviceType, ...places.flatMap(({ type }) => type ?? [])];
  return [stay.class, ...kinds.flatMap((kind) => kind?.coding)].filter((coding) => coding !== undefined);
}

function placeAt(
  reference: string | undefined,
  stay: Encounter,
  { chart }: FactSource,
): Location | undefined {
  const place = reference?.startsWith('#')
    ? stay.contained?.find(({ id }) => id === reference.slice(1))
    : chart.byReference.get(reference ?? '');
  return place?.resourceType === 'Location' ? place : undefined;
}

function means(concept: ConceptId, codings: readonly Coding[] = [], { concepts }: FactSource): boolean {
  return codings.some(({ system, code }) =>
    concepts.memberships(system, code).some((member) => member.concept === concept && !member.refused),
  );
}

function isOver(end: string | undefined, { settings, now }: FactSource): boolean {
  return (readPeriodEnd(end, settings.homeTimeZone) ?? now) < now;
}

function known(concept: FactId, source: string, at?: Date): Fact {
  return { concept, state: 'known', value: true, from: [source], notes: [], ...(at && { at }) };
}

export const CARE_SETTING: readonly (readonly [string, Former])[] = [
  ['end-of-life', endOfLife],
  ['critical-care', criticalCare],
  ['chemotherapy-active', chemotherapyActive],
];
