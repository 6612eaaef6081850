/**
 * Fever and urinary infection.
 *
 * Source: wider rules A.1 and A.2.
 */
import { DAY, daysBetween, HOUR } from '../../vocabulary/instant.ts';
import { anyPart, atLeast, countParts, isActive, present } from './counts.ts';
import { type Fact, isEqual, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import type { Reading } from './reading.ts';

export const FEVER_WINDOW = 48 * HOUR; // A.1
const NO_FEVER_WINDOW = 24 * HOUR; // A.1
const ANTIPYRETIC_WINDOW = 8 * HOUR; // A.1
const STRIP_DAYS = 3; // A.2
const CULTURE_DAYS = 7; // A.2
const STRIP_MAX_AGE = 65; // years, A.2

/** Highest temperature of 48 h at or above the limit, or fever reported in 48 h. */
export const fever: Former = (source) => {
  const since = source.now.getTime() - FEVER_WINDOW;
  const { recent, highest } = temperatures(source);
  const reported = source.fact('fever-reported');
  const reportedNow = isEqual(reported, true) === 'true' && (reported.at?.getTime() ?? 0) >= since;
  if (highest !== undefined && (highest.value as number) >= source.settings.feverCel)
    return feverFact(true, [highest]);
  if (reportedNow) return { ...reported, concept: 'fever', notes: [...reported.notes, 'reported'] };
  const lately = recent.filter((reading) => source.now.getTime() - reading.at.getTime() <= NO_FEVER_WINDOW);
  if (lately.length === 0) return unknownFact('fever', 'no-record', { missing: ['body-temperature'] });
  if (tookAntipyretic(source))
    return unknownFact('fever', 'needs', {
      notes: ['antipyretic'],
      detail: 'a medicine that lowers fever is recorded',
    });
  return feverFact(false, lately);
};

/** Those of 48 h, and the highest of them. */
function temperatures(source: FactSource): { recent: Reading[]; highest: Reading | undefined } {
  const since = source.now.getTime() - FEVER_WINDOW;
  const recent = source
    .readings('body-temperature')
    .filter((reading) => reading.value !== undefined && reading.at.getTime() >= since);
  const [highest] = [...recent].sort((a, b) => (b.value as number) - (a.value as number));
  return { recent, highest };
}

/** Taken now, or ended within 8 h: a normal temperature then tells nothing. Of antipyretics only NSAIDs have a concept. */
function tookAntipyretic(source: FactSource): boolean {
  const drug = source.fact('drug.nsaid-systemic');
  const ended = drug.state === 'known' && drug.value === 'recent' ? drug.at?.getTime() : undefined;
  return (
    isActive(drug) === 'true' || (ended !== undefined && source.now.getTime() - ended <= ANTIPYRETIC_WINDOW)
  );
}

function feverFact(value: boolean, readings: readonly Reading[]): Fact {
  const preliminary = readings.every((reading) => reading.status === 'preliminary');
  return {
    concept: 'fever',
    state: 'known',
    value,
    from: [...new Set(readings.map((reading) => reading.source))],
    notes: preliminary ? ['preliminary'] : [],
    at: readings[0]?.at as Date,
    ...(preliminary ? { raisesOnly: true as const } : {}),
  };
}

/** Highest temperature of 48 h, Cel: what a fever finding shows. */
export const temperatureHighest: Former = (source) => {
  const { highest } = temperatures(source);
  if (highest === undefined) return unknownFact('temperature-highest-48h', 'no-record');
  return {
    concept: 'temperature-highest-48h',
    state: 'known',
    value: highest.value as number,
    unit: 'Cel',
    from: [highest.source],
    notes: highest.notes,
    at: highest.at,
  };
};

/** Source: wider rules A.2; smell and dark urine never count. */
export const COUNTED = [
  'dysuria',
  'urinary-frequency',
  'urinary-urgency',
  'suprapubic-pain',
  'small-volume-voids',
  'cloudy-urine',
  'nocturia',
];

export const utiSymptomCount: Former = (source) =>
  countParts('uti-symptom-count', COUNTED.map(present), source);

/** Nitrite positive or leucocyte esterase 1+ or more within 3 days, below 65 years. */
export const urineStripPositive: Former = (source) => {
  const id = 'urine-strip-positive';
  const age = source.fact('age');
  if (
    age.state === 'unknown' ||
    (age.state === 'known' ? Number(age.value) : (age.high ?? 0)) >= STRIP_MAX_AGE
  )
    return unknownFact(id, 'not-applicable');
  const strips = ['urine-nitrite', 'urine-leukocyte-esterase'].map((concept) =>
    newestWithin(source, concept, STRIP_DAYS),
  );
  const positive = strips.find((reading) => reading !== undefined && isPositive(reading));
  if (positive !== undefined)
    return {
      concept: id,
      state: 'known',
      value: true,
      from: [positive.source],
      notes: positive.notes,
      at: positive.at,
    };
  const [first, second] = strips;
  if (first === undefined || second === undefined) return unknownFact(id, 'no-record');
  if (!isNegative(first) || !isNegative(second)) return unknownFact(id, 'no-value');
  return {
    concept: id,
    state: 'known',
    value: false,
    from: [first.source, second.source],
    notes: [],
    at: first.at,
  };
};

export const urineCulturePositive: Former = (source) => {
  const reading = newestWithin(source, 'urine-culture', CULTURE_DAYS);
  if (reading === undefined) return unknownFact('urine-culture-positive', 'no-record');
  if (!isPositive(reading) && !isNegative(reading))
    return unknownFact('urine-culture-positive', 'no-value', { from: [reading.source], at: reading.at });
  return {
    concept: 'urine-culture-positive',
    state: 'known',
    value: isPositive(reading),
    from: [reading.source],
    notes: reading.notes,
    at: reading.at,
  };
};

export const UTI_DIAGNOSES = ['urinary-tract-infection', 'cystitis', 'pyelonephritis', 'prostatitis'];

/** A urinary infection by diagnosis, by culture with symptoms, or by two symptoms with a positive strip. */
export const utiCurrent: Former = (source) => {
  const diagnosed = anyPart('uti-current', UTI_DIAGNOSES.map(present), source);
  if (isEqual(diagnosed, true) === 'true') return diagnosed;
  const count = source.fact('uti-symptom-count');
  const byCulture = both(source.fact('urine-culture-positive'), count, 1);
  const byStrip = both(source.fact('urine-strip-positive'), count, 2);
  return byCulture ?? byStrip ?? bacteriuriaInPregnancy(source) ?? { ...diagnosed, concept: 'uti-current' };
};

/** Bacteria without symptoms count as an infection in pregnancy only. */
function bacteriuriaInPregnancy(source: FactSource): Fact | undefined {
  const culture = source.fact('urine-culture-positive');
  const expecting = isEqual(source.fact('pregnant'), true) === 'true';
  if (!expecting || isEqual(culture, true) !== 'true') return undefined;
  return { ...culture, concept: 'uti-current', notes: [...culture.notes, 'bacteriuria-pregnancy'] };
}

/** Current, or two symptoms of which one is dysuria or suprapubic pain. */
export const utiLikely: Former = (source) => {
  const current = source.fact('uti-current');
  if (isEqual(current, true) === 'true') return { ...current, concept: 'uti-likely' };
  const painful = anyPart('uti-likely', ['dysuria', 'suprapubic-pain'].map(present), source);
  const count = source.fact('uti-symptom-count');
  if (isEqual(painful, true) === 'true') {
    const clustered = both(painful, count, 2);
    if (clustered !== undefined) return { ...clustered, concept: 'uti-likely' };
  }
  const none = current.state === 'known' && painful.state === 'known' && painful.value === false;
  return none
    ? { ...current, concept: 'uti-likely' }
    : unknownFact('uti-likely', 'needs', { missing: ['uti-symptom-count'], from: current.from });
};

function both(fact: Fact, count: Fact, atLeastCount: number): Fact | undefined {
  const enough = atLeast(count.concept, atLeastCount).holds(count) === 'true';
  if (!enough || isEqual(fact, true) !== 'true') return undefined;
  return { ...fact, concept: 'uti-current', from: [...new Set([...fact.from, ...count.from])] } as Fact;
}

function newestWithin(source: FactSource, concept: string, days: number): Reading | undefined {
  return source
    .readings(concept)
    .findLast(
      (reading) =>
        reading.answer !== undefined &&
        daysBetween(reading.at, source.now) <= days &&
        reading.at.getTime() <= source.now.getTime() + DAY / 144,
    );
}

const POSITIVE = new Set([
  'positive',
  'detected',
  'present',
  'yes',
  'true',
  'weakly positive',
  '+',
  '++',
  '+++',
  '1+',
  '2+',
  '3+',
  'present +',
  'present ++',
  'present +++',
]);

/** A trace of leucocyte esterase does not count as positive. Source: wider rules A.2. */
const NEGATIVE = new Set([
  'negative',
  'not detected',
  'absent',
  'no',
  'false',
  'no growth',
  'no significant growth',
  'normal',
  'trace',
  '-',
]);

function isNegative({ answer }: Reading): boolean {
  return answer === false || (typeof answer === 'string' && NEGATIVE.has(answer.toLowerCase()));
}

function isPositive(reading: Reading): boolean {
  const { answer } = reading;
  return answer === true || (typeof answer === 'string' && POSITIVE.has(answer.toLowerCase()));
}
