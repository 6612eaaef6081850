/**
 * The authorization side of a FHIR server: what it offers, and the exchange of a code for a token.
 *
 * Source: SMART App Launch 2.2; care-team 12.
 */

import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { type Answer, call } from '../connections/call.ts';
import { clientAssertion } from '../connections/client-assertion.ts';
import type { SigningKey } from '../connections/connection.ts';
import { isFhirId, parseReference } from '../vocabulary/ids.ts';
import { HOUR } from '../vocabulary/instant.ts';

/** How the page is registered at one FHIR server. */
export interface SmartApp {
  readonly connectionId: string;
  /** FHIR base, without a slash at the end. */
  readonly iss: string;
  readonly clientId: string;
  readonly proof:
    | { readonly type: 'none' }
    | { readonly type: 'secret'; readonly secret: string }
    | { readonly type: 'keys'; readonly keys: readonly SigningKey[] };
  readonly frameAncestors: readonly string[];
}

export interface SmartServer {
  readonly authorize: URL;
  readonly token: URL;
  /** Where and by whom id tokens are signed; without it nobody is known. */
  readonly identity?: { readonly issuer: string; readonly keys: URL };
}

/** Why a sign-in did not come about; never with the server's own text. */
export class SmartRefused extends Error {
  readonly code: string;

  constructor(code: string) {
    super(`sign-in refused: ${code}`);
    this.code = code;
  }
}

export interface Granted {
  readonly accessToken: string;
  readonly expiresInMs: number;
  readonly patient: string;
  readonly banner: boolean;
  /** What the card's link carried along. */
  readonly alertHint?: string;
  /** `Practitioner/id`, proven by an id token. */
  readonly user?: { readonly reference: string; readonly subject: string };
}

const TIMEOUT_MS = 10_000;
const KEPT_MS = HOUR;
const EXPIRES_UNTOLD_MS = 300_000; // expires_in is only recommended in OAuth 2

/** Asks each server once an hour. */
export class SmartServers {
  readonly #kept = new Map<string, { readonly server: SmartServer; readonly until: number }>();

  async of(app: SmartApp, now: Date): Promise<SmartServer> {
    const kept = this.#kept.get(app.iss);
    if (kept !== undefined && kept.until > now.getTime()) return kept.server;
    const server = await discover(app.iss);
    this.#kept.set(app.iss, { server, until: now.getTime() + KEPT_MS });
    return server;
  }
}

async function discover(iss: string): Promise<SmartServer> {
  const told = (await getJson(`${iss}/.well-known/smart-configuration`, iss)) as Record<string, unknown>;
  const methods = told.code_challenge_methods_supported;
  if (!Array.isArray(methods) || !methods.includes('S256')) throw new SmartRefused('no-pkce');
  const identity =
    typeof told.issuer === 'string' && typeof told.jwks_uri === 'string'
      ? { identity: { issuer: told.issuer, keys: endpoint(told.jwks_uri, iss) } }
      : {};
  return {
    authorize: endpoint(told.authorization_endpoint, iss),
    token: endpoint(told.token_endpoint, iss),
    ...identity,
  };
}

/** An https server must not send us, with a code or a secret, to a plain one. */
function endpoint(value: unknown, iss: string): URL {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && iss.startsWith('http:'));
  if (url === undefined || !safe) throw new SmartRefused('endpoint-unusable');
  return url;
}

async function getJson(url: string, iss: string): Promise<object> {
  const answer = await call({
    method: 'GET',
    url: endpoint(url, iss),
    headers: { accept: 'application/json' },
    timeoutMs: TIMEOUT_MS,
  });
  return bodyOf(answer, 'server-not-readable');
}

function bodyOf(answer: Answer, code: string): object {
  if ('fault' in answer || answer.status !== 200 || typeof answer.body !== 'object' || answer.body === null)
    throw new SmartRefused(code);
  return answer.body;
}

/** The address to send the browser to. */
export function authorizeUrl(
  server: SmartServer,
  app: SmartApp,
  asked: {
    readonly redirectUri: string;
    readonly state: string;
    readonly challenge: string;
    readonly launch?: string;
  },
): string {
  const url = new URL(server.authorize);
  const reads = ['Patient', 'Observation', 'MedicationRequest', 'Condition'].map(
    (type) => `patient/${type}.rs`,
  );
  const parameters = {
    response_type: 'code',
    client_id: app.clientId,
    redirect_uri: asked.redirectUri,
    scope: [asked.launch === undefined ? 'launch/patient' : 'launch', 'openid', 'fhirUser', ...reads].join(
      ' ',
    ),
    state: asked.state,
    aud: app.iss,
    ...(asked.launch === undefined ? {} : { launch: asked.launch }),
    code_challenge: asked.challenge,
    code_challenge_method: 'S256',
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/** @throws SmartRefused */
export async function exchange(
  server: SmartServer,
  app: SmartApp,
  {
    code,
    verifier,
    redirectUri,
  }: { readonly code: string; readonly verifier: string; readonly redirectUri: string },
): Promise<Granted> {
  const proof = await proofOf(app, server.token.href);
  const answer = await call({
    method: 'POST',
    url: server.token,
    headers: {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      ...proof.headers,
    },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
      ...proof.fields,
    }).toString(),
    timeoutMs: TIMEOUT_MS,
  });
  return grantedBy(bodyOf(answer, 'code-refused') as Record<string, unknown>, server, app);
}

async function proofOf(
  { proof, clientId }: SmartApp,
  audience: string,
): Promise<{ headers: Record<string, string>; fields: Record<string, string> }> {
  switch (proof.type) {
    case 'none':
      return { headers: {}, fields: { client_id: clientId } };
    case 'secret': {
      const pair = [clientId, proof.secret].map(encodeURIComponent).join(':');
      return { headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }, fields: {} };
    }
    case 'keys':
      return {
        headers: {},
        fields: {
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: await clientAssertion(
            { clientId, tokenUrl: audience, keys: proof.keys },
            Date.now(),
          ),
        },
      };
  }
}

async function grantedBy(
  told: Record<string, unknown>,
  server: SmartServer,
  app: SmartApp,
): Promise<Granted> {
  const { access_token: accessToken, patient, expires_in: seconds, id_token: idToken } = told;
  if (typeof accessToken !== 'string') throw new SmartRefused('no-token');
  if (!isFhirId(patient)) throw new SmartRefused('no-patient');
  const user = typeof idToken === 'string' ? await userOf(idToken, server, app) : undefined;
  const alertHint = hintIn(told.appContext);
  return {
    accessToken,
    patient,
    expiresInMs: typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : EXPIRES_UNTOLD_MS,
    banner: told.need_patient_banner !== false,
    ...(alertHint === undefined ? {} : { alertHint }),
    ...(user === undefined ? {} : { user }),
  };
}

/** Only a signed id token of this server, made for us, tells who is there. */
async function userOf(idToken: string, { identity }: SmartServer, app: SmartApp): Promise<Granted['user']> {
  if (identity === undefined) return undefined;
  const keys = createLocalJWKSet((await getJson(identity.keys.href, app.iss)) as JSONWebKeySet);
  const { payload } = await jwtVerify(idToken, keys, {
    issuer: identity.issuer,
    audience: app.clientId,
  }).catch(() => {
    throw new SmartRefused('id-token-refused');
  });
  const { fhirUser, sub } = payload;
  const reference = typeof fhirUser === 'string' ? parseReference(fhirUser) : undefined;
  if (reference === undefined || typeof sub !== 'string') return undefined;
  return { reference: `${reference.type}/${reference.id}`, subject: sub };
}

function hintIn(appContext: unknown): string | undefined {
  if (typeof appContext !== 'string') return undefined;
  try {
    const { alert } = JSON.parse(appContext) as { alert?: unknown };
    return typeof alert === 'string' ? alert : undefined;
  } catch {
    return undefined;
  }
}
