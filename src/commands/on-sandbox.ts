/**
 * The settings of a demo: everything that a hospital would configure, for the sandbox on this machine.
 */
import { openClient } from '../config/cds-hooks.ts';
import type { Config, ConfiguredConnection } from '../config.ts';
import type { ConnectionId } from '../vocabulary/ids.ts';

export const SANDBOX = 'sandbox' as ConnectionId;
const DEMO_DEADLINE_MS = 2000; // one process is the hospital and the service
const CRITERIA = [
  'Observation',
  'MedicationStatement',
  'MedicationRequest',
  'Condition',
  'Patient',
  'Procedure',
  'QuestionnaireResponse',
];

/** Pushes signed, evaluated at once. @param secret of this demo's pushes */
export function sandboxConnection(config: Config, base: string, secret: string): ConfiguredConnection {
  const hookUrl = `http://${config.host}:${config.port}/hooks/${SANDBOX}`;
  return {
    id: SANDBOX,
    kind: 'medplum',
    base,
    auth: { type: 'none' },
    hookUrl,
    criteria: CRITERIA,
    ingressSecret: secret,
    ingress: [{ type: 'hmac', header: 'x-signature', secrets: [secret], trust: 'body' }],
    sweepEveryMs: 300_000,
    quiet: { ms: 0, maxMs: 0 },
  };
}

/** Anybody on this machine may call the hooks of the sandbox; in production nobody may. The page is registered there. */
export function onSandbox(config: Config, connection: ConfiguredConnection): Config {
  const alertPage = { ...config.alertPage, apps: [sandboxApp(connection.base)] };
  const { cdsHooks, ...rest } = {
    ...config,
    connections: [connection],
    alertPage,
    // The patients are synthetic and few: nothing needs hiding on the machine itself.
    reports: { openOnThisMachine: true as const, identified: true, smallestCell: 1 },
    metrics: { openOnThisMachine: true as const },
  };
  if (cdsHooks === undefined || config.production) return rest;
  const clients = [openClient(connection, DEMO_DEADLINE_MS)];
  return { ...rest, cdsHooks: { ...cdsHooks, authentication: 'off', openFhir: true }, clients };
}

/** The alert page, registered at the sandbox. */
function sandboxApp(iss: string): Config['alertPage']['apps'][number] {
  return {
    connectionId: SANDBOX,
    iss,
    clientId: 'cramp-cds-page',
    proof: { type: 'none' },
    frameAncestors: [new URL(iss).origin],
  };
}
