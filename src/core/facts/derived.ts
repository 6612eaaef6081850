/**
 * Every derived fact, by id. A new one is one line in a list, one former and one test.
 */
import { akiStage } from './aki.ts';
import { ANKLE_INDEX } from './ankle-index.ts';
import { calciumBest, calciumBest90d, calciumTotalOnly } from './calcium.ts';
import { CARE_SETTING } from './care-setting.ts';
import { CIRCULATION } from './circulation.ts';
import { CLOT } from './clot.ts';
import {
  cardiacRisk,
  cardiacSymptom,
  crampsAbsent28Days,
  crampsFrequent,
  crampsPresent,
  dialysis,
  fqActive,
  fqExposed,
  fqTendonRiskCount,
  kRaising,
  neuromuscularSymptom,
  potassiumLowDespiteSupplement,
  qtContext,
  reducedFiltrationOrDialysis,
  tetanyLike,
  urea,
} from './combined.ts';
import { CRAMP_MEDICINE_FACTS } from './cramp-medicines.ts';
import { DIARY } from './diary.ts';
import { DIURETICS } from './diuretics.ts';
import { EARLY_WARNING } from './early-warning.ts';
import { egfr, egfrComputed, egfrStage } from './egfr.ts';
import type { Former } from './fact-source.ts';
import { FLUID_AND_SALT } from './fluid-and-salt.ts';
import { FLUOROQUINOLONE_FACTS } from './fluoroquinolone.ts';
import { FLUOROQUINOLONE_PARTNER_FACTS } from './fluoroquinolone-partners.ts';
import { HYDRATION } from './hydration.ts';
import {
  fever,
  temperatureHighest,
  urineCulturePositive,
  urineStripPositive,
  utiCurrent,
  utiLikely,
  utiSymptomCount,
} from './infection.ts';
import { KIDNEY_COURSE } from './kidney-course.ts';
import { KIDNEY_SIGNS } from './kidney-signs.ts';
import { LIFESTYLE } from './lifestyle.ts';
import { LIMB_DANGER } from './limb-danger.ts';
import { MUSCLE_FACTS } from './muscle.ts';
import { NEURO } from './neuro.ts';
import { age, pregnant, sex } from './patient-facts.ts';
import { potassium, potassiumHighUnconfirmed, sodium } from './potassium.ts';
import { TESTED } from './tested.ts';
import { URINARY_COURSE } from './urinary-course.ts';
import { VASCULAR_STUDIES } from './vascular-studies.ts';
import { VITAMIN_D } from './vitamin-d.ts';

const BASIC: readonly (readonly [string, Former])[] = [
  ['age', age],
  ['sex', sex],
  ['pregnant', pregnant],
  ['dialysis', dialysis],
  ['potassium', potassium],
  ['potassium-high-unconfirmed', potassiumHighUnconfirmed],
  ['sodium', sodium],
  ['urea', urea],
  ['calcium-best', calciumBest],
  ['calcium-best-90d', calciumBest90d],
  ['calcium-total-only', calciumTotalOnly],
  ['aki-stage', akiStage],
  ['egfr-2021', egfrComputed],
  ['egfr', egfr],
  ['egfr-stage', egfrStage],
  ['cramps-present', crampsPresent],
  ['cramps-frequent', crampsFrequent],
  ['cramps-absent-28d', crampsAbsent28Days],
  ['potassium-low-despite-supplement', potassiumLowDespiteSupplement],
  ['neuromuscular-symptom', neuromuscularSymptom],
  ['tetany-like', tetanyLike],
  ['cardiac-symptom', cardiacSymptom],
  ['cardiac-risk', cardiacRisk],
  ['qt-context', qtContext],
  ['k-raising', kRaising],
  ['fq-active', fqActive],
  ['fq-exposed', fqExposed],
  ['fq-tendon-risk-count', fqTendonRiskCount],
  ['reduced-filtration-or-dialysis', reducedFiltrationOrDialysis],
  ['fever', fever],
  ['temperature-highest-48h', temperatureHighest],
  ['uti-symptom-count', utiSymptomCount],
  ['urine-strip-positive', urineStripPositive],
  ['urine-culture-positive', urineCulturePositive],
  ['uti-current', utiCurrent],
  ['uti-likely', utiLikely],
];

/** Facts of one domain live in a file of that domain, which exports its own list. */
export const DERIVED: ReadonlyMap<string, Former> = new Map([
  ...BASIC,
  ...KIDNEY_COURSE,
  ...KIDNEY_SIGNS,
  ...FLUID_AND_SALT,
  ...TESTED,
  ...DIURETICS,
  ...VITAMIN_D,
  ...URINARY_COURSE,
  ...EARLY_WARNING,
  ...ANKLE_INDEX,
  ...VASCULAR_STUDIES,
  ...CIRCULATION,
  ...LIMB_DANGER,
  ...CLOT,
  ...NEURO,
  ...HYDRATION,
  ...DIARY,
  ...LIFESTYLE,
  ...CARE_SETTING,
  ...FLUOROQUINOLONE_FACTS,
  ...FLUOROQUINOLONE_PARTNER_FACTS,
  ...MUSCLE_FACTS,
  ...CRAMP_MEDICINE_FACTS,
]);
