/**
 * The whole service in this process, for servers that push to it and are written to.
 */
import type { DetectedIssue } from '@medplum/fhirtypes';
import type { Config, ConfiguredConnection } from '../../../src/config.ts';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { type Running, start } from '../../../src/start.ts';
import type { RetryPlan } from '../../../src/store/job-worker.ts';
import type { ConnectionId } from '../../../src/vocabulary/ids.ts';
import { openLog } from '../../../src/watch/log.ts';
import { RULE_MODELS, RULES } from '../../end-to-end/hospital.ts';
import { freePort } from '../../store/free-port.ts';

const RETRY: RetryPlan = { delaysMs: [400, 400, 800, 800], giveUpAfterMs: 600_000, attempts: 5 };
const SECRET = 'faults-secret-0123456789abcdef0123456789ab';

export interface ServedConnection {
  readonly id: string;
  readonly base: string;
  /** Is what a push brings believed, or only that something changed? */
  readonly trust?: 'body' | 'hint';
}

export async function startService(
  connections: readonly ServedConnection[],
  databaseUrl: string | undefined,
  now: () => Date,
): Promise<Running> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const config: Config = {
    port,
    host: '127.0.0.1',
    sandboxPort: 0,
    dataDir: 'memory://',
    ...(databaseUrl && { databaseUrl }),
    homeTimeZone: 'Europe/London',
    publicUrl: url,
    logLevel: 'silent',
    connections: connections.map((one) => configured(one, url)),
    alertPage: { apps: [], timeZone: 'Europe/London' },
  };
  return start(config, {
    ruleSet: RULES,
    ruleModels: RULE_MODELS,
    log: openLog('silent', process.stderr),
    retry: RETRY,
    now,
  });
}

function configured({ id, base, trust = 'body' }: ServedConnection, url: string): ConfiguredConnection {
  return {
    id: id as ConnectionId,
    kind: 'medplum',
    base,
    auth: { type: 'none' },
    hookUrl: `${url}/hooks/${id}`,
    criteria: ['Observation'],
    ingressSecret: SECRET,
    ingress: [{ type: 'hmac', header: 'x-signature', secrets: [SECRET], trust }],
    sweepEveryMs: 600_000,
    quiet: { ms: 0, maxMs: 0 },
  };
}

/** Open alerts of a patient at the server. */
export async function openAlerts(sandbox: Sandbox, patientId: string): Promise<DetectedIssue[]> {
  const answer = await fetch(`${sandbox.base}/DetectedIssue?patient=Patient/${patientId}&_count=100`);
  const bundle = (await answer.json()) as { entry?: { resource: DetectedIssue }[] };
  return (bundle.entry ?? [])
    .map(({ resource }) => resource)
    .filter(
      ({ status, identifiedPeriod }) => status !== 'entered-in-error' && identifiedPeriod?.end === undefined,
    );
}
