/**
 * Ten rules as a programmer would write them by hand: the floor that a rule engine can not go below.
 *
 * The same logic as the rule files, two-valued, on plain values; a missing value fires nothing.
 */
import type { Plain, PlainFacts } from './plain-facts.ts';

const taking = (value: Plain): boolean => value === 'taking' || value === 'prescribed';
const takingOrRecent = (value: Plain): boolean => taking(value) || value === 'recent';
const over = (value: Plain): boolean => typeof value === 'string' && !taking(value);
const below = (value: Plain, limit: number): boolean => typeof value === 'number' && value < limit;
const atMost = (value: Plain, limit: number): boolean => typeof value === 'number' && value <= limit;
const atLeast = (value: Plain, limit: number): boolean => typeof value === 'number' && value >= limit;
const noted = (notes: Plain, note: string): boolean => Array.isArray(notes) && notes.includes(note);

export const BY_HAND: Readonly<Record<string, (fact: PlainFacts) => boolean>> = {
  'el-hypokalaemia': (f) => below(f.potassium, 3.5),
  'el-hypomagnesaemia': (f) =>
    below(f['magnesium-serum'], 0.7) ||
    (below(f['last.magnesium-serum'], 0.7) && f['cramps-present'] === true),
  'el-hypocalcaemia': (f) =>
    below(f['calcium-best'], 2.1) ||
    (below(f['calcium-best'], 2.2) && f['neuromuscular-symptom'] === true) ||
    (f['calcium-best'] === null &&
      (below(f['calcium-ionized'], 1.12) || atMost(f['calcium-total-only'], 1.8))),
  'el-hyperkalaemia': (f) =>
    (atLeast(f.potassium, 5.5) && atMost(f['potassium age'], 7)) ||
    (noted(f['potassium notes'], 'haemolysed') &&
      atLeast(f['potassium-high-unconfirmed'], 6) &&
      atMost(f['potassium-high-unconfirmed age'], 7)),
  'rn-ckd-cramps': (f) =>
    (below(f.egfr, 45) && f['cramps-present'] === true) ||
    (below(f.egfr, 60) && f['cramps-frequent'] === true && atLeast(f['urine-albumin-creatinine-ratio'], 30)),
  'di-low-potassium-magnesium': (f) => {
    const diuretic =
      takingOrRecent(f['drug.thiazide-diuretic']) ||
      takingOrRecent(f['drug.thiazide-like-diuretic']) ||
      takingOrRecent(f['drug.loop-diuretic']);
    const wastesPotassium = diuretic || takingOrRecent(f['drug.carbonic-anhydrase-inhibitor']);
    return (wastesPotassium && below(f.potassium, 3.5)) || (diuretic && below(f['magnesium-serum'], 0.7));
  },
  'fq-age-over-60': (f) => f['fq-active'] === true && typeof f.age === 'number' && f.age > 60,
  'fq-corticosteroid': (f) => f['fq-active'] === true && takingOrRecent(f['drug.corticosteroid-systemic']),
  'fq-qt-electrolytes': (f) =>
    f['fq-active'] === true &&
    (below(f.potassium, 3.5) || below(f['magnesium-serum'], 0.7) || below(f['calcium-best'], 1.9)),
  'in-pyelonephritis-suspected': (f) => {
    const flankPain = f['flank-pain'] === true && atMost(f['flank-pain age'], 7);
    const chills = f['chills-or-rigors'] === true && atMost(f['chills-or-rigors age'], 7);
    const diagnosed = f.pyelonephritis === true && atMost(f['pyelonephritis age'], 14);
    return (
      (f['uti-likely'] === true && (f.fever === true || chills) && flankPain) ||
      (diagnosed && (f.fever === true || flankPain) && over(f['drug.uti-antibacterial']))
    );
  },
};
