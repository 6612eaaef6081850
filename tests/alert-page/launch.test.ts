import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { cookiesFor } from '../../src/alert-page/cookies.ts';
import { openToken, sealToken } from '../../src/alert-page/secrets.ts';
import { exchange, SmartServers } from '../../src/alert-page/smart-server.ts';
import { auditOf } from '../../src/store/audit.ts';
import type { ConnectionId, PatientId } from '../../src/vocabulary/ids.ts';
import { openWard, type Ward } from './ward.ts';

const LONG = 300_000;
const WARD = 'ward' as ConnectionId;

/** A browser without pages: keeps cookies, follows nothing by itself. */
class Client {
  readonly cookies = new Map<string, string>();

  async get(url: string, init: RequestInit = {}): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, {
      redirect: 'manual',
      ...init,
      headers: { accept: 'text/html', cookie, ...init.headers },
    });
    for (const set of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      if (set.includes('Max-Age=0')) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return answer;
  }

  /** Follows redirects to the end. */
  async go(url: string): Promise<Response> {
    let answer = await this.get(url);
    for (let at = url; answer.status >= 300 && answer.status < 400; ) {
      at = new URL(answer.headers.get('location') ?? '', at).href;
      answer = await this.get(at);
    }
    return answer;
  }
}

describe('opening the alert page', () => {
  let ward: Ward;
  let launchUrl: (patient?: string) => string;
  beforeAll(async () => {
    ward = await openWard();
    launchUrl = (patient = 'okafor') =>
      `${ward.url}/smart/launch?${new URLSearchParams({ iss: ward.hospital.sandbox.base, launch: patient })}`;
  }, LONG);
  afterAll(async () => {
    await ward[Symbol.asyncDispose]();
  });

  async function signedIn(patient = 'okafor'): Promise<Client> {
    const client = new Client();
    expect((await client.go(launchUrl(patient))).status).toBe(200);
    return client;
  }
  async function csrfOf(client: Client): Promise<string> {
    const text = await (await client.get(`${ward.url}/alerts`)).text();
    return /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? '';
  }

  it('from the EHR asks with PKCE, a state, the audience and the smallest scopes, and no write scope', async () => {
    const answer = await new Client().get(launchUrl());
    const asked = new URL(answer.headers.get('location') ?? '').searchParams;
    expect(asked.get('code_challenge_method')).toBe('S256');
    expect(asked.get('code_challenge')).toMatch(/^[\w-]{43}$/);
    expect(asked.get('state')).toMatch(/^[\w-]{43}$/);
    expect(asked.get('aud')).toBe(ward.hospital.sandbox.base);
    expect(asked.get('scope')).toBe(
      'launch openid fhirUser patient/Patient.rs patient/Observation.rs patient/MedicationRequest.rs patient/Condition.rs',
    );
  });

  it('leaves no code in the address bar and binds the session to the patient of the launch', async () => {
    const client = new Client();
    const answer = await client.go(launchUrl());
    expect(answer.url).toBe(`${ward.url}/alerts`);
    expect(await answer.text()).toContain('OKAFOR, Ngozi');
  });

  it('refuses a FHIR server that is not registered before it asks it anything', async () => {
    let asked = 0;
    const stranger = createServer((_req, res) => {
      asked += 1;
      res.end('{}');
    });
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const iss = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}/fhir`;
    const answer = await new Client().get(
      `${ward.url}/smart/launch?${new URLSearchParams({ iss, launch: 'x' })}`,
    );
    stranger.close();
    expect(answer.status).toBe(400);
    expect(asked).toBe(0);
  });

  it('takes a state once, and only from the browser that began', async () => {
    const client = new Client();
    const authorize = (await client.get(launchUrl())).headers.get('location') ?? '';
    const callback = (await client.get(authorize)).headers.get('location') ?? '';
    const other = new Client();
    other.cookies.set('cramp-launch', 'another-browser');
    expect((await other.get(callback)).status).toBe(400);
    expect((await client.get(callback)).status).toBe(400); // spent
  });

  it('does not take a state older than ten minutes', async () => {
    const client = new Client();
    const authorize = (await client.get(launchUrl())).headers.get('location') ?? '';
    const callback = (await client.get(authorize)).headers.get('location') ?? '';
    ward.clock.forward(11 * 60_000);
    expect((await client.get(callback)).status).toBe(400);
  });

  it('without a cookie at the callback offers a new window, not a loop', async () => {
    const client = new Client();
    const authorize = (await client.get(launchUrl())).headers.get('location') ?? '';
    const callback = (await client.get(authorize)).headers.get('location') ?? '';
    const answer = await new Client().get(callback);
    expect(answer.status).toBe(400);
    const text = await answer.text();
    expect(text).toContain('Open in a new window');
    expect(text).toContain('href="/smart/standalone" target="_blank"');
  });

  it('standalone goes to the server of the alert and comes back to the alert', async () => {
    const id = (await ward.alerts()).get('el-refractory-hypokalaemia') ?? '';
    const client = new Client();
    const authorize =
      (await client.get(`${ward.url}/smart/standalone?alert=${id}`)).headers.get('location') ?? '';
    expect(new URL(authorize).searchParams.get('scope')).toMatch(/^launch\/patient /);
    const picker = await (await client.get(authorize)).text();
    const choose = /href="([^"]*patient=okafor[^"]*)"/.exec(picker)?.[1]?.replaceAll('&#38;', '&') ?? '';
    const answer = await client.go(new URL(choose, authorize).href);
    expect(answer.url).toBe(`${ward.url}/alerts/${id}`);
  });

  it('answers alike to an unknown alert and to one of another patient', async () => {
    const id = (await ward.alerts()).get('el-refractory-hypokalaemia') ?? '';
    const client = await signedIn('quiet');
    const [other, none] = await Promise.all(
      [id, 'c0ffee00-0000-4000-8000-000000000000'].map((one) => client.get(`${ward.url}/alerts/${one}`)),
    );
    expect([other?.status, none?.status]).toEqual([404, 404]);
    expect(await other?.text()).toBe(await none?.text());
    const api = await client.get(`${ward.url}/api/alerts/${id}`);
    expect([api.status, await api.json()]).toEqual([404, { error: 'not-found' }]);
  });

  it('shows nothing without a session', async () => {
    const id = (await ward.alerts()).get('el-refractory-hypokalaemia') ?? '';
    for (const path of ['/alerts', `/alerts/${id}`, '/alerts/patients']) {
      const answer = await new Client().get(`${ward.url}${path}`);
      expect([path, answer.status]).toEqual([path, 401]);
      expect(await answer.text()).not.toMatch(/OKAFOR|potassium/i);
    }
    expect((await new Client().get(`${ward.url}/api/alerts`)).status).toBe(401);
  });

  it('ends a session after fifteen minutes without a request, and after eight hours in any case', async () => {
    const client = await signedIn();
    ward.clock.forward(14 * 60_000);
    expect((await client.get(`${ward.url}/alerts`)).status).toBe(200);
    ward.clock.forward(16 * 60_000);
    expect((await client.get(`${ward.url}/alerts`)).status).toBe(401);

    const busy = await signedIn();
    for (let minutes = 0; minutes < 8 * 60; minutes += 14) {
      ward.clock.forward(14 * 60_000);
      if (minutes < 7.5 * 60) expect((await busy.get(`${ward.url}/api/alerts`)).status).toBe(200);
    }
    expect((await busy.get(`${ward.url}/alerts`)).status).toBe(401);
  });

  it('reads nothing from the record after the token has ended, and says so', async () => {
    const client = await signedIn();
    const id = (await ward.alerts()).get('el-refractory-hypokalaemia') ?? '';
    for (let minutes = 0; minutes <= 61; minutes += 14) {
      await client.get(`${ward.url}/api/alerts`);
      ward.clock.forward(14 * 60_000);
    }
    const text = await (await client.get(`${ward.url}/alerts/${id}`)).text();
    expect(text).toContain('Results could not be read from the record');
    expect(text).toContain('Potassium 2.8 mmol/L');
  });

  it('takes an answer only with the token of its own session', async () => {
    const id = (await ward.alerts()).get('fq-age-over-60') ?? '';
    const [client, other] = [await signedIn(), await signedIn()];
    const { version } = (await (await client.get(`${ward.url}/api/alerts/${id}`)).json()) as {
      version: number;
    };
    const body = (csrf: string) => ({
      method: 'POST',
      body: new URLSearchParams({ csrf, outcome: 'not-now', alertVersion: `${version}` }),
    });
    expect((await client.get(`${ward.url}/alerts/${id}/answer`, body(''))).status).toBe(403);
    expect((await client.get(`${ward.url}/alerts/${id}/answer`, body(await csrfOf(other)))).status).toBe(403);
    expect((await client.get(`${ward.url}/alerts/${id}/answer`, body(await csrfOf(client)))).status).toBe(
      303,
    );
  });

  it('keeps a record of every view and every answer, with who and when', async () => {
    const before = await auditOf(ward.hospital.running.store.db, WARD, 'okafor' as PatientId);
    const client = await signedIn();
    const id = (await ward.alerts()).get('fq-age-over-60') ?? '';
    await client.get(`${ward.url}/alerts/${id}`);
    const after = await auditOf(ward.hospital.running.store.db, WARD, 'okafor' as PatientId);
    const added = after.slice(before.length);
    expect(added.map(({ action }) => action)).toEqual(['session-opened', 'list-viewed', 'alert-viewed']);
    expect(added[2]).toMatchObject({
      alertId: id,
      userReference: 'Practitioner/sandbox-clinician',
      role: 'responder',
      at: ward.clock.now(),
    });
  });

  it('may be framed by us only, is never kept, and loads nothing from elsewhere', async () => {
    const { headers } = await (await signedIn()).get(`${ward.url}/alerts`);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy).toMatch(/frame-ancestors 'self'$/);
    expect(policy).not.toContain('unsafe');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-frame-options')).toBeNull();
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  });

  it('of the sandbox opens by a link that works once, on a patient of choice', async () => {
    const link = ward.hospital.running.oneTimeLink(WARD);
    const client = new Client();
    const picker = await client.go(link);
    expect(picker.url).toBe(`${ward.url}/alerts/patients`);
    expect(await picker.text()).toContain('LINDQVIST, Per');
    expect((await new Client().get(link)).status).toBe(403);
    expect((await client.get(`${ward.url}/alerts`)).headers.get('location')).toBe('/alerts/patients');
  });

  it('lets no session choose a patient that the EHR has opened', async () => {
    const client = await signedIn('quiet');
    expect((await client.get(`${ward.url}/alerts/patients`)).status).toBe(404);
    const body = new URLSearchParams({ csrf: await csrfOf(client), patient: 'okafor' });
    expect((await client.get(`${ward.url}/alerts/patients`, { method: 'POST', body })).status).toBe(404);
    expect(await (await client.get(`${ward.url}/alerts`)).text()).toContain('LINDQVIST');
  });

  it('gives the same as JSON', async () => {
    const client = await signedIn();
    const { alerts } = (await (await client.get(`${ward.url}/api/alerts?status=all`)).json()) as {
      alerts: { id: string }[];
    };
    expect(alerts.length).toBeGreaterThanOrEqual(3);
    const id = (await ward.alerts()).get('el-refractory-hypokalaemia') ?? '';
    const one = await (await client.get(`${ward.url}/api/alerts/${id}`)).json();
    expect(one).toMatchObject({
      id,
      tier: 'high',
      status: 'open',
      title: 'Low potassium with low or unknown magnesium',
      patient: { id: 'okafor', name: 'OKAFOR, Ngozi', birthDate: '1957-03-02', ageYears: 69, sex: 'female' },
      rule: { id: 'el-refractory-hypokalaemia' },
    });
    expect(one).toHaveProperty('series.0.points.3.value', 2.8);
  });
});

describe('the sign-in at a FHIR server', () => {
  /** A server that says of itself and gives out whatever a test wants. */
  async function server(told: (origin: string) => Record<string, object>) {
    const http = createServer((req, res) => {
      const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
      res.setHeader('content-type', 'application/json');
      res.end(JSON.stringify(told(origin)[req.url ?? ''] ?? {}));
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const iss = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    const app = {
      connectionId: 'ward',
      iss,
      clientId: 'page',
      proof: { type: 'none' as const },
      frameAncestors: [],
    };
    return { app, iss, [Symbol.asyncDispose]: async () => void http.close() };
  }
  const configuration = (origin: string, rest: object = {}) => ({
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    code_challenge_methods_supported: ['S256'],
    issuer: origin,
    jwks_uri: `${origin}/keys`,
    ...rest,
  });
  const GRANT = { access_token: 't', patient: 'p1', expires_in: 300 };
  const CODE = { code: 'c', verifier: 'v', redirectUri: 'https://cds.example/smart/callback' };

  it('does not begin where PKCE with S256 is not offered', async () => {
    await using one = await server((origin) => ({
      '/.well-known/smart-configuration': configuration(origin, {
        code_challenge_methods_supported: ['plain'],
      }),
    }));
    await expect(new SmartServers().of(one.app, new Date())).rejects.toMatchObject({ code: 'no-pkce' });
  });

  it('does not go on without a patient', async () => {
    await using one = await server((origin) => ({
      '/.well-known/smart-configuration': configuration(origin),
      '/token': { access_token: 't' },
    }));
    const found = await new SmartServers().of(one.app, new Date());
    await expect(exchange(found, one.app, CODE)).rejects.toMatchObject({ code: 'no-patient' });
  });

  it('without an id token knows nobody', async () => {
    await using one = await server((origin) => ({
      '/.well-known/smart-configuration': configuration(origin),
      '/token': { ...GRANT, need_patient_banner: false, appContext: '{"v":1,"alert":"a-1"}' },
    }));
    const granted = await exchange(await new SmartServers().of(one.app, new Date()), one.app, CODE);
    expect(granted).toEqual({
      accessToken: 't',
      patient: 'p1',
      expiresInMs: 300_000,
      banner: false,
      alertHint: 'a-1',
    });
  });

  it.each([
    ['made for another client', { aud: 'other' }],
    ['of another issuer', { iss: 'https://elsewhere.example' }],
    ['that has run out', { exp: 1 }],
    ['signed with another key', { foreign: true }],
  ])(
    'refuses an id token %s',
    async (_words, wrong: { aud?: string; iss?: string; exp?: number; foreign?: boolean }) => {
      const [right, other] = await Promise.all([
        generateKeyPair('ES256', { extractable: true }),
        generateKeyPair('ES256'),
      ]);
      const key = { ...(await exportJWK(right.publicKey)), kid: 'k', alg: 'ES256' };
      let idToken = '';
      await using one = await server((origin) => ({
        '/.well-known/smart-configuration': configuration(origin),
        '/keys': { keys: [key] },
        '/token': { ...GRANT, id_token: idToken },
      }));
      const sign = (claims: typeof wrong): Promise<string> =>
        new SignJWT({ fhirUser: 'Practitioner/7' })
          .setProtectedHeader({ alg: 'ES256', kid: 'k' })
          .setSubject('7')
          .setIssuer(claims.iss ?? one.iss)
          .setAudience(claims.aud ?? 'page')
          .setExpirationTime(claims.exp ?? '1 minute')
          .sign(claims.foreign ? other.privateKey : right.privateKey);
      const found = await new SmartServers().of(one.app, new Date());
      idToken = await sign({});
      expect((await exchange(found, one.app, CODE)).user).toEqual({
        reference: 'Practitioner/7',
        subject: '7',
      });
      idToken = await sign(wrong);
      await expect(exchange(found, one.app, CODE)).rejects.toMatchObject({ code: 'id-token-refused' });
    },
  );
});

describe('what the browser holds', () => {
  it('is a cookie that survives a frame of another site, where there is https', () => {
    const set: string[] = [];
    const res = { append: (_name: string, value: string) => set.push(value) };
    cookiesFor('https://cds.example').set(res as never, 'sid', 'x');
    expect(set).toEqual(['__Host-sid=x; Path=/; HttpOnly; Secure; SameSite=None; Partitioned']);
    cookiesFor('http://127.0.0.1:8080').set(res as never, 'sid', 'x');
    expect(set[1]).toBe('cramp-sid=x; Path=/; HttpOnly; SameSite=Lax');
  });

  it('opens the token that the database keeps; another session id does not', () => {
    const sealed = sealToken('secret-token', 'sid-1');
    expect(sealed).not.toContain('secret-token');
    expect(openToken(sealed, 'sid-1')).toBe('secret-token');
    expect(() => openToken(sealed, 'sid-2')).toThrow();
  });
});
