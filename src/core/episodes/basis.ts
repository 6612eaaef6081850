/**
 * What an alert rests on, in a form that a later evaluation can compare with.
 */
import type { Resource } from '@medplum/fhirtypes';
import { canonicalJson } from '../../vocabulary/canonical-json.ts';
import type { Chart } from '../chart/chart.ts';
import type { Basis, Finding } from '../decision.ts';
import { type Fact, type Facts, factOf } from '../facts/fact.ts';
import { reasonsFor } from '../rules/explain.ts';
import type { RuleSet } from '../rules/rule-set.ts';

interface BasisInputs {
  readonly chart: Chart;
  readonly facts: Facts;
  readonly ruleSet: RuleSet;
  readonly now: Date;
}

/** The facts behind a finding, the newest measured value among them, and the dosage of its medicines. */
export function basisOf(finding: Finding, { chart, facts, ruleSet, now }: BasisInputs): Basis {
  const rules = [...finding.members, ...finding.absorbed].flatMap((id) => ruleSet.byId.get(id) ?? []);
  const held = rules.flatMap((rule) => reasonsFor(rule.firesWhen, facts, now).map(({ fact }) => fact));
  const ids = [...new Set(held)].sort();
  const measured = ids.map((id) => factOf(facts, id)).filter(isMeasured);
  const valueAt = measured
    .map(({ at }) => at?.toISOString() ?? '')
    .sort()
    .at(-1);
  const medicines = [...finding.implicated].sort().flatMap((reference) => {
    const dosage = dosageOf(chart.byReference.get(reference));
    return dosage === '' ? [] : [[reference, dosage] as const];
  });
  return { facts: ids, ...(valueAt && { valueAt }), doses: Object.fromEntries(medicines) };
}

/** Versions of those that the chart holds, by `Type/id`, in the order of the chart. */
export function versionsOf(cited: ReadonlySet<string>, chart: Chart): Record<string, string> {
  const held = [...cited].sort().flatMap((reference) => {
    const resource = chart.byReference.get(reference);
    return resource === undefined ? [] : [[reference, versionOf(resource)] as const];
  });
  return Object.fromEntries(held);
}

/** Version of a resource or, where a server keeps none, when it was last updated. */
export function versionOf(resource: Resource): string {
  return resource.meta?.versionId ?? resource.meta?.lastUpdated ?? '';
}

function isMeasured(fact: Fact): boolean {
  return fact.unit !== undefined && fact.from.some((reference) => reference.startsWith('Observation/'));
}

function dosageOf(resource: Resource | undefined): string {
  switch (resource?.resourceType) {
    case 'MedicationStatement':
      return canonicalJson(resource.dosage ?? []);
    case 'MedicationRequest':
      return canonicalJson(resource.dosageInstruction ?? []);
    default:
      return '';
  }
}
