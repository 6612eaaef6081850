import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { ConfigError, readConfig } from '../src/config.ts';

const EXAMPLE = join(import.meta.dirname, '../docs/cramp-cds.example.yaml');
const folder = mkdtempSync(join(tmpdir(), 'cramp-cds-config-'));
const PLANTED = 'planted-134418-0123456789-0123456789';
const NEXT = join(folder, 'next');
const TOKEN = join(folder, 'token');
writeFileSync(NEXT, `${PLANTED}-next\n`);
writeFileSync(TOKEN, 'south-token\n');
afterAll(() => rmSync(folder, { recursive: true }));

const ENV = {
  CRAMP_CDS_DATABASE_URL: 'postgres://cds@db.example/cds',
  CRAMP_CDS_SECRET: 'a-secret-of-the-installation-32-or-more',
  CRAMP_CDS_REPORTS_TOKEN: 'the-token-of-the-reports-32-or-more',
  CRAMP_CDS_METRICS_TOKEN: 'the-token-of-the-counters-32-or-more',
  NORTH_CLIENT_SECRET: 'client-secret',
  NORTH_PUSH_SECRET: PLANTED,
  SOUTH_PUSH_SECRET: `Bearer ${PLANTED}`,
  NORTH_PAGE_SECRET: `${PLANTED}-page`,
};

interface Settings {
  [name: string]: unknown;
  connections: Record<string, unknown>[];
}

/** The example file with secrets that exist here, changed by the test. */
function file(change: (settings: Settings) => void = () => undefined): string {
  const text = readFileSync(EXAMPLE, 'utf8')
    .replace('/run/secrets/north-push-next', NEXT)
    .replace('/run/secrets/south-token', TOKEN);
  const settings = parse(text) as Settings;
  change(settings);
  const path = join(folder, 'cramp-cds.yaml');
  writeFileSync(path, stringify(settings));
  return path;
}

function problemsOf(env: NodeJS.ProcessEnv, path?: string): readonly string[] {
  try {
    readConfig(env, path);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('without a configuration file', () => {
  it('is bound to this machine, on the ports the documentation names', () => {
    expect(readConfig({})).toMatchObject({
      port: 8080,
      host: '127.0.0.1',
      sandboxPort: 8103,
      dataDir: '.cramp-cds',
      connections: [],
    });
  });

  it('takes ports, folder and database from the environment', () => {
    const env = {
      PORT: '0',
      SANDBOX_PORT: '9103',
      DATA_DIR: '/data',
      DATABASE_URL: 'postgresql://db/x',
      HOST: '',
    };
    expect(readConfig(env)).toMatchObject({
      port: 0,
      host: '127.0.0.1',
      sandboxPort: 9103,
      dataDir: '/data',
      databaseUrl: 'postgresql://db/x',
    });
  });

  it('can not be changed after it was read', () => {
    const config = readConfig({}) as { port: number };
    expect(() => {
      config.port = 1;
    }).toThrow(TypeError);
  });
});

describe('the example in the documentation', () => {
  it('is a configuration that starts', () => {
    const config = readConfig({ ...ENV, PORT: '9000' }, file());
    expect(config).toMatchObject({
      port: 9000,
      homeTimeZone: 'Europe/London',
      databaseUrl: ENV.CRAMP_CDS_DATABASE_URL,
      secret: ENV.CRAMP_CDS_SECRET,
      reports: { token: ENV.CRAMP_CDS_REPORTS_TOKEN, identified: false, smallestCell: 5 },
      metrics: { token: ENV.CRAMP_CDS_METRICS_TOKEN },
    });
    expect(
      config.connections.map(({ id, hookUrl, ingress, quiet }) => ({
        id,
        hookUrl,
        trust: ingress[0]?.trust,
        quiet,
      })),
    ).toEqual([
      {
        id: 'north-wing',
        hookUrl: 'https://cds.hospital.example/hooks/north-wing',
        trust: 'body',
        quiet: { ms: 2000, maxMs: 15_000 },
      },
      {
        id: 'south-clinic',
        hookUrl: 'https://cds.hospital.example/hooks/south-clinic',
        trust: 'hint',
        quiet: { ms: 2000, maxMs: 15_000 },
      },
    ]);
  });

  it('holds two secrets of one connection while one replaces the other', () => {
    const [north] = readConfig(ENV, file()).connections;
    expect(north?.ingress).toEqual([
      { type: 'hmac', header: 'x-signature', secrets: [PLANTED, `${PLANTED}-next`], trust: 'body' },
    ]);
  });

  it.each([
    ['north-wing', []],
    ['local-only', []],
    ['south-clinic', ['connections.south-clinic.target: names the connection itself; write same']],
    [
      'elsewhere',
      ['connections.south-clinic.target: must be same, local-only, or the id of another connection'],
    ],
  ])('lets alerts about the clinic be written to %s, or says what is wrong', (target, problems) => {
    const path = file(({ connections }) => {
      connections[1] = { ...connections[1], target };
    });
    expect(problemsOf(ENV, path)).toEqual(problems);
    if (problems.length === 0) expect(readConfig(ENV, path).connections[1]?.target).toBe(target);
  });

  it('has nothing written beside alerts, unless it says what and from which tier up', () => {
    const set = (companions: unknown) =>
      file(({ connections }) => {
        connections[1] = { ...connections[1], companions };
      });
    expect(readConfig(ENV, file()).connections[1]?.companions).toEqual({});
    expect(readConfig(ENV, set({ task: 'low', flag: 'high' })).connections[1]?.companions).toEqual({
      Task: 'low',
      Flag: 'high',
    });
    expect(problemsOf(ENV, set({ flag: 'always', order: 'low' }))).toEqual([
      expect.stringMatching(/^connections\.1\.companions\.flag: /),
      'connections.1.companions: unknown setting order',
    ]);
  });

  it('opens reports and counters to nobody when it names no token for them', () => {
    const config = readConfig(
      ENV,
      file((settings) => {
        delete settings.reports;
        delete settings.metrics;
      }),
    );
    expect(config.reports).toBeUndefined();
    expect(config.metrics).toBeUndefined();
  });

  it('is found by CRAMP_CDS_CONFIG', () => {
    expect(readConfig({ ...ENV, CRAMP_CDS_CONFIG: file() }).connections).toHaveLength(2);
  });
});

describe('a wrong configuration', () => {
  it('is refused once, naming every wrong setting and no value', () => {
    const path = file((settings) => {
      settings.homeTimeZone = PLANTED;
      settings.prot = 8081;
      const [north, south] = settings.connections as [Record<string, unknown>, Record<string, unknown>];
      north.kind = PLANTED;
      south.quiet = { ms: -1, maxMs: 15_000 };
      south.auth = { type: 'bearer', token: PLANTED };
    });
    const problems = problemsOf({ ...ENV, PORT: 'eighty' }, path);
    const text = problems.join('\n');
    for (const setting of [
      'environment PORT',
      'homeTimeZone',
      'prot',
      'connections.0.kind',
      'connections.1.quiet.ms',
      'connections.1.auth',
    ])
      expect(text).toContain(setting);
    expect(text).not.toContain(PLANTED);
    expect(text).not.toContain('eighty');
  });

  it('takes a password or signing keys from where they are kept, and refuses what is no private key', () => {
    const signing = (keysFrom: string) =>
      file((settings) => {
        const [north, south] = settings.connections as [Record<string, unknown>, Record<string, unknown>];
        north.auth = {
          type: 'backend-services',
          tokenUrl: 'https://idp.example/t',
          clientId: 'cds',
          keysFrom,
        };
        south.auth = { type: 'basic', user: 'cds', passwordFrom: 'env:PASSWORD' };
      });
    const key = { kty: 'EC', kid: 'k1', alg: 'ES384', crv: 'P-384', x: 'x', y: 'y', d: PLANTED };
    const env = {
      ...ENV,
      KEY: JSON.stringify(key),
      NO_KEY: `{"kty":"EC","d":"${PLANTED}"}`,
      PASSWORD: PLANTED,
    };
    expect(readConfig(env, signing('env:KEY')).connections.map(({ auth }) => auth)).toMatchObject([
      { type: 'backend-services', keys: [key] },
      { type: 'basic', user: 'cds', password: PLANTED },
    ]);
    const [problem] = problemsOf(env, signing('env:NO_KEY'));
    expect(problem).toContain(
      'connections.north-wing.auth.keysFrom: the secret at env:NO_KEY is not a private JWK',
    );
    expect(problem).not.toContain(PLANTED);
  });

  it('takes every way in which pushes may prove themselves', () => {
    const auth = [
      { type: 'url', secretFrom: 'env:NORTH_PUSH_SECRET' },
      { type: 'header', header: 'X-Proof', secretFrom: 'env:NORTH_PUSH_SECRET', trust: 'hint' },
      {
        type: 'jwt',
        issuer: 'https://login.example',
        audience: 'cds',
        jwksUrl: 'https://login.example/keys',
      },
      { type: 'mtls', header: 'X-Client-Subject', subjects: ['CN=north'], proxies: ['10.1.0.0/16'] },
    ];
    const ingress = { auth, trust: 'body', hintsPerSecond: 5, reportedSite: 'ward' };
    const path = file((s) => void Object.assign(s.connections[0] as object, { ingress }));
    const [north] = readConfig(ENV, path).connections;
    expect(north?.ingress.map(({ type, trust }) => [type, trust])).toEqual([
      ['url', 'hint'],
      ['header', 'hint'],
      ['jwt', 'body'],
      ['mtls', 'body'],
    ]);
    expect(north).toMatchObject({
      hookUrl: `https://cds.hospital.example/hooks/north-wing?key=${PLANTED}`,
      ingressSecret: PLANTED,
      ingressHeader: 'x-proof',
      hintsPerSecond: 5,
      reportedSite: 'ward',
    });
  });

  it.each([
    ['an address trusted as a body', { type: 'url', secretFrom: 'env:NORTH_PUSH_SECRET', trust: 'body' }],
    [
      'keys read without encryption',
      { type: 'jwt', issuer: 'x', audience: 'y', jwksUrl: 'http://login.example/' },
    ],
    ['a certificate from any proxy', { type: 'mtls', header: 'X-S', subjects: ['CN=a'], proxies: [] }],
    ['a network that is none', { type: 'mtls', header: 'X-S', subjects: ['CN=a'], proxies: ['10.1.0.0/33'] }],
  ])('is refused for %s', (_, proof) => {
    const path = file((s) => void Object.assign(s.connections[0] as object, { ingress: { auth: [proof] } }));
    expect(problemsOf(ENV, path).join()).toContain('ingress.auth.0');
  });

  it('knows the topics of Subscriptions, and of which servers the event numbers mean nothing', () => {
    const topic = 'https://fhir.north.example/topics/lab';
    const byTopic = (settings: object) =>
      file((s) => void Object.assign(s.connections[0] as object, { kind: 'generic-backport', ...settings }));
    const subscriptions = [{ criteria: 'Observation', topic }];
    const [north, south] = readConfig(ENV, byTopic({ subscriptions })).connections;
    expect(north).toMatchObject({ topics: { Observation: topic }, eventNumbers: 'trusted' });
    expect(south).toMatchObject({ kind: 'hapi', eventNumbers: 'untrusted' });
    expect(problemsOf(ENV, byTopic({})).join()).toContain('each needs the topic');
  });

  it('is refused when a secret is missing or short', () => {
    const { NORTH_PUSH_SECRET: _missing, ...env } = { ...ENV, SOUTH_PUSH_SECRET: 'too-short-9471' };
    const problems = problemsOf(env, file());
    expect(problems).toHaveLength(2);
    expect(problems.join('\n')).toContain('connections.north-wing.ingress.auth.0.secretFrom');
    expect(problems.join('\n')).toContain('connections.south-clinic.ingress.auth.0.secretFrom');
    expect(problems.join('\n')).not.toContain('too-short-9471');
  });

  it.each([
    ['no zone for dates', (s: Settings) => void delete s.homeTimeZone, 'homeTimeZone'],
    ['no address for pushes', (s: Settings) => void delete s.publicUrl, 'publicUrl'],
    [
      'a server without encryption',
      (s: Settings) => void Object.assign(s.connections[0] as object, { base: 'http://fhir.north.example' }),
      'base',
    ],
    [
      'a connection that anybody may push to',
      (s: Settings) => void Object.assign(s.connections[0] as object, { ingress: { auth: [] } }),
      'ingress.auth',
    ],
    [
      'two connections of one name',
      (s: Settings) => void Object.assign(s.connections[1] as object, { id: 'north-wing' }),
      'twice',
    ],
    [
      'a secret written into the file',
      (s: Settings) =>
        void Object.assign(s.connections[1] as object, { auth: { type: 'bearer', tokenFrom: PLANTED } }),
      'tokenFrom',
    ],
  ])('is refused for %s', (_, change, named) => {
    const text = problemsOf(ENV, file(change)).join('\n');
    expect(text).toContain(named);
    expect(text).not.toContain(PLANTED);
  });

  it('is refused when the file is missing or no YAML', () => {
    expect(problemsOf(ENV, join(folder, 'nowhere.yaml')).join()).toContain('can not be read');
    writeFileSync(join(folder, 'torn.yaml'), `a: [${PLANTED}`);
    const text = problemsOf(ENV, join(folder, 'torn.yaml')).join('\n');
    expect(text).toContain('not YAML');
    expect(text).not.toContain(PLANTED);
  });
});

describe('clients of CDS Hooks', () => {
  const withClients = (cdsHooks: object, clients: object[]) =>
    file((settings) => Object.assign(settings, { cdsHooks, clients }));

  it('belong to a connection, and may ask its FHIR server when nothing else is said', () => {
    const { cdsHooks, clients } = readConfig(ENV, file());
    expect(cdsHooks).toMatchObject({
      authentication: 'jwt',
      hooks: ['patient-view', 'order-select', 'order-sign'],
    });
    expect(clients).toMatchObject([
      {
        connectionId: 'north-wing',
        algorithms: ['ES384', 'RS384'],
        fhirServers: ['https://fhir.north.example/fhir/R4'],
        tokenSeconds: 900,
        deadlineMs: 450,
      },
    ]);
  });

  it('may prove nothing only outside production, and then each connection is one', () => {
    const open = withClients({ authentication: 'off' }, []);
    expect(readConfig(ENV, open).clients).toHaveLength(2);
    expect(problemsOf({ ...ENV, NODE_ENV: 'production' }, open)).toEqual([
      'cdsHooks.authentication: must not be off where NODE_ENV is production',
    ]);
  });

  it('are refused with an unknown connection, without keys, by plain http, with a shared secret', () => {
    const [a, b] = [
      { name: 'a', iss: 'x' },
      { name: 'b', iss: 'x' },
    ];
    const wrong = withClients({}, [
      { ...a, connection: 'nowhere' },
      { ...b, connection: 'north-wing', jku: 'http://ehr.example/jwks' },
    ]);
    expect(problemsOf(ENV, wrong)).toEqual([
      'clients: two of them have the same iss',
      'clients.0.connection: there is no connection with this id',
      'clients.0: needs either jku or jwks',
      'clients.1: every address must be https',
    ]);
    const shared = withClients({}, [{ ...a, connection: 'north-wing', algorithms: ['HS256'] }]);
    expect(problemsOf(ENV, shared).join()).toMatch(/clients\.0\.algorithms/);
  });
});

describe('the alert page in the configuration', () => {
  const withApp = (app: object): string =>
    file((settings) => {
      settings.alertPage = { apps: [{ connection: 'north-wing', clientId: 'page', ...app }] };
    });

  it('is registered at the base of its connection, in the home time zone', () => {
    expect(readConfig(ENV, file()).alertPage).toEqual({
      timeZone: 'Europe/London',
      help: 'Pharmacy informatics, extension 4410',
      apps: [
        {
          connectionId: 'north-wing',
          iss: 'https://fhir.north.example/fhir/R4',
          clientId: 'cramp-cds-page',
          proof: { type: 'secret', secret: `${PLANTED}-page` },
          frameAncestors: ['https://ehr.north.example'],
        },
      ],
    });
    expect(readConfig({ ...ENV, ALERT_TIMEZONE: 'Europe/Oslo' }, file()).alertPage.timeZone).toBe(
      'Europe/Oslo',
    );
  });

  it('may be a public client', () => {
    expect(readConfig(ENV, withApp({})).alertPage.apps[0]?.proof).toEqual({ type: 'none' });
  });

  it.each([
    [
      'a connection that is not there',
      { connection: 'east' },
      'alertPage.apps.0.connection: there is no connection east',
    ],
    [
      'two proofs',
      { secretFrom: 'env:NORTH_PAGE_SECRET', keysFrom: 'env:NORTH_PAGE_SECRET' },
      'alertPage.apps.0: names a secret and keys; one of them proves the client',
    ],
    [
      'a key that is none',
      { keysFrom: 'env:NORTH_PAGE_SECRET' },
      'alertPage.apps.0.keysFrom: the secret at env:NORTH_PAGE_SECRET is not a private JWK with kid and alg RS384 or ES384',
    ],
  ])('is refused with %s', (_words, app, problem) => {
    const problems = problemsOf(ENV, withApp(app));
    expect(problems).toContain(problem);
    expect(problems.join()).not.toContain(PLANTED);
  });
});
