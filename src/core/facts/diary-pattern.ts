/**
 * What the cramps of a diary have in common: when they come, what they follow, and which question about it
 * nobody has answered yet.
 *
 * Source: wider rules A.6 and F, dy-pattern and dy-daytime-cramps.
 */
import { daysBetween } from '../../vocabulary/instant.ts';
import { diaryOf, type Episode } from './diary-entries.ts';
import { type Fact, type FactId, isEqual, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import { newestNumber } from './windows.ts';

const WINDOW_DAYS = 28; // A.6
const MAJORITY = { share: 0.6, episodes: 5 } as const; // A.6: timingMajority, timingMinEpisodes
const DAYTIME_EPISODES = 4; // dy-daytime-cramps
const HAIR = 1e-9; // for rounding of binary fractions; no clinical meaning

function episodes(source: FactSource): Episode[] {
  return diaryOf(source).episodes.filter(({ at }) => daysBetween(at, source.now) <= WINDOW_DAYS);
}

const timed = (source: FactSource): Episode[] =>
  episodes(source).filter(({ timing }) => timing !== undefined);

function cited(id: FactId, from: readonly Episode[]) {
  const at = from.at(-1)?.at;
  return {
    concept: id,
    from: [...new Set(from.map(({ source }) => source))].sort(),
    notes: [],
    ...(at === undefined ? {} : { at }),
  };
}

/** The word that at least 60 % share: its count and name; undefined when none does. */
function majorityOf(words: readonly string[], among: number): { word: string; share: number } | undefined {
  const counted = [...Map.groupBy(words, (word) => word)].map(([word, all]) => ({
    word,
    share: all.length / among,
  }));
  return counted.find(({ share }) => share >= MAJORITY.share - HAIR);
}

/** The timing of most cramps, `none` without a majority; unknown with fewer than five timed cramps. */
const timingMajority: Former = (source) => {
  const found = timed(source);
  if (found.length < MAJORITY.episodes) return unknownFact('cramp-timing-majority', 'needs');
  const most = majorityOf(
    found.map(({ timing }) => timing as string),
    found.length,
  );
  const name = most === undefined ? undefined : TIMING_WORDS[most.word];
  return {
    ...cited('cramp-timing-majority', found),
    state: 'known',
    value: most?.word ?? 'none',
    ...(name === undefined ? {} : { names: [name] }),
  };
};

/** Share of that majority, %. */
const timingShare: Former = (source) => {
  const found = timed(source);
  const most = majorityOf(
    found.map(({ timing }) => timing as string),
    found.length,
  );
  if (found.length < MAJORITY.episodes || most === undefined)
    return unknownFact('cramp-timing-share', 'needs');
  return {
    ...cited('cramp-timing-share', found),
    state: 'known',
    value: Math.round(most.share * 100),
    unit: '%',
  };
};

const NO_TRIGGER = ['none-noticed', 'other'];

/** What most cramps followed, `none` without a majority; unknown with fewer than five timed cramps. */
const triggerMajority: Former = (source) => {
  const found = timed(source);
  if (found.length < MAJORITY.episodes) return unknownFact('cramp-trigger-majority', 'needs');
  const words = found.flatMap(({ triggers }) => [...new Set(triggers)]);
  const most = majorityOf(
    words.filter((word) => !NO_TRIGGER.includes(word)),
    found.length,
  );
  return { ...cited('cramp-trigger-majority', found), state: 'known', value: most?.word ?? 'none' };
};

/** Share of cramps at rest by day, %; unknown with fewer than four timed cramps. */
const daytimeShare: Former = (source) => {
  const found = timed(source);
  if (found.length < DAYTIME_EPISODES) return unknownFact('cramp-daytime-share', 'needs');
  const atRest = found.filter(({ timing }) => timing === 'daytime-rest').length;
  return {
    ...cited('cramp-daytime-share', found),
    state: 'known',
    value: (atRest / found.length) * 100,
    unit: '%',
  };
};

const TIMING_WORDS: Readonly<Record<string, string>> = {
  'in-bed-or-asleep': 'in bed',
  'during-exercise': 'during exercise',
  'within-2h-after-exercise': 'after exercise',
  'daytime-rest': 'at rest by day',
  'during-dialysis': 'during dialysis',
};

/** Questions that tell the causes of a timing apart. Source: dy-pattern, pointer domains. */
const QUESTIONS: Readonly<Record<string, readonly (readonly [FactId, string])[]>> = {
  'in-bed-or-asleep': [
    ['rls-pattern', 'restless legs'],
    ['ischemic-rest-pain', 'rest pain'],
  ],
  'during-exercise': [
    ['relief-with-rest', 'relief with rest'],
    ['exercise-over-60-min', 'session length'],
  ],
  'within-2h-after-exercise': [
    ['strenuous-exercise', 'hard exercise'],
    ['heat-exposure', 'heat'],
  ],
  'daytime-rest': [
    ['muscle-weakness', 'weakness'],
    ['paresthesia', 'tingling'],
  ],
  'during-dialysis': [['dialysis', 'dialysis']],
};

/** Does the pattern point to a question that nobody has answered? Names the questions. */
const patternOpen: Former = (source) => {
  const id = 'cramp-pattern-open';
  const majority = source.fact('cramp-timing-majority');
  if (majority.state !== 'known') return unknownFact(id, 'needs', { missing: ['cramp-timing-majority'] });
  const asked = QUESTIONS[String(majority.value)] ?? [];
  const open = asked.filter(([fact]) => source.fact(fact).state === 'unknown').map(([, words]) => words);
  const { from, at } = majority;
  return {
    concept: id,
    state: 'known',
    value: open.length > 0,
    from,
    notes: [],
    ...(at === undefined ? {} : { at }),
    ...(open.length === 0 ? {} : { names: open }),
  };
};

const WORK_UP_DAYS = 90; // dy-daytime-cramps
const WORK_UP = [
  'potassium-serum',
  'sodium-serum',
  'magnesium-serum',
  'calcium-total-serum',
  'ck-serum',
  'tsh-serum',
] as const;
const EGFR_NORMAL = 60; // mL/min/1.73 m2, KDIGO G2 or better; foundations 2.3

/** Electrolytes, eGFR, CK and TSH of 90 days, each inside the usual limits. Unknown while one is missing. */
const workUpNormal: Former = (source) => {
  const id = 'work-up-normal';
  const results = WORK_UP.map((concept) => ({
    concept,
    reading: newestNumber(source, concept, WORK_UP_DAYS),
  }));
  const egfr = source.fact('egfr');
  const missing = [
    ...results.filter(({ reading }) => reading === undefined).map(({ concept }) => concept as string),
    ...(egfr.state === 'known' ? [] : ['egfr']),
  ];
  const abnormal = results.some(({ concept, reading }) => {
    const { low, high } = source.concepts.byId.get(concept)?.reference ?? {};
    const value = reading?.value;
    return (
      value !== undefined && ((low !== undefined && value < low) || (high !== undefined && value > high))
    );
  });
  const reduced = egfr.state === 'known' && Number(egfr.value) < EGFR_NORMAL;
  const from = results.flatMap(({ reading }) => reading?.source ?? []);
  if (abnormal || reduced) return fact(id, false, from);
  if (missing.length > 0) return unknownFact(id, 'needs', { missing, from });
  return fact(id, true, [...from, ...egfr.from]);
};

function fact(id: FactId, value: boolean, from: readonly string[]): Fact {
  return { concept: id, state: 'known', value, from: [...new Set(from)].sort(), notes: [] };
}

/** Medicines whose listed effects include cramps. Source: core rules, the members of g-drug-review. */
const CRAMP_DRUGS = [
  'lipid-lowering-any',
  'beta-agonist-inhaled',
  'beta-agonist-systemic',
  'insulin',
  'oral-contraceptive',
  'combined-hormonal-contraceptive',
  'antihypertensive-any',
  'diuretic-any',
] as const;

/** A medicine that can cause cramps was started within 90 days. Names it. */
const crampDrugNew: Former = (source) => {
  const id = 'cramp-drug-new';
  const started = CRAMP_DRUGS.filter((drug) => isEqual(source.fact(`drug-new.${drug}`), true) === 'true');
  if (started.length === 0) return unknownFact(id, 'no-record');
  const names = started.flatMap((drug) => source.fact(`drug.${drug}`).names ?? []);
  const from = started.flatMap((drug) => source.fact(`drug-new.${drug}`).from);
  return { ...fact(id, true, from), names: [...new Set(names)].sort() } as Fact;
};

export const DIARY_PATTERN: readonly (readonly [string, Former])[] = [
  ['cramp-timing-majority', timingMajority],
  ['cramp-timing-share', timingShare],
  ['cramp-trigger-majority', triggerMajority],
  ['cramp-daytime-share', daytimeShare],
  ['cramp-pattern-open', patternOpen],
  ['work-up-normal', workUpNormal],
  ['cramp-drug-new', crampDrugNew],
];
