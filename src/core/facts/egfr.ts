/**
 * Estimated glomerular filtration rate and its stage.
 *
 * Why: rules read one eGFR. A reported one is used when it is race-free and not older than the newest
 * creatinine; otherwise it is computed, so that a laboratory's old equation can not decide.
 * Source: clinical foundations 2.1 to 2.3; CKD-EPI 2021 (Inker et al., NEJM 2021).
 */
import { DAY } from '../../vocabulary/instant.ts';
import { type Fact, isAbove, isBelow, isEqual, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import { latestValue } from './measured.ts';
import type { Reading } from './reading.ts';

const UMOL_PER_MG_DL = 88.4; // creatinine, foundations 2.1
const CYSTATIN_MAY_LAG = 30 * DAY; // behind the newest creatinine, foundations 2.2
const SAME_SPECIMEN = 10 * 60_000; // a reported value and its creatinine share a time
const DISCORDANT = 0.15; // share by which reported and computed differ, foundations 2.2
const UNIT = 'mL/min/{1.73_m2}';

/**
 * CKD-EPI 2021, creatinine, without race. mL/min/1.73 m2, not rounded.
 *
 * @param creatinine umol/L
 * @param years completed years
 */
export function ckdEpi2021(creatinine: number, years: number, sex: 'male' | 'female'): number {
  // Coefficients: Inker 2021, table S2; foundations 2.1.
  const [kappa, alpha, factor] = sex === 'female' ? [0.7, -0.241, 1.012] : [0.9, -0.302, 1];
  const ratio = creatinine / UMOL_PER_MG_DL / kappa;
  return 142 * Math.min(ratio, 1) ** alpha * Math.max(ratio, 1) ** -1.2 * 0.9938 ** years * factor;
}

/** From the latest creatinine; a range over both sexes when sex is unknown. */
export const egfrComputed: Former = (source) => {
  const concept = source.concepts.byId.get('creatinine-serum');
  if (concept === undefined) return unknownFact('egfr-2021', 'no-record');
  const creatinine = latestValue(
    source.readings(concept.id),
    concept,
    source.now,
    concept.lookbackDays ?? 90,
  );
  const reading = source
    .readings(concept.id)
    .findLast((candidate) => candidate.exact !== undefined && candidate.source === creatinine.from[0]);
  if (creatinine.state !== 'known' || reading?.exact === undefined) {
    return unknownFact('egfr-2021', creatinine.state === 'unknown' ? creatinine.why : 'needs', {
      missing: ['creatinine-serum'],
      from: creatinine.from,
    });
  }
  const barred = notApplicable(source);
  if (barred !== undefined)
    return unknownFact('egfr-2021', 'not-applicable', { detail: barred, from: creatinine.from });
  return computed(source, creatinine, reading.exact);
};

function computed(source: FactSource, creatinine: Fact, exact: number): Fact {
  const age = source.fact('age');
  const sex = source.fact('sex');
  if (age.state === 'unknown' || isBelow(age, 18) !== 'false')
    return unknownFact('egfr-2021', 'needs', { missing: ['age'], from: creatinine.from });
  const ages = age.state === 'known' ? [Number(age.value)] : [age.low ?? 18, age.high ?? 120];
  const sexes = sex.state === 'known' ? [sex.value as 'male' | 'female'] : (['male', 'female'] as const);
  const values = ages.flatMap((years) => sexes.map((each) => ckdEpi2021(exact, Math.floor(years), each)));
  const notes = [
    ...creatinine.notes,
    'computed',
    ...(source.fact('pregnant').state === 'unknown' ? ['pregnancy-not-known'] : []),
  ];
  const unsteady = isAbove(source.fact('aki-stage'), 0) === 'true';
  const cited = {
    concept: 'egfr-2021',
    unit: UNIT,
    from: creatinine.from,
    notes: unsteady ? [...notes, 'not-steady-state'] : notes,
    ...(creatinine.at ? { at: creatinine.at } : {}),
    ...(creatinine.raisesOnly ? { raisesOnly: true as const } : {}),
  };
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low === high
    ? { ...cited, state: 'known', value: low }
    : { ...cited, state: 'bounded', low, high, notes: [...cited.notes, 'sex-not-known'] };
}

/** The formula does not hold in pregnancy and on dialysis. */
function notApplicable(source: FactSource): string | undefined {
  if (isEqual(source.fact('pregnant'), true) === 'true') return 'pregnancy';
  return isEqual(source.fact('dialysis'), true) === 'true' ? 'dialysis' : undefined;
}

/** The eGFR that rules use: cystatin, else reported, else computed. */
export const egfr: Former = (source) => {
  const lookback = source.concepts.byId.get('egfr-reported')?.lookbackDays ?? 90; // days, foundations 1.1
  const newestCreatinine = source
    .readings('creatinine-serum')
    .findLast((reading) => reading.value !== undefined);
  const cystatin = valueWithin(source, 'egfr-cystatin', lookback);
  if (
    cystatin?.at &&
    (newestCreatinine === undefined ||
      newestCreatinine.at.getTime() - cystatin.at.getTime() <= CYSTATIN_MAY_LAG)
  ) {
    return { ...cystatin, concept: 'egfr' };
  }
  const reported = valueWithin(source, 'egfr-reported', lookback);
  const calculated = { ...source.fact('egfr-2021'), concept: 'egfr' };
  if (reported?.at && !isOlder(reported.at, newestCreatinine))
    return reportedOrComputed(reported, calculated);
  if (calculated.state !== 'unknown') return calculated;
  const refused = source.refused('egfr-race-specific');
  if (refused.length > 0) {
    const detail = 'reported with a race term; not used';
    return unknownFact('egfr', 'refused', { detail, from: refused, missing: ['creatinine-serum'] });
  }
  return { ...calculated, missing: calculated.missing ?? ['creatinine-serum'] };
};

function valueWithin(source: FactSource, id: string, lookbackDays: number): Fact | undefined {
  const concept = source.concepts.byId.get(id);
  if (concept === undefined) return undefined;
  const fact = latestValue(source.readings(id), concept, source.now, lookbackDays);
  return fact.state === 'unknown' ? undefined : fact;
}

function isOlder(at: Date, creatinine: Reading | undefined): boolean {
  return creatinine !== undefined && creatinine.at.getTime() - at.getTime() > SAME_SPECIMEN;
}

/** The reported value leads unless it differs by more than 15 % and in stage from the same specimen. */
function reportedOrComputed(reported: Fact, calculated: Fact): Fact {
  const ours = { ...reported, concept: 'egfr' };
  if (reported.state !== 'known' || calculated.state !== 'known') return withSteadiness(ours, calculated);
  const apart =
    reported.at && calculated.at
      ? Math.abs(reported.at.getTime() - calculated.at.getTime())
      : Number.POSITIVE_INFINITY;
  const [theirs, own] = [Number(reported.value), Number(calculated.value)];
  const discordant =
    apart <= SAME_SPECIMEN && Math.abs(theirs - own) / own > DISCORDANT && stageOf(theirs) !== stageOf(own);
  return discordant
    ? { ...calculated, notes: [...calculated.notes, 'egfr-discordant'] }
    : withSteadiness(ours, calculated);
}

function withSteadiness(fact: Fact, calculated: Fact): Fact {
  return calculated.notes.includes('not-steady-state')
    ? { ...fact, notes: [...fact.notes, 'not-steady-state'] }
    : fact;
}

/** Lower limits of the KDIGO 2024 G categories, mL/min/1.73 m2; foundations 2.3. */
const STAGES = [
  ['G1', 90],
  ['G2', 60],
  ['G3a', 45],
  ['G3b', 30],
  ['G4', 15],
  ['G5', 0],
] as const;

export function stageOf(value: number): (typeof STAGES)[number][0] {
  return STAGES.find(([, from]) => value >= from)?.[0] ?? 'G5';
}

/** `G1` to `G5`; of a range only when both ends agree. */
export const egfrStage: Former = (source) => {
  const fact = source.fact('egfr');
  if (fact.state === 'unknown') return unknownFact('egfr-stage', 'needs', { missing: ['egfr'] });
  const cited = {
    concept: 'egfr-stage',
    from: fact.from,
    notes: fact.notes,
    ...(fact.at ? { at: fact.at } : {}),
    ...(fact.raisesOnly ? { raisesOnly: true as const } : {}),
  };
  if (fact.notes.includes('not-steady-state'))
    return unknownFact('egfr-stage', 'not-applicable', {
      detail: 'creatinine is not steady',
      from: fact.from,
    });
  if (fact.state === 'known') return { ...cited, state: 'known', value: stageOf(Number(fact.value)) };
  const just = fact.exclusive ? 1e-6 : 0;
  const [lowest, highest] = [stageOf((fact.low ?? 0) + just), stageOf((fact.high ?? 1000) - just)];
  return lowest === highest
    ? { ...cited, state: 'known', value: lowest }
    : unknownFact('egfr-stage', 'needs', { missing: ['egfr'], from: fact.from });
};
