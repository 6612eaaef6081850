/**
 * Writes one owed delivery to its target, so that a repeat changes nothing.
 *
 * Each round looks first, then writes only what differs, with the version it saw. Only the first write of an
 * alert comes before a look, where its conditions are the look. A conflict or an answer that never came leads
 * to another look, never to a blind second write. The state is on the target itself:
 * killed between a write and its mark, the next run finds the write and completes what is missing.
 * Deliveries of one episode must come in the order of their decisions, one at a time.
 */
import type { Capability } from '../connections/capability.ts';
import type { Gate } from '../connections/gate.ts';
import { settleCompanions } from './companions.ts';
import { canCreateTogether, createTogether } from './create-together.ts';
import { type FindOutcome, type Kept, NOT_THERE_YET, type Target } from './find.ts';
import type { DeliveryOutcome, KnownTargets, RoundEnd, Run } from './outcome.ts';
import { isClosing, type OwedDelivery } from './owed.ts';
import type { Service } from './service.ts';
import { findIssue, findPlan, isAsWeLeftIt, settleIssue, settlePlan, settleProvenance } from './settle.ts';

const ROUNDS = 3;

/**
 * @param known what earlier deliveries of this episode wrote; `{}` when nothing is known
 * @throws ForbiddenWrite when a resource outside the permit was built: a fault of ours
 */
export async function deliver(
  gate: Gate,
  capability: Capability,
  service: Service,
  owed: OwedDelivery,
  known: KnownTargets,
): Promise<DeliveryOutcome> {
  if (capability.levels.DetectedIssue === 'D') return { outcome: 'kept-locally' };
  const run: Run = { gate, capability, service, owed, known, wrote: false, wroteOver: false };
  const first = isFirst(run) && canCreateTogether(run) ? createTogether : issueAndPlan;
  let end = await round(run, first);
  for (let rounds = 1; end.outcome === 'again' && rounds < ROUNDS; rounds++)
    end = await round(run, issueAndPlan);
  if (end.outcome !== 'again') return end;
  return end.contested
    ? { outcome: 'parked', reason: 'conflict' }
    : { outcome: 'try-later', because: end.because };
}

/** Nothing of the episode was written yet, as far as we know; the conditions of the write itself say whether that is so. */
function isFirst({ owed, known }: Run): boolean {
  return owed.change === 'raise' && known.issue === undefined;
}

async function round(run: Run, write: (run: Run) => Promise<RoundEnd>): Promise<RoundEnd> {
  const end = await write(run);
  switch (end.outcome) {
    case 'done':
    case 'unchanged': {
      const { issue } = end.targets;
      if (issue === undefined) return end;
      const companions = await settleCompanions(run, `DetectedIssue/${issue.id}`);
      if (companions.outcome !== 'settled') return companions;
      const targets = { ...end.targets, ...companions.targets };
      return run.wrote
        ? { outcome: 'done', targets, ...(run.wroteOver && { over: true }) }
        : { outcome: 'unchanged', targets };
    }
    case 'closed-by-clinician': {
      const companions = await settleCompanions(run, undefined);
      return companions.outcome === 'settled' ? end : companions;
    }
    default:
      return end;
  }
}

async function issueAndPlan(run: Run): Promise<RoundEnd> {
  const issue = await findIssue(run);
  if (issue.outcome === 'none' && isClosing(run.owed.change)) return { outcome: 'unchanged', targets: {} };
  const plan = await findPlan(run);
  // The plan was written just now: an issue written alone would be taken for an old copy the next time.
  if (plan.found.outcome === 'try-later' && plan.found.because === NOT_THERE_YET.because)
    return NOT_THERE_YET;
  const nothingYet = issue.outcome === 'none' && plan.found.outcome === 'none';
  if (nothingYet && plan.takenUp === undefined && canCreateTogether(run))
    return createTogether(run, 'looked');

  const issueStep = await settleIssue(run, issue);
  if (issueStep.outcome !== 'settled') return issueStep;
  if (!run.wrote && isPerhapsOld(issue, run.known.issue)) return NOT_THERE_YET;
  const issueReference = `DetectedIssue/${issueStep.target?.id}`;
  const planStep = await settlePlan(run, plan, issueReference);
  if (planStep.outcome !== 'settled') return planStep;

  const targets = { ...as('issue', issueStep.target), ...as('plan', planStep.target) };
  if (!run.wrote && isKnown(issue, run.known.issue) && isKnown(plan.found, run.known.plan))
    return { outcome: 'unchanged', targets };
  if (!run.wrote && isPerhapsOld(plan.found, run.known.plan)) return NOT_THERE_YET;
  const written = [
    issueReference,
    ...(planStep.target === undefined ? [] : [`CarePlan/${planStep.target.id}`]),
  ];
  const provenanceStep = await settleProvenance(run, written);
  if (provenanceStep.outcome !== 'settled') return provenanceStep;
  return {
    outcome: run.wrote ? 'done' : 'unchanged',
    targets: { ...targets, ...as('provenance', provenanceStep.target) },
  };
}

/** Else our last delivery may have ended half-way. */
function isKnown(found: FindOutcome<Kept>, known: Target | undefined): boolean {
  return found.outcome !== 'found' || isAsWeLeftIt(found.resource, known);
}

/** Just written by us and read in another version: changed by somebody, or read from a copy that lags behind. */
function isPerhapsOld(found: FindOutcome<Kept>, known: Target | undefined): boolean {
  return known?.fresh === true && known.versionId !== undefined && !isKnown(found, known);
}

function as(name: keyof KnownTargets, target: Target | undefined): KnownTargets {
  return target === undefined ? {} : { [name]: target };
}
