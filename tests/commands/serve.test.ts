import { describe, expect, it } from '@jest/globals';
import { serve } from '../../src/commands/serve.ts';
import type { Config } from '../../src/config.ts';
import { start } from '../../src/start.ts';
import type { ConnectionId } from '../../src/vocabulary/ids.ts';
import { openLog } from '../../src/watch/log.ts';
import { RULE_MODELS, RULES } from '../end-to-end/hospital.ts';

const CONFIG: Config = {
  port: 0,
  host: '127.0.0.1',
  sandboxPort: 0,
  dataDir: 'memory://',
  homeTimeZone: 'Europe/London',
  publicUrl: 'http://127.0.0.1:8080',
  logLevel: 'silent',
  alertPage: { apps: [], timeZone: 'Europe/London' },
  connections: [
    {
      id: 'ward' as ConnectionId,
      kind: 'generic-r4',
      base: 'http://127.0.0.1:9/fhir',
      hookUrl: 'http://127.0.0.1:8080/hooks/ward',
      criteria: ['Observation'],
      auth: { type: 'none' },
      ingress: [],
      sweepEveryMs: 300_000,
      quiet: { ms: 0, maxMs: 0 },
    },
  ],
};
const PARTS = { ruleSet: RULES, ruleModels: RULE_MODELS, log: openLog('silent', process.stdout) };

describe('a process that has one role', () => {
  it('is refused in words without the PostgreSQL and the secret that the other roles share', async () => {
    const refused = serve(CONFIG, { ...PARTS, role: 'evaluate' }, AbortSignal.abort());
    await expect(refused).rejects.toMatchObject({
      problems: [
        'databaseUrlFrom: --role needs a PostgreSQL that all roles share',
        'secretFrom: --role needs one secret that all roles share',
      ],
    });
  });

  it.each([
    ['evaluate', 404],
    ['deliver', 404],
    ['intake', 200],
  ] as const)('as %s tells how it is, and answers %d to everybody else', async (role, status) => {
    await using running = await start(CONFIG, { ...PARTS, role });
    const ask = async (path: string): Promise<number> => (await fetch(`${running.url}${path}`)).status;
    expect(await ask('/livez')).toBe(200);
    expect(await ask('/readyz')).toBe(200);
    expect(await ask('/statusz')).toBe(200);
    expect(await ask('/rules')).toBe(status);
  });
});
