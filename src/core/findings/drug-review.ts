/**
 * "This medicine can cause cramps" gives way to a rule that names the medicine for a reason.
 *
 * Why: low potassium on salbutamol already says salbutamol; a second alert about it is noise. The rest of the
 * group stays open. Source: clinical foundations 4, last row of the absorber table; resolution 15.
 */
import { type FactId, type Facts, factOf } from '../facts/fact.ts';
import { type FiredRule, groupOf, isInvolved } from './fired-rule.ts';

const DRUG_REVIEW = 'g-drug-review';

/** Member of the drug review -> the first rule outside it that names all its medicines. */
export function drugReviewLines(fired: readonly FiredRule[], facts: Facts): [line: string, taker: string][] {
  const others = fired.filter((each) => each.rule.file.group !== DRUG_REVIEW);
  return fired
    .filter((each) => groupOf(each) === DRUG_REVIEW)
    .flatMap(({ rule }) => {
      const medicines = medicinesOf(rule.file.implicated, facts);
      if (medicines.length === 0) return [];
      const taker = others.find((other) => {
        const named = new Set(medicinesOf(other.rule.file.implicated, facts));
        return medicines.every((medicine) => named.has(medicine));
      });
      return taker === undefined ? [] : [[rule.id, taker.rule.id]];
    });
}

/** Records of the medicines involved: the same record under two classes is one medicine. */
function medicinesOf(implicated: readonly FactId[], facts: Facts): string[] {
  const drugs = implicated.filter((id) => id.startsWith('drug.') && isInvolved(id, facts));
  return [...new Set(drugs.flatMap((id) => factOf(facts, id).from))];
}
