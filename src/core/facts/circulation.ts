/**
 * Leg arteries: the walking pattern, signs, risk, known disease, smoking.
 *
 * Source: wider rules A.4 and the vascular rules. Codes for the same idea as symptom and as diagnosis
 * overlap (claudication, arterial embolism), so a disease is known from Conditions only.
 */
import { daysBetween } from '../../vocabulary/instant.ts';
import { allOf, anyOf, notOf, type Truth, truthOf } from '../../vocabulary/truth.ts';
import type { ConceptId } from '../concepts/concept.ts';
import { choicesOf } from './answers.ts';
import { anyPart, citing, countParts, isActive, type Part, present } from './counts.ts';
import { type Fact, type FactId, isBelow, isEqual, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import { gone } from './gone.ts';
import { legProcedures } from './vascular-studies.ts';

const PATTERN_DAYS = 28; // foundations 1.7

/** Pain on exertion that eases at rest; not when only sitting or bending relieves it. */
export const claudicationPattern: Former = (source) => {
  const id = 'claudication-pattern';
  const [pain, rest, bending] = [
    'exertional-leg-pain',
    'relief-with-rest',
    'relief-with-sitting-or-flexion',
  ].map(source.fact.bind(source)) as [Fact, Fact, Fact];
  const stops = [
    [pain, false],
    [rest, false],
    [bending, true],
  ] as const;
  const against = stops.filter(([fact, value]) => isEqual(fact, value) === 'true').map(([fact]) => fact);
  if (against.length > 0) return { concept: id, state: 'known', value: false, ...citing(against) };
  const open = [pain, rest].filter((fact) => isEqual(fact, true) !== 'true');
  if (open.length > 0) return unknownFact(id, 'needs', { missing: open.map(({ concept }) => concept) });
  return { concept: id, state: 'known', value: true, ...citing([pain, rest]) };
};

const SITES: readonly (readonly [ConceptId, answer: string, level: string])[] = [
  ['pain-location-buttock-hip-thigh', 'buttock-hip-thigh', 'iliac'],
  ['pain-location-calf', 'calf', 'femoral or popliteal'],
  ['pain-location-foot', 'foot', 'tibial'],
];

/** Where the pain sits, with the artery level it suggests as names. Source: A.4, claudication-level. */
export const painSite: Former = (source) => {
  const id = 'claudication-site';
  const answer = choicesOf('ci.site', source).at(-1);
  const fresh =
    answer !== undefined && daysBetween(answer.at, source.now) <= PATTERN_DAYS ? answer : undefined;
  const there = SITES.filter(
    ([concept, choice]) =>
      isEqual(source.fact(concept), true) === 'true' || fresh?.chosen.includes(choice) === true,
  );
  if (there.length === 0) return unknownFact(id, 'no-record');
  const said = there
    .map(([concept]) => source.fact(concept))
    .filter((fact) => isEqual(fact, true) === 'true');
  const { from, ...rest } = citing(said);
  const at = rest.at ?? fresh?.at;
  return {
    concept: id,
    state: 'known',
    value: true,
    from: [...from, ...(fresh ? [fresh.source] : [])],
    notes: rest.notes,
    names: there.map(([, , level]) => level),
    ...(at ? { at } : {}),
  };
};

export const claudicationClassic: Former = (source) => {
  const id = 'claudication-classic';
  const [pattern, site] = [source.fact('claudication-pattern'), source.fact('claudication-site')];
  if (isEqual(pattern, true) !== 'true') return { ...pattern, concept: id };
  return isEqual(site, true) === 'true'
    ? { concept: id, state: 'known', value: true, ...citing([pattern, site]) }
    : unknownFact(id, 'needs', { missing: ['claudication-site'] });
};

const SMOKING_WORDS: ReadonlyMap<string, string> = new Map([
  ...['current', 'smoker', 'current smoker', 'every day', 'yes'].map((word) => [word, 'current'] as const),
  ...['former', 'ex-smoker', 'former smoker', 'quit'].map((word) => [word, 'former'] as const),
  ...['never', 'never smoker', 'no'].map((word) => [word, 'never'] as const),
]);

/** `current`, `former` or `never`, the newest word of an Observation or the checklist; dated, not aged here. */
export const smokingStatus: Former = (source) => {
  const id = 'smoking-status';
  const observed = source
    .readings('tobacco-smoking-status')
    .filter(({ at }) => at <= source.now)
    .map(({ answer, at, source: from }) => ({ word: String(answer ?? '').toLowerCase(), at, from }));
  const answered = choicesOf('ci.smoke', source).map(({ chosen, at, source: from }) => ({
    word: chosen[0] ?? '',
    at,
    from,
  }));
  const newest = [...observed, ...answered]
    .filter(({ word }) => SMOKING_WORDS.has(word))
    .sort((a, b) => b.at.getTime() - a.at.getTime())[0];
  if (newest === undefined) return unknownFact(id, 'no-record');
  const value = SMOKING_WORDS.get(newest.word) as string;
  return { concept: id, state: 'known', value, from: [newest.from], notes: [], at: newest.at };
};

/** Diagnosed at any time, by a Condition; suspected ones count and are noted. */
function diagnosed(id: FactId, concepts: readonly ConceptId[], source: FactSource): Fact {
  const records = concepts
    .flatMap((concept) => source.assertions(concept))
    .filter(
      ({ by, says }) => by === 'condition' && (says === 'present' || says === 'past' || says === 'unclear'),
    );
  const newest = records.at(-1);
  if (newest === undefined) return unknownFact(id, 'no-record', { missing: [...concepts] });
  const suspected = records.every(({ notes }) => notes.includes('suspected'));
  return {
    concept: id,
    state: 'known',
    value: true,
    from: [...new Set(records.map((record) => record.source))].sort(),
    notes: suspected ? ['suspected'] : [],
    at: newest.at,
    ...(suspected ? { raisesOnly: true as const } : {}),
  };
}

/** Peripheral artery disease recorded as a diagnosis, now or in the past. */
export const padRecorded: Former = (source) =>
  diagnosed('pad-recorded', ['peripheral-artery-disease'], source);

/** Diagnosed at any time, or an ankle index of 0.90 or below ever. */
export const padKnown: Former = (source) => {
  const recorded = diagnosed(
    'pad-known',
    ['peripheral-artery-disease', 'chronic-limb-threatening-ischemia', 'acute-limb-ischemia'],
    source,
  );
  return recorded.state === 'known' && recorded.raisesOnly === undefined
    ? recorded
    : anyPart(
        'pad-known',
        [present('abi-low-ever'), { fact: 'pad-recorded', holds: (fact) => isEqual(fact, true) }],
        source,
      );
};

/** PAD recorded, and a lipid-lowering medicine confirmed, a study or a revascularisation after the latest index. */
export const padManaged: Former = (source) => {
  const id = 'pad-managed';
  const [recorded, index] = [source.fact('pad-recorded'), source.fact('abi')];
  if (isEqual(recorded, true) !== 'true' || recorded.raisesOnly || index.at === undefined)
    return unknownFact(id, 'needs', { missing: ['pad-recorded'] });
  const since = index.at;
  const lipid = source.fact('drug.lipid-lowering-any');
  const treated =
    isActive(lipid) === 'true' &&
    source.medicines.some(({ source: from, confirmed }) => lipid.from.includes(from) && confirmed >= since);
  const seen = legProcedures(source).find(({ at }) => at > since);
  const value = treated || seen !== undefined;
  const from = [...recorded.from, ...(treated ? lipid.from : []), ...(seen ? [seen.reference] : [])];
  return { concept: id, state: 'known', value, from, notes: [], at: since };
};

const RISK_CONDITIONS = [
  'diabetes-mellitus',
  'hypertension',
  'hyperlipidemia',
  'chronic-kidney-disease',
] as const;

/** Risk of arterial disease by age and company: 65 and over; 50 with one factor; below 50 diabetes with one more. */
export const padRisk: Former = (source) => {
  const id = 'pad-risk';
  const age = source.fact('age');
  const smoked = source.fact('smoking-status');
  const smoking = smoked.state === 'known' ? truthOf(smoked.value !== 'never') : 'unknown';
  const holds = (concept: FactId): Truth => isEqual(source.fact(concept), true);
  const others = RISK_CONDITIONS.slice(1).map(holds);
  const anyFactor = anyOf([smoking, holds('diabetes-mellitus'), ...others]);
  const oneMore = anyOf([smoking, ...others]);
  const fifty = notOf(isBelow(age, 50)); // A.4
  const truth = anyOf([
    notOf(isBelow(age, 65)), // A.4
    allOf([fifty, anyFactor]),
    allOf([isBelow(age, 50), holds('diabetes-mellitus'), oneMore]),
    holds('atherosclerotic-cardiovascular-disease'),
  ]);
  const factors = [...RISK_CONDITIONS, 'atherosclerotic-cardiovascular-disease'].filter(
    (concept) => holds(concept) === 'true',
  );
  if (truth === 'unknown')
    return unknownFact(id, 'needs', { missing: ['smoking-status', ...RISK_CONDITIONS] });
  const cited = citing([
    ...factors.map((concept) => source.fact(concept)),
    ...(smoking === 'true' ? [smoked] : []),
  ]);
  return { concept: id, state: 'known', value: truth === 'true', ...cited };
};

const NO_PULSE = new Set(['absent', 'not palpable', 'impalpable', 'none', 'not felt', '0']);
const WEAK_PULSE = new Set(['diminished', 'weak', 'decreased', 'reduced', 'faint', '1+', '+']);
const FELT_PULSE = new Set([
  'present',
  'normal',
  'palpable',
  'strong',
  'bounding',
  'felt',
  '2+',
  '++',
  '3+',
  '+++',
]);

/** Foot pulse as last examined: `absent`, `diminished`, `palpable`. "Absent" is a finding here, not a "no". */
export const pedalPulse: Former = (source) => {
  const id = 'pedal-pulse';
  const examined = source
    .readings('foot-exam-pulse')
    .filter(({ answer, at }) => typeof answer === 'string' && at <= source.now)
    .findLast(({ at }) => daysBetween(at, source.now) <= PATTERN_DAYS);
  const word = String(examined?.answer ?? '').toLowerCase();
  const value = NO_PULSE.has(word)
    ? 'absent'
    : WEAK_PULSE.has(word)
      ? 'diminished'
      : FELT_PULSE.has(word)
        ? 'palpable'
        : undefined;
  if (examined !== undefined && value !== undefined)
    return {
      concept: id,
      state: 'known',
      value,
      from: [examined.source],
      notes: examined.notes,
      at: examined.at,
    };
  const weak = source.fact('weak-pedal-pulse');
  if (examined !== undefined || weak.state !== 'known') return unknownFact(id, 'no-record');
  return { ...weak, concept: id, value: weak.value === true ? 'diminished' : 'palpable' };
};

const WEAK: Part = {
  fact: 'pedal-pulse',
  holds: (fact) => (fact.state === 'known' ? truthOf(fact.value !== 'palpable') : 'unknown'),
};
const SIGNS = [
  'cold-extremity',
  'arterial-bruit',
  'leg-skin-change',
  'leg-hair-loss',
  'nonhealing-leg-wound',
];
const SIGN_NAMES = ['cold feet or legs', 'bruit', 'skin change', 'hair loss', 'wound that does not heal'];

/** Signs of poor leg circulation, one point each. */
export const padSignCount: Former = (source) => {
  const names = SIGNS.flatMap((sign, index) =>
    isEqual(source.fact(sign), true) === 'true' ? [SIGN_NAMES[index] as string] : [],
  );
  if (WEAK.holds(source.fact('pedal-pulse')) === 'true') names.push('weak foot pulse');
  const counted = countParts('pad-sign-count', [...SIGNS.map(present), WEAK], source);
  return names.length === 0 ? counted : { ...counted, names };
};

/** Every sign that was reported is denied on a later record. */
export const padSignsGone: Former = (source) => {
  const over = gone('pad-signs-gone', SIGNS, source);
  return WEAK.holds(source.fact('pedal-pulse')) === 'true'
    ? ({ ...source.fact('pedal-pulse'), concept: 'pad-signs-gone', value: false } as Fact)
    : over;
};

export const CIRCULATION: readonly (readonly [FactId, Former])[] = [
  ['claudication-pattern', claudicationPattern],
  ['claudication-site', painSite],
  ['claudication-classic', claudicationClassic],
  ['smoking-status', smokingStatus],
  ['pad-recorded', padRecorded],
  ['pad-known', padKnown],
  ['pad-managed', padManaged],
  ['pad-risk', padRisk],
  ['pedal-pulse', pedalPulse],
  ['pad-sign-count', padSignCount],
  ['pad-signs-gone', padSignsGone],
];
