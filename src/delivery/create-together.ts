/**
 * First write of an alert: issue, plan and Provenance in one transaction.
 *
 * Each entry is conditional (or under our own id), so sending it twice makes nothing twice. Some servers work
 * through the entries one by one and still call it a transaction: every entry's status counts, and what a
 * mixed answer left out is made in the next round.
 */
import { randomUUID } from 'node:crypto';
import type { Bundle, BundleEntry, Resource } from '@medplum/fhirtypes';
import type { WrittenType } from '../connections/capability.ts';
import type { WriteOutcome } from '../connections/outcomes.ts';
import { identifierQuery, queryOf } from '../connections/requests.ts';
import { carePlan } from './care-plan.ts';
import { detectedIssue } from './detected-issue.ts';
import type { Target } from './find.ts';
import { type Identity, planIdentityOf, provenanceIdentityOf } from './identity.ts';
import { type KnownTargets, type RoundEnd, type Run, writeEnd } from './outcome.ts';
import { provenance } from './provenance.ts';
import { issueIdentifier, planIdentifier, provenanceTag } from './service.ts';
import { issueIdentityOf, wantsPlan } from './settle.ts';

/** Level C has no condition to put on an entry. */
export function canCreateTogether({ capability: { levels, transaction } }: Run): boolean {
  return transaction && levels.DetectedIssue !== 'C' && levels.CarePlan !== 'C';
}

interface Made {
  readonly as: keyof KnownTargets;
  /** How the other entries refer to it. */
  readonly reference: string;
  readonly entry: BundleEntry;
}

/** @param looked when nothing is there; else the Provenance, which has no identifier, is created on a condition as well */
export async function createTogether(run: Run, looked?: 'looked'): Promise<RoundEnd> {
  const made = entriesOf(run, looked);
  const bundle = {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: made.map(({ entry }) => entry),
  } as const;
  const answer = await run.gate.transaction(bundle satisfies Bundle);
  if (answer.outcome !== 'committed' && answer.outcome !== 'partial') return writeEnd(answer);
  run.wrote ||= answer.entries.some((entry) => entry.outcome === 'written' && entry.created);

  const targets: { -readonly [K in keyof KnownTargets]: Target } = {};
  for (const [index, { as, reference }] of made.entries()) {
    const entry = answer.entries[index];
    const target = entry?.outcome === 'written' ? targetOf(entry, reference) : undefined;
    if (target === undefined)
      return { outcome: 'again', because: `${as} left out of a transaction`, contested: false };
    targets[as] = target;
  }
  return { outcome: 'done', targets };
}

function entriesOf(run: Run, looked?: 'looked'): Made[] {
  const { owed, service, capability } = run;
  const identity = issueIdentityOf(owed);
  const issue = made(
    run,
    'issue',
    detectedIssue(owed, service),
    identity,
    identifierQuery(issueIdentifier(service.uri, identity)),
  );
  const planIdentity = planIdentityOf(identity);
  const plan = wantsPlan(run)
    ? [
        made(
          run,
          'plan',
          carePlan(owed, service, issue.reference),
          planIdentity,
          identifierQuery(planIdentifier(service.uri, planIdentity)),
        ),
      ]
    : [];
  if (capability.levels.Provenance === 'D') return [issue, ...plan];
  const targets = [issue, ...plan].map(({ reference }) => reference);
  const provenanceIdentity = provenanceIdentityOf(identity, owed.decisionAt);
  const tag = provenanceTag(service.uri, provenanceIdentity);
  const condition = looked === 'looked' ? undefined : queryOf({ _tag: `${tag.system}|${tag.code}` });
  const traced = provenance(owed, service, targets);
  return [issue, ...plan, made(run, 'provenance', traced, provenanceIdentity, condition)];
}

function made(run: Run, as: Made['as'], resource: Resource, identity: Identity, ifNoneExist?: string): Made {
  const type = resource.resourceType;
  if (run.capability.levels[type as WrittenType] === 'A') {
    const reference = `${type}/${identity}`;
    const request = { method: 'PUT', url: reference, ifNoneMatch: '*' } as const;
    return {
      as,
      reference,
      entry: {
        fullUrl: ownUrl(run, reference),
        resource: { ...resource, id: identity } as Resource,
        request,
      },
    };
  }
  const fullUrl = `urn:uuid:${randomUUID()}`;
  return {
    as,
    reference: fullUrl,
    entry: { fullUrl, resource, request: { method: 'POST', url: type, ...(ifNoneExist && { ifNoneExist }) } },
  };
}

function ownUrl({ gate }: Run, reference: string): string {
  return `${gate.connection.base.replace(/\/$/, '')}/${reference}`;
}

/** Under our own id we know it; elsewhere the answer must tell, else the next round looks. */
function targetOf(written: WriteOutcome & { outcome: 'written' }, reference: string): Target | undefined {
  const ownId = reference.startsWith('urn:') ? undefined : reference.split('/')[1];
  const id = ownId ?? (written.created ? written.id : undefined);
  return id === undefined
    ? undefined
    : { id, ...(written.versionId === undefined ? {} : { versionId: written.versionId }) };
}
