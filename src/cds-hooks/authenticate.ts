/**
 * Is the call from the client it says? Nine steps in a fixed order; the first that fails ends it.
 *
 * The caller learns nothing of which. Only the name of the step goes into the log, never the token.
 * Source: care-team 10.
 */
import { compactVerify, decodeJwt, decodeProtectedHeader } from 'jose';
import { isObject } from '../vocabulary/json.ts';
import type { Algorithm, CdsClient } from './client.ts';
import type { KeySets } from './key-sets.ts';

/** Why a token was refused: the name of the step. */
export type Unproven =
  | 'no-token'
  | 'header'
  | 'issuer'
  | 'key'
  | 'signature'
  | 'audience'
  | 'time'
  | 'site'
  | 'replayed';

export class UnprovenError extends Error {
  readonly step: Unproven;

  constructor(step: Unproven) {
    super(`the caller is not proven: ${step}`);
    this.step = step;
  }
}

export interface Authenticating {
  readonly clients: readonly CdsClient[];
  readonly keySets: KeySets;
  /** Our addresses that count as `aud` here. */
  readonly audiences: readonly string[];
  readonly now: Date;
  /** Remembers a token; false when it was used before. */
  readonly use: (client: CdsClient, token: { tokenId: string; until: Date }) => Promise<boolean>;
}

const LONGEST_TOKEN = 8 * 1024; // characters
const SKEW_S = 60;
const SIGNED = /^Bearer ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i;
/** Of the standard's payload; the word is theirs. */
const SITE_CLAIM = 'tenant';

/** @throws UnprovenError */
export async function authenticate(
  authorization: string | undefined,
  { clients, keySets, audiences, now, use }: Authenticating,
): Promise<CdsClient> {
  const token = tokenIn(authorization); //                                   1
  const { kid, algorithm, jku } = headerOf(token); //                        2
  const payload = payloadOf(token);
  const client = clients.find(({ issuer }) => issuer === payload.iss); //    3
  if (client === undefined) throw new UnprovenError('issuer');
  if (!client.algorithms.includes(algorithm)) throw new UnprovenError('header');
  if (jku !== undefined && 'url' in client.keys && jku !== client.keys.url) throw new UnprovenError('key');
  const key = await keySets.keyFor(client, kid, algorithm); //               4
  if (key === undefined) throw new UnprovenError('key');
  await compactVerify(token, key, { algorithms: [algorithm] }).catch(() => {
    throw new UnprovenError('signature'); //                                 5
  });
  requireAudience(payload.aud, [...audiences, ...client.extraAudiences]); // 6
  const expires = requireTimes(payload, client.tokenSeconds, now); //        7
  requireSite(payload[SITE_CLAIM], client.sites); //                         8
  await requireFirstUse(payload.jti, expires, client, use); //               9
  return client;
}

function tokenIn(authorization: string | undefined): string {
  const [, token] = SIGNED.exec(authorization ?? '') ?? [];
  if (token === undefined || (authorization ?? '').length > LONGEST_TOKEN)
    throw new UnprovenError('no-token');
  return token;
}

/** Whatever else the header carries (`jwk`, `x5c`, `x5u`) is not read. */
function headerOf(token: string): { kid: string; algorithm: Algorithm; jku?: string } {
  const header = unless('header', () => decodeProtectedHeader(token));
  const { alg, kid, typ, jku } = header;
  const isJwt = typ === undefined || (typeof typ === 'string' && typ.toUpperCase() === 'JWT');
  if (!isJwt || 'crit' in header || 'b64' in header || typeof kid !== 'string' || kid === '')
    throw new UnprovenError('header');
  if (alg !== 'ES384' && alg !== 'RS384') throw new UnprovenError('header');
  return { kid, algorithm: alg, ...(typeof jku === 'string' ? { jku } : {}) };
}

function payloadOf(token: string): Record<string, unknown> {
  const payload = unless('issuer', () => decodeJwt(token));
  if (!isObject(payload)) throw new UnprovenError('issuer');
  return payload;
}

function unless<T>(step: Unproven, read: () => T): T {
  try {
    return read();
  } catch {
    throw new UnprovenError(step);
  }
}

function requireAudience(audience: unknown, ours: readonly string[]): void {
  const named = Array.isArray(audience) ? audience : [audience];
  if (!named.some((one) => typeof one === 'string' && ours.includes(one)))
    throw new UnprovenError('audience');
}

/** @returns seconds at which it ends */
function requireTimes({ exp, iat, nbf }: Record<string, unknown>, longest: number, now: Date): number {
  const at = now.getTime() / 1000;
  const isValid =
    isNumber(exp) &&
    isNumber(iat) &&
    exp > at - SKEW_S &&
    iat <= at + SKEW_S &&
    exp - iat <= longest &&
    (nbf === undefined || (isNumber(nbf) && nbf <= at + SKEW_S));
  if (!isValid) throw new UnprovenError('time');
  return exp;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** A client that serves one site only need not name it. */
function requireSite(named: unknown, sites: readonly string[]): void {
  if (sites.length === 0 || named === undefined) return;
  if (typeof named !== 'string' || !sites.includes(named)) throw new UnprovenError('site');
}

async function requireFirstUse(
  tokenId: unknown,
  expires: number,
  client: CdsClient,
  use: Authenticating['use'],
): Promise<void> {
  if (typeof tokenId !== 'string' || tokenId === '' || tokenId.length > 256)
    throw new UnprovenError('replayed');
  const until = new Date((expires + SKEW_S) * 1000);
  if (!(await use(client, { tokenId, until }))) throw new UnprovenError('replayed');
}
