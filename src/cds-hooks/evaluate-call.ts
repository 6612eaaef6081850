/**
 * One hook call through the core: the chart as it is, and as it would be with the orders being made.
 *
 * Nothing is stored: what a call sees may be a part of the chart, and an order may never be signed.
 */
import type { Patient, Resource } from '@medplum/fhirtypes';
import { type Chart, chartOf } from '../core/chart/chart.ts';
import { decideOnReadable } from '../core/decide-on-readable.ts';
import type { Decision, Episode } from '../core/decision.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { draftOrders, isMedicationOrder, withOrders } from './draft-orders.ts';
import type { Prefetched } from './fetch-missing.ts';
import type { HookCall } from './read-call.ts';
import { HookRefusal } from './refusal.ts';
import { TEMPLATES } from './services.ts';

export interface Evaluation {
  /** With the chosen orders as if active. */
  readonly chart: Chart;
  readonly decision: Decision;
  /** Without the chosen orders; undefined where none was chosen. Made when it is first asked for. */
  readonly before: () => Promise<Decision | undefined>;
  /** Chosen orders of a medicine, `MedicationRequest/id`. */
  readonly chosen: readonly string[];
  /** Keys of which nothing, or not everything, could be read. */
  readonly notSeen: readonly string[];
}

/** @throws HookRefusal `no-data` when there is nothing to evaluate on */
export async function evaluateCall(
  call: HookCall,
  states: Prefetched,
  { ruleSet, episodes, now }: { ruleSet: RuleSet; episodes: readonly Episode[]; now: Date },
): Promise<Evaluation> {
  requireData(states);
  const seen = [...states.values()].flatMap((state) => ('resources' in state ? state.resources : []));
  const notSeen = TEMPLATES.filter(({ key }) => !isWholly(states.get(key)?.state)).map(({ key }) => key);
  const unseen = TEMPLATES.filter(({ key }) => notSeen.includes(key)).map(({ type }) => type);
  const { chosen, others } = draftOrders(call, now);
  const patient = seen.find(isPatient) ?? ({ resourceType: 'Patient', id: call.patientId } as Patient);
  const rest = withOrders(
    seen.filter((one) => !isPatient(one)),
    others,
  );
  const decideOn = (resources: readonly Resource[]) =>
    decideOnReadable(chartOf([patient, ...resources], [], unseen), ruleSet, now, episodes);
  const after = await decideOn(withOrders(rest, chosen));
  let before: Promise<Decision | undefined> | undefined;
  const decideBefore = async (): Promise<Decision | undefined> =>
    chosen.length === 0 ? undefined : (await decideOn(rest)).decision;
  const medicines = chosen.filter(isMedicationOrder).map(({ id }) => `MedicationRequest/${id}`);
  return { ...after, before: () => (before ??= decideBefore()), chosen: medicines, notSeen };
}

function isPatient(resource: Resource): resource is Patient {
  return resource.resourceType === 'Patient';
}

function isWholly(state: string | undefined): boolean {
  return state === 'ok' || state === 'empty';
}

/** Age and sex alone decide nothing: at least one kind of record must have been looked at. */
function requireData(states: Prefetched): void {
  const looked = TEMPLATES.filter(({ search }) => search !== undefined).filter(({ key }) =>
    ['ok', 'empty', 'partial'].includes(states.get(key)?.state ?? 'missing'),
  );
  if (looked.length > 0) return;
  const of = (state: string): string =>
    TEMPLATES.filter(({ key }) => (states.get(key)?.state ?? 'missing') === state)
      .map(({ key }) => key)
      .join(', ') || 'none';
  throw new HookRefusal('no-data', 'Cannot evaluate: no results and no medicines were supplied.', {
    diagnostics: `prefetch keys missing: ${of('missing')}; failed: ${of('failed')}`,
  });
}
