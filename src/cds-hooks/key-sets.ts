/**
 * The public keys of clients: inline, or fetched from the address in our configuration and kept.
 *
 * Never from an address that a token names. A set is kept as long as its server says, within limits; a key
 * id that is not in it makes one new fetch a minute at most, and while fetching fails the old set serves on.
 */
import { importJWK, type JWK } from 'jose';
import { call } from '../connections/call.ts';
import { HOUR } from '../vocabulary/instant.ts';
import { isObject } from '../vocabulary/json.ts';
import type { Algorithm, CdsClient } from './client.ts';

type Key = Awaited<ReturnType<typeof importJWK>>;

interface Held {
  readonly keys: readonly JWK[];
  readonly fetchedAt: number;
  readonly freshUntil: number;
}

const FETCH_MS = 2000;
const MOST_BYTES = 64 * 1024;
const MINUTE = 60_000;
const KEPT = { least: 5 * MINUTE, most: 24 * HOUR };
const REFETCH_MS = MINUTE;
const SHORTEST_RSA = 2048; // bits

export class KeySets {
  readonly #now: () => number;
  readonly #held = new Map<string, Held>();
  readonly #fetching = new Map<string, Promise<void>>();
  readonly #triedAt = new Map<string, number>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** The one key with this id that fits the algorithm; undefined when there is none, or more than one. */
  async keyFor({ keys }: CdsClient, kid: string, algorithm: Algorithm): Promise<Key | undefined> {
    const jwks = 'keys' in keys ? keys.keys : await this.#from(keys.url, kid);
    const named = jwks.filter((key) => key.kid === kid);
    const [key] = named;
    return named.length === 1 && key !== undefined && fits(key, algorithm)
      ? await importJWK(key, algorithm).catch(() => undefined)
      : undefined;
  }

  async #from(url: string, kid: string): Promise<readonly JWK[]> {
    const held = this.#held.get(url);
    const known = held?.keys.some((key) => key.kid === kid) === true;
    const fresh = held !== undefined && this.#now() < held.freshUntil;
    if (!known || !fresh) await this.#fetch(url);
    const now = this.#held.get(url);
    return now !== undefined && this.#now() - now.fetchedAt < KEPT.most ? now.keys : [];
  }

  /** At most once a minute, and once for all who wait. */
  async #fetch(url: string): Promise<void> {
    const running = this.#fetching.get(url);
    if (running !== undefined) return await running;
    if (this.#now() - (this.#triedAt.get(url) ?? Number.NEGATIVE_INFINITY) < REFETCH_MS) return;
    this.#triedAt.set(url, this.#now());
    const fetching = this.#read(url).finally(() => this.#fetching.delete(url));
    this.#fetching.set(url, fetching);
    await fetching;
  }

  async #read(url: string): Promise<void> {
    const headers = { accept: 'application/json' };
    // The call gives a third of its time to the first byte.
    const answer = await call({
      method: 'GET',
      url: new URL(url),
      headers,
      timeoutMs: FETCH_MS,
      mostBytes: MOST_BYTES,
    });
    if ('fault' in answer || answer.status !== 200 || !isObject(answer.body)) return;
    const { keys } = answer.body;
    if (!Array.isArray(keys)) return;
    const fetchedAt = this.#now();
    const freshUntil = fetchedAt + keptMs(answer.headers.get('cache-control'));
    this.#held.set(url, { keys: keys.filter(isObject) as JWK[], fetchedAt, freshUntil });
  }
}

function keptMs(cacheControl: string | null): number {
  const [, seconds = '0'] = /\bmax-age=(\d{1,9})/i.exec(cacheControl ?? '') ?? [];
  return Math.min(Math.max(Number(seconds) * 1000, KEPT.least), KEPT.most);
}

/** ES384 needs a P-384 key, RS384 an RSA key that is long enough; a key for encryption signs nothing. */
function fits(key: JWK, algorithm: Algorithm): boolean {
  if (key.use !== undefined && key.use !== 'sig') return false;
  switch (algorithm) {
    case 'ES384':
      return key.kty === 'EC' && key.crv === 'P-384';
    case 'RS384':
      return key.kty === 'RSA' && Buffer.from(key.n ?? '', 'base64url').length * 8 >= SHORTEST_RSA;
  }
}
