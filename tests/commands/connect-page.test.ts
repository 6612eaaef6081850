/**
 * The recipes of docs/connect-your-fhir-server.md: every configuration and command on the page is run, against
 * the sandbox in the dialect of that server, until a push has brought an alert.
 *
 * Only hosts, ports and secrets are others than on the page. The commands of one recipe run as processes, those
 * of the others in this one, which is the same but for the start of Node.
 */
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle } from '@medplum/fhirtypes';
import { connect } from '../../src/commands/connect.ts';
import { doctor } from '../../src/commands/doctor.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { WRITTEN_TYPES } from '../../src/connections/capability.ts';
import { READ_TYPES } from '../../src/evaluation/gather.ts';
import { loadDefinitions } from '../../src/sandbox/definitions.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/sandbox.ts';
import { type Running, start } from '../../src/start.ts';
import { openLog } from '../../src/watch/log.ts';
import { reply, type ScriptedServer, startScripted } from '../connections/scripted-server.ts';
import { magnesium, patient, potassium, RULE_MODELS, RULES } from '../end-to-end/hospital.ts';
import { freePort } from '../store/free-port.ts';
import { until } from '../store/until.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/connect-your-fhir-server.md'), 'utf8');
const PUBLIC_URL = 'https://cds.hospital.example';

/** How the sandbox plays each server of the page; by heading. */
const SERVERS: Readonly<Record<string, Omit<SandboxOptions, 'port'>>> = {
  Medplum: { deliverAs: 'medplum', clientIds: 'refused' },
  'HAPI FHIR and Smile CDR': { deliverAs: 'hapi', clientIds: 'allowed' },
  Aidbox: { deliverAs: 'aidbox', clientIds: 'allowed' },
  'Azure Health Data Services': { deliverAs: 'azure', clientIds: 'allowed' },
  'Google Cloud Healthcare': {
    deliverAs: 'google',
    clientIds: 'refused',
    sender: {
      issuer: 'https://accounts.google.com',
      audience: 'cramp-cds-google-ward',
      email: 'pushes@ward.iam.gserviceaccount.com',
    },
  },
  'AWS HealthLake': {
    deliverAs: 'healthlake',
    clientIds: 'allowed',
    sender: { issuer: 'https://login.hospital.example', audience: 'cramp-cds', azp: 'healthlake-pushes' },
  },
  'Any other R4 server': { deliverAs: 'rest-hook', clientIds: 'allowed' },
  'A server that pushes nothing': { deliverAs: 'poll-only', clientIds: 'allowed' },
};
const AS_PROCESSES = ['HAPI FHIR and Smile CDR'];

interface Recipe {
  readonly heading: string;
  readonly yaml: string;
  readonly commands: readonly string[];
  readonly prints: string;
  readonly subscription?: string;
}

/** The sections of the page that hold a configuration. */
function recipesOf(page: string): Recipe[] {
  return page
    .split(/^## /m)
    .filter((section) => section.includes('```yaml'))
    .map((section) => {
      const block = (language: string): string | undefined =>
        new RegExp(`^\`\`\`${language}[^\n]*\n(.*?)^\`\`\``, 'ms').exec(section)?.[1];
      const subscription = block('json');
      return {
        heading: section.split('\n')[0] ?? '',
        yaml: block('yaml') ?? '',
        commands: (block('sh') ?? '').trim().split('\n'),
        prints: block('text') ?? '',
        ...(subscription !== undefined && { subscription }),
      };
    });
}

/** A recipe with a server that plays its part. */
interface Staged extends Recipe {
  readonly sandbox: Sandbox;
  readonly file: string;
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  /** Text of the page with the addresses of this machine, and back. */
  readonly here: (text: string) => string;
  readonly onPage: (text: string) => string;
}

const RECIPES = recipesOf(PAGE);

describe('a recipe of the page', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cramp-cds-connect-'));
  const staged = new Map<string, Staged>();
  let authority: ScriptedServer;
  let port: number;
  let running: Running;

  beforeAll(async () => {
    loadDefinitions();
    authority = await startScripted((_, response) =>
      reply(response, 200, { access_token: 'a-token', expires_in: 3600 }),
    );
    port = await freePort();
    for (const recipe of RECIPES) staged.set(recipe.heading, await stage(recipe));
    const configs = [...staged.values()].map(({ config }) => config);
    const [first] = configs;
    if (first === undefined) throw new Error('the page has no recipe');
    // One service for all of them; the one that is polled is polled sooner than the page says.
    const connections = configs
      .flatMap((config) => config.connections)
      .map((one) => (one.ingress.length > 0 ? one : { ...one, sweepEveryMs: 3000 }));
    running = await start(
      { ...first, connections, dataDir: 'memory://' },
      { ruleSet: RULES, ruleModels: RULE_MODELS, log: openLog('silent', process.stderr) },
    );
    await running.subscribe(); // as the command does at its start
    for (const { sandbox } of staged.values()) await sandbox.deliveriesIdle();
  }, 120_000);
  afterAll(async () => {
    await running[Symbol.asyncDispose]();
    for (const { sandbox } of staged.values()) await sandbox[Symbol.asyncDispose]();
    await authority[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  async function stage(recipe: Recipe): Promise<Staged> {
    const server = SERVERS[recipe.heading];
    if (server === undefined) throw new Error(`no server plays ${recipe.heading}`);
    const sandbox = await startSandbox({ port: 0, ...server });
    const base = /^ +base: (\S+)$/m.exec(recipe.yaml)?.[1] ?? '';
    const here = (text: string): string =>
      text.replaceAll(base, sandbox.base).replaceAll(PUBLIC_URL, `http://127.0.0.1:${port}`);
    const onPage = (text: string): string =>
      text.replaceAll(sandbox.base, base).replaceAll(`http://127.0.0.1:${port}`, PUBLIC_URL);
    const yaml = here(recipe.yaml)
      .replace(/tokenUrl: \S+/, `tokenUrl: ${authority.origin}/token`)
      .replace(/jwksUrl: \S+/, `jwksUrl: ${new URL('/auth/sender-keys', sandbox.base)}`);
    const file = join(folder, recipe.commands[0]?.split(' ')[3] ?? '');
    writeFileSync(file, yaml);
    const secrets = [...yaml.matchAll(/env:(\w+)/g)].map(([, name = '']) => [
      name,
      secretOf(name, authority),
    ]);
    const env = { ...Object.fromEntries(secrets), PORT: String(port), NO_COLOR: '1' };
    return { ...recipe, sandbox, file, env, here, onPage, config: readConfig(env, file) };
  }

  function recipe(heading: string): Staged {
    const found = staged.get(heading);
    if (found === undefined) throw new Error(`the page has no recipe for ${heading}`);
    return found;
  }

  it('is there for every server that the sandbox plays', () => {
    expect(RECIPES.map(({ heading }) => heading)).toEqual(Object.keys(SERVERS));
  });

  it('needs rights to every type that is read and written, and the page names them', () => {
    const [, before = ''] = PAGE.split('## ');
    for (const type of [...READ_TYPES, ...WRITTEN_TYPES]) expect(before).toContain(type);
  });

  it.each(Object.keys(SERVERS))(
    '%s: its commands print what the page says',
    async (heading) => {
      const one = recipe(heading);
      const printed: string[] = [];
      for (const command of one.commands) {
        const run = AS_PROCESSES.includes(heading) ? asProcess : inThisProcess;
        const { exitCode, lines } = await run(command, one);
        printed.push(...lines);
        expect([command, exitCode, ...(exitCode === 0 ? [] : lines)]).toEqual([command, 0]);
        if (command.includes(' connect ')) await setUpThere(one);
      }
      expect(steady(one.onPage(printed.join('\n')))).toBe(steady(one.prints.trimEnd()));
    },
    60_000,
  );

  describe('when a result is saved on every server', () => {
    let before: number;
    beforeAll(async () => {
      before = Date.now();
      for (const { sandbox } of staged.values())
        await sandbox.load([patient('a'), magnesium('a-mg', 'a'), potassium('a-k', 'a', 2.4, 2)]);
    });

    it.each(Object.keys(SERVERS))(
      '%s: it comes as promised, and becomes an alert there',
      async (heading) => {
        const { sandbox, config } = recipe(heading);
        const [connection] = config.connections;
        await until('the alert', async () => (await issuesOf(sandbox)).length > 0, 50_000);
        const told = await (await fetch(`${running.url}/statusz`)).json();
        const status = told.connections.find(
          (of: { connection: string }) => of.connection === connection?.id,
        );
        if (connection?.ingress.length === 0) expect(status.sweptOnly).toBeGreaterThan(0);
        else expect(Date.parse(status.lastPushAt)).toBeGreaterThanOrEqual(before);
      },
      60_000,
    );
  });
});

/** What people set up beside us, after `connect` has told them. */
async function setUpThere({ config, sandbox, subscription, here }: Staged): Promise<void> {
  const [connection] = config.connections;
  if (connection?.kind === 'azure-events' || connection?.kind === 'google-pubsub')
    await sandbox.pushTo(connection.hookUrl);
  for (const criteria of subscription === undefined ? [] : (connection?.criteria ?? [])) {
    const body = here(subscription ?? '').replace(
      '"valueString": "Observation"',
      `"valueString": "${criteria}"`,
    );
    const headers = { 'content-type': 'application/fhir+json' };
    const answer = await fetch(`${sandbox.base}/Subscription`, { method: 'POST', headers, body });
    expect(answer.status).toBe(201);
  }
  await sandbox.deliveriesIdle();
}

interface Ran {
  readonly exitCode: number;
  readonly lines: readonly string[];
}

async function asProcess(command: string, { env, file }: Staged): Promise<Ran> {
  const [, , , name = '', ...rest] = command.split(' ');
  expect(file.endsWith(name)).toBe(true);
  const bin = join(ROOT, 'bin/cramp-cds.mjs');
  return new Promise((resolve) => {
    const all = { ...process.env, ...env };
    execFile(process.execPath, [bin, '--config', file, ...rest], { env: all }, (error, stdout, stderr) => {
      const exitCode = typeof error?.code === 'number' ? error.code : error === null ? 0 : -1;
      resolve({ exitCode, lines: `${stdout}${stderr}`.trimEnd().split('\n') });
    });
  });
}

async function inThisProcess(command: string, { config }: Staged): Promise<Ran> {
  const [npx, own, option, , name, id = '', ...flags] = command.split(' ');
  expect([npx, own, option]).toEqual(['npx', 'cramp-cds', '--config']);
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const terminal = { write, paint: (_: string, text: string) => text, width: 110 };
  if (name === 'connect') return { exitCode: await connect(config, id, terminal), lines };
  expect(name).toBe('doctor');
  return { exitCode: await doctor(config, id, { push: flags.includes('--push') }, terminal), lines };
}

/** Times are never the same twice, and addresses of other lengths break lines elsewhere. */
function steady(text: string): string {
  return text
    .replace(/within \d+\.\d s/g, 'within N s')
    .replace(/\d+ s ago/g, 'N s ago')
    .replace(/\s+/g, ' ');
}

async function issuesOf(sandbox: Sandbox): Promise<readonly unknown[]> {
  const found = (await (await fetch(`${sandbox.base}/DetectedIssue`)).json()) as Bundle;
  return found.entry ?? [];
}

/** Google's is the key of an account, which says where tokens come from; all others are text. */
function secretOf(name: string, authority: ScriptedServer): string {
  if (name !== 'GOOGLE_KEY') return `${name.toLowerCase()}-0123456789-0123456789-0123456789`;
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return JSON.stringify({
    client_email: 'cramp-cds@ward.iam.gserviceaccount.com',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    private_key_id: 'k1',
    token_uri: `${authority.origin}/token`,
  });
}
