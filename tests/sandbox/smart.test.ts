import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';

const VERIFIER = 'a-verifier-of-forty-three-characters-or-more-0';
const BACK = 'http://127.0.0.1:9/smart/callback';

describe('the sandbox as an EHR', () => {
  let sandbox: Sandbox;
  let origin: string;
  beforeAll(async () => {
    sandbox = await startSandbox({ port: 0, clientIds: 'allowed', deliverAs: 'medplum' });
    origin = new URL(sandbox.base).origin;
    await sandbox.load([{ resourceType: 'Patient', id: 'p1', name: [{ family: '<b>Bold</b>' }] }], {
      notify: false,
    });
  }, 120_000);
  afterAll(async () => {
    await sandbox[Symbol.asyncDispose]();
  });

  const asked = (rest: Record<string, string> = {}) => ({
    response_type: 'code',
    client_id: 'page',
    redirect_uri: BACK,
    state: 's',
    aud: sandbox.base,
    code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
    code_challenge_method: 'S256',
    ...rest,
  });
  const authorize = (rest: Record<string, string> = {}): Promise<Response> =>
    fetch(`${origin}/auth/authorize?${new URLSearchParams(asked(rest))}`, { redirect: 'manual' });
  async function code(): Promise<string> {
    const answer = await authorize({ launch: 'p1' });
    return new URL(answer.headers.get('location') ?? '').searchParams.get('code') ?? '';
  }
  const redeem = (body: Record<string, string>): Promise<Response> =>
    fetch(`${origin}/auth/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        redirect_uri: BACK,
        client_id: 'page',
        code_verifier: VERIFIER,
        ...body,
      }),
    });

  it('says where to sign in, and that it wants PKCE', async () => {
    const told = await (await fetch(`${sandbox.base}/.well-known/smart-configuration`)).json();
    expect(told).toMatchObject({
      authorization_endpoint: `${origin}/auth/authorize`,
      token_endpoint: `${origin}/auth/token`,
      code_challenge_methods_supported: ['S256'],
    });
  });

  it('gives a code once, and for it a patient, a token and a signed id token', async () => {
    const one = await code();
    const granted = (await (await redeem({ code: one })).json()) as { patient: string; id_token: string };
    expect(granted).toMatchObject({ patient: 'p1', token_type: 'Bearer', need_patient_banner: true });
    const { payload } = await jwtVerify(
      granted.id_token,
      createRemoteJWKSet(new URL(`${origin}/auth/jwks`)),
      {
        issuer: origin,
        audience: 'page',
      },
    );
    expect(payload.fhirUser).toBe(`${sandbox.base}/Practitioner/sandbox-clinician`);
    expect((await redeem({ code: one })).status).toBe(400);
  });

  it.each([
    ['another verifier', { code_verifier: 'b'.repeat(43) }],
    ['another address', { redirect_uri: 'http://127.0.0.1:9/other' }],
    ['another client', { client_id: 'other' }],
  ])('refuses a code with %s', async (_words, wrong) => {
    expect((await redeem({ code: await code(), ...wrong })).status).toBe(400);
  });

  it.each([
    ['no PKCE', { code_challenge_method: 'plain' }],
    ['another audience', { aud: 'https://elsewhere.example' }],
  ])('does not begin with %s', async (_words, wrong) => {
    expect((await authorize(wrong)).status).toBe(400);
  });

  it('asks for a patient where the launch names none; names show as text', async () => {
    const picker = await (await authorize({ launch: 'unknown' })).text();
    expect(picker).toContain('patient=p1');
    expect(picker).not.toContain('<b>');
  });
});
