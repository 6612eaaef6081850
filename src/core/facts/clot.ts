/**
 * Suspicion of a clot in a leg vein or the lung.
 *
 * Source: wider rules A.4, va-dvt-suspected and va-pe-suspected; Wells two-level score for deep vein
 * thrombosis, of which only what is recorded is counted: "at least, before alternatives".
 */
import { daysBetween, readInstant } from '../../vocabulary/instant.ts';
import { allOf, anyOf } from '../../vocabulary/truth.ts';
import type { ConceptId } from '../concepts/concept.ts';
import { choicesOf } from './answers.ts';
import { citing, countParts, type Part, present } from './counts.ts';
import { type Fact, type FactId, isEqual, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import { doneBy } from './vascular-studies.ts';

const LEG_DAYS = 7; // red flags, foundations 1.7
const IMMOBILITY_DAYS = 84; // Wells score; K, dvtImmobilityDays
const CHEST_DAYS = 3; // va-pe-suspected
const CHRONIC_DAYS = 30; // va-pe-suspected
const IMAGING_DAYS = 7; // va-dvt-suspected

/** Present on a record of the last days. */
function lately(fact: FactId, days: number, { now }: FactSource): Part {
  return {
    fact,
    holds: (value) => {
      const truth = isEqual(value, true);
      const old = value.at === undefined || daysBetween(value.at, now) > days;
      return truth === 'true' && old ? 'unknown' : truth;
    },
  };
}

/** One leg swollen, and warm, red or tender. */
export const dvtLegSign: Former = (source) => {
  const id = 'dvt-leg-sign';
  const [swollen, ...others] = [
    'leg-swelling-unilateral',
    'leg-warmth',
    'leg-redness',
    'calf-tenderness',
  ].map((fact) => lately(fact, LEG_DAYS, source)) as [Part, ...Part[]];
  const holds = (part: Part) => part.holds(source.fact(part.fact));
  const truth = allOf([holds(swollen), anyOf(others.map(holds))]);
  const parts = [swollen, ...others];
  if (truth === 'unknown') {
    const open = parts.filter((part) => holds(part) === 'unknown').map(({ fact }) => fact);
    return unknownFact(id, 'needs', { missing: open });
  }
  const there = parts.filter((part) => holds(part) === truth);
  const names = there.flatMap(({ fact }) => SIGN_NAMES.get(fact) ?? []);
  const cited = citing(there.map(({ fact }) => source.fact(fact)));
  return {
    concept: id,
    state: 'known',
    value: truth === 'true',
    ...cited,
    ...(names.length > 0 ? { names } : {}),
  };
};

const SIGN_NAMES: ReadonlyMap<FactId, string> = new Map([
  ['leg-warmth', 'warmth'],
  ['leg-redness', 'redness'],
  ['calf-tenderness', 'calf tenderness'],
]);

/** Points that are recorded, one each; the item for another diagnosis is judgement and is never counted. */
export const wellsDvtAtLeast: Former = (source) =>
  countParts(
    'wells-dvt-at-least',
    [
      present('active-cancer'),
      lately('recent-immobilization-or-surgery', IMMOBILITY_DAYS, source),
      lately('calf-tenderness', LEG_DAYS, source),
      lately('leg-swelling-unilateral', LEG_DAYS, source),
      present('history.deep-vein-thrombosis'),
    ],
    source,
  );

const HISTORY_CODES = new Set(['161508001', 'Z86.718']); // SNOMED CT and ICD-10-CM: history of deep vein thrombosis

/** A deep vein thrombosis recorded as there now; "history of" codes are past. */
export const dvtCurrent: Former = (source) => {
  const recorded = source.fact('deep-vein-thrombosis');
  if (isEqual(recorded, true) !== 'true') return { ...recorded, concept: 'dvt-current' };
  const current = recorded.from.filter((reference) => !isHistory(reference, source));
  return current.length > 0
    ? { ...recorded, concept: 'dvt-current', from: current }
    : unknownFact('dvt-current', 'no-record', { from: recorded.from });
};

function isHistory(reference: string, source: FactSource): boolean {
  const resource = source.chart.byReference.get(reference);
  const codings = resource?.resourceType === 'Condition' ? (resource.code?.coding ?? []) : [];
  return codings.some(({ code }) => HISTORY_CODES.has(code ?? ''));
}

const VEIN_STUDY =
  /\bve(in|nous).*(ultraso|duplex|doppler|compression)|(ultraso|duplex|doppler|compression).*\bve(in|nous)/i;
const IMAGED = /ultraso|duplex|doppler|compression/i; // cheap, and most results are none
const NO_CLOT =
  /^(negative|not detected|absent|no|normal|no (evidence of )?(dvt|deep[- ]vein thrombosis|thrombus))\.?$/i;

/** An ultrasound of leg veins within 7 days whose result is plainly negative, and none since that is not. */
export const legVeinsClear: Former = (source) => {
  const id = 'leg-veins-clear';
  const studies = [...source.resources('DiagnosticReport'), ...source.resources('Observation')];
  const observed = studies.flatMap((resource) => {
    if (!['final', 'amended', 'corrected'].includes(resource.status ?? '')) return [];
    const words = [resource.code?.text, ...(resource.code?.coding ?? []).map(({ display }) => display)].join(
      ' ',
    );
    if (!IMAGED.test(words)) return [];
    const at = readInstant(resource.effectiveDateTime ?? resource.issued, source.settings.homeTimeZone)?.at;
    if (!VEIN_STUDY.test(words) || at === undefined || at > source.now) return [];
    const said =
      resource.resourceType === 'DiagnosticReport'
        ? resource.conclusion
        : resource.valueBoolean === undefined
          ? (resource.valueCodeableConcept?.text ??
            resource.valueCodeableConcept?.coding?.[0]?.display ??
            resource.valueString)
          : String(resource.valueBoolean ? 'positive' : 'negative');
    return [
      { at, reference: `${resource.resourceType}/${resource.id}`, clear: NO_CLOT.test((said ?? '').trim()) },
    ];
  });
  const [newest] = observed.sort((a, b) => b.at.getTime() - a.at.getTime());
  if (newest === undefined || daysBetween(newest.at, source.now) > IMAGING_DAYS)
    return unknownFact(id, 'no-record');
  const { at, reference, clear } = newest;
  return clear
    ? { concept: id, state: 'known', value: true, from: [reference], notes: [], at }
    : unknownFact(id, 'no-value', { from: [reference] });
};

/** "No swelling of one leg" by a clinician; a patient's own answer does not clear a clot (resolution 40). */
export const swellingExcluded: Former = (source) => {
  const id = 'leg-swelling-excluded';
  const newest = source
    .assertions('leg-swelling-unilateral')
    .findLast(({ says, at }) => says !== 'unclear' && at <= source.now);
  if (newest === undefined) return unknownFact(id, 'no-record');
  const { says, by, at, notes, source: from } = newest;
  const cited = { concept: id, from: [from], notes, at };
  if (says === 'present') return { ...cited, state: 'known', value: false };
  const trusted = by !== 'answer' && says === 'absent' && !notes.includes('preliminary');
  return trusted && daysBetween(at, source.now) <= LEG_DAYS
    ? { ...cited, state: 'known', value: true }
    : unknownFact(id, 'status', cited);
};

/** Which recorded diseases explain a lasting symptom of the chest; fainting and coughing blood are never explained. */
const EXPLAINED_BY: ReadonlyMap<ConceptId, readonly ConceptId[]> = new Map([
  ['chest-pain', ['atherosclerotic-cardiovascular-disease', 'heart-failure', 'asthma-or-copd']],
  ['dyspnea', ['heart-failure', 'asthma-or-copd', 'atherosclerotic-cardiovascular-disease']],
  ['hemoptysis', []],
  ['syncope', []],
]);
const CHEST_NAMES: ReadonlyMap<ConceptId, string> = new Map([
  ['chest-pain', 'chest pain'],
  ['dyspnea', 'breathlessness'],
  ['hemoptysis', 'coughing blood'],
  ['syncope', 'fainting'],
]);

/** Chest pain, breathlessness, coughing blood or fainting on a record of 3 days. */
export const chestSymptom: Former = (source) => chest('chest-symptom', source, () => true);

/** The same, without what has lasted more than 30 days and has a recorded cause. */
export const chestSymptomUnexplained: Former = (source) =>
  chest('chest-symptom-unexplained', source, (concept) => !isChronic(concept, source));

function chest(id: FactId, source: FactSource, counts: (concept: ConceptId) => boolean): Fact {
  const parts = [...EXPLAINED_BY.keys()].map((concept) => lately(concept, CHEST_DAYS, source));
  const seen = parts.map((part) => ({ concept: part.fact, truth: part.holds(source.fact(part.fact)) }));
  const there = seen.filter(({ concept, truth }) => truth === 'true' && counts(concept));
  if (there.length > 0) {
    const cited = citing(there.map(({ concept }) => source.fact(concept)));
    return {
      concept: id,
      state: 'known',
      value: true,
      ...cited,
      names: there.map(({ concept }) => CHEST_NAMES.get(concept) as string),
    };
  }
  const open = seen.filter(({ truth }) => truth === 'unknown').map(({ concept }) => concept);
  return open.length > 0
    ? unknownFact(id, 'needs', { missing: open })
    : {
        concept: id,
        state: 'known',
        value: false,
        ...citing(seen.map(({ concept }) => source.fact(concept))),
      };
}

/** Recorded more than 30 days ago, never denied since, and a cause is on record. */
function isChronic(concept: ConceptId, source: FactSource): boolean {
  const said = source.assertions(concept).filter(({ at }) => at <= source.now);
  const denied = said.findLast(({ says }) => says === 'absent' || says === 'past');
  const since = said.find(({ says, at }) => says === 'present' && (denied === undefined || at > denied.at));
  const lasting = since !== undefined && daysBetween(since.onset ?? since.at, source.now) > CHRONIC_DAYS;
  const cause = EXPLAINED_BY.get(concept)?.some((disease) => isEqual(source.fact(disease), true) === 'true');
  const asked = newOnset(source);
  return lasting && cause === true && !(asked !== undefined && daysBetween(asked, source.now) <= CHEST_DAYS);
}

/** "When did it start?" of the checklist, where chest pain or breathlessness was reported. */
function newOnset(source: FactSource): Date | undefined {
  const answer = choicesOf('rf.chest-onset', source).at(-1)?.chosen[0];
  return readInstant(answer, source.settings.homeTimeZone)?.at;
}

/** Imaging for a lung clot or of leg veins within 7 days that is plainly negative. */
export const clotPathwayNegative: Former = (source) => {
  const veins = source.fact('leg-veins-clear');
  if (isEqual(veins, true) === 'true') return { ...veins, concept: 'clot-pathway-negative' };
  const scans = doneBy(source, (text) => /pulmonary angiogra|ctpa|ventilation.perfusion/i.test(text));
  const negative = scans.filter(({ at, reference }) => {
    const report = source.chart.byReference.get(reference);
    const words = report?.resourceType === 'DiagnosticReport' ? (report.conclusion ?? '') : '';
    return daysBetween(at, source.now) <= IMAGING_DAYS && NO_LUNG_CLOT.test(words.trim());
  });
  const newest = negative.at(-1);
  return newest === undefined
    ? unknownFact('clot-pathway-negative', 'no-record')
    : {
        concept: 'clot-pathway-negative',
        state: 'known',
        value: true,
        from: [newest.reference],
        notes: [],
        at: newest.at,
      };
};
const NO_LUNG_CLOT = /^(negative|no (evidence of )?(pe|pulmonary embolism|pulmonary embolus))\.?$/i;

export const CLOT: readonly (readonly [FactId, Former])[] = [
  ['dvt-leg-sign', dvtLegSign],
  ['wells-dvt-at-least', wellsDvtAtLeast],
  ['dvt-current', dvtCurrent],
  ['leg-veins-clear', legVeinsClear],
  ['leg-swelling-excluded', swellingExcluded],
  ['chest-symptom', chestSymptom],
  ['chest-symptom-unexplained', chestSymptomUnexplained],
  ['clot-pathway-negative', clotPathwayNegative],
];
