/**
 * What one medication record says: which classes, taken or only ordered, from when to when.
 *
 * Source: clinical foundations 1.5; code tables, "from a product code to a drug class".
 */
import type {
  CodeableConcept,
  Dosage,
  Medication,
  MedicationAdministration,
  MedicationDispense,
  MedicationRequest,
  MedicationStatement,
  Period,
  Reference,
  Resource,
} from '@medplum/fhirtypes';
import { parseReference } from '../../vocabulary/ids.ts';
import { DAY, readInstant, readPeriodEnd, readPeriodStart } from '../../vocabulary/instant.ts';
import type { Chart } from '../chart/chart.ts';
import type { Concepts, Membership } from '../concepts/concept.ts';
import type { Note } from './fact.ts';
import type { FactSettings } from './settings.ts';

/** Where it acts: a topical product reaches no systemic class. */
export type Reach = 'systemic' | 'inhaled' | 'topical' | 'unknown';

export type MedicineStatus =
  | 'taking'
  | 'prescribed'
  | 'ended'
  | 'on-hold'
  | 'planned'
  | 'not-taking'
  | 'unknown';

export interface MedicineRecord {
  readonly source: string;
  readonly status: MedicineStatus;
  /** Class and ingredient of everything in it; empty when it is not recognised. */
  readonly memberships: readonly Membership[];
  readonly reach: Reach;
  /** Given by vein or injection, and by no other way on the record. */
  readonly injected: boolean;
  /** Times of day, `08:00:00`, when every dosage of the record states them. */
  readonly times: readonly string[];
  readonly name: string;
  readonly start?: Date;
  readonly end?: Date;
  /** The latest moment at which somebody confirmed it. */
  readonly confirmed: Date;
  readonly notes: readonly Note[];
}

interface Reader {
  readonly chart: Chart;
  readonly concepts: Concepts;
  readonly settings: FactSettings;
}

type Dated = Pick<MedicineRecord, 'status' | 'start' | 'end' | 'notes'> & {
  readonly confirmations: readonly (Date | undefined)[];
};
type Record = MedicationStatement | MedicationRequest | MedicationAdministration | MedicationDispense;

/** Every medication record of the chart that says something about exposure. */
export function readMedicines(reader: Reader): MedicineRecord[] {
  return reader.chart.resources.flatMap((resource) => {
    const dated = datesOf(resource, reader.settings.homeTimeZone);
    return dated === undefined ? [] : [recordOf(resource as Record, dated, reader)];
  });
}

function recordOf(resource: Record, dated: Dated, reader: Reader): MedicineRecord {
  const parts = substancesOf(resource, reader);
  const memberships = parts.flatMap((part) => classesOf(part, reader.concepts));
  const text = parts.map(nameOf).find((name) => name !== '') ?? '';
  const byText = memberships.length === 0 ? reader.concepts.namedInText(text) : [];
  const found = memberships.length > 0 ? memberships : byText;
  const { confirmations, ...rest } = dated;
  const confirmed = confirmations
    .filter((date) => date !== undefined)
    .sort((a, b) => b.getTime() - a.getTime())[0];
  return {
    ...rest,
    source: `${resource.resourceType}/${resource.id}`,
    memberships: found,
    ...wayOf(resource, found, text, reader.concepts),
    times: timesOf(resource),
    name: found.find((member) => member.ingredient)?.ingredient ?? text,
    confirmed: confirmed ?? new Date(0),
    notes: byText.length > 0 ? [...rest.notes, 'text-match'] : rest.notes,
  };
}

/** Status and dates by resource type; undefined when the record says nothing about exposure. */
function datesOf(resource: Resource, zone: string): Dated | undefined {
  switch (resource.resourceType) {
    case 'MedicationStatement':
      return statementDates(resource, zone);
    case 'MedicationRequest':
      return requestDates(resource, zone);
    case 'MedicationAdministration':
      return administrationDates(resource, zone);
    case 'MedicationDispense':
      return dispenseDates(resource, zone);
    default:
      return undefined;
  }
}

const STATEMENT_STATUS: ReadonlyMap<string, MedicineStatus> = new Map([
  ['active', 'taking'],
  ['intended', 'planned'],
  ['on-hold', 'on-hold'],
  ['not-taken', 'not-taking'],
  ['completed', 'ended'],
  ['stopped', 'ended'],
  ['unknown', 'unknown'],
]);

function statementDates(statement: MedicationStatement, zone: string): Dated | undefined {
  const status = STATEMENT_STATUS.get(statement.status ?? '');
  if (status === undefined) return undefined;
  const asserted = readInstant(statement.dateAsserted, zone)?.at;
  const { start, end } = periodOf(statement.effectivePeriod, zone);
  const since = start ?? readInstant(statement.effectiveDateTime, zone)?.at;
  const ended = status === 'ended' ? (end ?? asserted ?? updated(statement, zone)) : end;
  const assumed = status === 'ended' && end === undefined ? ['end-assumed'] : [];
  return dated(status, since, ended, assumed, [
    asserted,
    since,
    asserted ? undefined : updated(statement, zone),
  ]);
}

const ORDERS = new Set(['order', 'original-order', 'reflex-order', 'filler-order', 'instance-order']);

function requestDates(request: MedicationRequest, zone: string): Dated | undefined {
  if (
    request.doNotPerform === true ||
    request.status === 'entered-in-error' ||
    request.status === 'cancelled'
  )
    return undefined;
  const authored = readInstant(request.authoredOn, zone)?.at ?? updated(request, zone);
  const supply = request.dispenseRequest;
  const bounds = request.dosageInstruction
    ?.map((dosage) => dosage.timing?.repeat?.boundsPeriod)
    .find((period) => period !== undefined);
  const period = periodOf(bounds ?? supply?.validityPeriod, zone);
  const start = periodOf(bounds, zone).start ?? authored;
  const supplied = supplyEnd(start, supply?.expectedSupplyDuration, request.dosageInstruction);
  const status = requestStatus(request);
  if (status !== 'ended')
    return dated(status, start, bounds?.end ? period.end : supplied, [], [authored, start]);
  const end = period.end ?? supplied ?? updated(request, zone);
  return dated(status, start, end, period.end ? [] : ['end-assumed'], [authored, updated(request, zone)]);
}

function requestStatus(request: MedicationRequest): MedicineStatus {
  if (request.status === 'draft' || request.intent === 'proposal' || request.intent === 'option')
    return 'planned';
  if (request.status === 'on-hold') return 'on-hold';
  if (request.status === 'stopped' || request.status === 'completed') return 'ended';
  if (request.status !== 'active') return 'unknown';
  if (request.intent === 'plan')
    return request.reportedBoolean === true || request.reportedReference ? 'prescribed' : 'planned';
  return ORDERS.has(request.intent ?? '') ? 'prescribed' : 'unknown';
}

function administrationDates(administration: MedicationAdministration, zone: string): Dated | undefined {
  const given = administration.status === 'completed' || administration.status === 'in-progress';
  const { start, end } = periodOf(administration.effectivePeriod, zone);
  const at = start ?? readInstant(administration.effectiveDateTime, zone)?.at;
  return given && at !== undefined ? dated('taking', at, end, [], [end, at]) : undefined;
}

function dispenseDates(dispense: MedicationDispense, zone: string): Dated | undefined {
  const at = readInstant(dispense.whenHandedOver ?? dispense.whenPrepared, zone)?.at;
  if (dispense.status !== 'completed' || at === undefined) return undefined;
  return dated('taking', at, supplyEnd(at, dispense.daysSupply, dispense.dosageInstruction), [], [at]);
}

function dated(
  status: MedicineStatus,
  start: Date | undefined,
  end: Date | undefined,
  notes: Note[],
  confirmations: (Date | undefined)[],
): Dated {
  return { status, notes, confirmations, ...(start ? { start } : {}), ...(end ? { end } : {}) };
}

/** Days of supply, or a bounded duration, from the start. Only whole days and weeks are read. */
function supplyEnd(
  start: Date | undefined,
  duration: { value?: number; code?: string; unit?: string } | undefined,
  dosages: readonly Dosage[] | undefined,
): Date | undefined {
  const bounded =
    duration ??
    dosages?.map((dosage) => dosage.timing?.repeat?.boundsDuration).find((found) => found !== undefined);
  const unit = bounded?.code ?? bounded?.unit ?? 'd';
  const days = { d: 1, day: 1, days: 1, wk: 7, week: 7, weeks: 7 }[unit];
  if (start === undefined || bounded?.value === undefined || days === undefined) return undefined;
  return new Date(start.getTime() + bounded.value * days * DAY);
}

function periodOf(period: Period | undefined, zone: string): { start?: Date; end?: Date } {
  const start = readPeriodStart(period?.start, zone);
  const end = readPeriodEnd(period?.end, zone);
  return { ...(start ? { start } : {}), ...(end ? { end } : {}) };
}

function updated(resource: Resource, zone: string): Date | undefined {
  return readInstant(resource.meta?.lastUpdated, zone)?.at;
}

const MEDICATION_DEPTH = 3; // Medication within Medication

/** The codes to look up: the record's own, and code and ingredients of the Medication it points to. */
function substancesOf(resource: Record, { chart }: Reader): CodeableConcept[] {
  const own = resource.medicationCodeableConcept;
  const contained = resource.contained ?? [];
  return [
    ...(own ? [own] : []),
    ...medicationParts(resource.medicationReference, contained, chart, MEDICATION_DEPTH),
  ];
}

function medicationParts(
  reference: Reference | undefined,
  contained: readonly Resource[],
  chart: Chart,
  depth: number,
): CodeableConcept[] {
  if (reference === undefined || depth === 0) return [];
  const shown: CodeableConcept[] = reference.display ? [{ text: reference.display }] : [];
  const medication = medicationAt(reference.reference, contained, chart);
  if (medication === undefined) return shown;
  const ingredients = (medication.ingredient ?? []).flatMap((ingredient) => [
    ...(ingredient.itemCodeableConcept ? [ingredient.itemCodeableConcept] : []),
    ...medicationParts(
      ingredient.itemReference,
      [...contained, ...(medication.contained ?? [])],
      chart,
      depth - 1,
    ),
  ]);
  return [...(medication.code ? [medication.code] : []), ...ingredients, ...shown];
}

function medicationAt(
  text: string | undefined,
  contained: readonly Resource[],
  chart: Chart,
): Medication | undefined {
  const local = text?.startsWith('#')
    ? contained.find((resource) => resource.id === text.slice(1))
    : undefined;
  const reference = parseReference(text);
  const found =
    local ??
    (reference === undefined ? undefined : chart.byReference.get(`${reference.type}/${reference.id}`));
  return found?.resourceType === 'Medication' ? found : undefined;
}

function classesOf(code: CodeableConcept, concepts: Concepts): Membership[] {
  return (code.coding ?? []).flatMap((coding) =>
    concepts
      .memberships(coding.system, coding.code)
      .filter(
        (member) => member.refused === undefined && concepts.byId.get(member.concept)?.kind === 'medication',
      ),
  );
}

function nameOf(code: CodeableConcept): string {
  return code.text ?? code.coding?.find((coding) => coding.display)?.display ?? '';
}

const INJECTED: ReadonlySet<string> = new Set([
  'parenteral',
  'intravenous',
  'iv',
  'injection',
  'injectable',
  'infusion',
]);

/** Route words of codes, dose forms and labels. Source: clinical foundations 1.5, "Route". */
const REACH_OF_WORD: ReadonlyMap<string, Reach> = new Map([
  ...[
    'oral',
    'orally',
    'mouth',
    'po',
    'tablet',
    'tablets',
    'capsule',
    'capsules',
    'sublingual',
    'buccal',
  ].map(systemic),
  ...['rectal', 'transdermal'].map(systemic),
  ...[...INJECTED].map(systemic),
  ...['inhaled', 'inhalation', 'inhaler', 'nebuliser', 'nebulizer'].map((word): [string, Reach] => [
    word,
    'inhaled',
  ]),
  ...[
    'eye',
    'ear',
    'otic',
    'auricular',
    'ophthalmic',
    'nasal',
    'vaginal',
    'topical',
    'skin',
    'cream',
    'ointment',
    'gel',
  ].map(topical),
  ...['intradermal', 'intravesical', 'articular', 'lotion', 'shampoo'].map(topical),
]);

function systemic(word: string): [string, Reach] {
  return [word, 'systemic'];
}

function topical(word: string): [string, Reach] {
  return [word, 'topical'];
}

/** Route of the dosage, the form that the product code carries, else words; the wider reach when they disagree. */
function wayOf(
  resource: Record,
  found: readonly Membership[],
  text: string,
  concepts: Concepts,
): Pick<MedicineRecord, 'reach' | 'injected'> {
  const said = [
    ...routesOf(resource).flatMap((route) => routeWords(route, concepts)),
    ...found.flatMap(({ route }) => (route === undefined || route.startsWith('any') ? [] : [route])),
  ].flatMap(wordsOf);
  const known = (words: readonly string[]): string[] => words.filter((word) => REACH_OF_WORD.has(word));
  const words = known(said).length > 0 ? known(said) : known(wordsOf(text));
  const votes = new Set(words.map((word) => REACH_OF_WORD.get(word)));
  return {
    reach: (['systemic', 'inhaled', 'topical'] as const).find((reach) => votes.has(reach)) ?? 'unknown',
    injected: words.length > 0 && words.every((word) => INJECTED.has(word)),
  };
}

function routeWords(route: CodeableConcept, concepts: Concepts): string[] {
  const coded = (route.coding ?? [])
    .flatMap((coding) => concepts.memberships(coding.system, coding.code).map((member) => member.concept))
    .filter((concept) => concept.startsWith('route-'));
  return coded.length > 0 ? coded : [route.text ?? route.coding?.[0]?.display ?? ''];
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().split(/[^a-z]+/);
}

function timesOf(resource: Record): string[] {
  const dosages: readonly Dosage[] =
    resource.resourceType === 'MedicationAdministration'
      ? []
      : resource.resourceType === 'MedicationStatement'
        ? (resource.dosage ?? [])
        : (resource.dosageInstruction ?? []);
  const times = dosages.map((dosage) => dosage.timing?.repeat?.timeOfDay ?? []);
  return times.every((each) => each.length > 0) ? times.flat() : [];
}

function routesOf(resource: Record): CodeableConcept[] {
  const dosages: readonly (Dosage | { route?: CodeableConcept })[] =
    resource.resourceType === 'MedicationStatement'
      ? (resource.dosage ?? [])
      : resource.resourceType === 'MedicationAdministration'
        ? [resource.dosage ?? {}]
        : (resource.dosageInstruction ?? []);
  return dosages.flatMap((dosage) => (dosage.route ? [dosage.route] : []));
}
