/**
 * Child process of the CDS Hooks benchmark: the service, subscribed to the hospital of the other child.
 *
 * Arguments: the FHIR base, a free port, and a PostgreSQL address where there is one.
 */
import { fileURLToPath } from 'node:url';
import { CdsHooksFile, cdsHooksOf, openClient } from '../src/config/cds-hooks.ts';
import { readRuleSet } from '../src/rule-files/read-rule-set.ts';
import { start } from '../src/start.ts';
import type { ConnectionId } from '../src/vocabulary/ids.ts';
import { openLog } from '../src/watch/log.ts';

const [base = '', port = '', databaseUrl] = process.argv.slice(2);
const SECRET = 'bench-secret-0123456789abcdef0123456789abcdef';
const ruleSet = readRuleSet(fileURLToPath(new URL('../rules', import.meta.url)), {
  settings: { homeTimeZone: 'Europe/London' },
});
const publicUrl = `http://127.0.0.1:${port}`;
const connection = {
  id: 'bench' as ConnectionId,
  kind: 'medplum' as const,
  base,
  auth: { type: 'none' as const },
  hookUrl: `${publicUrl}/hooks/bench`,
  criteria: ['Observation'],
  ingressSecret: SECRET,
  ingress: [{ type: 'hmac' as const, header: 'x-signature', secrets: [SECRET], trust: 'body' as const }],
  sweepEveryMs: 600_000, // events are pushed here
  quiet: { ms: 0, maxMs: 0 },
};
let evaluated = 0;
const running = await start(
  {
    port: Number(port),
    host: '127.0.0.1',
    sandboxPort: 0,
    dataDir: 'memory://',
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    homeTimeZone: 'Europe/London',
    publicUrl,
    logLevel: 'silent',
    connections: [connection],
    alertPage: { timeZone: 'Europe/London', apps: [] },
    cdsHooks: cdsHooksOf(CdsHooksFile.parse({ authentication: 'off' }), {
      connections: [],
      production: false,
      problems: [],
    }),
    clients: [openClient(connection, 2000)],
  },
  {
    ruleSet,
    ruleModels: [],
    log: openLog('silent', process.stderr),
    onEvaluated: () => {
      evaluated += 1;
    },
  },
);
await running.subscribe();
await running.quiet(); // the first sweep is no part of the measure
process.send?.({ ready: true });
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ evaluated, cpuMs: (user + system) / 1000 });
});
