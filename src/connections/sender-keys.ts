/**
 * The keys with which a sender signs its tokens, read from where it publishes them and kept for a while.
 *
 * "The token is wrong" and "we could not tell" are two answers: the first is final for the sender, the second
 * asks it to come again.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import { call } from './call.ts';

export type TokenVerdict = 'right' | 'wrong' | 'could-not-tell';

export interface ExpectedToken {
  readonly issuer: string;
  readonly audience: string;
  /** Further claims and their exact values, such as the account of the sender. */
  readonly claims: Readonly<Record<string, string>>;
}

const KEPT_MS = 600_000;
/** A key we do not know may be a new one; asking more often would let anyone make us ask. */
const ASKED_AGAIN_MS = 10_000;
const TIMEOUT_MS = 5_000;
const CLOCK_TOLERANCE_S = 30;
/** Asymmetric ones only: with a shared key whoever can check could also sign. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

type KeySet = ReturnType<typeof createLocalJWKSet>;

export class SenderKeys {
  readonly #url: URL;
  readonly #now: () => number;
  #held: { readonly keys: KeySet; readonly at: number } | undefined;
  #failedAt = Number.NEGATIVE_INFINITY;
  #fetching: Promise<KeySet | undefined> | undefined;

  /** @param now milliseconds since the epoch */
  constructor(jwksUrl: string, now: () => number) {
    this.#url = new URL(jwksUrl);
    this.#now = now;
  }

  async verify(token: string, expected: ExpectedToken): Promise<TokenVerdict> {
    const keys = await this.#keys(KEPT_MS);
    if (keys === undefined) return 'could-not-tell';
    const verdict = await this.#verifyWith(keys, token, expected);
    if (verdict !== 'key-unknown') return verdict;
    const newer = await this.#keys(ASKED_AGAIN_MS);
    if (newer === undefined) return 'could-not-tell';
    const again = await this.#verifyWith(newer, token, expected);
    return again === 'key-unknown' ? 'wrong' : again;
  }

  async #verifyWith(
    keys: KeySet,
    token: string,
    { issuer, audience, claims }: ExpectedToken,
  ): Promise<TokenVerdict | 'key-unknown'> {
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        requiredClaims: ['exp'],
        clockTolerance: CLOCK_TOLERANCE_S,
        currentDate: new Date(this.#now()),
      });
      return hasClaims(payload, claims) ? 'right' : 'wrong';
    } catch (error) {
      return error instanceof errors.JWKSNoMatchingKey ? 'key-unknown' : 'wrong';
    }
  }

  /** Keys no older than that; undefined when they can not be read. One request for all who wait. */
  async #keys(oldestMs: number): Promise<KeySet | undefined> {
    const now = this.#now();
    if (this.#held !== undefined && now - this.#held.at < oldestMs) return this.#held.keys;
    if (this.#fetching === undefined && now - this.#failedAt < ASKED_AGAIN_MS) return undefined;
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetch(): Promise<KeySet | undefined> {
    const answer = await call({
      method: 'GET',
      url: this.#url,
      headers: { accept: 'application/json' },
      timeoutMs: TIMEOUT_MS,
    });
    const keys = 'fault' in answer || answer.status !== 200 ? undefined : keySetOf(answer.body);
    if (keys === undefined) this.#failedAt = this.#now();
    else this.#held = { keys, at: this.#now() };
    return keys;
  }
}

function keySetOf(body: unknown): KeySet | undefined {
  try {
    return createLocalJWKSet(body as JSONWebKeySet);
  } catch {
    return undefined;
  }
}

function hasClaims(payload: JWTPayload, claims: Readonly<Record<string, string>>): boolean {
  return Object.entries(claims).every(([name, value]) => payload[name] === value);
}
