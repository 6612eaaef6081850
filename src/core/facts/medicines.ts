/**
 * Medicine classes: taking, prescribed, recent, or why it can not be told.
 *
 * Source: clinical foundations 1.5.
 */
import { DAY } from '../../vocabulary/instant.ts';
import type { ConceptId, Membership } from '../concepts/concept.ts';
import { type Fact, type Note, unknownFact } from './fact.ts';
import type { FactSource } from './fact-source.ts';
import type { MedicineRecord } from './medicine-records.ts';

export type ClassStatus = 'taking' | 'prescribed' | 'recent' | 'on-hold' | 'planned' | 'not-taking';

/** Days after the end in which an ended medicine still counts as `recent`. Source: foundations 1.5. */
const RECENT_DAYS: readonly (readonly [pattern: string, days: number])[] = [
  ['fluoroquinolone-systemic', 90],
  ['ciprofloxacin-systemic', 90],
  ['levofloxacin-systemic', 90],
  ['moxifloxacin-systemic', 90],
  ['corticosteroid-systemic', 30],
  ['statin', 60],
  ['cyp3a4-statin', 60],
  ['trimethoprim-systemic', 7],
  ['amphotericin-b-systemic', 90],
  ['cisplatin-or-other-magnesium-wasting-antineoplastic', 90],
  ['antineoplastic', 30], // between two cycles; local convention
];
const RECENT_DAYS_OTHERWISE = 14; // foundations 1.5

/** Taken in courses: no longer believed after `staleCourseDays`. Source: foundations 1.5. */
const COURSES: ReadonlySet<ConceptId> = new Set([
  'antibacterial-systemic',
  'uti-antibacterial',
  'fluoroquinolone-systemic',
  'ciprofloxacin-systemic',
  'levofloxacin-systemic',
  'moxifloxacin-systemic',
  'macrolide-systemic',
  'trimethoprim-systemic',
  'nitrofurantoin',
  'aminoglycoside-systemic',
  'azole-antifungal-systemic',
  'corticosteroid-systemic',
]);

/** One record seen as exposure to one class. */
export interface Exposure {
  readonly record: MedicineRecord;
  readonly ingredient: string;
  readonly status: ClassStatus | 'lapsed' | 'unknown';
  readonly ended?: Date;
  readonly notes: readonly Note[];
}

/** Every record as exposure to each class it reaches. */
export function exposuresByClass(
  records: readonly MedicineRecord[],
  source: Pick<FactSource, 'settings' | 'now'>,
): Map<ConceptId, Exposure[]> {
  const byClass = new Map<ConceptId, Exposure[]>();
  for (const record of records) {
    const seen = new Set<string>();
    for (const member of record.memberships) {
      const concept = classReached(member, record);
      const ingredient = member.ingredient ?? record.name;
      if (concept === undefined || seen.has(`${concept}|${ingredient}`)) continue;
      seen.add(`${concept}|${ingredient}`);
      const exposure = exposureOf(record, concept, ingredient, source);
      const others = byClass.get(concept);
      if (others === undefined) byClass.set(concept, [exposure]);
      else others.push(exposure);
    }
  }
  return byClass;
}

/** All class facts that the records give. Fact ids are `drug.<class>`. */
export function medicineFacts(
  byClass: ReadonlyMap<ConceptId, readonly Exposure[]>,
  source: Pick<FactSource, 'settings' | 'now'>,
): Map<string, Fact> {
  return new Map([...byClass].flatMap(([concept, exposures]) => factsOfClass(concept, exposures, source)));
}

/** `drug.<class>` with its times. `concept` may be the name of several classes taken together. */
export function factsOfClass(
  concept: ConceptId,
  exposures: readonly Exposure[],
  source: Pick<FactSource, 'settings' | 'now'>,
): [string, Fact][] {
  const fact = classFact(concept, exposures, source.now);
  return [[`drug.${concept}`, fact], ...exposureTimes(concept, exposures, fact, source)];
}

/** Names of medicines that are in no concept: their classes can not be told. */
export function unrecognisedMedicines(records: readonly MedicineRecord[]): string[] {
  const names = records
    .filter((record) => record.memberships.length === 0 && record.status !== 'planned')
    .map((record) => record.name || 'unnamed');
  return [...new Set(names)].sort();
}

/** The class this member really reaches by route; topical fluoroquinolones have a class of their own. */
function classReached(member: Membership, record: MedicineRecord): ConceptId | undefined {
  const { concept, usualRoute } = member;
  const reach = record.reach === 'unknown' ? usualReach(concept, usualRoute) : record.reach;
  if (concept === 'fluoroquinolone-topical')
    return reach === 'systemic' ? 'fluoroquinolone-systemic' : concept;
  if (concept.startsWith('fluoroquinolone-'))
    return reach === 'topical' ? 'fluoroquinolone-topical' : concept;
  if (concept.endsWith('-inhaled')) return reach === 'inhaled' ? concept : undefined;
  if (concept.endsWith('-systemic')) {
    const fluoroquinolone = ['ciprofloxacin', 'levofloxacin', 'moxifloxacin'].some((name) =>
      concept.startsWith(name),
    );
    return reach === 'systemic' || (fluoroquinolone && reach === 'inhaled') ? concept : undefined;
  }
  return reach === 'topical' ? undefined : concept;
}

function usualReach(concept: ConceptId, usualRoute: string | undefined): MedicineRecord['reach'] {
  if (usualRoute === 'none') return 'unknown';
  if (concept.endsWith('-inhaled')) return usualRoute === 'systemic' ? 'systemic' : 'inhaled';
  if (concept === 'beta-agonist-systemic') return 'inhaled';
  return concept === 'fluoroquinolone-topical' ? 'topical' : 'systemic';
}

function exposureOf(
  record: MedicineRecord,
  concept: ConceptId,
  ingredient: string,
  source: Pick<FactSource, 'settings' | 'now'>,
): Exposure {
  const assumed = record.reach === 'unknown' ? ['route-assumed'] : [];
  const base = { record, ingredient, notes: [...record.notes, ...assumed] };
  const now = source.now.getTime();
  const ended = record.end !== undefined && record.end.getTime() < now ? record.end : undefined;
  switch (record.status) {
    case 'taking':
    case 'prescribed':
      if (ended !== undefined) return { ...base, ...past(ended, concept, now) };
      if (record.start !== undefined && record.start.getTime() > now) return { ...base, status: 'planned' };
      return { ...base, ...current(record, concept, source) };
    case 'ended':
      return { ...base, ...past(record.end ?? record.confirmed, concept, now) };
    case 'on-hold':
      return { ...base, status: 'on-hold', ended: record.confirmed, notes: [...base.notes, 'on-hold'] };
    case 'planned':
      return { ...base, status: 'planned' };
    case 'not-taking':
      return { ...base, status: 'not-taking' };
    case 'unknown':
      return { ...base, status: 'unknown' };
  }
}

/** Without an end date a medicine is believed for a time after somebody last confirmed it. */
function current(
  record: MedicineRecord,
  concept: ConceptId,
  { settings, now }: Pick<FactSource, 'settings' | 'now'>,
): Pick<Exposure, 'status' | 'ended'> {
  const active = record.status as 'taking' | 'prescribed';
  if (record.end !== undefined) return { status: active };
  const days = COURSES.has(concept) ? settings.staleCourseDays : settings.staleChronicDays;
  const believedUntil = record.confirmed.getTime() + days * DAY;
  return believedUntil >= now.getTime()
    ? { status: active }
    : { status: 'lapsed', ended: new Date(believedUntil) };
}

function past(end: Date, concept: ConceptId, now: number): Pick<Exposure, 'status' | 'ended'> {
  const recent = now - end.getTime() <= recentDays(concept) * DAY;
  return recent ? { status: 'recent', ended: end } : { status: 'not-taking', ended: end };
}

export function recentDays(concept: ConceptId): number {
  return RECENT_DAYS.find(([name]) => name === concept)?.[1] ?? RECENT_DAYS_OTHERWISE;
}

const RANK: readonly Exposure['status'][] = [
  'taking',
  'prescribed',
  'lapsed',
  'unknown',
  'recent',
  'on-hold',
  'planned',
  'not-taking',
];

/** One fact per class: of each ingredient its newest word, of the class its strongest ingredient. */
function classFact(concept: ConceptId, exposures: readonly Exposure[], now: Date): Fact {
  const said = newestWords(exposures);
  const [first] = said;
  if (first === undefined) return unknownFact(`drug.${concept}`, 'no-record');
  const together = said.filter(
    (exposure) => exposure.status === first.status || (isActive(first) && isActive(exposure)),
  );
  const at = first.status === 'recent' ? first.ended : (first.record.start ?? first.ended);
  const cited = {
    concept: `drug.${concept}`,
    from: [...new Set(together.map((exposure) => exposure.record.source))].sort(),
    notes: [...new Set(together.flatMap((exposure) => exposure.notes))],
    names: [...new Set(together.map((exposure) => exposure.ingredient))].sort(),
    ...(at === undefined ? {} : { at }),
  };
  if (first.status === 'unknown') return unknownFact(cited.concept, 'status', cited);
  if (first.status === 'lapsed') {
    const exposed =
      first.ended !== undefined && past(first.ended, concept, now.getTime()).status === 'recent';
    return unknownFact(
      cited.concept,
      'stale',
      exposed ? { ...cited, notes: [...cited.notes, 'end-assumed'] } : cited,
    );
  }
  return { ...cited, state: 'known', value: first.status };
}

/** The newest word on each ingredient, active ones first. */
export function newestWords(exposures: readonly Exposure[]): Exposure[] {
  return [...Map.groupBy(exposures, (exposure) => exposure.ingredient).values()]
    .map(newestWord)
    .sort((a, b) => RANK.indexOf(a.status) - RANK.indexOf(b.status));
}

export function isActive(exposure: Exposure): boolean {
  return exposure.status === 'taking' || exposure.status === 'prescribed';
}

/**
 * Of several records of one ingredient the newest counts. A statement that it is not taken beats older
 * orders; an active record keeps "taking" when another active one says so.
 */
function newestWord(exposures: readonly Exposure[]): Exposure {
  const sorted = [...exposures]
    .filter(
      (exposure) => exposure.status !== 'planned' || exposures.every((other) => other.status === 'planned'),
    )
    .sort(
      (a, b) =>
        b.record.confirmed.getTime() - a.record.confirmed.getTime() ||
        RANK.indexOf(a.status) - RANK.indexOf(b.status),
    );
  const [newest] = sorted as [Exposure, ...Exposure[]];
  if (!isActive(newest)) return latestEnd(newest, sorted);
  return (
    sorted.find((exposure) => exposure.status === 'taking' && !isContradicted(exposure, sorted)) ?? newest
  );
}

function isContradicted(exposure: Exposure, all: readonly Exposure[]): boolean {
  return all.some((other) => !isActive(other) && other.record.confirmed > exposure.record.confirmed);
}

/** An old course that ended and a supply still running: the supply counts. */
function latestEnd(newest: Exposure, all: readonly Exposure[]): Exposure {
  if (newest.status !== 'recent' && !(newest.status === 'not-taking' && newest.ended !== undefined))
    return newest;
  const running = all.find(
    (other) =>
      isActive(other) && other.record.end !== undefined && other.record.source !== newest.record.source,
  );
  return running ?? newest;
}

const JOINED_GAP = 30 * DAY; // shorter gaps are one exposure, foundations 2.9

/** A time in which the patient was exposed. */
export interface Span {
  readonly from: Date;
  readonly until: Date;
  readonly source: string;
}

/** The times of all records that say when they began, the newest first. */
export function spansOf(exposures: readonly Exposure[], now: Date): Span[] {
  return exposures
    .filter((exposure) => isActive(exposure) || ['recent', 'not-taking', 'lapsed'].includes(exposure.status))
    .flatMap((exposure) => {
      const { record, ended } = exposure;
      const until = isActive(exposure) ? now : ended;
      return record.start === undefined || until === undefined
        ? []
        : [{ from: record.start, until, source: record.source }];
    })
    .sort((a, b) => b.until.getTime() - a.until.getTime());
}

/**
 * `drug-days.<class>`: days from the first start of the newest continuous exposure to now or its end.
 * `drug-new.<class>`: did the class start within `newDrugDays`? Both unknown without a start.
 * `drug-ended-days.<class>`: days since the end of a class that is no longer active.
 */
function exposureTimes(
  concept: ConceptId,
  exposures: readonly Exposure[],
  fact: Fact,
  { now, settings }: Pick<FactSource, 'settings' | 'now'>,
): [string, Fact][] {
  const ended = endedFact(concept, exposures, fact, now);
  const spans = spansOf(exposures, now);
  const [newest] = spans;
  if (newest === undefined) return ended;
  let start = newest.from;
  const joined = spans.filter((span) => {
    if (span.until.getTime() < start.getTime() - JOINED_GAP) return false;
    if (span.from < start) start = span.from;
    return true;
  });
  const earliest = Math.min(...spans.map((span) => span.from.getTime()));
  const from = [...new Set(joined.map(({ source }) => source))].sort();
  const cited = { from, notes: ['date-only'], at: start }; // shown by its day
  const days = (newest.until.getTime() - start.getTime()) / DAY;
  const isNew = now.getTime() - earliest <= settings.newDrugDays * DAY;
  return [
    [
      `drug-days.${concept}`,
      { ...cited, concept: `drug-days.${concept}`, state: 'known', value: days, unit: 'd' },
    ],
    [`drug-new.${concept}`, { ...cited, concept: `drug-new.${concept}`, state: 'known', value: isNew }],
    ...ended,
  ];
}

/** The end counts from the newest record that ended; nothing while the class is active or may be. */
function endedFact(
  concept: ConceptId,
  exposures: readonly Exposure[],
  fact: Fact,
  now: Date,
): [string, Fact][] {
  const lapsed = fact.state === 'unknown' && fact.notes.includes('end-assumed');
  const over = fact.state === 'known' && (fact.value === 'recent' || fact.value === 'not-taking');
  const [last] = exposures
    .filter((exposure) => exposure.ended !== undefined && !isActive(exposure))
    .sort((a, b) => (b.ended as Date).getTime() - (a.ended as Date).getTime());
  if (!(lapsed || over) || last?.ended === undefined) return [];
  const id = `drug-ended-days.${concept}`;
  const value = (now.getTime() - last.ended.getTime()) / DAY;
  const cited = { from: [last.record.source], notes: fact.notes, at: last.ended, unit: 'd' };
  return [[id, { ...cited, concept: id, state: 'known', value }]];
}
