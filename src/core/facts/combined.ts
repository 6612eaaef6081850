/**
 * Derived facts that combine others: symptoms, heart risk, fluoroquinolone risk, potassium-raising drugs.
 *
 * Source: clinical foundations 1.7 and 2.9.
 */
import { daysBetween, HOUR } from '../../vocabulary/instant.ts';
import {
  active,
  anyPart,
  atLeast,
  citing,
  countParts,
  exposed,
  isActive,
  isExposed,
  over,
  type Part,
  present,
  under,
} from './counts.ts';
import { type Fact, isEqual, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import type { Reading } from './reading.ts';

const CRAMPS_FREQUENT_PER_WEEK = 3; // foundations 1.7, local convention
const NIGHTS_FREQUENT_PER_WEEK = 2; // foundations 1.7, local convention

/**
 * Cramps now; a newer "no" outranks an older count (resolution 24). No cramp in the week is a "no"; no night
 * with a cramp is none, because cramps of the day are not counted there.
 */
export const crampsPresent: Former = (source) => {
  const cramp = source.fact('leg-cramp');
  const perWeek = source.fact('cramp-frequency-per-week');
  const counts = [perWeek, source.fact('cramp-night-count-per-week')];
  const newer = counts.filter(
    (count) =>
      count.state !== 'unknown' &&
      (cramp.at === undefined ||
        cramp.state === 'unknown' ||
        (count.at?.getTime() ?? 0) > cramp.at.getTime()),
  );
  if (isEqual(cramp, true) !== 'true' && newer.length > 0) {
    const counted = anyPart(
      'cramps-present',
      [atLeast('cramp-frequency-per-week', 1), atLeast('cramp-night-count-per-week', 1)],
      source,
    );
    if (counted.state === 'known' && counted.value === true) return counted;
    if (cramp.state === 'unknown' && newer.includes(perWeek) && newer.every(isZero))
      return { concept: 'cramps-present', state: 'known', value: false, ...citing(newer) };
  }
  return { ...cramp, concept: 'cramps-present' };
};

function isZero(count: Fact): boolean {
  return count.state === 'known' && count.value === 0;
}

const CRAMPS_ABSENT_DAYS = 28; // no "yes" for so long, and the latest answer is "no"; resolution 5

/** Cramps are over: known true only when nobody said yes for 28 days and the latest answer is no. */
export const crampsAbsent28Days: Former = (source) => {
  const id = 'cramps-absent-28d';
  const said = source
    .assertions('leg-cramp')
    .filter(({ at, says }) => at <= source.now && says !== 'unclear');
  const latest = said.at(-1);
  if (latest === undefined) return unknownFact(id, 'no-record');
  const cited = { concept: id, from: [latest.source], notes: latest.notes, at: latest.at };
  const recentYes = said.some(
    ({ says, at }) => says === 'present' && daysBetween(at, source.now) < CRAMPS_ABSENT_DAYS,
  );
  if (latest.says === 'present' || recentYes) return { ...cited, state: 'known', value: false };
  const fresh = daysBetween(latest.at, source.now) <= CRAMPS_ABSENT_DAYS;
  return fresh ? { ...cited, state: 'known', value: true } : unknownFact(id, 'stale', cited);
};

const APART = 24 * HOUR; // two low values, el-refractory-hypokalaemia
const LOW_POTASSIUM = 3.5; // mmol/L, el-refractory-hypokalaemia

/** Two low potassium values at least a day apart, with a supplement active between them. */
export const potassiumLowDespiteSupplement: Former = (source) => {
  const id = 'potassium-low-despite-supplement';
  const supplement = source.fact('drug.potassium-supplement');
  const readings = [...source.readings('potassium-serum'), ...source.readings('potassium-blood')].filter(
    ({ value, comparator, at }) =>
      value !== undefined && comparator === undefined && daysBetween(at, source.now) <= 14,
  );
  readings.sort((a, b) => a.at.getTime() - b.at.getTime());
  const latest = readings.at(-1);
  if (latest === undefined) return unknownFact(id, 'no-record', { missing: ['potassium'] });
  const isLow = ({ value }: Reading): boolean => Number(value) < LOW_POTASSIUM;
  const earlier = readings.find((one) => isLow(one) && latest.at.getTime() - one.at.getTime() >= APART);
  const persists = isLow(latest) && earlier !== undefined;
  const took = isActive(supplement);
  if (persists && took === 'unknown')
    return unknownFact(id, 'needs', { missing: ['drug.potassium-supplement'] });
  const value = persists && took === 'true' && supplement.at !== undefined && supplement.at < latest.at;
  const from = [latest.source, ...(earlier ? [earlier.source] : []), ...supplement.from];
  return { concept: id, state: 'known', value, from: [...new Set(from)].sort(), notes: [], at: latest.at };
};

export const crampsFrequent: Former = (source) =>
  anyPart(
    'cramps-frequent',
    [
      atLeast('cramp-frequency-per-week', CRAMPS_FREQUENT_PER_WEEK),
      atLeast('cramp-night-count-per-week', NIGHTS_FREQUENT_PER_WEEK),
      present('sleep-disturbance-by-cramps'),
      present('daytime-cramps-interfering'),
    ],
    source,
  );

export const neuromuscularSymptom: Former = (source) =>
  anyPart(
    'neuromuscular-symptom',
    [
      'cramps-present',
      'muscle-pain',
      'muscle-twitching',
      'muscle-weakness',
      'sudden-weakness',
      'muscle-stiffness',
      'paresthesia',
    ].map(present),
    source,
  );

/** Stiffness, or tingling together with cramps. */
export const tetanyLike: Former = (source) => {
  const stiff = source.fact('muscle-stiffness');
  if (isEqual(stiff, true) === 'true') return { ...stiff, concept: 'tetany-like' };
  const [tingling, cramps] = [source.fact('paresthesia'), source.fact('cramps-present')];
  if (isEqual(tingling, true) === 'true' && isEqual(cramps, true) === 'true')
    return { ...tingling, concept: 'tetany-like', from: [...tingling.from, ...cramps.from] };
  const pairIsOut = isEqual(tingling, true) === 'false' || isEqual(cramps, true) === 'false';
  if (isEqual(stiff, true) === 'false' && pairIsOut) return { ...stiff, concept: 'tetany-like' };
  return unknownFact('tetany-like', 'needs', { missing: ['muscle-stiffness', 'paresthesia'] });
};

export const cardiacSymptom: Former = (source) =>
  anyPart('cardiac-symptom', ['palpitations', 'syncope'].map(present), source);

/** Limits of the QT context. Source: foundations 2.9. */
const QT_PARTS: readonly Part[] = [
  active('drug.qt-prolonging-known-risk'),
  active('drug.fluoroquinolone-systemic'),
  active('drug.hydroxyquinoline-antimalarial'),
  active('drug.quinine-systemic'),
  present('long-qt-syndrome'),
  present('history.torsades-history'),
  atLeast('qtc-interval', 480), // ms
  under('potassium', 3.5), // mmol/L
  under('magnesium-serum', 0.7), // mmol/L
  under('calcium-best', 1.9), // mmol/L
  present('bradycardia-or-av-block'),
];

/** How many things that lengthen QT come together. */
export const qtContext: Former = (source) => countParts('qt-context', QT_PARTS, source);

export const cardiacRisk: Former = (source) =>
  anyPart(
    'cardiac-risk',
    [
      active('drug.digoxin'),
      atLeast('qt-context', 2), // foundations 2.9
      present('heart-failure'),
      present('ventricular-arrhythmia'),
      present('atherosclerotic-cardiovascular-disease'),
      present('cardiac-symptom'),
    ],
    source,
  );

export const fqActive: Former = (source) =>
  truthFrom('fq-active', source.fact('drug.fluoroquinolone-systemic'), isActive);
export const fqExposed: Former = (source) =>
  truthFrom('fq-exposed', source.fact('drug.fluoroquinolone-systemic'), isExposed);

const FQ_TENDON_PARTS: readonly Part[] = [
  over('age', 60), // years, exact; foundations 2.9
  exposed('drug.corticosteroid-systemic'),
  present('solid-organ-transplant'),
  { fact: 'reduced-filtration-or-dialysis', holds: (fact) => isEqual(fact, true) },
  present('tendon-history'), // resolution 34: a tendon record of this course is a symptom, no history
  present('rheumatoid-arthritis'),
  present('strenuous-exercise'),
];

export const fqTendonRiskCount: Former = (source) =>
  countParts('fq-tendon-risk-count', FQ_TENDON_PARTS, source);

/** eGFR below 60, or dialysis: one risk, counted once (resolution 21). */
export const reducedFiltrationOrDialysis: Former = (source) =>
  anyPart('reduced-filtration-or-dialysis', [under('egfr', 60), present('dialysis')], source); // mL/min/1.73 m2, foundations 2.9

export const K_RAISING = [
  'ace-inhibitor',
  'angiotensin-receptor-blocker',
  'direct-renin-inhibitor',
  'potassium-sparing-diuretic',
  'mineralocorticoid-antagonist',
  'trimethoprim-systemic',
  'potassium-supplement',
  'potassium-salt-substitute',
  'nsaid-systemic',
  'heparin-any',
  'ciclosporin-systemic',
  'tacrolimus-systemic',
];

/** A medicine that raises potassium is active. */
export const kRaising: Former = (source) =>
  anyPart(
    'k-raising',
    K_RAISING.map((drug) => active(`drug.${drug}`)),
    source,
  );

export const dialysis: Former = (source) => ({ ...source.fact('dialysis-status'), concept: 'dialysis' });

/** Urea nitrogen and urea are the same number in mmol/L. */
export const urea: Former = (source: FactSource) => {
  const [nitrogen, whole] = [source.fact('urea-nitrogen-serum'), source.fact('urea-serum')];
  const newest =
    (whole.at?.getTime() ?? 0) > (nitrogen.at?.getTime() ?? 0) && whole.state !== 'unknown'
      ? whole
      : nitrogen;
  return { ...(newest.state === 'unknown' ? whole : newest), concept: 'urea' };
};

function truthFrom(id: string, fact: Fact, holds: (fact: Fact) => 'true' | 'false' | 'unknown'): Fact {
  const truth = holds(fact);
  const { from, notes, names, at } = fact;
  const cited = { from, notes, ...(names ? { names } : {}), ...(at ? { at } : {}) };
  if (truth === 'unknown')
    return unknownFact(id, fact.state === 'unknown' ? fact.why : 'needs', {
      ...cited,
      missing: [fact.concept],
    });
  return { concept: id, state: 'known', value: truth === 'true', ...cited };
}
