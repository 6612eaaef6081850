/**
 * Settings of CDS Hooks: which hooks are offered, and which EHRs may call.
 */
import { z } from 'zod';
import { ALGORITHMS, type CdsClient, type CdsHooksSettings } from '../cds-hooks/client.ts';
import { HOOKS } from '../cds-hooks/services.ts';
import type { ConnectionId } from '../vocabulary/ids.ts';

const HttpUrl = z.url({ protocol: /^https?$/ });
const Origin = HttpUrl.refine(
  (text) => URL.parse(text)?.origin === text,
  'must be an origin, without a path',
);
const MIB = 1024 * 1024;

export const CdsHooksFile = z
  .strictObject({
    hooks: z.array(z.enum(HOOKS)).default(['patient-view', 'order-select', 'order-sign']),
    authentication: z.enum(['jwt', 'off']).default('jwt'),
    publicDiscovery: z.boolean().default(true),
    mostCards: z.int().min(1).max(10).default(3),
    deadlineMs: z.int().min(100).max(2000).default(450),
    openFhir: z.boolean().default(false),
    largestBodyMib: z.int().min(1).max(50).default(5),
    cardDays: z.int().min(1).max(3650).default(400),
    callsPerMinute: z.int().min(1).max(100_000).default(6000),
  })
  .prefault({});
type CdsHooksFile = z.infer<typeof CdsHooksFile>;

const Key = z.looseObject({ kty: z.enum(['EC', 'RSA']), kid: z.string().min(1) });
export const ClientFile = z.strictObject({
  connection: z.string().min(1),
  name: z.string().min(1),
  iss: z.string().min(1),
  jku: HttpUrl.optional(),
  jwks: z.strictObject({ keys: z.array(Key).min(1) }).optional(),
  algorithms: z
    .array(z.enum(ALGORITHMS))
    .min(1)
    .default([...ALGORITHMS]),
  extraAudiences: z.array(z.string().min(1)).default([]),
  tokenMinutes: z.int().min(1).max(60).default(15),
  sites: z.array(z.string().min(1)).default([]),
  fhirServers: z.array(HttpUrl).optional(),
  origins: z.array(Origin).default([]),
  services: z.array(z.string().min(1)).optional(),
  smartLinks: z.boolean().default(false),
  deadlineMs: z.int().min(100).max(2000).optional(),
});
type ClientFile = z.infer<typeof ClientFile>;

/** What a client entry is checked against. */
interface Around {
  readonly connections: readonly {
    readonly id: ConnectionId;
    readonly base: string;
    readonly baseAliases?: readonly string[];
  }[];
  readonly production: boolean;
  readonly problems: string[];
}

export function cdsHooksOf(file: CdsHooksFile, { production, problems }: Around): CdsHooksSettings {
  if (production && file.authentication === 'off')
    problems.push('cdsHooks.authentication: must not be off where NODE_ENV is production');
  const { largestBodyMib, deadlineMs: _, ...rest } = file;
  return { ...rest, largestBody: largestBodyMib * MIB };
}

export function clientsOf(
  files: readonly ClientFile[],
  hooks: CdsHooksFile,
  { connections, production, problems }: Around,
): CdsClient[] {
  const issuers = files.map(({ iss }) => iss);
  for (const iss of new Set(issuers))
    if (issuers.indexOf(iss) !== issuers.lastIndexOf(iss))
      problems.push('clients: two of them have the same iss');
  return files.map((file, index): CdsClient => {
    const where = `clients.${index}`;
    const connection = connections.find(({ id }) => id === file.connection);
    if (connection === undefined) problems.push(`${where}.connection: there is no connection with this id`);
    if ((file.jku === undefined) === (file.jwks === undefined))
      problems.push(`${where}: needs either jku or jwks`);
    const fhirServers =
      file.fhirServers ??
      (connection === undefined ? [] : [connection.base, ...(connection.baseAliases ?? [])]);
    for (const url of [...(file.jku === undefined ? [] : [file.jku]), ...(file.fhirServers ?? [])])
      if (!isSafe(url, production)) problems.push(`${where}: every address must be https`);
    return {
      connectionId: file.connection as ConnectionId,
      name: file.name,
      issuer: file.iss,
      keys: file.jku === undefined ? ((file.jwks ?? { keys: [] }) as CdsClient['keys']) : { url: file.jku },
      algorithms: file.algorithms,
      extraAudiences: file.extraAudiences,
      tokenSeconds: file.tokenMinutes * 60,
      sites: file.sites,
      fhirServers,
      origins: file.origins,
      ...(file.services === undefined ? {} : { services: file.services }),
      smartLinks: file.smartLinks,
      deadlineMs: file.deadlineMs ?? hooks.deadlineMs,
    };
  });
}

/** Where authentication is off, each connection is a client that proves nothing. */
export function openClient(
  connection: { readonly id: ConnectionId; readonly base: string },
  deadlineMs: number,
): CdsClient {
  return {
    connectionId: connection.id,
    name: `${connection.id}, not authenticated`,
    issuer: '',
    keys: { keys: [] },
    algorithms: [],
    extraAudiences: [],
    tokenSeconds: 0,
    sites: [],
    fhirServers: [connection.base],
    origins: [],
    smartLinks: false,
    deadlineMs,
  };
}

/** https, except on this machine outside production. */
function isSafe(url: string, production: boolean): boolean {
  const { protocol, hostname } = new URL(url);
  const loopback = hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
  return protocol === 'https:' || (loopback && !production);
}
