/**
 * Facts about nerves and muscles: sudden deficits, cord and cauda equina, neuropathy, muscle enzymes over
 * time, restless legs.
 *
 * Source: wider rules A.6, D and J (onset and side are read where they are recorded, else unknown).
 */
import type { Resource } from '@medplum/fhirtypes';
import { daysBetween, HOUR, readInstant } from '../../vocabulary/instant.ts';
import type { ConceptId } from '../concepts/concept.ts';
import type { Assertion } from './assertions.ts';
import { anyPart, exposed, under } from './counts.ts';
import { type Fact, isEqual, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import { FOOT } from './foot.ts';
import type { Reading } from './reading.ts';
import { THYROID } from './thyroid.ts';
import { isOver, isPlainNumber, newestNumber, reportedWithin, wordsAbout } from './windows.ts';

const DEFICITS = ['facial-or-speech-deficit', 'sudden-weakness', 'walking-difficulty', 'numbness'] as const;
const LONGSTANDING_DAYS = 30; // nm-sudden-deficit, Not when
const SADDLE_DAYS = 14; // nm-cauda-equina
const OVER_DAYS = 90; // how far back a "yes" is looked for that a later "no" ends; local convention

/** Days since walking became difficult or numbness began, the newer of those reported now. */
const deficitOnsetDays: Former = (source) => {
  const id = 'deficit-onset-days';
  const onsets = ['walking-difficulty', 'numbness']
    .filter((concept) => isEqual(source.fact(concept), true) === 'true')
    .map((concept) => onsetOf(concept, source))
    .filter((onset) => onset !== undefined);
  return sinceNewest(id, onsets, 24 * HOUR, 'd', source);
};

/** Hours since a sudden weakness began. */
const suddenWeaknessHours: Former = (source) => {
  const onset = onsetOf('sudden-weakness', source);
  return sinceNewest('sudden-weakness-hours', onset === undefined ? [] : [onset], HOUR, 'h', source);
};

/** Is the sudden weakness of one side only? Unknown without a recorded side. */
const suddenWeaknessOneSided: Former = (source) => {
  const id = 'sudden-weakness-one-sided';
  const word = newestYes('sudden-weakness', source);
  const sides = word === undefined ? new Set<string>() : sidesOf(word, source);
  if (word === undefined || sides.size === 0) return unknownFact(id, 'no-record');
  const value = sides.size === 1 && !sides.has('both');
  return { concept: id, state: 'known', value, from: [word.source], notes: [], at: word.at };
};

/**
 * Every deficit reported now was reported more than 30 days ago too, without a "no" since and without a
 * newer onset: an old stroke, not a new one.
 */
const deficitLongstanding: Former = (source) => {
  const id = 'deficit-longstanding';
  const now = DEFICITS.filter((concept) => isEqual(source.fact(concept), true) === 'true');
  const first = now.map((concept) => unchangedSince(concept, source));
  if (now.length === 0 || first.includes(undefined)) return unknownFact(id, 'no-record');
  const since = first as Assertion[];
  const from = [...new Set(since.map((word) => word.source))].sort();
  return { concept: id, state: 'known', value: true, from, notes: [] };
};

function unchangedSince(concept: ConceptId, source: FactSource): Assertion | undefined {
  const words = wordsAbout(source, concept);
  const lastNo = words.findLastIndex(({ says }) => says !== 'present');
  const run = words.slice(lastNo + 1);
  const began = onsetOf(concept, source);
  if (began !== undefined && daysBetween(began.at, source.now) <= LONGSTANDING_DAYS) return undefined;
  return run.find(
    ({ at, onset }) =>
      daysBetween(onset !== undefined && onset < at ? onset : at, source.now) > LONGSTANDING_DAYS,
  );
}

/** The weakness of both legs follows a "no", one side, or is joined by new trouble walking. nm-cauda-equina. */
const legWeaknessProgressing: Former = (source) => {
  const id = 'leg-weakness-progressing';
  const words = wordsAbout(source, 'muscle-weakness').filter(
    ({ at }) => daysBetween(at, source.now) <= 28, // cramp pattern window, foundations 1.7
  );
  const newest = words.at(-1);
  if (newest === undefined) return unknownFact(id, 'no-record', { missing: ['muscle-weakness'] });
  const cited = { concept: id, from: [newest.source], notes: [], at: newest.at };
  if (newest.says !== 'present') return { ...cited, state: 'known', value: false };
  const sides = sidesOf(newest, source);
  if (!(sides.has('both') || sides.size > 1)) return unknownFact(id, 'no-record', cited);
  const less = words.slice(0, -1).some((word) => {
    const before = sidesOf(word, source);
    return word.says !== 'present' || (before.size === 1 && !before.has('both'));
  });
  const walking = source.fact('walking-difficulty');
  const value =
    less || (isEqual(walking, true) === 'true' && (walking.at?.getTime() ?? 0) > newest.at.getTime());
  return value ? { ...cited, state: 'known', value } : unknownFact(id, 'no-record', cited);
};

/** Peripheral neuropathy recorded, of diabetes or of another cause. */
const neuropathyRecorded: Former = (source) => ({
  ...source.fact('peripheral-neuropathy'),
  concept: 'neuropathy-recorded',
});

/** A neuropathy that is not recorded as diabetic. A code for the diabetic one is a code for both. */
const neuropathyOther: Former = (source) => {
  const whole = source.fact('peripheral-neuropathy');
  const diabetic = new Set(source.fact('diabetic-neuropathy').from);
  if (isEqual(whole, true) !== 'true') return { ...whole, concept: 'neuropathy-other' };
  const others = whole.from.filter((reference) => !diabetic.has(reference));
  if (others.length === 0) return unknownFact('neuropathy-other', 'no-record');
  return { ...whole, concept: 'neuropathy-other', from: others };
};

/** A low potassium, magnesium or calcium explains twitching and weakness. Source: nm-neuro-context, Not when. */
const electrolyteLow: Former = (source) =>
  anyPart(
    'electrolyte-low',
    [under('potassium', 3.5), under('magnesium-serum', 0.7), under('calcium-best', 2.1)], // mmol/L
    source,
  );

const CK_PURSUED = { from: 1.5, below: 4 }; // times the upper limit, nm-myopathy c
const CK_APART_DAYS = 14; // nm-myopathy c
const CK_WINDOW_DAYS = 365; // nm-myopathy c
const CK_ULN = { male: 320, female: 200 }; // U/L without a reported range, or unknown sex: the lower; foundations 2.9

/**
 * Two CK results at least 14 days apart, the newest one of them, each 1.5 to below 4 times the upper limit.
 * Unknown until there are two such results to compare.
 */
const ckRaisedTwice: Former = (source) => {
  const id = 'ck-raised-twice';
  const results = source
    .readings('ck-serum')
    .filter(isPlainNumber)
    .filter(({ at, status }) => status !== 'preliminary' && daysBetween(at, source.now) <= CK_WINDOW_DAYS);
  const latest = results.at(-1);
  if (latest === undefined) return unknownFact(id, 'no-record', { missing: ['ck-serum'] });
  const earlier = results.filter(({ at }) => daysBetween(at, latest.at) >= CK_APART_DAYS);
  if (earlier.length === 0) return unknownFact(id, 'needs', { missing: ['ck-serum'], from: [latest.source] });
  const general = isEqual(source.fact('sex'), 'male') === 'true' ? CK_ULN.male : CK_ULN.female;
  const raised = ({ exact, value, upperLimit }: Reading): boolean => {
    const multiple = (exact ?? Number(value)) / (upperLimit ?? general);
    return multiple >= CK_PURSUED.from && multiple < CK_PURSUED.below;
  };
  const partner = earlier.findLast(raised);
  const value = raised(latest) && partner !== undefined;
  const from = [...new Set([latest.source, ...(partner ? [partner.source] : [])])].sort();
  return { concept: id, state: 'known', value, from, notes: [], at: latest.at };
};

/** A statin or another lipid-lowering medicine taken now or lately. */
const lipidDrugExposed: Former = (source) =>
  anyPart('lipid-drug-exposed', [exposed('drug.statin'), exposed('drug.lipid-lowering-any')], source);

const RLS_ITEMS = [
  'leg-urge-to-move',
  'rls-onset-at-rest',
  'rls-relief-by-movement',
  'rls-evening-worse',
] as const;

/** `complete` with all four restless-legs items, `excluded` when one of them is "no"; else unknown. A.6. */
const rlsPattern: Former = (source) => {
  const items = RLS_ITEMS.map((id) => source.fact(id));
  const no = items.filter((item) => isEqual(item, false) === 'true');
  const open = items.filter((item) => item.state === 'unknown');
  const said = no.length > 0 ? no : items;
  if (no.length === 0 && open.length > 0)
    return unknownFact('rls-pattern', 'needs', { missing: open.map(({ concept }) => concept) });
  const at = said.map((item) => item.at).sort((a, b) => Number(b) - Number(a))[0];
  return {
    concept: 'rls-pattern',
    state: 'known',
    value: no.length > 0 ? 'excluded' : 'complete',
    from: [...new Set(said.flatMap(({ from }) => from))].sort(),
    notes: [],
    ...(at === undefined ? {} : { at }),
  };
};

const IRON_DAYS = 365; // the look-back of ferritin, foundations 1.1

/** Transferrin saturation, %, in the same window as ferritin. */
const ironSaturation: Former = (source) => {
  const reading = newestNumber(source, 'transferrin-saturation', IRON_DAYS);
  if (reading === undefined) return unknownFact('iron-saturation', 'no-record');
  const { value, at, notes } = reading;
  return { concept: 'iron-saturation', state: 'known', value, unit: '%', from: [reading.source], notes, at };
};

/** When a reported symptom began: onset of its Condition, start of the Observation's period, or the form's answer. */
function onsetOf(concept: ConceptId, source: FactSource): { at: Date; from: string } | undefined {
  const word = newestYes(concept, source);
  if (word === undefined) return undefined;
  const zone = source.settings.homeTimeZone;
  const resource = source.chart.byReference.get(word.source);
  const text =
    resource?.resourceType === 'Observation'
      ? resource.effectivePeriod?.start
      : resource?.resourceType === 'QuestionnaireResponse'
        ? answeredOnset(resource.item)
        : undefined;
  const at = word.onset ?? readInstant(text, zone)?.at;
  return at === undefined || at > source.now ? undefined : { at, from: word.source };
}

type Items = Extract<Resource, { resourceType: 'QuestionnaireResponse' }>['item'];

/** The answer to "When did weakness, numbness or walking trouble start?", at any depth. */
function answeredOnset(items: Items): string | undefined {
  for (const item of items ?? []) {
    const answer = item.linkId === 'rf.neuro-onset' ? item.answer?.[0] : undefined;
    const found = answer?.valueDateTime ?? answer?.valueDate ?? answeredOnset(item.item);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `left`, `right`, `both`, from bodySite by the laterality codes. */
function sidesOf(word: Assertion, source: FactSource): Set<string> {
  const resource = source.chart.byReference.get(word.source);
  const sites =
    resource?.resourceType === 'Observation'
      ? [resource.bodySite]
      : resource?.resourceType === 'Condition'
        ? (resource.bodySite ?? [])
        : [];
  const members = sites
    .flatMap((site) => site?.coding ?? [])
    .flatMap(({ system, code }) => source.concepts.memberships(system, code));
  return new Set(
    members.filter(({ concept }) => concept === 'laterality').flatMap(({ value }) => value ?? []),
  );
}

function newestYes(concept: ConceptId, source: FactSource): Assertion | undefined {
  const newest = wordsAbout(source, concept).at(-1);
  return newest?.says === 'present' ? newest : undefined;
}

function sinceNewest(
  id: string,
  onsets: readonly { at: Date; from: string }[],
  unitMs: number,
  unit: string,
  source: FactSource,
): Fact {
  const newest = onsets.toSorted((a, b) => b.at.getTime() - a.at.getTime())[0];
  if (newest === undefined) return unknownFact(id, 'no-record');
  const value = (source.now.getTime() - newest.at.getTime()) / unitMs;
  return {
    concept: id,
    state: 'known',
    value,
    unit,
    decimals: 0,
    from: [newest.from],
    notes: [],
    at: newest.at,
  };
}

/** Facts of the neuro-metabolic rules, by id. */
export const NEURO: readonly (readonly [string, Former])[] = [
  ['deficit-onset-days', deficitOnsetDays],
  ['sudden-weakness-hours', suddenWeaknessHours],
  ['sudden-weakness-one-sided', suddenWeaknessOneSided],
  ['deficit-longstanding', deficitLongstanding],
  ['deficit-over', (source) => isOver('deficit-over', DEFICITS, OVER_DAYS, source)],
  [
    'saddle-or-sphincter',
    (source) =>
      reportedWithin('saddle-or-sphincter', ['saddle-anesthesia-or-sphincter'], SADDLE_DAYS, source),
  ],
  ['leg-weakness-progressing', legWeaknessProgressing],
  [
    'cauda-equina-over',
    (source) =>
      isOver(
        'cauda-equina-over',
        ['saddle-anesthesia-or-sphincter', 'muscle-weakness', 'numbness'],
        OVER_DAYS,
        source,
      ),
  ],
  ['neuropathy-recorded', neuropathyRecorded],
  ['neuropathy-other', neuropathyOther],
  ['electrolyte-low', electrolyteLow],
  ['ck-raised-twice', ckRaisedTwice],
  ['lipid-drug-exposed', lipidDrugExposed],
  ['rls-pattern', rlsPattern],
  ['iron-saturation', ironSaturation],
  ...FOOT,
  ...THYROID,
];
