import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly dev?: true;
  readonly optional?: true;
  readonly hasInstallScript?: true;
}
interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly healthcheck?: unknown;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
}

const PACKAGE = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
const LOCKED = JSON.parse(read('package-lock.json')).packages as Record<string, Locked>;
const RUNTIME = Object.entries(LOCKED).filter(([path, { dev }]) => path !== '' && !dev);
const nameOf = (path: string) => path.split('node_modules/').at(-1) ?? path;

/** Licences under which a runtime package may come. */
const LICENCES = ['Apache-2.0', 'MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', '(MIT OR CC0-1.0)'];
/** Versions before these have known weaknesses. */
const AT_LEAST: Readonly<Record<string, string>> = {
  'jsonpath-plus': '11.3.0',
  '@medplum/core': '5.2.13',
  'body-parser': '2.4.0',
  qs: '6.16.0',
};

describe('the runtime packages', () => {
  it('have one line each in docs/dependencies.md, with the licence they come under', () => {
    const rows = read('docs/dependencies.md')
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    const listed = rows.map((row) => row.split('|').map((cell) => cell.trim().replaceAll('`', '')));
    const declared = Object.keys(PACKAGE.dependencies).map((name) => [
      name,
      LOCKED[`node_modules/${name}`]?.license,
    ]);
    expect(listed.map(([, name, , licence]) => [name, licence])).toEqual(declared);
  });

  it('run no script when they are installed', () => {
    expect(
      RUNTIME.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => nameOf(path)),
    ).toEqual([]);
  });

  it('come under licences that a hospital can live with', () => {
    const others = RUNTIME.filter(([, { license }]) => !LICENCES.includes(license ?? ''));
    expect(others.map(([path, { license }]) => `${nameOf(path)}: ${license}`)).toEqual([]);
  });

  it('are not older than the versions that closed known weaknesses', () => {
    const number = (version: string) =>
      version
        .split('.')
        .map((part) => part.padStart(6, '0'))
        .join('.');
    const old = RUNTIME.filter(
      ([path, { version }]) => number(version) < number(AT_LEAST[nameOf(path)] ?? '0'),
    );
    expect(old.map(([path, { version }]) => `${nameOf(path)} ${version}`)).toEqual([]);
  });

  it('are locked together with every optional package they name, so that npm ci agrees with the lock', () => {
    const missing = Object.entries(LOCKED).flatMap(([path, locked]) =>
      Object.keys((locked as { optionalDependencies?: object }).optionalDependencies ?? {}).filter(
        (name) => !(`node_modules/${name}` in LOCKED) && !(`${path}/node_modules/${name}` in LOCKED),
      ),
    );
    expect(missing).toEqual([]);
  });
});

describe('the image', () => {
  const dockerfile = read('Dockerfile');
  const copied = [...dockerfile.matchAll(/^COPY (.+) \S+$/gm)].flatMap(([, sources]) =>
    (sources ?? '').split(' '),
  );

  it('is Node 24, without development packages or install scripts', () => {
    expect(dockerfile).toMatch(/^FROM node:24-slim$/m);
    expect(dockerfile).toMatch(/^RUN npm ci --omit=dev --ignore-scripts\b/m);
    expect(dockerfile).not.toMatch(/npm run|tsc/);
  });

  it('runs as a numeric user that is not root', () => {
    expect(dockerfile).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
  });

  it('asks /livez for its health, with nothing but Node', () => {
    expect(dockerfile).toMatch(/^HEALTHCHECK [\s\S]*?CMD \["node", "-e", ".*\/livez/m);
  });

  it('copies what exists, and the builder is sent only that', () => {
    const sent = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    expect(copied.toSorted()).toEqual(sent.toSorted());
    expect(copied.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

describe('the compose file', () => {
  const text = read('docker-compose.yml');
  const compose = parse(text) as { services: Record<string, Service>; volumes: Record<string, unknown> };
  const services = Object.entries(compose.services);

  it('brings cramp-cds, its PostgreSQL, and a Medplum server with its own database and Redis', () => {
    const images = Object.fromEntries(services.map(([name, { image }]) => [name, image?.split(':')[0]]));
    expect(images).toEqual({
      'cramp-cds': undefined,
      postgres: 'postgres',
      'medplum-server': 'medplum/medplum-server',
      'medplum-postgres': 'postgres',
      'medplum-redis': 'redis',
    });
  });

  it('has no default for any secret', () => {
    const secrets = services.flatMap(([service, { environment = {} }]) =>
      Object.entries(environment)
        .filter(([name]) => /PASSWORD|SECRET|AUTH|DATABASE_URL/.test(name))
        .map(([name, value]) => ({ name: `${service} ${name}`, value: String(value) })),
    );
    expect(secrets.length).toBeGreaterThan(6);
    expect(secrets.filter(({ value }) => !/\$\{[A-Z_]+:\?[^}]+\}/.test(value))).toEqual([]);
  });

  it('knows of every service whether it is healthy, and starts what needs another after it', () => {
    for (const [name, { build, healthcheck, depends_on = {} }] of services) {
      expect({ name, checked: build !== undefined || healthcheck !== undefined }).toEqual({
        name,
        checked: true,
      });
      for (const [other, { condition }] of Object.entries(depends_on)) {
        expect(compose.services).toHaveProperty(other);
        expect(condition).toBe('service_healthy');
      }
    }
  });

  it('publishes ports on this machine only, and names every volume', () => {
    expect(
      services.flatMap(([, { ports = [] }]) => ports).filter((port) => !port.startsWith('127.0.0.1:')),
    ).toEqual([]);
    const named = services
      .flatMap(([, { volumes = [] }]) => volumes)
      .filter((volume) => !volume.startsWith('./'));
    expect(named.map((volume) => volume.split(':')[0])).toEqual(Object.keys(compose.volumes));
  });
});

describe('the papers', () => {
  it('hold the whole Apache licence', () => {
    const licence = read('LICENSE');
    for (const part of ['Version 2.0, January 2004', '9. Accepting Warranty', 'END OF TERMS AND CONDITIONS'])
      expect(licence).toContain(part);
  });

  it('honour the terms of the code systems', () => {
    const notice = read('NOTICE');
    for (const owner of ['LOINC', 'SNOMED', 'RxNorm', 'UCUM', 'ATC', 'HL7', 'Synthea'])
      expect(notice).toContain(owner);
  });

  it('keep each decision under thirty lines, with its price and when to look again', () => {
    for (const file of readdirSync(join(ROOT, 'docs/decisions'))) {
      expect(file).toMatch(/^\d{4}-[a-z0-9-]+\.md$/);
      const text = read(`docs/decisions/${file}`);
      expect(text.split('\n').length).toBeLessThan(30);
      for (const part of ['**Context.**', '**Decision.**', '**Price.**', '**Look again**'])
        expect(text).toContain(part);
    }
  });
});
