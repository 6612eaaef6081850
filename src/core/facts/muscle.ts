/**
 * Creatine kinase, and what lipid-lowering medicines meet.
 *
 * Why: a CK means little without the limit of its own laboratory; rules read multiples of it.
 * Source: clinical foundations 2.9; core rules, md-lipid-drug-cramps, md-ck-raised, md-statin-interaction.
 */
import { DAY, daysBetween } from '../../vocabulary/instant.ts';
import { citing } from './counts.ts';
import { type FactId, isEqual, unknownFact } from './fact.ts';
import type { Former } from './fact-source.ts';
import { anyOfSet, citedBy, type MedicineSet, standingsOf } from './medicine-sets.ts';
import { type Exposure, recentDays } from './medicines.ts';
import { onsetOf } from './onset.ts';

const UPPER_LIMIT = { male: 320, female: 200 }; // U/L; foundations 10, ckUlnFallback (recalled)

/**
 * CK as a multiple of the upper limit of its report; without one, of a general limit, noted `assumed-uln`.
 * Unknown for a comparator and for a haemolysed sample, which reads falsely high.
 */
const ckMultiple: Former = (source) => {
  const id = 'ck-multiple';
  const ck = source.fact('ck-serum');
  if (ck.state !== 'known')
    return unknownFact(id, ck.state === 'unknown' ? ck.why : 'needs', {
      missing: ['ck-serum'],
      from: ck.from,
      ...(ck.at ? { at: ck.at } : {}),
    });
  const reading = source.readings('ck-serum').findLast((candidate) => ck.from.includes(candidate.source));
  const sex = source.fact('sex');
  const general = isEqual(sex, 'male') === 'true' ? UPPER_LIMIT.male : UPPER_LIMIT.female;
  const limit = reading?.upperLimit ?? general;
  return {
    concept: id,
    decimals: 1,
    state: 'known',
    value: (reading?.exact ?? Number(ck.value)) / limit,
    from: ck.from,
    notes: reading?.upperLimit === undefined ? [...ck.notes, 'assumed-uln'] : ck.notes,
    ...(ck.at ? { at: ck.at } : {}),
    ...(ck.raisesOnly ? { raisesOnly: true as const } : {}),
  };
};

const RISING_DAYS = 7; // as aki-stage: the latest creatinine is at most 7 days old, foundations 2.4
const SAME_VALUE = 1; // umol/L: one unit in the last digit is the same value, foundations 1.4

/** The latest creatinine is above the result before it. */
const creatinineRising: Former = (source) => {
  const id = 'creatinine-rising';
  const readings = source
    .readings('creatinine-serum')
    .filter(({ exact, comparator }) => exact !== undefined && comparator === undefined);
  const [before, latest] = readings.slice(-2);
  if (before === undefined || latest === undefined)
    return unknownFact(id, 'needs', { missing: ['creatinine-serum'] });
  const cited = { from: [before.source, latest.source].sort(), at: latest.at };
  if (source.now.getTime() - latest.at.getTime() > RISING_DAYS * DAY) return unknownFact(id, 'stale', cited);
  const value = (latest.exact as number) - (before.exact as number) > SAME_VALUE;
  return { ...cited, concept: id, state: 'known', value, notes: [] };
};

/** What a lipid-lowering medicine may have done, and where the answers about it are kept. */
const SYMPTOMS: readonly (readonly [FactId, readonly string[]])[] = [
  ['cramps-present', ['leg-cramp', 'cramp-frequency-per-week', 'cramp-night-count-per-week']],
  ['muscle-pain', ['muscle-pain']],
  ['muscle-weakness', ['muscle-weakness']],
];

/** Cramps, muscle pain or weakness that was not there before the lipid-lowering medicine; onset unknown counts. */
const lipidDrugSymptom: Former = (source) => {
  const id = 'lipid-drug-symptom';
  const start = source.fact('drug-days.lipid-lowering-any').at;
  const there = SYMPTOMS.filter(([fact]) => isEqual(source.fact(fact), true) === 'true');
  const since = there.filter(([, answers]) => onsetOf(answers, start, source) !== 'before');
  if (since.length > 0)
    return { concept: id, state: 'known', value: true, ...citing(since.map(([fact]) => source.fact(fact))) };
  const facts = SYMPTOMS.map(([fact]) => source.fact(fact));
  if (facts.some(({ state }) => state === 'unknown'))
    return unknownFact(id, 'needs', { missing: SYMPTOMS.map(([fact]) => fact) });
  return { concept: id, state: 'known', value: false, ...citing(facts) };
};

const ABSENT_DAYS = 28; // nobody said yes for so long, and the latest answer is no; resolution 5
const ASKED = ['leg-cramp', 'muscle-pain', 'muscle-weakness'];

/** Of cramps, muscle pain and weakness, those ever recorded are over. */
const muscleSymptomsAbsent: Former = (source) => {
  const id = 'muscle-symptoms-absent-28d';
  const spoken = ASKED.map((symptom) =>
    source.assertions(symptom).filter(({ at, says }) => at <= source.now && says !== 'unclear'),
  ).filter((said) => said.length > 0);
  if (spoken.length === 0) return unknownFact(id, 'no-record', { missing: ASKED });
  const latest = spoken.flatMap((said) => said.at(-1) ?? []);
  const cited = { from: [...new Set(latest.map((one) => one.source))].sort() };
  const yesLately = spoken
    .flat()
    .some(({ says, at }) => says === 'present' && daysBetween(at, source.now) < ABSENT_DAYS);
  if (yesLately || latest.some(({ says }) => says === 'present'))
    return { ...cited, concept: id, state: 'known', value: false, notes: [] };
  if (latest.some(({ at }) => daysBetween(at, source.now) > ABSENT_DAYS))
    return unknownFact(id, 'stale', cited);
  return { ...cited, concept: id, state: 'known', value: true, notes: [] };
};

/** Every international name of the class ends so; anything else is a class or product name. */
const STATIN_NAME = /statin$/i;

/** A statin of these names is active; a record that names only the class does not tell. */
function statinNamed(id: FactId, only: (name: string) => boolean): Former {
  return (source) => {
    const { current, open, all } = standingsOf({ classes: ['statin'] }, source);
    const wanted = current.filter(({ ingredient }) => STATIN_NAME.test(ingredient) && only(ingredient));
    if (wanted.length > 0) return { ...citedBy(id, wanted), state: 'known', value: true };
    const untold = open.length > 0 || current.some(({ ingredient }) => !STATIN_NAME.test(ingredient));
    if (all.length === 0 || untold) return unknownFact(id, 'needs', { missing: ['drug.statin'] });
    return { ...citedBy(id, all), state: 'known', value: false };
  };
}

/** For CK both count as long as a statin does: 60 days after the end; core rules, md-ck-raised. */
const STATIN_OR_FIBRATE: MedicineSet = {
  classes: ['statin', 'fibrate'],
  endedDays: () => recentDays('statin'),
};

const AFTER_INHIBITOR_DAYS = 7; // an inhibitor counts so long after its end; core rules, md-statin-interaction

/** Strong CYP3A4 inhibitors, macrolides but azithromycin, azoles by mouth or vein. */
const CYP3A4: MedicineSet = {
  classes: ['strong-cyp3a4-inhibitor', 'macrolide-systemic', 'azole-antifungal-systemic'],
  only: (ingredient) => !/^azithromycin$/i.test(ingredient),
  endedDays: () => AFTER_INHIBITOR_DAYS,
};
const STRONG_CYP3A4: MedicineSet = { ...CYP3A4, classes: ['strong-cyp3a4-inhibitor'] };
/** Meet every statin. */
const ANY_STATIN: MedicineSet = {
  classes: ['gemfibrozil', 'ciclosporin-systemic', 'fibrate', 'niacin-lipid'],
};

/**
 * The recorded medicines that meet the recorded statin. False when there is none left on record: what closes
 * the alert once the medicine that raised it has ended or the statin was changed.
 */
const statinPartner: Former = (source) => {
  const id = 'statin-partner';
  const statins = standingsOf({ classes: ['statin'] }, source);
  if (statins.all.length === 0) return unknownFact(id, 'no-record', { missing: ['drug.statin'] });
  const byCyp3a4 = standingsOf({ classes: ['cyp3a4-statin'] }, source);
  const partners = [
    ...pairs(byCyp3a4, standingsOf(CYP3A4, source)),
    ...pairs(statins, standingsOf(ANY_STATIN, source)),
  ];
  const met = partners.filter(({ sure }) => sure).map(({ exposure }) => exposure);
  if (met.length > 0) return { ...citedBy(id, met), state: 'known', value: true };
  if (partners.length > 0)
    return unknownFact(
      id,
      'status',
      citedBy(
        id,
        partners.map(({ exposure }) => exposure),
      ),
    );
  return { ...citedBy(id, statins.all), state: 'known', value: false };
};

type Standings = ReturnType<typeof standingsOf>;

function pairs(statins: Standings, others: Standings): { exposure: Exposure; sure: boolean }[] {
  if (statins.current.length + statins.open.length === 0) return [];
  const sure = statins.current.length > 0;
  return [
    ...others.current.map((exposure) => ({ exposure, sure })),
    ...others.open.map((exposure) => ({ exposure, sure: false })),
  ];
}

export const MUSCLE_FACTS: readonly (readonly [FactId, Former])[] = [
  ['ck-multiple', ckMultiple],
  ['creatinine-rising', creatinineRising],
  ['lipid-drug-symptom', lipidDrugSymptom],
  ['muscle-symptoms-absent-28d', muscleSymptomsAbsent],
  [
    'simvastatin-or-lovastatin',
    statinNamed('simvastatin-or-lovastatin', (name) => /^(?:sim|lo)vastatin$/i.test(name)),
  ],
  [
    'statin-but-pravastatin-fluvastatin',
    statinNamed('statin-but-pravastatin-fluvastatin', (name) => !/^(?:pra|flu)vastatin$/i.test(name)),
  ],
  ['cyp3a4-interacting-drug', anyOfSet('cyp3a4-interacting-drug', CYP3A4)],
  ['strong-cyp3a4-inhibitor-lately', anyOfSet('strong-cyp3a4-inhibitor-lately', STRONG_CYP3A4)],
  ['statin-or-fibrate-lately', anyOfSet('statin-or-fibrate-lately', STATIN_OR_FIBRATE)],
  ['statin-partner', statinPartner],
];
