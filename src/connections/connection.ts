/**
 * What the service knows about one FHIR server of a site.
 *
 * Secrets are values here: whoever builds a Connection has already read them from where they are kept.
 */
import type { Tier } from '../core/decision.ts';
import type { ConnectionId } from '../vocabulary/ids.ts';

export interface Connection {
  readonly id: ConnectionId;
  /** Chooses the Subscription dialect; what the server can store is discovered, not assumed. */
  readonly kind: ConnectionKind;
  /** FHIR base, for example `https://fhir.north.example/fhir/R4`. */
  readonly base: string;
  /** Other addresses under which the same server writes its links and references. */
  readonly baseAliases?: readonly string[];
  readonly auth: ConnectionAuth;
  /** Longest time of a whole call; 30 000 when left out. */
  readonly timeoutMs?: number;
  /** Calls to this server at once; 4 when left out. */
  readonly concurrency?: number;
  /** Where this connection pushes to: `https://cds.example/hooks/<connection id>`. */
  readonly hookUrl: string;
  /** How pushes prove themselves: HMAC key where the server signs, else the value of a header it sends. */
  readonly ingressSecret?: string;
  /** Header that carries `ingressSecret` on servers that do not sign; `X-Cramp-Secret` when left out. */
  readonly ingressHeader?: string;
  /** Subscription criteria; never with a status, a server says nothing when a resource stops matching. */
  readonly criteria: readonly string[];
  /** Criteria -> canonical URL of the topic, on servers whose Subscriptions are by topic. */
  readonly topics?: Readonly<Record<string, string>>;
  /** Where alerts about its patients are written: to itself when left out. */
  readonly target?: 'same' | 'local-only' | ConnectionId;
  /** What else may be written here beside an alert, each from a tier up; nothing when left out. */
  readonly companions?: Companions;
  /** `untrusted` where the event numbers of topic notifications mean nothing. */
  readonly eventNumbers?: 'trusted' | 'untrusted';
}

export const COMPANION_TYPES = ['Task', 'Flag', 'Communication'] as const;
export type CompanionType = (typeof COMPANION_TYPES)[number];
export type Companions = Readonly<Partial<Record<CompanionType, Tier>>>;

/** Kinds of servers, as far as they differ in how they push and how they are asked to. */
export const CONNECTION_KINDS = [
  'medplum',
  'hapi',
  'aidbox',
  'azure-events',
  'google-pubsub',
  'healthlake',
  'microsoft-oss',
  'athena',
  'generic-r4',
  'generic-backport',
] as const;
export type ConnectionKind = (typeof CONNECTION_KINDS)[number];

/** Where we make Subscriptions by topic. */
export const BY_TOPIC: ReadonlySet<ConnectionKind> = new Set(['aidbox', 'generic-backport']);

/** In these the numbers of topic notifications begin anew with the process, count per Bundle, or are absent. */
export const NUMBERS_UNTRUSTED: ReadonlySet<ConnectionKind> = new Set(['hapi', 'athena', 'microsoft-oss']);

export type ConnectionAuth =
  | { readonly type: 'none' }
  | { readonly type: 'bearer'; readonly token: string }
  | { readonly type: 'basic'; readonly user: string; readonly password: string }
  | {
      readonly type: 'client-credentials';
      readonly tokenUrl: string;
      readonly clientId: string;
      readonly clientSecret: string;
      readonly scope?: string;
    }
  | BackendServices
  | ServiceAccount;

/** Google's way: a signed statement is exchanged for a token. */
export interface ServiceAccount {
  readonly type: 'service-account';
  readonly email: string;
  /** PEM. */
  readonly privateKey: string;
  readonly keyId: string;
  readonly tokenUrl: string;
  readonly scope: string;
}

/** SMART Backend Services: a signed assertion instead of a shared secret. */
export interface BackendServices {
  readonly type: 'backend-services';
  readonly tokenUrl: string;
  readonly clientId: string;
  /** Private JWKs: the first signs, all are published, so that a new one is known before it is used. */
  readonly keys: readonly SigningKey[];
  readonly scope?: string;
}

/** A private JSON Web Key with its id and algorithm. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: 'RS384' | 'ES384';
  readonly [member: string]: unknown;
}

/** Limits of one outbound call. */
export const LIMITS = {
  timeoutMs: 30_000,
  concurrency: 4,
  bodyBytes: 10 * 1024 * 1024,
  pages: 50,
  resources: 5_000,
} as const;

export const DEFAULT_INGRESS_HEADER = 'X-Cramp-Secret';
