/**
 * The course of a urinary infection: hours on the antibacterial, what persists after 48 h, what is over.
 *
 * Source: wider rules A.2; a start by date alone counts from the end of that day (resolution 36).
 */
import type { Resource } from '@medplum/fhirtypes';
import { DAY, daysBetween, HOUR, localDay, localTime, readInstant } from '../../vocabulary/instant.ts';
import type { ConceptId } from '../concepts/concept.ts';
import { choicesOf } from './answers.ts';
import { citing, isActive } from './counts.ts';
import { type Fact, type FactId, isEqual, type Note, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import { gone, REPORTED_DAYS, wasReported } from './gone.ts';
import { COUNTED, FEVER_WINDOW, UTI_DIAGNOSES } from './infection.ts';
import type { MedicineRecord } from './medicine-records.ts';

const IMPROVES_WITHIN = 48 * HOUR; // NICE NG109 and NG111, wider rules A.2
const SAME_COURSE_GAP = 2 * DAY; // between two doses given in hospital; local convention
const URINE_TEST_DAYS = 7; // in-uti-leg-symptoms

/** Between `earliest` and `latest`; they differ when only a date is recorded. */
interface FirstDose {
  readonly ingredient: string;
  readonly earliest: Date;
  readonly latest: Date;
  readonly at: Date;
  readonly source: string;
  readonly notes: readonly Note[];
}

/** The stronger proof first. Source: wider rules A.2. */
const PROOF = [
  'MedicationAdministration',
  'MedicationDispense',
  'MedicationStatement',
  'MedicationRequest',
] as const;

/** Hours since the first dose of the current urinary antibacterial, cut to tenths; a range for a date alone. */
export const utiAntibioticHours: Former = (source) => {
  const id = 'uti-antibiotic-hours';
  const drug = source.fact('drug.uti-antibacterial');
  if (isActive(drug) !== 'true')
    return unknownFact(id, drug.state === 'unknown' ? drug.why : 'not-applicable', {
      missing: [drug.concept],
    });
  const dose = firstDose(source);
  if (dose === undefined) return unknownFact(id, 'no-record', { from: drug.from });
  const { at, notes, ingredient } = dose;
  const cited = { concept: id, unit: 'h', from: [dose.source], notes, names: [ingredient], at };
  const [low, high] = [hoursSince(dose.latest, source.now), hoursSince(dose.earliest, source.now)];
  return low === high ? { ...cited, state: 'known', value: low } : { ...cited, state: 'bounded', low, high };
};

/** Of several antibacterials the one begun last: the clock begins again when the medicine is changed. */
function firstDose(source: FactSource): FirstDose | undefined {
  const drug = source.fact('drug.uti-antibacterial');
  if (isActive(drug) !== 'true') return undefined;
  const current = source.medicines.filter((record) => isCurrent(record, source.now));
  const doses = (drug.names ?? [])
    .map((ingredient) => startOf(ingredient, current, source))
    .filter((dose) => dose !== undefined);
  return doses.sort((a, b) => b.latest.getTime() - a.latest.getTime())[0];
}

function isCurrent({ status, start, end, memberships, reach }: MedicineRecord, now: Date): boolean {
  return (
    (status === 'taking' || status === 'prescribed') &&
    reach !== 'topical' &&
    memberships.some(({ concept }) => concept === 'uti-antibacterial') &&
    (start === undefined || start <= now) &&
    (end === undefined || end >= now)
  );
}

function startOf(
  ingredient: string,
  records: readonly MedicineRecord[],
  source: FactSource,
): FirstDose | undefined {
  const own = records.filter(({ memberships, name }) =>
    memberships.some(
      (member) => member.concept === 'uti-antibacterial' && (member.ingredient ?? name) === ingredient,
    ),
  );
  for (const proof of PROOF) {
    const doses = own
      .filter((record) => record.source.startsWith(`${proof}/`))
      .flatMap((record) => doseAt(record, ingredient, source) ?? [])
      .sort((a, b) => a.latest.getTime() - b.latest.getTime());
    const first = proof === 'MedicationAdministration' ? firstOfRun(doses) : doses[0];
    if (first !== undefined) return first;
  }
  return undefined;
}

/** The first dose of the latest run without a longer gap. */
function firstOfRun(doses: readonly FirstDose[]): FirstDose | undefined {
  return doses.findLast(
    (dose, index) =>
      index === 0 ||
      dose.latest.getTime() - (doses[index - 1] as FirstDose).latest.getTime() > SAME_COURSE_GAP,
  );
}

function doseAt(record: MedicineRecord, ingredient: string, source: FactSource): FirstDose | undefined {
  const resource = source.chart.byReference.get(record.source);
  const zone = source.settings.homeTimeZone;
  const read = readInstant(resource === undefined ? undefined : startText(resource), zone);
  if (read === undefined) return undefined;
  const assumed = resource?.resourceType === 'MedicationRequest' ? ['start-assumed'] : [];
  const dose = { ingredient, at: read.at, source: record.source };
  if (read.precision === 'time') return { ...dose, earliest: read.at, latest: read.at, notes: assumed };
  const [year, month, day] = localDay(read.at, zone);
  const [earliest, latest] = [0, 24].map((hour) => localTime(year, month, day, hour, zone)) as [Date, Date];
  return { ...dose, earliest, latest, notes: [...assumed, 'date-only'] };
}

function startText(resource: Resource): string | undefined {
  switch (resource.resourceType) {
    case 'MedicationAdministration':
    case 'MedicationStatement':
      return resource.effectivePeriod?.start ?? resource.effectiveDateTime;
    case 'MedicationDispense':
      return resource.whenHandedOver ?? resource.whenPrepared;
    case 'MedicationRequest':
      return resource.authoredOn;
    default:
      return undefined;
  }
}

function hoursSince(from: Date, now: Date): number {
  return Math.floor(((now.getTime() - from.getTime()) / HOUR) * 10) / 10;
}

/** A urinary symptom, flank pain or fever recorded 48 h or more after the first dose, and not denied since. */
export const utiSymptomAfter48h: Former = (source) => after48h('uti-symptom-after-48h', COUNTED, source);

/** The same for fever and flank pain alone. */
export const utiFeverOrFlankAfter48h: Former = (source) =>
  after48h('uti-fever-or-flank-after-48h', [], source);

function after48h(id: FactId, symptoms: readonly ConceptId[], source: FactSource): Fact {
  const dose = firstDose(source);
  if (dose === undefined) return unknownFact(id, 'needs', { missing: ['uti-antibiotic-hours'] });
  const from = dose.latest.getTime() + IMPROVES_WITHIN;
  const asked = [...symptoms, 'flank-pain', 'fever-reported'];
  const persisting = asked
    .map((concept) => source.fact(concept))
    .filter((fact) => isEqual(fact, true) === 'true' && (fact.at?.getTime() ?? 0) >= from);
  const fever = feverSince(Math.max(from, source.now.getTime() - FEVER_WINDOW), source);
  const there = fever === undefined ? persisting : [...persisting, fever];
  if (there.length > 0) return { concept: id, state: 'known', value: true, ...citing(there) };
  const over = gone(id, asked, source);
  const isOver = isEqual(over, true) === 'true' && (over.at?.getTime() ?? 0) >= from;
  return isOver
    ? { concept: id, state: 'known', value: false, from: over.from, notes: [], at: over.at as Date }
    : unknownFact(id, 'needs', { missing: asked.slice(0, 1) });
}

function feverSince(from: number, source: FactSource): Fact | undefined {
  const reading = source
    .readings('body-temperature')
    .findLast(
      ({ value, at }) => value !== undefined && value >= source.settings.feverCel && at.getTime() >= from,
    );
  if (reading === undefined) return undefined;
  const doubt = reading.status === 'preliminary' ? { raisesOnly: true as const } : {};
  const { notes, at } = reading;
  return { concept: 'fever', state: 'known', value: true, from: [reading.source], notes, at, ...doubt };
}

/** "Has it begun to get better?", answered 48 h or more after the first dose; the newest answer counts. */
export const utiBetterAfter48h: Former = (source) => {
  const id = 'uti-better-after-48h';
  const dose = firstDose(source);
  if (dose === undefined) return unknownFact(id, 'needs', { missing: ['uti-antibiotic-hours'] });
  const answer = choicesOf('ur.abx-better', source).findLast(
    ({ at, chosen }) =>
      at.getTime() >= dose.latest.getTime() + IMPROVES_WITHIN &&
      (chosen.includes('yes') || chosen.includes('no')),
  );
  if (answer === undefined) return unknownFact(id, 'no-record');
  const value = answer.chosen.includes('yes');
  return { concept: id, state: 'known', value, from: [answer.source], notes: [], at: answer.at };
};

/** Every urinary symptom that was reported is denied. */
export const utiSymptomsGone: Former = (source) => gone('uti-symptoms-gone', COUNTED, source);

/** Days since the newest recorded end of a urinary infection; unknown while one is there. */
export const utiEndedDays: Former = (source) => {
  const id = 'uti-ended-days';
  if (isEqual(source.fact('uti-likely'), true) === 'true') return unknownFact(id, 'not-applicable');
  const [newest] = UTI_DIAGNOSES.flatMap((concept) => source.assertions(concept))
    .filter(({ says }) => says === 'past')
    .map((assertion) => ({ ...assertion, end: assertion.ended ?? assertion.at }))
    .filter(({ end }) => end <= source.now)
    .sort((a, b) => b.end.getTime() - a.end.getTime());
  if (newest === undefined) return unknownFact(id, 'no-record');
  const notes = newest.ended === undefined ? ['end-assumed'] : [];
  const value = Math.floor(daysBetween(newest.end, source.now) * 10) / 10;
  return { concept: id, state: 'known', value, unit: 'd', from: [newest.source], notes, at: newest.end };
};

/** Every current urinary antibacterial is taken by mouth. */
export const utiAntibacterialOralOnly: Former = (source) => {
  const id = 'uti-antibacterial-oral-only';
  const drug = source.fact('drug.uti-antibacterial');
  if (isActive(drug) !== 'true') return unknownFact(id, 'needs', { missing: [drug.concept] });
  const routes = source.medicines
    .filter((record) => drug.from.includes(record.source))
    .map((record) => routesOf(record, source));
  const { from, notes, at } = drug;
  const cited = { concept: id, from, notes, ...(at ? { at } : {}) };
  if (routes.some((words) => words.has('parenteral'))) return { ...cited, state: 'known', value: false };
  return routes.length > 0 && routes.every((words) => words.has('oral'))
    ? { ...cited, state: 'known', value: true }
    : unknownFact(id, 'no-value', { from });
};

function routesOf(record: MedicineRecord, source: FactSource): Set<string> {
  const coded = (dosageRoutes(source.chart.byReference.get(record.source)) ?? []).flatMap((route) =>
    (route?.coding ?? []).flatMap(({ system, code }) =>
      source.concepts.memberships(system, code).map(({ concept }) => concept.replace(/^route-/, '')),
    ),
  );
  return new Set([...coded, ...record.memberships.flatMap(({ route }) => route ?? [])]);
}

function dosageRoutes(resource: Resource | undefined) {
  switch (resource?.resourceType) {
    case 'MedicationStatement':
      return resource.dosage?.map(({ route }) => route);
    case 'MedicationRequest':
    case 'MedicationDispense':
      return resource.dosageInstruction?.map(({ route }) => route);
    case 'MedicationAdministration':
      return [resource.dosage?.route];
    default:
      return undefined;
  }
}

/** A urine test within 7 days; two-valued, for the advice to ask for one. */
export const urineTestedLately: Former = (source) => {
  const tests = ['urine-culture', 'urine-nitrite', 'urine-leukocyte-esterase']
    .flatMap((concept) => source.readings(concept))
    .filter(({ at }) => daysBetween(at, source.now) <= URINE_TEST_DAYS && at <= source.now);
  const from = [...new Set(tests.map((test) => test.source))].sort();
  return { concept: 'urine-tested-7d', state: 'known', value: tests.length > 0, from, notes: [] };
};

const FEATURES: readonly (readonly [FactId, string])[] = [
  ['fever', 'fever'],
  ['chills-or-rigors', 'shaking chills'],
  ['confusion', 'confusion'],
  ['flank-pain', 'flank pain'],
  ['nausea', 'nausea'],
  ['malaise', 'feeling unwell'],
];
const FEATURE_DAYS = 7; // in-uti-systemic

/** Signs that a urinary infection is felt beyond the bladder, by name. */
export const utiSystemicFeatures: Former = (source) => {
  const id = 'uti-systemic-features';
  const there = FEATURES.map(([concept, name]) => ({ fact: source.fact(concept), name })).filter(
    ({ fact }) =>
      isEqual(fact, true) === 'true' &&
      fact.at !== undefined &&
      daysBetween(fact.at, source.now) <= FEATURE_DAYS,
  );
  if (there.length === 0) return unknownFact(id, 'no-record');
  const cited = citing(there.map(({ fact }) => fact));
  return { concept: id, state: 'known', value: true, ...cited, names: there.map(({ name }) => name) };
};

/** Each of them that was reported is denied on a later record; a fever needs a newer normal temperature. */
export const utiSystemicGone: Former = (source) => {
  const id = 'uti-systemic-gone';
  const asked = FEATURES.map(([concept]) => (concept === 'fever' ? 'fever-reported' : concept));
  const measured = source
    .readings('body-temperature')
    .some(
      ({ value, at }) =>
        value !== undefined &&
        value >= source.settings.feverCel &&
        daysBetween(at, source.now) <= REPORTED_DAYS,
    );
  const fever = source.fact('fever');
  if (isEqual(fever, true) === 'true') return { ...fever, concept: id, value: false } as Fact;
  if (!measured) return gone(id, asked, source);
  if (isEqual(fever, true) === 'unknown' || fever.raisesOnly)
    return unknownFact(id, 'needs', { missing: ['fever'] });
  const othersReported = asked.some((concept) => wasReported(concept, source));
  return othersReported ? gone(id, asked, source) : ({ ...fever, concept: id, value: true } as Fact);
};

const VOMITING_FREE_HOURS = 24; // in-uti-vomiting

/** The newest word on vomiting is "no", and nobody said yes for 24 h. */
export const vomitingStopped: Former = (source) => {
  const id = 'vomiting-stopped-24h';
  const now = source.fact('vomiting');
  if (now.state === 'unknown') return unknownFact(id, 'needs', { missing: ['vomiting'] });
  const lately = source
    .assertions('vomiting')
    .some(
      ({ says, at }) =>
        says === 'present' && source.now.getTime() - at.getTime() < VOMITING_FREE_HOURS * HOUR,
    );
  return { ...now, concept: id, value: now.state === 'known' && now.value === false && !lately } as Fact;
};

export const URINARY_COURSE: readonly (readonly [FactId, Former])[] = [
  ['uti-antibiotic-hours', utiAntibioticHours],
  ['uti-symptom-after-48h', utiSymptomAfter48h],
  ['uti-fever-or-flank-after-48h', utiFeverOrFlankAfter48h],
  ['uti-better-after-48h', utiBetterAfter48h],
  ['uti-symptoms-gone', utiSymptomsGone],
  ['uti-ended-days', utiEndedDays],
  ['uti-antibacterial-oral-only', utiAntibacterialOralOnly],
  ['urine-tested-7d', urineTestedLately],
  ['uti-systemic-features', utiSystemicFeatures],
  ['uti-systemic-gone', utiSystemicGone],
  ['vomiting-stopped-24h', vomitingStopped],
];
