/**
 * Who may call: the EHRs of a hospital, each with its keys, and what we know of its ways.
 */
import type { JSONWebKeySet } from 'jose';
import type { ConnectionId } from '../vocabulary/ids.ts';
import type { Hook } from './services.ts';

/** Never `none`, never a shared secret: those can not be configured. */
export const ALGORITHMS = ['ES384', 'RS384'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

export interface CdsClient {
  /** Whose patients it calls about. */
  readonly connectionId: ConnectionId;
  readonly name: string;
  /** `iss` of its tokens, exactly. */
  readonly issuer: string;
  /** Where its keys are, or the keys. */
  readonly keys: { readonly url: string } | JSONWebKeySet;
  readonly algorithms: readonly Algorithm[];
  /** Values of `aud` that count besides our own addresses. */
  readonly extraAudiences: readonly string[];
  /** Longest life of a token it may send. */
  readonly tokenSeconds: number;
  /** Values that its tokens may name as their site; none: the claim is not asked for. */
  readonly sites: readonly string[];
  /** FHIR bases that may be asked with the token of a call. */
  readonly fhirServers: readonly string[];
  /** Origins of browsers that may call. */
  readonly origins: readonly string[];
  /** Services it may use; undefined: all that are enabled. */
  readonly services?: readonly string[];
  /** Its links open the alert page by a SMART launch. */
  readonly smartLinks: boolean;
  /** How long it waits for an answer. */
  readonly deadlineMs: number;
}

export interface CdsHooksSettings {
  /** Hooks that are offered. */
  readonly hooks: readonly Hook[];
  /** `off`: anybody may call; for this machine and for trying only. */
  readonly authentication: 'jwt' | 'off';
  /** Discovery is answered without a token. */
  readonly publicDiscovery: boolean;
  readonly mostCards: number;
  /** FHIR servers of a client may be asked without a token of the call. */
  readonly openFhir: boolean;
  /** Largest body of a call, bytes. */
  readonly largestBody: number;
  /** How long a card can be answered and is counted. */
  readonly cardDays: number;
  /** Calls of one client in a minute. */
  readonly callsPerMinute: number;
}
