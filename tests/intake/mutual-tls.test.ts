/** Pushes over mutual TLS, without a proxy: the service itself asks for the certificate. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { ConfigError, readConfig } from '../../src/config.ts';
import { type Running, start } from '../../src/start.ts';
import { openLog } from '../../src/watch/log.ts';
import { Authority, type Certified } from '../certificates.ts';
import { RULE_MODELS, RULES } from '../end-to-end/hospital.ts';
import { freePort } from '../store/free-port.ts';
import { storedEvents } from './intake-server.ts';

afterAll(() => rmSync(folder, { recursive: true }));
const folder = mkdtempSync(join(tmpdir(), 'cramp-cds-mutual-tls-'));
const hospital = new Authority('Hospital Authority');
const stranger = new Authority('Hospital Authority');
const NORTH = hospital.client('north', 'Hospital');
const BODY = JSON.stringify({
  resourceType: 'Observation',
  id: 'k1',
  status: 'final',
  code: { text: 'Potassium' },
  subject: { reference: 'Patient/p1' },
});

const kept = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return `file:${join(folder, name)}`;
};

/** A configuration file, changed by the test. */
function file(port: number, change: (settings: Record<string, unknown>) => void = () => undefined): string {
  const { key, cert } = hospital.server();
  const settings = {
    homeTimeZone: 'Europe/London',
    publicUrl: 'https://cds.hospital.example',
    port: 0,
    dataDir: 'memory://',
    mutualTls: {
      port,
      publicUrl: 'https://cds.hospital.example:8443/',
      certificateFrom: kept('cert', cert),
      keyFrom: kept('key', key),
      clientAuthorityFrom: kept('authority', hospital.cert),
    },
    connections: [
      {
        id: 'north',
        kind: 'generic-r4',
        base: 'https://fhir.north.example/fhir',
        ingress: { auth: [{ type: 'mtls', subjects: ['CN=north,O=Hospital'], trust: 'body' }] },
        subscriptions: [{ criteria: 'Observation' }],
      },
    ],
  };
  change(settings);
  const path = join(folder, 'cramp-cds.yaml');
  writeFileSync(path, stringify(settings));
  return path;
}

describe('a push to the port for client certificates', () => {
  let running: Running;
  let port: number;
  beforeAll(async () => {
    port = await freePort();
    running = await start(readConfig({}, file(port)), {
      ruleSet: RULES,
      ruleModels: RULE_MODELS,
      log: openLog('silent', process.stderr),
    });
  }, 60_000);
  afterAll(async () => await running[Symbol.asyncDispose]());

  /** The status of the answer, or why there was none. */
  const push = (as: Certified | undefined, path = '/hooks/north'): Promise<number | string> =>
    new Promise((resolve) => {
      const asked = request(
        { host: '127.0.0.1', port, path, method: 'POST', ca: hospital.cert, ...as, agent: false },
        (answer) => {
          answer.resume();
          answer.on('end', () => resolve(answer.statusCode ?? 0));
        },
      );
      asked.on('error', () => resolve('no answer'));
      asked.setHeader('content-type', 'application/fhir+json');
      asked.end(BODY);
    });

  it('is taken with its data from the subject that the connection names', async () => {
    expect(await push(NORTH)).toBe(200);
    expect(await storedEvents(running.store)).toMatchObject([{ resource_id: 'k1', trust: 'body' }]);
  });

  it('is refused from anybody else whom the hospital knows', async () => {
    for (const other of [hospital.client('south', 'Hospital'), hospital.client('north', 'Clinic')])
      expect(await push(other)).toBe(401);
  });

  it('does not even begin without a certificate, or with one of another authority', async () => {
    expect(await push(undefined)).toBe('no answer');
    expect(await push(stranger.client('north', 'Hospital'))).toBe('no answer');
  });

  it('is all that the port takes: no pages, no status', async () => {
    for (const path of ['/statusz', '/rules', '/metrics']) expect(await push(NORTH, path)).toBe(404);
  });

  it('is not taken at the usual port, whatever its headers say', async () => {
    const headers = { 'x-client-subject': 'CN=north,O=Hospital', 'content-type': 'application/fhir+json' };
    const answer = await fetch(`${running.url}/hooks/north`, { method: 'POST', headers, body: BODY });
    expect(answer.status).toBe(401);
  });
});

describe('the settings of mutual TLS', () => {
  const problems = (change: (settings: Record<string, unknown>) => void): readonly string[] => {
    try {
      readConfig({}, file(8443, change));
      return [];
    } catch (error) {
      return error instanceof ConfigError ? error.problems : [String(error)];
    }
  };
  it('tell servers the address of that port', () => {
    const { connections } = readConfig({}, file(8443));
    expect(connections[0]?.hookUrl).toBe('https://cds.hospital.example:8443/hooks/north');
  });

  it('are refused when the port is missing, the key is another’s, or half a proxy is named', () => {
    expect(problems((settings) => void delete settings.mutualTls)).toEqual([
      'connections.north.ingress: mtls without a proxy needs the port of mutualTls',
    ]);
    const keyFrom = kept('another', stranger.server().key);
    expect(problems(({ mutualTls }) => Object.assign(mutualTls as object, { keyFrom }))).toEqual([
      expect.stringMatching(/^mutualTls: certificate, key and authority are not PEM/),
    ]);
    const half = { type: 'mtls', subjects: ['CN=north'], header: 'X-Client-Subject' };
    expect(
      problems(({ connections }) =>
        Object.assign((connections as object[])[0] ?? {}, { ingress: { auth: [half] } }),
      ),
    ).toEqual([expect.stringContaining('header and proxies belong together')]);
  });
});
