/**
 * The service as a benchmark runs it: real in every part, its sweeps far apart because events are pushed.
 */
import { fileURLToPath } from 'node:url';
import { CdsHooksFile, cdsHooksOf, openClient } from '../src/config/cds-hooks.ts';
import { readRuleSet } from '../src/rule-files/read-rule-set.ts';
import { type Running, type StartParts, start } from '../src/start.ts';
import type { ConnectionId } from '../src/vocabulary/ids.ts';
import { openLog } from '../src/watch/log.ts';

export const SECRET = 'bench-secret-0123456789abcdef0123456789abcdef';

export interface ServiceOptions {
  /** FHIR base. */
  readonly base: string;
  readonly port: number;
  /** An empty PostgreSQL database; the embedded one otherwise. */
  readonly databaseUrl?: string | undefined;
  /** Connections by id, and how many milliseconds each waits for more of the same patient. */
  readonly quietMs: Readonly<Record<string, number>>;
}

export async function startService(
  { base, port, databaseUrl, quietMs }: ServiceOptions,
  hears: Pick<StartParts, 'onEvaluated' | 'onDelivered'>,
): Promise<Running> {
  const ruleSet = readRuleSet(fileURLToPath(new URL('../rules', import.meta.url)), {
    settings: { homeTimeZone: 'Europe/London' },
  });
  const publicUrl = `http://127.0.0.1:${port}`;
  const connections = Object.entries(quietMs).map(([id, ms]) => ({
    id: id as ConnectionId,
    kind: 'medplum' as const,
    base,
    auth: { type: 'none' as const },
    hookUrl: `${publicUrl}/hooks/${id}`,
    criteria: ['Observation'],
    ingressSecret: SECRET,
    ingress: [{ type: 'hmac' as const, header: 'x-signature', secrets: [SECRET], trust: 'body' as const }],
    sweepEveryMs: 600_000,
    quiet: { ms, maxMs: ms },
  }));
  const running = await start(
    {
      port,
      host: '127.0.0.1',
      sandboxPort: 0,
      dataDir: 'memory://',
      ...(databaseUrl === undefined ? {} : { databaseUrl }),
      homeTimeZone: 'Europe/London',
      publicUrl,
      logLevel: 'silent',
      connections,
      alertPage: { timeZone: 'Europe/London', apps: [] },
      cdsHooks: cdsHooksOf(CdsHooksFile.parse({ authentication: 'off' }), {
        connections: [],
        production: false,
        problems: [],
      }),
      clients: connections.map((one) => openClient(one, 2000)),
    },
    { ruleSet, ruleModels: [], log: openLog('silent', process.stderr), ...hears },
  );
  await running.quiet(); // the first sweep is no part of any measure
  return running;
}
