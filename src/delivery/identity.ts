/**
 * The name of an alert on every server it is written to.
 *
 * The same connection, patient, problem and episode always give the same name, so a write that is repeated
 * after a crash or a lost answer finds what it made before.
 */
import { createHash } from 'node:crypto';
import type { ConnectionId, PatientId } from '../vocabulary/ids.ts';

/** `cramp-` and 32 hex digits; used as logical id where we may choose one, as identifier value everywhere. */
export type Identity = `cramp-${string}`;

/** @param key rule id or merge group, as in `Finding.key` */
export function identityOf(
  connection: ConnectionId,
  patient: PatientId,
  key: string,
  episode: number,
): Identity {
  return named(connection, patient, key, String(episode));
}

/** What hangs on an alert has a name made from the alert's. */
export function planIdentityOf(issue: Identity, proposal = 1): Identity {
  return proposal === 1 ? named(issue, 'CarePlan') : named(issue, 'CarePlan', String(proposal));
}

/** At most one of each type for an alert. */
export function companionIdentityOf(issue: Identity, type: string): Identity {
  return named(issue, type);
}

/** The same advice has the same name, in whatever order. */
export function adviceSetOf(advice: readonly string[]): string {
  return createHash('sha256')
    .update(JSON.stringify([...advice].sort()))
    .digest('hex')
    .slice(0, 16);
}

/** @param decisionAt ISO time of the decision: one Provenance for each decision that changed something */
export function provenanceIdentityOf(issue: Identity, decisionAt: string): Identity {
  return named(issue, 'Provenance', decisionAt);
}

export function deviceIdentityOf(serviceUri: string): Identity {
  return named(serviceUri, 'Device');
}

/** JSON keeps the parts apart, whatever characters they hold. */
function named(...parts: readonly string[]): Identity {
  return `cramp-${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)}`;
}
