/**
 * Potassium and sodium: one value chosen between the laboratory and the blood-gas device.
 *
 * Source: clinical foundations 1.2 and 1.4 (rule 4).
 */
import { DAY, HOUR } from '../../vocabulary/instant.ts';
import type { Concept } from '../concepts/concept.ts';
import { type Fact, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import { abnormality, factFrom, latestOf, latestValue } from './measured.ts';
import type { Reading } from './reading.ts';

const SAME_MOMENT = 2 * HOUR; // laboratory and device results compared, foundations 1.4.4
const POTASSIUM_DIFFERS = 0.5; // mmol/L, foundations 1.4.4
const SODIUM_DIFFERS = 4; // mmol/L, foundations 1.4.4

export const potassium: Former = (source) => chosenBetween(source, 'potassium', POTASSIUM_DIFFERS);
export const sodium: Former = (source) => chosenBetween(source, 'sodium', SODIUM_DIFFERS);

/**
 * A high potassium of a haemolysed sample, mmol/L: what was measured, to be repeated.
 * Known only while it is the newest laboratory potassium.
 */
export const potassiumHighUnconfirmed: Former = (source) => {
  const measured = source.fact('potassium');
  const newest = source.readings('potassium-serum').at(-1);
  const haemolysed = measured.state === 'bounded' && measured.notes.includes('haemolysed');
  if (!haemolysed || measured.high === undefined || newest?.value === undefined) {
    return unknownFact('potassium-high-unconfirmed', 'no-record');
  }
  const { concept: _, state: __, low: ___, high, exclusive: ____, ...cited } = measured;
  return { ...cited, concept: 'potassium-high-unconfirmed', state: 'known', value: high };
};

function chosenBetween(source: FactSource, id: 'potassium' | 'sodium', differs: number): Fact {
  const serum = source.concepts.byId.get(`${id}-serum`);
  const blood = source.concepts.byId.get(`${id}-blood`);
  if (serum === undefined || blood === undefined) return unknownFact(id, 'no-record');
  const lookbackDays = serum.lookbackDays ?? 14;
  const inSerum = latestValue(source.readings(serum.id), serum, source.now, lookbackDays, id);
  const inBlood = latestValue(source.readings(blood.id), blood, source.now, lookbackDays, id);
  if (inBlood.state === 'unknown' && inBlood.why !== 'implausible')
    return inSerum.state === 'unknown' && inSerum.why === 'no-record' ? inBlood : inSerum;
  if (inSerum.state === 'unknown' && inSerum.why !== 'implausible') return inBlood;
  if (inSerum.at === undefined || inBlood.at === undefined) return inSerum;
  if (Math.abs(inSerum.at.getTime() - inBlood.at.getTime()) > SAME_MOMENT)
    return inSerum.at > inBlood.at ? inSerum : inBlood;
  return settle(source, [serum, blood], differs, id, inSerum);
}

/** Both within two hours: the laboratory counts, unless they differ; then the worse one raises. */
function settle(
  source: FactSource,
  [serum, blood]: [Concept, Concept],
  differs: number,
  id: string,
  inSerum: Fact,
): Fact {
  const since = source.now.getTime() - (serum.lookbackDays ?? 14) * DAY;
  const newestOf = (concept: Concept): Reading | undefined =>
    latestOf(
      source
        .readings(concept.id)
        .filter((reading) => reading.at.getTime() >= since && reading.value !== undefined),
      concept,
    )?.reading;
  const laboratory = newestOf(serum);
  const device = newestOf(blood);
  if (laboratory?.exact === undefined || device?.exact === undefined) return inSerum;
  if (Math.abs(laboratory.exact - device.exact) <= differs + 1e-9) return inSerum;
  const worse = abnormality(device, blood) > abnormality(laboratory, serum) ? device : laboratory;
  const sources = [laboratory.source, device.source].sort();
  return factFrom({ reading: worse, sources, conflict: true }, serum, id);
}
