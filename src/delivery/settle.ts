/**
 * Brings one resource of a delivery to what it should be: created, updated, or left as it is.
 */
import type { CarePlan, DetectedIssue, Identifier, Provenance } from '@medplum/fhirtypes';
import type { WriteOutcome } from '../connections/outcomes.ts';
import { SHOWN_WITHIN_MS } from '../store/target-resource.ts';
import { carePlan, needsPlan } from './care-plan.ts';
import { detectedIssue } from './detected-issue.ts';
import { type FindOutcome, find, type Kept, type Target, type Written } from './find.ts';
import { type Identity, identityOf, planIdentityOf, provenanceIdentityOf } from './identity.ts';
import {
  hasSameAdvice,
  isClosedByClinician,
  isLeftAlone,
  isTakenUp,
  mergedIssue,
  mergedPlan,
} from './merge.ts';
import { type Run, type Step, troubleEnd, writeEnd } from './outcome.ts';
import { isClosing, type OwedDelivery } from './owed.ts';
import { provenance } from './provenance.ts';
import { issueIdentifier, planIdentifier, provenanceTag } from './service.ts';

export function issueIdentityOf({ connectionId, patientId, episode }: OwedDelivery): Identity {
  return identityOf(connectionId, patientId, episode.key, episode.number);
}

export function findIssue({ gate, capability, service, owed, known }: Run): Promise<FindOutcome<Kept>> {
  const identity = issueIdentityOf(owed);
  const identifier = issueIdentifier(service.uri, identity);
  return find(gate, {
    type: 'DetectedIssue',
    level: capability.levels.DetectedIssue,
    identity,
    identifier,
    known: known.issue,
  });
}

/** The last proposal of an episode, and the plan before it that a person took up. */
export interface FoundPlan {
  readonly found: FindOutcome<Kept>;
  readonly number: number;
  readonly takenUp?: CarePlan & Kept;
}

const MOST_PROPOSALS = 5; // of one episode; who took up so many does not wait for a sixth

export async function findPlan(run: Run): Promise<FoundPlan> {
  if (run.capability.levels.CarePlan === 'D') return { found: { outcome: 'none' }, number: 1 };
  let takenUp: (CarePlan & Kept) | undefined;
  for (let number = 1; ; number++) {
    const found = await findProposal(run, number, takenUp);
    const before = takenUp;
    if (found.outcome === 'found') takenUp = found.resource as CarePlan & Kept;
    if (
      found.outcome !== 'found' ||
      takenUp === undefined ||
      !isTakenUp(takenUp) ||
      number === MOST_PROPOSALS
    )
      return { found, number, ...(before && { takenUp: before }) };
  }
}

/** What is known is the last one that was written. */
function findProposal(
  { gate, capability, service, owed, known }: Run,
  number: number,
  before?: Kept,
): Promise<FindOutcome<Kept>> {
  const identity = planIdentityOf(issueIdentityOf(owed), number);
  return find(gate, {
    type: 'CarePlan',
    level: capability.levels.CarePlan,
    identity,
    identifier: planIdentifier(service.uri, identity),
    known: known.plan?.id === before?.id ? undefined : known.plan,
  });
}

/** Is a plan to be made where there is none? */
export function wantsPlan({ capability, owed }: Run): boolean {
  return capability.levels.CarePlan !== 'D' && needsPlan(owed.episode.finding) && !isClosing(owed.change);
}

export async function settleIssue(run: Run, found: FindOutcome<Kept>): Promise<Step> {
  const { owed, service } = run;
  const desired = detectedIssue(owed, service);
  if (found.outcome === 'none') {
    const identity = issueIdentityOf(owed);
    return createOne(run, desired, identity, issueIdentifier(service.uri, identity), () => findIssue(run));
  }
  if (found.outcome !== 'found') return lookEnd(found);
  const current = found.resource as DetectedIssue & Kept;
  if (isClosedByClinician(current, desired, owed, service)) return { outcome: 'closed-by-clinician' };
  return updateOne(run, current, mergedIssue(current, desired, owed, service));
}

/** A plan that a person deleted, hid or took up stays so; other advice than it came from is a new proposal. */
export async function settlePlan(
  run: Run,
  { found, number, takenUp }: FoundPlan,
  issue: string,
): Promise<Step> {
  const { owed, service } = run;
  if (found.outcome === 'deleted' || found.outcome === 'hidden') return { outcome: 'settled' };
  if (found.outcome === 'none') {
    const replaces = takenUp && `CarePlan/${takenUp.id}`;
    const desired = carePlan(owed, service, issue, { number, ...(replaces && { replaces }) });
    const isNews = takenUp === undefined || !hasSameAdvice(takenUp, desired, service.uri);
    if (!wantsPlan(run) || !isNews)
      return { outcome: 'settled', ...(takenUp && { target: targetOf(takenUp) }) };
    const identity = planIdentityOf(issueIdentityOf(owed), number);
    return createOne(run, desired, identity, planIdentifier(service.uri, identity), () =>
      findProposal(run, number, takenUp),
    );
  }
  if (found.outcome !== 'found') return lookEnd(found);
  const current = found.resource as CarePlan & Kept;
  if (isLeftAlone(current)) return { outcome: 'settled', target: targetOf(current) };
  return updateOne(run, current, mergedPlan(current, carePlan(owed, service, issue), service.uri));
}

/**
 * One Provenance for each decision that changed something. It comes last, so when issue or plan were found
 * in another version than we know, an earlier run may have ended before it: then it is looked for.
 */
export async function settleProvenance(run: Run, targets: readonly string[]): Promise<Step> {
  const { gate, capability, owed, service } = run;
  const level = capability.levels.Provenance;
  if (level === 'D') return { outcome: 'settled' };
  const identity = provenanceIdentityOf(issueIdentityOf(owed), owed.decisionAt);
  const resource = provenance(owed, service, targets);
  if (level === 'A') {
    const read = await gate.read('Provenance', identity);
    if (read.outcome === 'found') return { outcome: 'settled', target: targetOf(read.resource) };
    if (read.outcome !== 'gone') return lookEnd(read);
    const write = await gate.put({ ...resource, id: identity });
    return write.outcome === 'precondition' // written before and not shown yet; it never changes
      ? { outcome: 'settled', target: { id: identity } }
      : createdStep(run, write, identity);
  }
  const tag = provenanceTag(service.uri, identity);
  const search = await gate.searchAll('Provenance', {
    target: targets[0] ?? '',
    _tag: `${tag.system}|${tag.code}`,
  });
  if (search.outcome !== 'found') return lookEnd(search);
  const made = search.resource.find(
    (one): one is Provenance => one.meta?.tag?.some((other) => other.code === tag.code) === true,
  );
  if (made !== undefined) return { outcome: 'settled', target: targetOf(made) };
  return createdStep(run, await gate.create(resource));
}

/** Where a look that brought nothing usable leaves the round. */
export function lookEnd(
  found: Exclude<FindOutcome<never>, { outcome: 'found' | 'none' }> | { outcome: 'gone' },
): Step {
  switch (found.outcome) {
    case 'deleted':
    case 'gone':
      return { outcome: 'closed-by-clinician' };
    case 'hidden':
      return { outcome: 'parked', reason: 'forbidden' };
    case 'unsettled':
      return found.write.outcome === 'written' ? { outcome: 'settled' } : writeEnd(found.write);
    default:
      return troubleEnd(found);
  }
}

export async function createOne(
  run: Run,
  desired: Written,
  identity: Identity,
  identifier: Identifier,
  lookAgain: () => Promise<FindOutcome<Kept>>,
): Promise<Step> {
  switch (run.capability.levels[desired.resourceType]) {
    case 'A': {
      const write = await run.gate.put({ ...desired, id: identity });
      // There is one that we could not read: written before, and not shown yet.
      if (write.outcome === 'precondition')
        return { outcome: 'again', because: 'not-there-yet', contested: false };
      return createdStep(run, write, identity);
    }
    case 'B':
      return createdStep(run, await run.gate.createIfNone(desired, identifier));
    default: {
      const write = await run.gate.create(desired);
      if (write.outcome !== 'written' && write.outcome !== 'ambiguous') return createdStep(run, write);
      run.wrote = true;
      const found = await lookAgain(); // an answer was lost, or somebody has created the same beside us
      if (found.outcome === 'found') return { outcome: 'settled', target: targetOf(found.resource) };
      if (write.outcome === 'written') return createdStep(run, write);
      // Created again before a copy that lags behind shows it, it would be there twice.
      return {
        outcome: 'try-later',
        because: write.because,
        afterMs: Math.max(write.afterMs ?? 0, SHOWN_WITHIN_MS),
      };
    }
  }
}

export async function updateOne(run: Run, current: Kept, merged: Written | undefined): Promise<Step> {
  if (merged === undefined) return { outcome: 'settled', target: targetOf(current) };
  const write = await run.gate.update({ ...merged, id: current.id }, current.meta?.versionId);
  const known = Object.values(run.known).find(({ id }) => id === current.id);
  if (write.outcome === 'written' && !isAsWeLeftIt(current, known)) run.wroteOver = true;
  return createdStep(run, write, current.id);
}

/** Is it in the version that our last delivery left it in? */
export function isAsWeLeftIt({ meta }: Kept, known: Target | undefined): boolean {
  return known !== undefined && known.versionId === meta?.versionId;
}

function createdStep(run: Run, write: WriteOutcome, ownId?: string): Step {
  if (write.outcome !== 'written') return writeEnd(write);
  run.wrote = true;
  const id = write.id ?? ownId;
  if (id === undefined) return { outcome: 'again', because: 'no id in the answer', contested: false };
  return {
    outcome: 'settled',
    target: { id, ...(write.versionId === undefined ? {} : { versionId: write.versionId }) },
  };
}

export function targetOf({ id = '', meta }: { id?: string; meta?: { versionId?: string } }): Target {
  return { id, ...(meta?.versionId === undefined ? {} : { versionId: meta.versionId }) };
}
