/**
 * A leg in danger: chronic threat signs, and sudden loss of flow.
 *
 * Source: wider rules, va-limb-threat and va-acute-limb-ischaemia; 2024 ACC/AHA multisociety guideline on
 * peripheral artery disease. SNOMED CT has one code for the sign and the diagnosis of an arterial
 * embolism, so a diagnosis is read from Conditions only.
 */
import { DAY, daysBetween } from '../../vocabulary/instant.ts';
import { notOf } from '../../vocabulary/truth.ts';
import type { ConceptId } from '../concepts/concept.ts';
import { ABI_ABNORMAL } from './ankle-index.ts';
import type { Assertion } from './assertions.ts';
import { anyPart, atLeast, citing, over, present } from './counts.ts';
import { type Fact, type FactId, isAbove, isEqual, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import { legProcedures, REVASCULARISED, studiesWithin } from './vascular-studies.ts';

const THREAT_DAYS = 30; // va-limb-threat
const UNSEEN_DAYS = 90; // va-limb-threat, no vascular visit or study
const ACUTE_DAYS = 14; // acute limb ischaemia is up to 2 weeks old; 2024 ACC/AHA guideline
const TOGETHER_DAYS = 2; // va-acute-limb-ischaemia
const RED_FLAG_DAYS = 7; // foundations 1.7
const SEVERE_PAIN = 8; // of 10, va-acute-limb-ischaemia

/** One arterial reason to fear for the limb. Source: va-limb-threat. */
export const arterialDoubt: Former = (source) =>
  anyPart(
    'arterial-doubt',
    [
      present('pad-known'),
      { fact: 'abi', holds: (fact) => notOf(isAbove(fact, ABI_ABNORMAL)) },
      over('abi-max', 1.4), // K, abiNonCompressible
      atLeast('pad-sign-count', 2), // va-limb-threat
      present('diabetes-mellitus'),
    ],
    source,
  );

const THREATS: readonly (readonly [ConceptId, string])[] = [
  ['ischemic-rest-pain', 'rest pain'],
  ['nonhealing-leg-wound', 'wound that does not heal'],
  ['gangrene', 'tissue death'],
];

/** Rest pain, a wound that does not heal or dead tissue, recorded within 30 days or still open as a Condition. */
export const limbThreatSign: Former = (source) => {
  const id = 'limb-threat-sign';
  const seen = THREATS.map(([concept, name]) => ({
    concept,
    name,
    fact: saidWithin(concept, THREAT_DAYS, source),
  }));
  const there = seen.filter(({ fact }) => isEqual(fact, true) === 'true');
  if (there.length > 0) {
    const cited = citing(there.map(({ fact }) => fact));
    return { concept: id, state: 'known', value: true, ...cited, names: there.map(({ name }) => name) };
  }
  return seen.every(({ fact }) => isEqual(fact, true) === 'false')
    ? { concept: id, state: 'known', value: false, ...citing(seen.map(({ fact }) => fact)) }
    : unknownFact(id, 'needs', {
        missing: seen.filter(({ fact }) => isEqual(fact, true) === 'unknown').map(({ concept }) => concept),
      });
};

/** The fact, or the newest word of a window longer than its own. */
function saidWithin(concept: ConceptId, days: number, source: FactSource): Fact {
  const fact = source.fact(concept);
  if (fact.state !== 'unknown') return fact;
  const newest = source
    .assertions(concept)
    .findLast(({ says, at }) => says !== 'unclear' && at <= source.now);
  if (newest === undefined || daysBetween(newest.at, source.now) > days) return fact;
  const { source: from, notes, at, says } = newest;
  return { concept, state: 'known', value: says === 'present', from: [from], notes, at };
}

/** A wound explained by the veins: an index of 0.91 to 1.40 in 90 days, venous disease, no other threat. */
export const woundVenous: Former = (source) => {
  const id = 'wound-venous';
  const [low, high, veins] = ['abi', 'abi-max', 'venous-insufficiency'].map(source.fact.bind(source)) as [
    Fact,
    Fact,
    Fact,
  ];
  const others = ['ischemic-rest-pain', 'gangrene'].some(
    (concept) => isEqual(source.fact(concept), true) === 'true',
  );
  if (
    low.state !== 'known' ||
    high.state !== 'known' ||
    low.raisesOnly ||
    isEqual(veins, true) !== 'true' ||
    veins.raisesOnly
  )
    return unknownFact(id, 'needs', { missing: ['abi', 'venous-insufficiency'] });
  const fresh = low.at !== undefined && daysBetween(low.at, source.now) <= UNSEEN_DAYS;
  const value = fresh && Number(low.value) > ABI_ABNORMAL && Number(high.value) <= 1.4 && !others; // va-limb-threat, "Not when"
  return { concept: id, state: 'known', value, ...citing([low, veins]) };
};

/** Limb-threatening ischaemia recorded as current, with no study or operation for 90 days. */
export const limbIschaemiaUnseen: Former = (source) => {
  const id = 'limb-ischaemia-unseen';
  const threat = source.fact('chronic-limb-threatening-ischemia');
  if (isEqual(threat, true) !== 'true') return { ...threat, concept: id };
  const seen = studiesWithin(UNSEEN_DAYS, UNSEEN_DAYS, source);
  return { ...threat, concept: id, value: seen.length === 0 } as Fact;
};

/** Acute limb ischaemia as a Condition, recorded within 14 days and not ended. */
export const acuteLimbIschaemiaRecent: Former = (source) => {
  const id = 'acute-limb-ischaemia-recent';
  const newest = conditionsOf(['acute-limb-ischemia'], source).at(-1);
  if (newest === undefined) return unknownFact(id, 'no-record');
  const { source: from, notes, at, says } = newest;
  const cited = {
    concept: id,
    from: [from],
    notes,
    at,
    ...(notes.includes('suspected') ? { raisesOnly: true as const } : {}),
  };
  if (says !== 'present' && says !== 'unclear') return { ...cited, state: 'known', value: false };
  return daysBetween(newest.onset ?? at, source.now) <= ACUTE_DAYS ||
    daysBetween(at, source.now) <= ACUTE_DAYS
    ? { ...cited, state: 'known', value: true }
    : unknownFact(id, 'stale', cited);
};

function conditionsOf(concepts: readonly ConceptId[], source: FactSource): Assertion[] {
  return concepts
    .flatMap((concept) => source.assertions(concept))
    .filter(({ by, at }) => by === 'condition' && at <= source.now)
    .sort((a, b) => a.at.getTime() - b.at.getTime());
}

const ACUTE = ['acute-limb-ischemia', 'acute-cold-pale-limb'];

/** A clinician's record that refutes it, newer than every word that it is there. */
export const acuteLimbIschaemiaRefuted: Former = (source) => {
  const id = 'acute-limb-ischaemia-refuted';
  const refuted = conditionsOf(ACUTE, source).findLast(({ says }) => says === 'absent');
  const lastYes = ACUTE.flatMap((concept) => source.assertions(concept))
    .filter(({ says }) => says === 'present')
    .reduce((latest, { at }) => Math.max(latest, at.getTime()), 0);
  if (refuted === undefined || refuted.at.getTime() < lastYes) return unknownFact(id, 'no-record');
  return { concept: id, state: 'known', value: true, from: [refuted.source], notes: [], at: refuted.at };
};

/** An operation that restored the flow, or an amputation, after the last word that the limb is in danger. */
export const limbRevascularised: Former = (source) => {
  const id = 'limb-revascularised';
  const lastYes = ACUTE.flatMap((concept) => source.assertions(concept))
    .filter(({ says, at }) => says === 'present' && at <= source.now)
    .reduce((latest, { at }) => Math.max(latest, at.getTime()), 0);
  const amputated = source
    .assertions('lower-limb-amputation')
    .filter(({ by, says }) => by === 'procedure' && says === 'present')
    .map(({ at, source: reference }) => ({ at, reference }));
  const after = [...legProcedures(source, REVASCULARISED), ...amputated].find(
    ({ at }) => at.getTime() > lastYes,
  );
  if (after === undefined || lastYes === 0) return unknownFact(id, 'no-record');
  return { concept: id, state: 'known', value: true, from: [after.reference], notes: [], at: after.at };
};

/** Cold since at most two weeks: no earlier record that it was so. */
export const coldExtremityNew: Former = (source) => {
  const id = 'cold-extremity-new';
  const cold = source.fact('cold-extremity');
  if (isEqual(cold, true) !== 'true') return { ...cold, concept: id };
  const older = source
    .assertions('cold-extremity')
    .some(({ says, at, onset }) => says === 'present' && daysBetween(onset ?? at, source.now) > ACUTE_DAYS);
  return { ...cold, concept: id, value: !older } as Fact;
};

/** Numbness, sudden weakness or pain of 8 or more: the nerve and muscle side of a limb without flow. */
export const limbNerveSign: Former = (source) =>
  anyPart(
    'limb-nerve-sign',
    [present('numbness'), present('sudden-weakness'), atLeast('cramp-intensity', SEVERE_PAIN)],
    source,
  );

/** Suddenly cold and pale as somebody saw or said it; a diagnosis is \`acute-limb-ischaemia-recent\`. */
export const coldPaleLimbReported: Former = (source) => {
  const id = 'cold-pale-limb-reported';
  const said = source
    .assertions('acute-cold-pale-limb')
    .findLast(({ by, says, at }) => by !== 'condition' && says !== 'unclear' && at <= source.now);
  if (said === undefined) return unknownFact(id, 'no-record');
  const { source: from, notes, at, says } = said;
  const doubt = notes.length > 0 ? { raisesOnly: true as const } : {};
  if (daysBetween(at, source.now) > RED_FLAG_DAYS) return unknownFact(id, 'stale', { from: [from], at });
  return { concept: id, state: 'known', value: says === 'present', from: [from], notes, at, ...doubt };
};

/** Cold, pulse and nerve sign were seen within seven days and two days of each other, as far as they are known. */
export const limbSignsTogether: Former = (source) => {
  const seen = ['cold-extremity', 'pedal-pulse', 'limb-nerve-sign']
    .map((id) => source.fact(id))
    .filter(({ state, at }) => state === 'known' && at !== undefined);
  const times = seen.map(({ at }) => (at as Date).getTime());
  const spread = Math.max(...times) - Math.min(...times);
  const fresh = source.now.getTime() - Math.min(...times) <= RED_FLAG_DAYS * DAY;
  const id = 'limb-signs-together';
  return seen.length === 0
    ? unknownFact(id, 'no-record')
    : { concept: id, state: 'known', value: spread <= TOGETHER_DAYS * DAY && fresh, ...citing(seen) };
};

export const LIMB_DANGER: readonly (readonly [FactId, Former])[] = [
  ['arterial-doubt', arterialDoubt],
  ['limb-threat-sign', limbThreatSign],
  ['wound-venous', woundVenous],
  ['limb-ischaemia-unseen', limbIschaemiaUnseen],
  ['acute-limb-ischaemia-recent', acuteLimbIschaemiaRecent],
  ['acute-limb-ischaemia-refuted', acuteLimbIschaemiaRefuted],
  ['limb-revascularised', limbRevascularised],
  ['cold-pale-limb-reported', coldPaleLimbReported],
  ['cold-extremity-new', coldExtremityNew],
  ['limb-nerve-sign', limbNerveSign],
  ['limb-signs-together', limbSignsTogether],
];
