/**
 * Thyroid results against the laboratory's own limits, and how old they are.
 *
 * Source: wider rules D, nm-thyroid.
 */
import type { Observation } from '@medplum/fhirtypes';
import { daysBetween } from '../../vocabulary/instant.ts';
import { type Fact, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import type { Reading } from './reading.ts';
import { daysSince, isPlainNumber, newestNumber } from './windows.ts';

const THYROID_DAYS = 365; // look-back of TSH, foundations 1.1; free T4 is read beside it

/** The newest TSH lies above the range printed with it. Unknown without such a range. */
const tshAboveRange: Former = (source) => {
  const id = 'tsh-above-range';
  const reading = newestNumber(source, 'tsh-serum', THYROID_DAYS);
  const high = reading && rangeOf(reading, source)?.high?.value;
  const raw = reading && observationOf(reading, source)?.valueQuantity?.value;
  if (reading === undefined || high === undefined || raw === undefined) return unknownFact(id, 'no-record');
  return truthFact(id, raw > high, reading);
};

/** Free T4 below the range printed with it, else below the usual lower limit. */
const freeT4Low: Former = (source) => {
  const id = 'free-t4-low';
  const reading = newestNumber(source, 'free-t4-serum', THYROID_DAYS);
  if (reading === undefined) return unknownFact(id, 'no-record', { missing: ['free-t4-serum'] });
  const own = rangeOf(reading, source)?.low?.value;
  const raw = observationOf(reading, source)?.valueQuantity?.value;
  if (own !== undefined && raw !== undefined) return truthFact(id, raw < own, reading);
  const usual = source.concepts.byId.get('free-t4-serum')?.reference?.low;
  return usual === undefined ? unknownFact(id, 'no-value') : truthFact(id, reading.value < usual, reading);
};

function observationOf(reading: Reading, source: FactSource): Observation | undefined {
  const resource = source.chart.byReference.get(reading.source);
  return resource?.resourceType === 'Observation' ? resource : undefined;
}

/** The first reference range, when it is in the unit of the value or in none. */
function rangeOf(reading: Reading, source: FactSource) {
  const observation = observationOf(reading, source);
  const range = observation?.referenceRange?.[0];
  const unit = (range?.high ?? range?.low)?.code ?? (range?.high ?? range?.low)?.unit;
  const { code, unit: shown } = observation?.valueQuantity ?? {};
  return unit === undefined || unit === code || unit === shown ? range : undefined;
}

function truthFact(id: string, value: boolean, { source, notes, at, status }: Reading): Fact {
  const doubt = status === 'preliminary' ? { raisesOnly: true as const } : {};
  return { concept: id, state: 'known', value, from: [source], notes, at, ...doubt };
}

const SETTLED = { low: 0.4, high: 4.0, apartDays: 42 } as const; // m[IU]/L and days, nm-thyroid, Clears when

/** The newest TSH and an earlier one at least 42 days before it both lie in range. */
const tshSettled: Former = (source) => {
  const id = 'tsh-settled';
  const results = source
    .readings('tsh-serum')
    .filter(isPlainNumber)
    .filter(({ at, status }) => status !== 'preliminary' && daysBetween(at, source.now) <= THYROID_DAYS);
  const latest = results.at(-1);
  const earlier = results.findLast(
    ({ at }) => latest !== undefined && daysBetween(at, latest.at) >= SETTLED.apartDays,
  );
  if (latest === undefined || earlier === undefined)
    return unknownFact(id, 'needs', { missing: ['tsh-serum'] });
  const value = [latest, earlier].every(({ value: tsh }) => tsh >= SETTLED.low && tsh <= SETTLED.high);
  return {
    concept: id,
    state: 'known',
    value,
    from: [earlier.source, latest.source].sort(),
    notes: [],
    at: latest.at,
  };
};

export const THYROID: readonly (readonly [string, Former])[] = [
  ['tsh-above-range', tshAboveRange],
  ['tsh-days', (source) => daysSince('tsh-days', 'tsh-serum', source)],
  ['free-t4-low', freeT4Low],
  ['tsh-settled', tshSettled],
  ['vitamin-b12-days', (source) => daysSince('vitamin-b12-days', 'vitamin-b12-serum', source)],
];
