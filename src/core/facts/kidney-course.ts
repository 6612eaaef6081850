/**
 * The kidneys over time: chronic disease, injuries, the urea ratio, clearance for doses, signs of uraemia.
 *
 * Source: clinical foundations 2.3 to 2.8.
 */
import { DAY, daysBetween } from '../../vocabulary/instant.ts';
import { creatinineBaseline, creatinineCourse, creatinineOverBaseline } from './aki.ts';
import { citing, countParts, present } from './counts.ts';
import { type Fact, isBelow, isEqual, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import {
  egfrFall12m,
  egfrFall12mPoints,
  egfrFallFrom,
  egfrFallMonths,
  egfrSlope,
  filtrationPoints,
} from './kidney-trend.ts';
import { latestValue } from './measured.ts';
import type { Reading } from './reading.ts';
import { isPlainNumber } from './windows.ts';

const REDUCED_BELOW = 60; // mL/min/1.73 m2, foundations 2.3
const CHRONIC_APART = 90 * DAY; // foundations 2.3
const ACR_RAISED_FROM = 3; // mg/mmol, foundations 2.3
const INJURY_DAYS = 90; // rule rn-egfr-decline
const PREGNANCY_DAYS = 365; // rule rn-egfr-decline
const SAME_SPECIMEN = 10 * 60_000; // foundations 1.2: same effective time within 10 minutes

/** Chronic kidney disease: recorded, shown by two eGFR or two ACR more than 90 days apart, or ruled out. */
export const ckdChronic: Former = (source) => {
  const id = 'ckd-chronic';
  const recorded = source.fact('chronic-kidney-disease');
  if (isEqual(recorded, true) === 'true') return { ...recorded, concept: id };
  const shown = persistentlyReduced(source) ?? persistentAlbumin(source);
  if (shown !== undefined) {
    const at = new Date(shown.at);
    return { concept: id, state: 'known', value: true, from: shown.from, notes: [], at };
  }
  const egfr = source.fact('egfr');
  const albumin = source.readings('urine-albumin-creatinine-ratio').findLast(isPlainNumber);
  const sound = isBelow(egfr, REDUCED_BELOW) === 'false' && egfr.raisesOnly === undefined;
  if (sound && (albumin === undefined || albumin.value < ACR_RAISED_FROM)) {
    const { from, notes, at } = egfr;
    return { concept: id, state: 'known', value: false, from, notes, ...(at && { at }) };
  }
  return unknownFact(id, 'needs', { missing: ['egfr'], detail: 'chronicity is not shown', from: egfr.from });
};

interface Shown {
  readonly at: number;
  readonly from: readonly string[];
}

/** Two reduced values more than 90 days apart, with none of 60 or more between them. */
function persistentlyReduced(source: FactSource): Shown | undefined {
  const points = filtrationPoints(source);
  const lastSound = points.findLastIndex(({ value }) => value >= REDUCED_BELOW);
  const reduced = points.slice(lastSound + 1);
  const [first, last] = [reduced[0], reduced.at(-1)];
  if (first === undefined || last === undefined || last.at - first.at <= CHRONIC_APART) return undefined;
  return { at: last.at, from: [first.source, last.source] };
}

function persistentAlbumin(source: FactSource): Shown | undefined {
  const raised = source
    .readings('urine-albumin-creatinine-ratio')
    .filter(isPlainNumber)
    .filter(({ value }) => value >= ACR_RAISED_FROM);
  const [first, last] = [raised[0], raised.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  if (last.at.getTime() - first.at.getTime() <= CHRONIC_APART) return undefined;
  return { at: last.at.getTime(), from: [first.source, last.source] };
}

/** Somebody recorded acute kidney injury as a diagnosis; its stage is another question. */
export const akiRecorded: Former = (source) => ({
  ...source.fact('acute-kidney-injury'),
  concept: 'aki-recorded',
});

/** The stage while there is one, for sentences that speak of an injury; unknown at stage 0. */
export const akiStageRaised: Former = (source) => {
  const stage = source.fact('aki-stage');
  return isBelow(stage, 1) === 'false'
    ? { ...stage, concept: 'aki-stage-raised' }
    : unknownFact('aki-stage-raised', 'not-applicable', { from: stage.from });
};

/** An acute kidney injury in the last 90 days: by creatinine, or as a diagnosis. */
export const akiEpisode90d: Former = (source) => {
  const id = 'aki-episode-90d';
  const { episodes, latest } = creatinineCourse(source);
  const now = source.now.getTime();
  const since = now - INJURY_DAYS * DAY;
  const episode = episodes.findLast(
    ({ peak, end }) => (end ?? Math.min(peak.at + INJURY_DAYS * DAY, now)) >= since,
  );
  if (episode !== undefined) {
    const at = new Date(episode.peak.at);
    return { concept: id, state: 'known', value: true, from: [episode.peak.source], notes: [], at };
  }
  const diagnosed = source
    .assertions('acute-kidney-injury')
    .findLast(({ at, onset, says }) => says !== 'absent' && Math.max(+at, +(onset ?? 0)) >= since);
  if (diagnosed !== undefined)
    return {
      concept: id,
      state: 'known',
      value: true,
      from: [diagnosed.source],
      notes: [],
      at: diagnosed.at,
    };
  if (latest === undefined || latest.at < since) return unknownFact(id, 'no-record');
  const at = new Date(latest.at);
  return { concept: id, state: 'known', value: false, from: [latest.source], notes: [], at };
};

/** Pregnant now or at some time in the last 12 months, when creatinine moves by itself. */
export const pregnant12m: Former = (source) => {
  const id = 'pregnant-12m';
  const now = source.fact('pregnant');
  if (isEqual(now, true) === 'true') return { ...now, concept: id };
  const recent = ['pregnancy', 'postpartum']
    .flatMap((concept) => source.assertions(concept))
    .find(
      ({ says, at }) =>
        (says === 'present' || says === 'past') && daysBetween(at, source.now) <= PREGNANCY_DAYS,
    );
  const answered = source
    .readings('pregnancy-status')
    .find(
      ({ answer, at }) =>
        ['pregnant', 'yes', 'true', 'positive'].includes(String(answer).toLowerCase()) &&
        daysBetween(at, source.now) <= PREGNANCY_DAYS,
    );
  const found = recent ?? answered;
  if (found !== undefined)
    return { concept: id, state: 'known', value: true, from: [found.source], notes: [], at: found.at };
  return { ...now, concept: id };
};

/** Urea mmol/L x 1000 / creatinine umol/L of one specimen; raised above 81 (conventional 20). Foundations 2.7. */
export const ureaCreatinineRatio: Former = (source) => {
  const id = 'urea-creatinine-ratio';
  const fact = source.fact('urea');
  if (fact.state !== 'known') return unknownFact(id, 'needs', { missing: ['urea'] });
  const urea = ['urea-serum', 'urea-nitrogen-serum']
    .flatMap((concept) => source.readings(concept))
    .find(({ source: cited }) => cited === fact.from[0]);
  const creatinine = urea && sameSpecimen(urea, source.readings('creatinine-serum'));
  if (urea?.exact === undefined || creatinine?.exact === undefined)
    return unknownFact(id, 'needs', { missing: ['creatinine-serum'], detail: 'not of one specimen' });
  const value = Math.round(((urea.exact * 1000) / creatinine.exact) * 10) / 10;
  const doubt = fact.raisesOnly ?? (creatinine.status === 'preliminary' || undefined);
  return {
    concept: id,
    state: 'known',
    value,
    at: urea.at,
    from: [urea.source, creatinine.source],
    notes: fact.notes,
    ...(doubt && { raisesOnly: true as const }),
  };
};

function sameSpecimen(urea: Reading, creatinines: readonly Reading[]): Reading | undefined {
  return creatinines.findLast(
    (reading) =>
      reading.exact !== undefined &&
      reading.comparator === undefined &&
      reading.problem === undefined &&
      Math.abs(reading.at.getTime() - urea.at.getTime()) <= SAME_SPECIMEN,
  );
}

/**
 * Cockcroft-Gault, mL/min, for rules on doses only. Foundations 2.8.
 *
 * @param creatinine umol/L
 * @param weight kg, as measured
 */
export function cockcroftGault(
  creatinine: number,
  years: number,
  weight: number,
  sex: 'male' | 'female',
): number {
  return ((140 - years) * weight * (sex === 'male' ? 1.23 : 1.04)) / creatinine;
}

export const creatinineClearance: Former = (source) => {
  const id = 'creatinine-clearance';
  for (const barred of ['dialysis', 'pregnant'])
    if (isEqual(source.fact(barred), true) === 'true')
      return unknownFact(id, 'not-applicable', { detail: barred });
  const [age, sex, weight] = [source.fact('age'), source.fact('sex'), source.fact('body-weight')];
  const concept = source.concepts.byId.get('creatinine-serum');
  const creatinine =
    concept && latestValue(source.readings(concept.id), concept, source.now, concept.lookbackDays ?? 90);
  const missing = [
    ...(creatinine?.state === 'known' ? [] : ['creatinine-serum']),
    ...(weight.state === 'known' ? [] : ['body-weight']),
    ...(age.state === 'known' ? [] : ['age']),
  ];
  if (
    missing.length > 0 ||
    creatinine?.state !== 'known' ||
    age.state !== 'known' ||
    weight.state !== 'known'
  ) {
    const notes = weight.state === 'known' ? [] : ['no-weight'];
    return unknownFact(id, 'needs', { missing, notes });
  }
  const sexes = sex.state === 'known' ? [sex.value as 'male' | 'female'] : (['male', 'female'] as const);
  const years = Math.floor(Number(age.value));
  const values = sexes.map((each) =>
    cockcroftGault(Number(creatinine.value), years, Number(weight.value), each),
  );
  const cited = { concept: id, unit: 'mL/min', ...citing([creatinine, weight]), notes: creatinine.notes };
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low === high
    ? { ...cited, state: 'known', value: low }
    : { ...cited, state: 'bounded', low, high, notes: [...cited.notes, 'sex-not-known'] };
};

/** What retained waste may cause; rule rn-uraemia. */
const URAEMIC_SYMPTOMS = [
  'cramps-present',
  'nausea',
  'vomiting',
  'metallic-taste',
  'fatigue',
  'confusion',
  'muscle-twitching',
  'restless-legs-syndrome',
];

/** How many of them are recorded, with their names. */
export const uraemicSymptoms: Former = (source) => {
  const count = countParts('uraemic-symptoms', URAEMIC_SYMPTOMS.map(present), source);
  const held = URAEMIC_SYMPTOMS.filter((id) => isEqual(source.fact(id), true) === 'true');
  return named(count, held);
};

/** The fact with the plain words of these facts as names. */
export function named(fact: Fact, ids: readonly string[]): Fact {
  return { ...fact, names: ids.map((id) => WORDS.get(id) ?? id.replaceAll('-', ' ')) };
}

const WORDS: ReadonlyMap<string, string> = new Map([
  ['cramps-present', 'cramps'],
  ['restless-legs-syndrome', 'restless legs'],
  ['edema-leg-bilateral', 'swelling of both legs'],
  ['edema-hand', 'swelling of the hands'],
  ['weight-change-unexplained', 'unexplained weight change'],
  ['oliguria', 'little urine'],
  ['polyuria', 'much urine'],
  ['blood-pressure-high-two-days', 'high blood pressure on two days'],
  ['diabetes-mellitus', 'diabetes'],
]);

export const KIDNEY_COURSE: readonly (readonly [string, Former])[] = [
  ['ckd-chronic', ckdChronic],
  ['aki-recorded', akiRecorded],
  ['aki-stage-raised', akiStageRaised],
  ['aki-episode-90d', akiEpisode90d],
  ['creatinine-over-baseline', creatinineOverBaseline],
  ['creatinine-baseline', creatinineBaseline],
  ['pregnant-12m', pregnant12m],
  ['urea-creatinine-ratio', ureaCreatinineRatio],
  ['creatinine-clearance', creatinineClearance],
  ['uraemic-symptoms', uraemicSymptoms],
  ['egfr-slope', egfrSlope],
  ['egfr-fall-12m', egfrFall12m],
  ['egfr-fall-12m-points', egfrFall12mPoints],
  ['egfr-fall-from', egfrFallFrom],
  ['egfr-fall-months', egfrFallMonths],
];
