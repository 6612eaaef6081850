/**
 * Ten rules as a programmer would write them by hand: the floor that a rule engine can not go below.
 *
 * Only "does it fire", on plain values; a missing value fires nothing.
 */
export type Plain = Readonly<Record<string, number | boolean | string | null | undefined>>;

const active = (value: Plain[string]): boolean => value === 'taking' || value === 'prescribed';
const below = (value: Plain[string], limit: number): boolean => typeof value === 'number' && value < limit;
const atLeast = (value: Plain[string], limit: number): boolean => typeof value === 'number' && value >= limit;

export const BY_HAND: Readonly<Record<string, (fact: Plain) => boolean>> = {
  'el-hypokalaemia': (f) => below(f.potassium, 3.5),
  'el-hypomagnesaemia': (f) =>
    below(f['magnesium-serum'], 0.7) ||
    (below(f['last.magnesium-serum'], 0.7) && f['cramps-present'] === true),
  'el-hypocalcaemia': (f) =>
    below(f['calcium-ionized'], 1.12) ||
    below(f['calcium-best'], 2.1) ||
    (below(f['calcium-best'], 2.2) && f['neuromuscular-symptom'] === true) ||
    (typeof f['calcium-total-only'] === 'number' && f['calcium-total-only'] <= 1.8),
  'el-hyperkalaemia': (f) => atLeast(f.potassium, 5.5) || atLeast(f['potassium-high-unconfirmed'], 6),
  'rn-ckd-cramps': (f) =>
    (below(f.egfr, 45) && f['cramps-present'] === true) ||
    (below(f.egfr, 60) && f['cramps-frequent'] === true && atLeast(f['urine-albumin-creatinine-ratio'], 30)),
  'di-low-potassium-magnesium': (f) =>
    (active(f['drug.thiazide-diuretic']) ||
      active(f['drug.thiazide-like-diuretic']) ||
      active(f['drug.loop-diuretic']) ||
      active(f['drug.carbonic-anhydrase-inhibitor'])) &&
    (below(f.potassium, 3.5) || below(f['magnesium-serum'], 0.7)),
  'fq-age-over-60': (f) => f['fq-active'] === true && typeof f.age === 'number' && f.age > 60,
  'fq-corticosteroid': (f) =>
    f['fq-active'] === true &&
    (active(f['drug.corticosteroid-systemic']) || f['drug.corticosteroid-systemic'] === 'recent'),
  'fq-qt-electrolytes': (f) =>
    f['fq-active'] === true &&
    (below(f.potassium, 3.5) || below(f['magnesium-serum'], 0.7) || below(f['calcium-best'], 1.9)),
  'in-pyelonephritis-suspected': (f) =>
    f['uti-likely'] === true &&
    (f.fever === true || f['chills-or-rigors'] === true) &&
    f['flank-pain'] === true,
};
