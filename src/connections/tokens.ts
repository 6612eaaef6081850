/**
 * The bearer token of a connection: fetched once for all who wait, renewed before it ends.
 *
 * States: none, fetching (shared by all callers), held until `renewAt`, or backing off until `notBefore`
 * so that a wrong key does not hammer the token endpoint. Tokens are never logged.
 */
import { call } from './call.ts';
import { accountStatement, clientAssertion } from './client-assertion.ts';
import type { ConnectionAuth } from './connection.ts';
import { rowOf, type Trouble } from './outcomes.ts';
import { waitingTime } from './waiting-time.ts';

export type TokenOutcome =
  | { readonly outcome: 'token'; readonly scheme: 'Bearer' | 'Basic'; readonly token: string | undefined }
  | Trouble;

const RENEW_LEFT_MS = 60_000;
const RENEW_LEFT_SHARE = 0.2;
const LIFE_UNTOLD_MS = 300_000; // expires_in is only recommended in OAuth 2
const LONGEST_BACK_OFF_MS = 300_000;

type Fetched = ConnectionAuth & { type: 'client-credentials' | 'backend-services' | 'service-account' };

export class Tokens {
  readonly #auth: ConnectionAuth;
  readonly #timeoutMs: number;
  readonly #now: () => number;
  #held: { token: string; renewAt: number } | undefined;
  #fetching: Promise<TokenOutcome> | undefined;
  #failures = 0;
  #notBefore = 0;
  #lastTrouble: Trouble | undefined;

  constructor(auth: ConnectionAuth, timeoutMs: number, now: () => number) {
    this.#auth = auth;
    this.#timeoutMs = timeoutMs;
    this.#now = now;
  }

  async current(): Promise<TokenOutcome> {
    if (this.#auth.type === 'none') return bearer(undefined);
    if (this.#auth.type === 'bearer') return bearer(this.#auth.token);
    if (this.#auth.type === 'basic') {
      const pair = Buffer.from(`${this.#auth.user}:${this.#auth.password}`).toString('base64');
      return { outcome: 'token', scheme: 'Basic', token: pair };
    }
    if (this.#held !== undefined && this.#now() < this.#held.renewAt) return bearer(this.#held.token);
    if (this.#lastTrouble !== undefined && this.#now() < this.#notBefore)
      return this.#stillWaiting(this.#lastTrouble);
    this.#fetching ??= this.#fetch(this.#auth).finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  /**
   * The server refused this token.
   * @returns true when another one can be fetched; a newer one may already be held.
   */
  refuse(token: string | undefined): boolean {
    if (['none', 'bearer', 'basic'].includes(this.#auth.type)) return false;
    if (this.#held?.token === token) this.#held = undefined;
    return true;
  }

  async #fetch(auth: Fetched): Promise<TokenOutcome> {
    const answer = await call({
      method: 'POST',
      url: new URL(auth.tokenUrl),
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams({
        ...(await grantOf(auth, this.#now())),
      }).toString(),
      timeoutMs: this.#timeoutMs,
    });
    if ('fault' in answer) return this.#failed(answer.fault);
    const grant = answer.body as { access_token?: unknown; expires_in?: unknown } | undefined;
    if (answer.status !== 200 || typeof grant?.access_token !== 'string')
      return this.#failed(answer.status, waitingTime(answer.headers, this.#now()));
    return this.#hold(grant.access_token, Number(grant.expires_in) * 1000 || LIFE_UNTOLD_MS);
  }

  #hold(token: string, lifeMs: number): TokenOutcome {
    // Half the life at most: a token that lives for less than a minute must not be fetched for every call.
    const left = Math.min(Math.max(lifeMs * RENEW_LEFT_SHARE, RENEW_LEFT_MS), lifeMs / 2);
    this.#held = { token, renewAt: this.#now() + lifeMs - left };
    this.#failures = 0;
    this.#lastTrouble = undefined;
    return bearer(token);
  }

  #failed(answer: Parameters<typeof rowOf>[0], askedMs?: number): Trouble {
    const backOffMs = askedMs ?? Math.min(1000 * 2 ** this.#failures++, LONGEST_BACK_OFF_MS);
    this.#notBefore = this.#now() + backOffMs;
    const later = rowOf(answer).read === 'try-later' || rowOf(answer).read === 'found'; // a 200 without a token
    this.#lastTrouble = later
      ? { outcome: 'try-later', afterMs: backOffMs, because: `token endpoint: ${answer}` }
      : { outcome: 'refused', reason: answer === 'tls' ? 'tls' : 'unauthorised' };
    return this.#lastTrouble;
  }

  #stillWaiting(trouble: Trouble): Trouble {
    return trouble.outcome === 'refused' ? trouble : { ...trouble, afterMs: this.#notBefore - this.#now() };
  }
}

function bearer(token: string | undefined): TokenOutcome {
  return { outcome: 'token', scheme: 'Bearer', token };
}

async function grantOf(auth: Fetched, now: number): Promise<Record<string, string>> {
  if (auth.type === 'service-account')
    return {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: await accountStatement(auth, now),
    };
  const proof =
    auth.type === 'client-credentials'
      ? { client_id: auth.clientId, client_secret: auth.clientSecret }
      : {
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: await clientAssertion(auth, now),
        };
  const scope = auth.scope === undefined ? {} : { scope: auth.scope };
  return { grant_type: 'client_credentials', ...proof, ...scope };
}
