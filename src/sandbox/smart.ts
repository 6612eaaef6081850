/**
 * The sandbox as an EHR that launches SMART apps: who is there is always the same clinician, which patient is
 * asked in a plain list.
 *
 * Why: the whole sign-in (code, PKCE, id token) can be tried on one machine and in tests. It knows no
 * passwords and protects nothing; the sandbox never holds a real patient.
 */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Patient, Practitioner } from '@medplum/fhirtypes';
import express, { type Request, type Response, Router } from 'express';
import { SignJWT } from 'jose';

const CODE_LIVES_MS = 60_000;
const TOKEN_LIVES_S = 3600;
const ALG = 'ES256';
const KEY_ID = 'sandbox';

/** Who every launch is by. */
export const SANDBOX_CLINICIAN = {
  resourceType: 'Practitioner',
  id: 'sandbox-clinician',
  name: [{ family: 'Sandbox', given: ['Robin'], prefix: ['Dr'] }],
} as const satisfies Practitioner;

interface Asked {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly challenge: string;
  readonly state: string;
}
interface Code extends Asked {
  readonly patient: string;
  readonly until: number;
}

export interface SmartParts {
  /** FHIR base. */
  readonly base: string;
  readonly patients: () => Promise<readonly Patient[]>;
  readonly now: () => Date;
}

/** Routes beside the FHIR base: `/.well-known/smart-configuration` below it, `/auth/...` at the root. */
export function smartRoutes({ base, patients, now }: SmartParts): Router {
  const issuer = new URL(base).origin;
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: ALG, use: 'sig' };
  const codes = new Map<string, Code>();
  const router = Router();

  router.get(`${new URL(base).pathname}/.well-known/smart-configuration`, (_req, res) => {
    res.json({
      issuer,
      jwks_uri: `${issuer}/auth/jwks`,
      authorization_endpoint: `${issuer}/auth/authorize`,
      token_endpoint: `${issuer}/auth/token`,
      grant_types_supported: ['authorization_code'],
      code_challenge_methods_supported: ['S256'],
      scopes_supported: ['launch', 'launch/patient', 'openid', 'fhirUser', 'patient/*.rs'],
      response_types_supported: ['code'],
      capabilities: [
        'launch-ehr',
        'launch-standalone',
        'client-public',
        'sso-openid-connect',
        'context-ehr-patient',
        'context-standalone-patient',
        'permission-patient',
      ],
    });
  });
  router.get('/auth/jwks', (_req, res) => void res.json({ keys: [jwk] }));

  router.get('/auth/authorize', async (req, res) => {
    const asked = readAsked(req, base);
    if (typeof asked === 'string') return void res.status(400).type('text/plain').send(asked);
    const all = await patients();
    const launched = all.find(({ id }) => id === req.query.launch);
    if (launched?.id !== undefined) return giveCode(res, codes, asked, launched.id, now);
    showPicker(req, res, all);
  });
  router.get('/auth/choose', async (req, res) => {
    const asked = readAsked(req, base);
    const chosen = (await patients()).find(({ id }) => id === req.query.patient);
    if (typeof asked === 'string' || chosen?.id === undefined)
      return void res.status(400).type('text/plain').send('no patient');
    giveCode(res, codes, asked, chosen.id, now);
  });

  router.post('/auth/token', express.urlencoded({ extended: false }), async (req, res) => {
    const body = req.body as Record<string, unknown>;
    const code = codes.get(String(body.code));
    codes.delete(String(body.code)); // one use, also when it is refused
    if (code === undefined || code.until < now().getTime() || !isRedeemedBy(code, body))
      return void res.status(400).json({ error: 'invalid_grant' });
    const idToken = await new SignJWT({ fhirUser: `${base}/Practitioner/${SANDBOX_CLINICIAN.id}` })
      .setProtectedHeader({ alg: ALG, kid: KEY_ID })
      .setIssuer(issuer)
      .setAudience(code.clientId)
      .setSubject(SANDBOX_CLINICIAN.id)
      .setIssuedAt()
      .setExpirationTime('5 minutes')
      .sign(privateKey);
    res.set('Cache-Control', 'no-store').json({
      access_token: secret(),
      token_type: 'Bearer',
      expires_in: TOKEN_LIVES_S,
      scope: 'launch openid fhirUser patient/*.rs',
      patient: code.patient,
      need_patient_banner: true,
      id_token: idToken,
    });
  });
  return router;
}

/** @returns why not, in words, when something is missing. */
function readAsked({ query }: Request, base: string): Asked | string {
  const { response_type, client_id, redirect_uri, state, aud, code_challenge, code_challenge_method } = query;
  if (response_type !== 'code') return 'response_type must be code';
  if (aud !== base) return 'aud must be the FHIR base';
  if (code_challenge_method !== 'S256' || typeof code_challenge !== 'string')
    return 'PKCE with S256 is wanted';
  if (typeof client_id !== 'string' || typeof state !== 'string') return 'client_id and state are wanted';
  if (typeof redirect_uri !== 'string' || !URL.canParse(redirect_uri))
    return 'redirect_uri must be an address';
  return { clientId: client_id, redirectUri: redirect_uri, challenge: code_challenge, state };
}

function isRedeemedBy(code: Code, body: Record<string, unknown>): boolean {
  const challenge = createHash('sha256').update(String(body.code_verifier)).digest('base64url');
  return (
    body.grant_type === 'authorization_code' &&
    body.redirect_uri === code.redirectUri &&
    body.client_id === code.clientId &&
    challenge === code.challenge
  );
}

function giveCode(
  res: Response,
  codes: Map<string, Code>,
  asked: Asked,
  patient: string,
  now: () => Date,
): void {
  const code = secret();
  codes.set(code, { ...asked, patient, until: now().getTime() + CODE_LIVES_MS });
  const back = new URL(asked.redirectUri);
  back.searchParams.set('code', code);
  back.searchParams.set('state', asked.state);
  res.redirect(302, back.href);
}

/** One link for each patient, carrying on what the app asked. */
function showPicker(req: Request, res: Response, patients: readonly Patient[]): void {
  const query = new URLSearchParams(Object.entries(req.query).map(([name, value]) => [name, String(value)]));
  const rows = patients.map((patient) => {
    query.set('patient', patient.id ?? '');
    return `<li><a href="/auth/choose?${escaped(query.toString())}">${escaped(nameOf(patient))}</a></li>`;
  });
  res
    .set('Content-Security-Policy', "default-src 'none'")
    .type('html')
    .send(
      `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sandbox EHR</title><meta name="viewport" content="width=device-width, initial-scale=1"></head><body><main><h1>Sandbox EHR: open for which patient?</h1><ul>${rows.join('')}</ul></main></body></html>`,
    );
}

function nameOf({ name, id }: Patient): string {
  const [first] = name ?? [];
  return [first?.family, first?.given?.join(' ')].filter(Boolean).join(', ') || (id ?? '');
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

function secret(): string {
  return randomBytes(24).toString('base64url');
}
