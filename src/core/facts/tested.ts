/**
 * What was measured and when; what was not; what is on its way.
 *
 * Why two-valued: rules about a missing check ask about the record, not about the patient. Nothing on
 * record is a "yes" here and only here, and only where all of the record could be seen.
 * Source: clinical foundations 1.9.3 and 2.9; resolutions 26 and 28.
 */
import type { Observation, ServiceRequest } from '@medplum/fhirtypes';
import { daysBetween, readInstant } from '../../vocabulary/instant.ts';
import { oncePer } from '../../vocabulary/remembered.ts';
import type { ConceptId } from '../concepts/concept.ts';
import { type Fact, type FactId, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import { conceptsOf, type Reading } from './reading.ts';

const IN_PROGRESS_DAYS = 14; // foundations 2.9 and setting dataGapSilentDaysAfterOrder

/** An analyte and the results that answer for it; any one is enough. */
const ANALYTES = {
  potassium: ['potassium-serum', 'potassium-blood'],
  sodium: ['sodium-serum', 'sodium-blood'],
  magnesium: ['magnesium-serum'],
  calcium: ['calcium-total-serum', 'calcium-corrected-serum', 'calcium-ionized'],
  creatinine: ['creatinine-serum'],
  kidney: ['creatinine-serum', 'egfr-reported', 'egfr-cystatin'],
} as const satisfies Record<string, readonly ConceptId[]>;
type Analyte = keyof typeof ANALYTES;

const NAMES: ReadonlyMap<Analyte, string> = new Map([['kidney', 'kidney test']]);

/** Days since the last countable result; unknown when there is none, which is not the same as "not tested". */
function lastTested(id: FactId, analytes: readonly Analyte[]): Former {
  return (source) => {
    const latest = analytes
      .flatMap((analyte) => countable(analyte, source))
      .sort((a, b) => b.at.getTime() - a.at.getTime())[0];
    if (latest === undefined) return unknownFact(id, 'no-record');
    const value = Math.floor(daysBetween(latest.at, source.now));
    return { concept: id, state: 'known', value, unit: 'd', at: latest.at, from: [latest.source], notes: [] };
  };
}

/**
 * Is one of these without a countable result in so many days? Unknown only where results could not be seen.
 *
 * A preliminary or registered result or an order of the last 14 days is on its way: not missing, noted
 * `in-progress`. Names are those that are missing.
 */
function notTested(id: FactId, analytes: readonly Analyte[], days: number): Former {
  return (source) => {
    const open = analytes.filter((analyte) => !isTested(analyte, days, source));
    if (open.length > 0 && source.chart.unseen.has('Observation')) return unknownFact(id, 'no-record');
    const onItsWay = open.filter((analyte) => inProgress(analyte, source).length > 0);
    const missing = open.filter((analyte) => !onItsWay.includes(analyte));
    const results = analytes.flatMap((analyte) => countable(analyte, source).at(-1) ?? []);
    const orders = onItsWay.flatMap((analyte) => inProgress(analyte, source));
    return {
      concept: id,
      state: 'known',
      value: missing.length > 0,
      from: [...new Set([...results.map((reading) => reading.source), ...orders])].sort(),
      notes: onItsWay.length > 0 ? ['in-progress'] : [],
      names: missing.map((analyte) => NAMES.get(analyte) ?? analyte),
    };
  };
}

/** Final or corrected, with a value that can be used: a refused, unreadable or implausible one is no record. */
function countable(analyte: Analyte, source: FactSource): readonly Reading[] {
  return allCountable(source).get(analyte) ?? [];
}

const allCountable = oncePer(
  (source: FactSource) =>
    new Map(Object.entries(ANALYTES).map(([analyte, concepts]) => [analyte, countableOf(concepts, source)])),
);

function countableOf(concepts: readonly ConceptId[], source: FactSource): Reading[] {
  return concepts
    .flatMap((concept) => source.readings(concept))
    .filter(
      ({ value, problem, status }) =>
        value !== undefined && problem === undefined && status !== 'preliminary',
    )
    .sort((a, b) => a.at.getTime() - b.at.getTime());
}

function isTested(analyte: Analyte, days: number, source: FactSource): boolean {
  return countable(analyte, source).some(({ at }) => daysBetween(at, source.now) <= days);
}

/** Panels of which each order asks for the analyte. */
const IN_PANEL: Readonly<Record<Analyte, readonly ConceptId[]>> = {
  potassium: ['electrolyte-panel', 'kidney-check-panel'],
  sodium: ['electrolyte-panel', 'kidney-check-panel'],
  magnesium: [],
  calcium: [],
  creatinine: ['kidney-check-panel'],
  kidney: ['kidney-check-panel'],
};

/** Results that are not final yet and orders, of the last 14 days: `Type/id`. */
function inProgress(analyte: Analyte, source: FactSource): string[] {
  const results = new Set(ANALYTES[analyte].flatMap((concept) => source.observations(concept)));
  const waited = [...results].filter((result) => isUnfinished(result) && isRecent(result, source));
  return [
    ...waited.map(({ id }) => `Observation/${id}`),
    ...ordersFor([...ANALYTES[analyte], ...IN_PANEL[analyte]], source),
  ];
}

/** Orders of the last 14 days for any of these: `ServiceRequest/id`. */
function ordersFor(wanted: readonly ConceptId[], source: FactSource): string[] {
  return source
    .resources('ServiceRequest')
    .filter((order) => isOrdered(order) && isRecent(order, source))
    .filter(({ code }) => conceptsOf(code, source.concepts).some(({ id }) => wanted.includes(id)))
    .map(({ id }) => `ServiceRequest/${id}`);
}

function isUnfinished({ status }: Observation): boolean {
  return status === 'registered' || status === 'preliminary';
}

/** Our own proposals are no orders. */
const ORDERING = new Set(['order', 'original-order', 'reflex-order', 'filler-order', 'instance-order']);

function isOrdered({ status, intent, doNotPerform }: ServiceRequest): boolean {
  return status === 'active' && ORDERING.has(intent ?? '') && doNotPerform !== true;
}

function isRecent(resource: Observation | ServiceRequest, { settings, now }: FactSource): boolean {
  const written =
    resource.resourceType === 'ServiceRequest'
      ? resource.authoredOn
      : (resource.effectiveDateTime ?? resource.effectivePeriod?.start ?? resource.issued);
  const at = readInstant(written ?? resource.meta?.lastUpdated, settings.homeTimeZone)?.at;
  return at !== undefined && at <= now && daysBetween(at, now) <= IN_PROGRESS_DAYS;
}

/** Was a panel ordered in the last 14 days? Always true or false. */
function panelOrdered(id: FactId, panels: readonly ConceptId[]): Former {
  return (source): Fact => {
    const from = ordersFor(panels, source);
    return { concept: id, state: 'known', value: from.length > 0, from, notes: [] };
  };
}

function row(id: FactId, former: (id: FactId) => Former): readonly [FactId, Former] {
  return [id, former(id)];
}

const CRAMP_SALTS = ['potassium', 'magnesium', 'calcium'] as const; // rule el-electrolytes-gap
const DIURETIC_CHECKS = ['potassium', 'sodium', 'creatinine'] as const; // rule di-electrolytes-gap
const SALTS = ['potassium', 'sodium'] as const; // rule di-dual

// Days: 90 in el-electrolytes-gap and rn-kidney-check-gap; 365, 90 and 30 in di-electrolytes-gap; 30 in di-dual.
export const TESTED: readonly (readonly [FactId, Former])[] = [
  ...(Object.keys(ANALYTES) as Analyte[]).map((analyte) =>
    row(`last-tested.${analyte}`, (id) => lastTested(id, [analyte])),
  ),
  row('last-tested.diuretic-checks', (id) => lastTested(id, DIURETIC_CHECKS)),
  row('not-tested-90d.cramp-salts', (id) => notTested(id, CRAMP_SALTS, 90)),
  row('not-tested-30d.salts', (id) => notTested(id, SALTS, 30)),
  row('not-tested-30d.diuretic-checks', (id) => notTested(id, DIURETIC_CHECKS, 30)),
  row('not-tested-90d.diuretic-checks', (id) => notTested(id, DIURETIC_CHECKS, 90)),
  row('not-tested-365d.diuretic-checks', (id) => notTested(id, DIURETIC_CHECKS, 365)),
  row('not-tested-90d.kidney', (id) => notTested(id, ['kidney'], 90)),
  row('not-tested-365d.kidney', (id) => notTested(id, ['kidney'], 365)),
  row('ordered-14d.electrolyte-panel', (id) => panelOrdered(id, ['electrolyte-panel'])),
  row('ordered-14d.kidney-check-panel', (id) => panelOrdered(id, ['kidney-check-panel'])),
];
