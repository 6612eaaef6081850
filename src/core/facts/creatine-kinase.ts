/**
 * Creatine kinase as a multiple of its upper limit.
 *
 * Source: clinical foundations 2.9, `ck-multiple`.
 */
import { unknownFact } from './fact.ts';
import type { Former } from './fact-source.ts';

const ULN_FALLBACK = { male: 320, female: 200 }; // U/L, setting ckUlnFallback, foundations 2.9 (recalled)

/** Times the reported upper limit; without one, times a usual limit, noted `assumed-uln`. */
export const ckMultiple: Former = (source) => {
  const id = 'ck-multiple';
  const ck = source.fact('ck-serum');
  if (ck.state === 'unknown') return unknownFact(id, 'needs', { missing: ['ck-serum'], from: ck.from });
  const reported = source.chart.resources.find(
    (resource) => resource.resourceType === 'Observation' && ck.from[0] === `Observation/${resource.id}`,
  );
  const range = reported?.resourceType === 'Observation' ? reported.referenceRange?.[0]?.high : undefined;
  const high =
    range?.value === undefined
      ? undefined
      : source.concepts.toCanonical('ck-serum', range.value, { unit: range.unit, code: range.code });
  const sex = source.fact('sex');
  const usual = sex.state === 'known' && sex.value === 'male' ? ULN_FALLBACK.male : ULN_FALLBACK.female;
  const limit = high !== undefined && high > 0 ? high : usual;
  const notes = limit === high ? ck.notes : [...ck.notes, 'assumed-uln'];
  const { unit: _, decimals: __, ...rest } = ck;
  if (rest.state === 'known') return { ...rest, concept: id, value: Number(rest.value) / limit, notes };
  return {
    ...rest,
    concept: id,
    notes,
    ...(rest.low !== undefined && { low: rest.low / limit }),
    ...(rest.high !== undefined && { high: rest.high / limit }),
  };
};

export const CREATINE_KINASE: readonly (readonly [string, Former])[] = [['ck-multiple', ckMultiple]];
