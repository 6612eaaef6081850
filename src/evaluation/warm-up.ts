/**
 * Decides once on a made-up chart before anybody waits: the first decision of a process reads and compiles what all
 * later ones use, and takes several times as long.
 */
import { chartOf } from '../core/chart/chart.ts';
import { decide } from '../core/decide.ts';
import type { Decision } from '../core/decision.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';

/**
 * @returns what it decided, about nobody
 * @throws what `decide` throws: rules that can not decide on this would decide on nothing
 */
export async function warmUp(ruleSet: RuleSet, now: Date): Promise<Decision> {
  const lowPotassium = chartOf([
    { resourceType: 'Patient', id: 'nobody', gender: 'female', birthDate: '1950-01-01' },
    {
      resourceType: 'Observation',
      id: 'potassium',
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '2823-3' }] },
      subject: { reference: 'Patient/nobody' },
      effectiveDateTime: now.toISOString(),
      valueQuantity: { value: 2.9, unit: 'mmol/L', system: 'http://unitsofmeasure.org', code: 'mmol/L' },
    },
  ]);
  return await decide(lowPotassium, ruleSet, now, []);
}
