/**
 * The Provenance of one write: which versions of which records it rests on.
 *
 * Versions are kept here and not in the issue, because servers may strip or refuse versioned references
 * elsewhere.
 */
import type { Provenance, ProvenanceEntity } from '@medplum/fhirtypes';
import { securityOf } from './detected-issue.ts';
import { identityOf, provenanceIdentityOf } from './identity.ts';
import type { OwedDelivery } from './owed.ts';
import { generatedTag, provenanceTag, type Service, toRecord } from './service.ts';

const AGENT_TYPE = 'http://terminology.hl7.org/CodeSystem/provenance-participant-type';
const OPERATION = 'http://terminology.hl7.org/CodeSystem/v3-DataOperation';

/** @param targets references to what was written: the issue, and the plan where there is one */
export function provenance(owed: OwedDelivery, service: Service, targets: readonly string[]): Provenance {
  const { episode } = owed;
  const issue = identityOf(owed.connectionId, owed.patientId, episode.key, episode.number);
  const identity = provenanceIdentityOf(issue, owed.decisionAt);
  const cited = [...new Set([...episode.finding.evidence, ...episode.finding.implicated])];
  return {
    resourceType: 'Provenance',
    meta: {
      source: service.uri,
      tag: [generatedTag(service.uri), provenanceTag(service.uri, identity)],
      ...securityOf(owed),
    },
    target: targets.map((reference) => ({ reference })),
    recorded: owed.decisionAt,
    activity: { coding: [{ system: OPERATION, code: operationOf(owed.change) }] },
    agent: [{ type: { coding: [{ system: AGENT_TYPE, code: 'assembler' }] }, who: service.author }],
    ...(cited.length === 0
      ? {}
      : { entity: cited.map((reference) => source(reference, episode.evidence[reference], service)) }),
  };
}

function operationOf(change: OwedDelivery['change']): 'CREATE' | 'UPDATE' | 'NULLIFY' {
  if (change === 'raise') return 'CREATE';
  return change === 'withdraw' ? 'NULLIFY' : 'UPDATE';
}

/** A record without versions is known by its time of change, which is no version id. */
function source(reference: string, version: string | undefined, service: Service): ProvenanceEntity {
  const versioned = version !== undefined && /^[A-Za-z0-9\-.]{1,64}$/.test(version);
  return {
    role: 'source',
    what: toRecord(versioned ? `${reference}/_history/${version}` : reference, service),
  };
}
