/**
 * Calcium adjusted for albumin.
 *
 * Why: total calcium falls with albumin while the ionised part, the one that makes muscle cramp, may
 * not have moved. Rules read this fact, so that no rule repeats the correction.
 * Source: clinical foundations 2.6.
 */
import { DAY } from '../../vocabulary/instant.ts';
import { anyOf } from '../../vocabulary/truth.ts';
import { type Fact, isAbove, isBelow, isEqual, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import { latestValue } from './measured.ts';
import type { Reading } from './reading.ts';

const ALBUMIN_NORMAL = 40; // g/L, foundations 2.6
const CALCIUM_PER_ALBUMIN = 0.02; // mmol/L of calcium for each g/L of albumin, foundations 2.6
const ALBUMIN_TRUSTED = { from: 20, to: 50 }; // g/L; outside it the formula misleads, foundations 2.6
const ALBUMIN_MAX_AGE = 30 * DAY; // outpatient; foundations 2.6
const IONISED_LEADS = DAY; // an ionised value this close to the newest calcium leads, foundations 2.6
const BICARBONATE_TRUSTED = { from: 15, to: 40 }; // mmol/L, foundations 2.6
const EGFR_TRUSTED_FROM = 30; // mL/min/1.73 m2, foundations 2.6
const TOTAL_LOW_WHATEVER_ALBUMIN = 1.8; // mmol/L; needs an albumin of 25 g/L to be explained away, foundations 2.6
const UNIT = 'mmol/L';

/**
 * Total calcium as it would be at an albumin of 40 g/L, mmol/L; dated by the calcium, citing both.
 *
 * Unknown when an ionised value leads, when there is no albumin, or when either is not exact. Where the
 * formula misleads it is noted `adjustment-unreliable`: such a value may raise a finding, never clear one.
 */
export const calciumBest: Former = (source) => adjustedCalcium(source);

const HIGH_CALCIUM_DAYS = 90; // a high calcium on a thiazide counts so long, rule di-thiazide-hypercalcaemia
const TOTAL_HIGH_WHATEVER_ALBUMIN = 2.8; // mmol/L; at or below it waits for albumin, rule di-thiazide-hypercalcaemia

/** The same over 90 days; a total above 2.80 mmol/L stands for itself while albumin is not known. */
export const calciumBest90d: Former = (source) => {
  const best = { ...adjustedCalcium(source, HIGH_CALCIUM_DAYS), concept: 'calcium-best-90d' };
  if (best.state !== 'unknown' || best.why !== 'needs') return best;
  const total = latest(source, 'calcium-total-serum', HIGH_CALCIUM_DAYS);
  return isAbove(total, TOTAL_HIGH_WHATEVER_ALBUMIN) === 'true'
    ? { ...total, concept: best.concept, notes: [...total.notes, 'pending-albumin'], raisesOnly: true }
    : best;
};

function adjustedCalcium(source: FactSource, days?: number): Fact {
  const total = latest(source, 'calcium-total-serum', days);
  const corrected = latest(source, 'calcium-corrected-serum', days);
  const ionised = latest(source, 'calcium-ionized', days);
  const newest = Math.max(time(total), time(corrected));
  if (ionised.state !== 'unknown' && time(ionised) >= newest - IONISED_LEADS) {
    return unknownFact('calcium-best', 'not-applicable', {
      detail: 'ionised calcium leads',
      from: ionised.from,
    });
  }
  if (corrected.state !== 'unknown' && time(corrected) >= time(total)) {
    return { ...corrected, concept: 'calcium-best', notes: [...corrected.notes, 'corrected-by-laboratory'] };
  }
  if (total.state === 'unknown')
    return unknownFact('calcium-best', total.why, {
      missing: ['calcium-total-serum'],
      from: total.from,
      notes: total.notes,
    });
  return adjusted(source, total);
}

function adjusted(source: FactSource, total: Fact): Fact {
  const albumin = albuminBeside(source, total);
  const calcium = readingBehind(source, total, 'calcium-total-serum');
  if (albumin === undefined)
    return unknownFact('calcium-best', 'needs', { missing: ['albumin-serum'], from: total.from });
  if (
    total.state !== 'known' ||
    calcium?.exact === undefined ||
    albumin.exact === undefined ||
    albumin.comparator !== undefined
  ) {
    return unknownFact('calcium-best', 'needs', { missing: ['calcium-total-serum'], from: total.from });
  }
  const value = round2(calcium.exact + CALCIUM_PER_ALBUMIN * (ALBUMIN_NORMAL - albumin.exact));
  const reliable = isReliable(source, albumin.exact);
  const notes = [...total.notes, 'adjusted-for-albumin', ...(reliable ? [] : ['adjustment-unreliable'])];
  return {
    concept: 'calcium-best',
    state: 'known',
    value,
    unit: UNIT,
    ...(total.at ? { at: total.at } : {}),
    from: [...total.from, albumin.source],
    notes,
    ...(reliable && !total.raisesOnly ? {} : { raisesOnly: true as const }),
  };
}

/** A total calcium so low that albumin could hardly explain it, while albumin is not known. */
export const calciumTotalOnly: Former = (source) => {
  const total = latest(source, 'calcium-total-serum');
  const id = 'calcium-total-only';
  if (total.state === 'unknown' || source.fact('calcium-best').state !== 'unknown')
    return unknownFact(id, 'no-record');
  if (albuminBeside(source, total) !== undefined || latest(source, 'calcium-ionized').state !== 'unknown')
    return unknownFact(id, 'not-applicable');
  const low = isAbove(total, TOTAL_LOW_WHATEVER_ALBUMIN) === 'false';
  return low
    ? { ...total, concept: id, notes: [...total.notes, 'pending-albumin'], raisesOnly: true }
    : unknownFact(id, 'needs', { missing: ['albumin-serum'] });
};

function isReliable(source: FactSource, albumin: number): boolean {
  const bicarbonate = source.fact('bicarbonate-serum');
  const misleads = anyOf([
    albumin < ALBUMIN_TRUSTED.from || albumin > ALBUMIN_TRUSTED.to ? 'true' : 'false',
    isBelow(bicarbonate, BICARBONATE_TRUSTED.from),
    isAbove(bicarbonate, BICARBONATE_TRUSTED.to),
    isBelow(source.fact('egfr'), EGFR_TRUSTED_FROM),
    isEqual(source.fact('dialysis'), true),
    isEqual(source.fact('urosepsis-or-sepsis'), true),
    isEqual(source.fact('critical-care'), true),
  ]);
  return misleads !== 'true';
}

/** The albumin of the same specimen, else the nearest in time within 30 days. */
function albuminBeside(source: FactSource, calcium: Fact): Reading | undefined {
  const at = time(calcium);
  const distance = (reading: Reading): number => Math.abs(reading.at.getTime() - at);
  return source
    .readings('albumin-serum')
    .filter((reading) => reading.exact !== undefined && distance(reading) <= ALBUMIN_MAX_AGE)
    .sort((a, b) => distance(a) - distance(b) || (a.source < b.source ? -1 : 1))[0];
}

function readingBehind(source: FactSource, fact: Fact, concept: string): Reading | undefined {
  return source
    .readings(concept)
    .findLast((reading) => reading.source === fact.from[0] && reading.exact !== undefined);
}

function latest(source: FactSource, id: string, days?: number): Fact {
  const concept = source.concepts.byId.get(id);
  if (concept === undefined) return unknownFact(id, 'no-record');
  return latestValue(source.readings(id), concept, source.now, days ?? concept.lookbackDays ?? 14);
}

function time(fact: Fact): number {
  return fact.state === 'unknown'
    ? Number.NEGATIVE_INFINITY
    : (fact.at?.getTime() ?? Number.NEGATIVE_INFINITY);
}

/** Calcium is compared at two decimals, foundations 1.1. */
function round2(value: number): number {
  return Math.round(value * 100 * (1 + Number.EPSILON)) / 100;
}
