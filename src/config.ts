/**
 * Configuration: one YAML file and the environment, read once, told in one error when it is wrong.
 *
 * Secrets are never in the file: a setting names where each is kept, `env:NAME` or `file:PATH`. An error
 * names every wrong setting and no value.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Connection, ConnectionAuth, SigningKey } from './connections/connection.ts';
import type { ReportSettings } from './reports/reports.ts';
import type { ConnectionId } from './vocabulary/ids.ts';
import type { Access } from './watch/access.ts';

z.config({ jitless: true }); // code generation from strings is off

export interface Config {
  readonly port: number;
  readonly host: string;
  readonly sandboxPort: number;
  readonly dataDir: string;
  readonly databaseUrl?: string;
  /** From it come the keys for sealed comments, hashes of users and sessions; a file in `dataDir` when absent. */
  readonly secret?: string;
  /** IANA name; dates without a time or zone are read in it. */
  readonly homeTimeZone: string;
  /** Where others reach this installation, without a slash at the end. */
  readonly publicUrl: string;
  readonly logLevel: LogLevel;
  /** Who may read the reports. */
  readonly reports?: ReportSettings;
  /** Who may read the counters. */
  readonly metrics?: Access;
  readonly connections: readonly ConfiguredConnection[];
}

export interface ConfiguredConnection extends Connection {
  /** How pushes prove themselves; empty for a server that pushes nothing. */
  readonly ingress: readonly IngressProof[];
  readonly trust: 'body' | 'hint';
  /** How often to read what no push has told. */
  readonly sweepEveryMs: number;
  /** Evaluate when a patient was quiet for `ms`, at the latest `maxMs` after the first event. */
  readonly quiet: { readonly ms: number; readonly maxMs: number };
}

/** Two secrets may hold during a rotation. */
export type IngressProof =
  | { readonly type: 'hmac'; readonly header: string; readonly secrets: readonly string[] }
  | { readonly type: 'header'; readonly header: string; readonly secrets: readonly string[] };

const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Every wrong setting, one line each; no value of any of them. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`the configuration is not usable:\n${problems.map((problem) => `- ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

const MINUTE = 60_000; // ms; trust R7: a sweep every five minutes
const SHORTEST_SECRET = 32; // characters; trust S1

const Port = z.coerce.number().int().min(0).max(65_535);
const Zone = z.string().refine(isTimeZone, 'must be an IANA time zone such as Europe/London');
const Url = z.url({ protocol: /^https?$/ });
const SecretSource = z.string().regex(/^(env:[A-Z][A-Z0-9_]*|file:.+)$/, 'must be env:NAME or file:PATH');
const SecretSources = z.union([SecretSource.transform((one) => [one]), z.array(SecretSource).min(1).max(2)]);

const Auth = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('none') }),
  z.strictObject({ type: z.literal('bearer'), tokenFrom: SecretSource }),
  z.strictObject({ type: z.literal('basic'), user: z.string().min(1), passwordFrom: SecretSource }),
  z.strictObject({
    type: z.literal('backend-services'),
    tokenUrl: Url,
    clientId: z.string().min(1),
    keysFrom: SecretSources,
    scope: z.string().optional(),
  }),
  z.strictObject({
    type: z.literal('client-credentials'),
    tokenUrl: Url,
    clientId: z.string().min(1),
    clientSecretFrom: SecretSource,
    scope: z.string().optional(),
  }),
]);

const Ingress = z.strictObject({
  auth: z
    .array(
      z.strictObject({
        type: z.enum(['hmac', 'header']),
        header: z.string().regex(/^[A-Za-z0-9-]+$/, 'must be a header name'),
        secretFrom: SecretSources,
      }),
    )
    .min(1, 'names at least one way for pushes to prove themselves'),
  trust: z.enum(['body', 'hint']).default('hint'),
});

const ConnectionFile = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and hyphens'),
  kind: z.enum(['medplum', 'hapi', 'generic-r4']),
  base: Url,
  baseAliases: z.array(Url).default([]),
  plainHttp: z.boolean().default(false),
  auth: Auth.default({ type: 'none' }),
  /** Left out for a server that pushes nothing: then sweeps alone find what changed. */
  ingress: Ingress.optional(),
  subscriptions: z.array(z.strictObject({ criteria: z.string().min(1) })).min(1),
  target: z.literal('same').default('same'),
  timeoutMs: z.int().min(100).max(300_000).optional(),
  concurrency: z.int().min(1).max(64).optional(),
  sweepEveryMs: z.int().min(1000).max(86_400_000).optional(),
  quiet: z
    .strictObject({ ms: z.int().min(0).max(60_000), maxMs: z.int().min(0).max(300_000) })
    .default({ ms: 2000, maxMs: 15_000 }),
});

const Reports = z.strictObject({
  tokenFrom: SecretSource,
  /** May exports hold comments and references of users? */
  identified: z.boolean().default(false),
  smallestCell: z.int().min(1).max(100).default(5),
});

const ConfigFile = z.strictObject({
  port: Port.optional(),
  host: z.string().min(1).optional(),
  sandboxPort: Port.optional(),
  dataDir: z.string().min(1).optional(),
  databaseUrlFrom: SecretSource.optional(),
  secretFrom: SecretSource.optional(),
  homeTimeZone: Zone,
  publicUrl: Url,
  logLevel: z.enum(LOG_LEVELS).optional(),
  reports: Reports.optional(),
  metrics: z.strictObject({ tokenFrom: SecretSource }).optional(),
  connections: z.array(ConnectionFile).min(1),
});
type ConfigFile = z.infer<typeof ConfigFile>;
type ConnectionFile = ConfigFile['connections'][number];

const Environment = z.object({
  PORT: Port.optional(),
  HOST: z.string().min(1).optional(),
  SANDBOX_PORT: Port.optional(),
  DATA_DIR: z.string().min(1).optional(),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must begin with postgres://')
    .optional(),
  CRAMP_CDS_CONFIG: z.string().min(1).optional(),
  LOG_LEVEL: z.enum(LOG_LEVELS).optional(),
});

const DEFAULTS = { port: 8080, host: '127.0.0.1', sandboxPort: 8103, dataDir: '.cramp-cds' } as const;

/**
 * Reads the configuration.
 *
 * @param file path of the YAML file; CRAMP_CDS_CONFIG otherwise. Without either there are no connections.
 * @throws ConfigError naming every wrong setting.
 */
export function readConfig(env: NodeJS.ProcessEnv, file?: string): Config {
  const problems: string[] = [];
  const environment = checked(Environment, withoutEmpty(env), problems, 'environment ') ?? {};
  const path = file ?? environment.CRAMP_CDS_CONFIG;
  const settings =
    path === undefined ? undefined : checked(ConfigFile, readYaml(path, problems), problems, '');
  const connections = (settings?.connections ?? []).map((one) =>
    connectionOf(one, settings as ConfigFile, env, problems),
  );
  const ids = connections.map(({ id }) => id);
  for (const id of new Set(ids))
    if (ids.indexOf(id) !== ids.lastIndexOf(id)) problems.push(`connections: the id ${id} is used twice`);
  const databaseUrl =
    environment.DATABASE_URL ??
    (settings?.databaseUrlFrom
      ? secretAt(settings.databaseUrlFrom, env, problems, 'databaseUrlFrom', 0)
      : undefined);
  const secret = settings?.secretFrom
    ? secretAt(settings.secretFrom, env, problems, 'secretFrom', SHORTEST_SECRET)
    : undefined;
  const access = (part: 'reports' | 'metrics') => {
    const source = settings?.[part]?.tokenFrom;
    return source && { token: secretAt(source, env, problems, `${part}.tokenFrom`, SHORTEST_SECRET) };
  };
  const [forReports, forMetrics] = [access('reports'), access('metrics')];
  if (problems.length > 0) throw new ConfigError(problems);
  const port = environment.PORT ?? settings?.port ?? DEFAULTS.port;
  const host = environment.HOST ?? settings?.host ?? DEFAULTS.host;
  return Object.freeze({
    port,
    host,
    sandboxPort: environment.SANDBOX_PORT ?? settings?.sandboxPort ?? DEFAULTS.sandboxPort,
    dataDir: environment.DATA_DIR ?? settings?.dataDir ?? DEFAULTS.dataDir,
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    ...(secret === undefined ? {} : { secret }),
    homeTimeZone: settings?.homeTimeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    publicUrl: (settings?.publicUrl ?? `http://${host}:${port}`).replace(/\/+$/, ''),
    logLevel: environment.LOG_LEVEL ?? settings?.logLevel ?? 'info',
    ...(settings?.reports && forReports
      ? {
          reports: {
            ...forReports,
            identified: settings.reports.identified,
            smallestCell: settings.reports.smallestCell,
          },
        }
      : {}),
    ...(forMetrics ? { metrics: forMetrics } : {}),
    connections,
  });
}

function connectionOf(
  file: ConnectionFile,
  settings: ConfigFile,
  env: NodeJS.ProcessEnv,
  problems: string[],
): ConfiguredConnection {
  const where = `connections.${file.id}`;
  const ingress = (file.ingress?.auth ?? []).map((proof, index): IngressProof => {
    const secrets = proof.secretFrom.map((source) =>
      secretAt(source, env, problems, `${where}.ingress.auth.${index}.secretFrom`, SHORTEST_SECRET),
    );
    return { type: proof.type, header: proof.header.toLowerCase(), secrets };
  });
  const [first] = ingress;
  if (file.base.startsWith('http:') && !file.plainHttp && !isLoopback(file.base))
    problems.push(
      `${where}.base: must be https, except on this machine (or set plainHttp on a closed network)`,
    );
  return {
    id: file.id as ConnectionId,
    kind: file.kind,
    base: file.base.replace(/\/+$/, ''),
    baseAliases: file.baseAliases,
    auth: authOf(file.auth, env, problems, `${where}.auth`),
    hookUrl: `${settings.publicUrl.replace(/\/+$/, '')}/hooks/${file.id}`,
    criteria: file.subscriptions.map(({ criteria }) => criteria),
    ...(file.timeoutMs === undefined ? {} : { timeoutMs: file.timeoutMs }),
    ...(file.concurrency === undefined ? {} : { concurrency: file.concurrency }),
    ...(first?.secrets[0] === undefined
      ? {}
      : { ingressSecret: first.secrets[0], ingressHeader: first.header }),
    ingress,
    trust: file.ingress?.trust ?? 'hint',
    sweepEveryMs: file.sweepEveryMs ?? (file.ingress === undefined ? MINUTE : 5 * MINUTE),
    quiet: file.quiet,
  };
}

function authOf(
  auth: ConnectionFile['auth'],
  env: NodeJS.ProcessEnv,
  problems: string[],
  where: string,
): ConnectionAuth {
  switch (auth.type) {
    case 'none':
      return auth;
    case 'bearer':
      return { type: 'bearer', token: secretAt(auth.tokenFrom, env, problems, `${where}.tokenFrom`, 0) };
    case 'basic': {
      const { passwordFrom, ...rest } = auth;
      return { ...rest, password: secretAt(passwordFrom, env, problems, `${where}.passwordFrom`, 0) };
    }
    case 'backend-services': {
      const { keysFrom, scope, ...rest } = auth;
      const keys = keysFrom.flatMap((source) => keyAt(source, env, problems, `${where}.keysFrom`) ?? []);
      return { ...rest, keys, ...(scope === undefined ? {} : { scope }) };
    }
    case 'client-credentials': {
      const { clientSecretFrom, scope, ...rest } = auth;
      const clientSecret = secretAt(clientSecretFrom, env, problems, `${where}.clientSecretFrom`, 0);
      return { ...rest, clientSecret, ...(scope === undefined ? {} : { scope }) };
    }
  }
}

const Key = z.looseObject({
  kty: z.enum(['RSA', 'EC']),
  kid: z.string().min(1),
  alg: z.enum(['RS384', 'ES384']),
  d: z.string().min(1),
});

/** A private key as JWK. The problem never quotes it. */
function keyAt(
  source: string,
  env: NodeJS.ProcessEnv,
  problems: string[],
  where: string,
): SigningKey | undefined {
  const text = secretAt(source, env, problems, where, 0);
  if (text === '') return undefined;
  try {
    return Key.parse(JSON.parse(text));
  } catch {
    problems.push(`${where}: the secret at ${source} is not a private JWK with kid and alg RS384 or ES384`);
    return undefined;
  }
}

function secretAt(
  source: string,
  env: NodeJS.ProcessEnv,
  problems: string[],
  where: string,
  shortest: number,
): string {
  const value = source.startsWith('env:') ? env[source.slice(4)] : contentsOf(source.slice(5));
  if (value === undefined || value.trim() === '') {
    problems.push(`${where}: there is no secret at ${source}`);
    return '';
  }
  const secret = value.trim();
  if (secret.length < shortest) problems.push(`${where}: the secret is shorter than ${shortest} characters`);
  return secret;
}

function contentsOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function readYaml(path: string, problems: string[]): unknown {
  const text = contentsOf(path);
  if (text === undefined) {
    problems.push(`the configuration file can not be read: ${path}`);
    return undefined;
  }
  try {
    return parse(text);
  } catch (error) {
    const { linePos } = error as { linePos?: readonly { line: number }[] };
    problems.push(
      `the configuration file is not YAML${linePos?.[0] === undefined ? '' : ` at line ${linePos[0].line}`}`,
    );
    return undefined;
  }
}

function checked<T>(schema: z.ZodType<T>, value: unknown, problems: string[], prefix: string): T | undefined {
  if (value === undefined && problems.length > 0) return undefined;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  for (const { path, message, code, ...rest } of result.error.issues) {
    const unknown =
      code === 'unrecognized_keys' && 'keys' in rest ? `unknown setting ${rest.keys.join(', ')}` : message;
    problems.push(`${prefix}${path.join('.') || 'the file'}: ${unknown}`);
  }
  return undefined;
}

function withoutEmpty(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function isLoopback(base: string): boolean {
  const { hostname } = new URL(base);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
}
