/**
 * Configuration: one YAML file and the environment, read once, told in one error when it is wrong.
 *
 * Secrets are never in the file: a setting names where each is kept, `env:NAME` or `file:PATH`. An error
 * names every wrong setting and no value.
 */
import { parse } from 'yaml';
import { z } from 'zod';
import type { AlertPageSettings } from './alert-page/desk.ts';
import { AlertPageFile, alertPageSettings } from './alert-page/settings.ts';
import type { CdsClient, CdsHooksSettings } from './cds-hooks/client.ts';
import { CdsHooksFile, ClientFile, cdsHooksOf, clientsOf, openClient } from './config/cds-hooks.ts';
import {
  Ingress,
  type IngressSettings,
  ingressOf,
  isLoopback,
  SHORTEST_SECRET,
  Url,
} from './config/ingress.ts';
import { MutualTlsFile, mutualTlsOf } from './config/mutual-tls.ts';
import {
  BY_TOPIC,
  CONNECTION_KINDS,
  type Companions,
  type Connection,
  type ConnectionAuth,
  NUMBERS_UNTRUSTED,
} from './connections/connection.ts';
import {
  accountAt,
  contentsOf,
  keyAt,
  SecretSource,
  SecretSources,
  secretAt,
} from './connections/secret-source.ts';
import { TIERS } from './core/decision.ts';
import type { IngressProof } from './intake/prove-sender.ts';
import type { MutualTls } from './intake/push-port.ts';
import type { ReportSettings } from './reports/reports.ts';
import type { ConnectionId } from './vocabulary/ids.ts';
import { HOUR, isTimeZone } from './vocabulary/instant.ts';
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
  /** A port for pushes that bring a client certificate. */
  readonly mutualTls?: MutualTls;
  /** NODE_ENV says so: nothing that is only for trying is switched on. */
  readonly production?: boolean;
  /** Without it no hook is offered. */
  readonly cdsHooks?: CdsHooksSettings;
  /** EHRs that may call. */
  readonly clients?: readonly CdsClient[];
  readonly alertPage: AlertPageSettings;
}

export interface ConfiguredConnection extends Connection, IngressSettings {
  /** How often to read what no push has told. */
  readonly sweepEveryMs: number;
  /** Evaluate when a patient was quiet for `ms`, at the latest `maxMs` after the first event. */
  readonly quiet: { readonly ms: number; readonly maxMs: number };
}

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

const Port = z.coerce.number().int().min(0).max(65_535);
const Zone = z.string().refine(isTimeZone, 'must be an IANA time zone such as Europe/London');

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
  z.strictObject({ type: z.literal('service-account'), keyFrom: SecretSource, scope: z.string().min(1) }),
]);

const Tier = z.enum(TIERS);

const ConnectionFile = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and hyphens'),
  kind: z.enum(CONNECTION_KINDS),
  base: Url,
  baseAliases: z.array(Url).default([]),
  plainHttp: z.boolean().default(false),
  auth: Auth.default({ type: 'none' }),
  /** Left out for a server that pushes nothing: then sweeps alone find what changed. */
  ingress: Ingress.optional(),
  subscriptions: z.array(z.strictObject({ criteria: z.string().min(1), topic: Url.optional() })).min(1),
  /** `same`, `local-only`, or the id of another connection. */
  target: z.string().default('same'),
  companions: z
    .strictObject({ task: Tier.optional(), flag: Tier.optional(), communication: Tier.optional() })
    .default({}),
  timeoutMs: z.int().min(100).max(300_000).optional(),
  concurrency: z.int().min(1).max(64).optional(),
  sweepEveryMs: z.int().min(1000).max(HOUR).optional(),
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
  mutualTls: MutualTlsFile.optional(),
  connections: z.array(ConnectionFile).min(1),
  cdsHooks: CdsHooksFile,
  clients: z.array(ClientFile).default([]),
  alertPage: AlertPageFile.optional(),
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
  NODE_ENV: z.string().optional(),
  ALERT_TIMEZONE: Zone.optional(),
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
  problems.push(...connections.flatMap((one) => targetProblems(one, ids)));
  const databaseUrl =
    environment.DATABASE_URL ??
    (settings?.databaseUrlFrom
      ? secretAt(settings.databaseUrlFrom, env, problems, 'databaseUrlFrom', 0)
      : undefined);
  const secret = settings?.secretFrom
    ? secretAt(settings.secretFrom, env, problems, 'secretFrom', SHORTEST_SECRET)
    : undefined;
  const production = environment.NODE_ENV === 'production';
  const hooks = settings?.cdsHooks ?? CdsHooksFile.parse(undefined);
  const around = { connections, production, problems };
  const cdsHooks = cdsHooksOf(hooks, around);
  const clients = clientsOf(settings?.clients ?? [], hooks, around);
  const homeTimeZone = settings?.homeTimeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const alertPage = alertPageSettings(settings?.alertPage, { connections, env, problems });
  const access = (part: 'reports' | 'metrics') => {
    const source = settings?.[part]?.tokenFrom;
    return source && { token: secretAt(source, env, problems, `${part}.tokenFrom`, SHORTEST_SECRET) };
  };
  const mutualTls = mutualTlsOf(
    settings?.mutualTls,
    (source, at) => secretAt(source, env, problems, at, 0),
    problems,
  );
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
    homeTimeZone,
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
    ...(mutualTls === undefined ? {} : { mutualTls }),
    production,
    cdsHooks,
    clients:
      cdsHooks.authentication === 'off' && clients.length === 0
        ? connections.map((one) => openClient(one, hooks.deadlineMs))
        : clients,
    alertPage: {
      ...alertPage,
      timeZone: environment.ALERT_TIMEZONE ?? settings?.alertPage?.timeZone ?? homeTimeZone,
    },
  });
}

function connectionOf(
  file: ConnectionFile,
  settings: ConfigFile,
  env: NodeJS.ProcessEnv,
  problems: string[],
): ConfiguredConnection {
  const where = `connections.${file.id}`;
  const ingress = ingressOf(file.ingress, `${where}.ingress`, (source, at) =>
    secretAt(source, env, problems, at, SHORTEST_SECRET),
  );
  if (BY_TOPIC.has(file.kind) && file.subscriptions.some(({ topic }) => topic === undefined))
    problems.push(`${where}.subscriptions: each needs the topic that it is about, on a server of this kind`);
  const isDirect = (proof: IngressProof | undefined) => proof?.type === 'mtls' && !proof.proxy;
  if (ingress.settings.ingress.some(isDirect) && settings.mutualTls === undefined)
    problems.push(`${where}.ingress: mtls without a proxy needs the port of mutualTls`);
  const atPort = isDirect(ingress.settings.ingress[0]) ? settings.mutualTls : undefined;
  const { publicUrl } = atPort ?? settings;
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
    hookUrl: `${publicUrl.replace(/\/+$/, '')}/hooks/${file.id}${ingress.hookQuery}`,
    criteria: file.subscriptions.map(({ criteria }) => criteria),
    topics: Object.fromEntries(
      file.subscriptions.flatMap(({ criteria, topic }) => (topic === undefined ? [] : [[criteria, topic]])),
    ),
    ...(file.timeoutMs === undefined ? {} : { timeoutMs: file.timeoutMs }),
    ...(file.concurrency === undefined ? {} : { concurrency: file.concurrency }),
    eventNumbers: NUMBERS_UNTRUSTED.has(file.kind) ? 'untrusted' : 'trusted',
    ...ingress.settings,
    target: file.target as NonNullable<Connection['target']>,
    companions: companionsOf(file.companions),
    sweepEveryMs: file.sweepEveryMs ?? (file.ingress === undefined ? MINUTE : 5 * MINUTE),
    quiet: file.quiet,
  };
}

function companionsOf({ task, flag, communication }: ConnectionFile['companions']): Companions {
  return {
    ...(task && { Task: task }),
    ...(flag && { Flag: flag }),
    ...(communication && { Communication: communication }),
  };
}

const TARGETS: readonly string[] = ['same', 'local-only'];

function targetProblems({ id, target = 'same' }: Connection, ids: readonly string[]): string[] {
  if (TARGETS.includes(id))
    return [`connections: ${id} is a word of the setting target and can not be an id`];
  if (target === id) return [`connections.${id}.target: names the connection itself; write same`];
  if (TARGETS.includes(target) || ids.includes(target)) return [];
  return [`connections.${id}.target: must be same, local-only, or the id of another connection`];
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
    case 'service-account': {
      const account = accountAt(auth.keyFrom, env, problems, `${where}.keyFrom`);
      return account === undefined ? { type: 'none' } : { type: auth.type, ...account, scope: auth.scope };
    }
    case 'client-credentials': {
      const { clientSecretFrom, scope, ...rest } = auth;
      const clientSecret = secretAt(clientSecretFrom, env, problems, `${where}.clientSecretFrom`, 0);
      return { ...rest, clientSecret, ...(scope === undefined ? {} : { scope }) };
    }
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
