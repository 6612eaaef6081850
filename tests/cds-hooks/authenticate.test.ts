import { createSign, generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { CdsClient } from '../../src/cds-hooks/client.ts';
import { KeySets } from '../../src/cds-hooks/key-sets.ts';
import { openClient } from '../../src/config/cds-hooks.ts';
import { about, Ehr, NOON, PUBLIC_URL, patientOf72, prefetchOf, WARD } from './hooks.ts';

const ISSUER = 'https://ehr.example.org';
const SERVICE = `${PUBLIC_URL}/cds-services/cramp-risk-patient-view`;
const NOW = NOON.getTime() / 1000;

const es384 = await generateKeyPair('ES384', { extractable: true });
const rs384 = await generateKeyPair('RS384', { extractable: true });
const stranger = await generateKeyPair('ES384', { extractable: true });
const KID = 'k+/=1';

async function publicKey(key: CryptoKey, kid: string, rest: Partial<JWK> = {}): Promise<JWK> {
  return { ...(await exportJWK(key)), kid, ...rest };
}

const small = generateKeyPairSync('rsa', { modulusLength: 1024 });
const KEYS = {
  keys: [
    await publicKey(es384.publicKey, KID, { use: 'sig' }),
    await publicKey(rs384.publicKey, 'rsa'),
    await publicKey(stranger.publicKey, 'enc', { use: 'enc' }),
    { ...small.publicKey.export({ format: 'jwk' }), kid: 'small' } as JWK,
  ],
};

const client: CdsClient = {
  ...openClient({ id: WARD, base: 'https://ehr.example.org/fhir' }, 2000),
  issuer: ISSUER,
  keys: KEYS,
  algorithms: ['ES384', 'RS384'],
  extraAudiences: ['https://cds.example.org/aud/north'],
  tokenSeconds: 900,
  sites: ['north'],
};
const BODY = about('p72', prefetchOf(patientOf72()));

let ehr: Ehr;
let tokens = 0;
beforeAll(async () => {
  ehr = await Ehr.open({ authentication: 'jwt', callsPerMinute: 10_000 }, [
    client,
    { ...client, issuer: 'https://limited.example.org', services: ['cramp-risk-order-sign'] },
  ]);
});
afterAll(() => ehr[Symbol.asyncDispose]());

interface Wrong {
  readonly header?: Record<string, unknown>;
  readonly payload?: Record<string, unknown>;
  readonly key?: CryptoKey;
}

async function token({ header = {}, payload = {}, key = es384.privateKey }: Wrong = {}): Promise<string> {
  tokens += 1;
  const claims = {
    iss: ISSUER,
    aud: SERVICE,
    exp: NOW + 300,
    iat: NOW,
    jti: `token-${tokens}`,
    tenant: 'north',
  };
  const all = Object.fromEntries(
    Object.entries({ ...claims, ...payload }).filter(([, value]) => value !== undefined),
  );
  return await new SignJWT(all)
    .setProtectedHeader({ alg: 'ES384', typ: 'JWT', kid: KID, ...header } as never)
    .sign(key);
}

const call = async (authorization: string | undefined, hook = 'patient-view') =>
  await ehr.call(hook, BODY, authorization === undefined ? {} : { authorization });
const bearer = async (wrong?: Wrong) => await call(`Bearer ${await token(wrong)}`);

/** Refused without a word of why; only our log names the step. */
async function expectUnproven(
  answered: Promise<Awaited<ReturnType<Ehr['call']>>>,
  step: string,
): Promise<void> {
  const { status, text, headers } = await answered;
  expect([status, text, headers.get('www-authenticate')]).toEqual([401, '', 'Bearer']);
  expect(JSON.parse(ehr.logged.at(-1) ?? '{}').code).toBe(`unproven: ${step}`);
}

describe('a signed token', () => {
  it('opens the service', async () => {
    expect((await bearer()).status).toBe(200);
    expect((await bearer({ header: { alg: 'RS384', kid: 'rsa' }, key: rs384.privateKey })).status).toBe(200);
    expect((await bearer({ header: { typ: 'jwt' } })).status).toBe(200);
    expect((await bearer({ header: { typ: undefined } })).status).toBe(200);
  });

  it.each([
    undefined,
    '',
    'Basic abc',
    'Bearer',
    'Bearer a.b',
    `Bearer ${'a'.repeat(8200)}.b.c`,
    'Bearer a.b.c d.e.f',
  ])(
    'step 1: is one Bearer value of three parts, not %s',
    async (authorization) => await expectUnproven(call(authorization), 'no-token'),
  );

  it.each<[string, Wrong]>([
    ['another type', { header: { typ: 'at+jwt' } }],
    ['no key id', { header: { kid: undefined } }],
    ['b64', { header: { b64: true, crit: ['b64'] } }],
  ])('step 2: has a plain header, not one with %s', async (_, wrong) => {
    await expectUnproven(bearer(wrong), 'header');
  });

  it('step 2: names an algorithm of the list; none and HS256 are not', async () => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const payload = part({ iss: ISSUER, aud: SERVICE, exp: NOW + 300, iat: NOW, jti: 'x' });
    for (const alg of ['none', 'HS256', 'HS384', 'ES256', 'RS256'])
      await expectUnproven(call(`Bearer ${part({ alg, kid: KID })}.${payload}.AAAA`), 'header');
  });

  it('step 3: is from a known issuer, exactly', async () => {
    await expectUnproven(bearer({ payload: { iss: `${ISSUER}/` } }), 'issuer');
  });

  it.each<[string, Wrong]>([
    ['unknown', { header: { kid: 'other' } }],
    ['not of the type that the algorithm needs', { header: { kid: 'rsa' } }],
    ['for encryption', { header: { kid: 'enc' }, key: stranger.privateKey }],
  ])('step 4: is signed with a key that is not %s', async (_, wrong) => {
    await expectUnproven(bearer(wrong), 'key');
  });

  it('step 4: is not signed with an RSA key below 2048 bits', async () => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${part({ alg: 'RS384', kid: 'small' })}.${part({ iss: ISSUER, aud: SERVICE, exp: NOW + 300, iat: NOW, jti: 'small' })}`;
    const signature = createSign('sha384').update(signed).sign(small.privateKey).toString('base64url');
    await expectUnproven(call(`Bearer ${signed}.${signature}`), 'key');
  });

  it('step 5: carries a true signature, in the raw form and not in DER', async () => {
    await expectUnproven(bearer({ key: stranger.privateKey }), 'signature');
    const [header, payload] = (await token()).split('.');
    const pem = (await import('node:crypto')).KeyObject.from(es384.privateKey);
    const der = createSign('sha384').update(`${header}.${payload}`).sign(pem).toString('base64url');
    await expectUnproven(call(`Bearer ${header}.${payload}.${der}`), 'signature');
  });

  it.each([
    'https://other.example.org',
    `${SERVICE}/`,
    `${PUBLIC_URL}/cds-services/cramp-risk-order-sign`,
    undefined,
    7,
  ])('step 6: is not for %s', async (aud) => await expectUnproven(bearer({ payload: { aud } }), 'audience'));
  it('step 6: is for this service, all services, or an address agreed with the client', async () => {
    for (const aud of [
      [SERVICE, 'https://other.example.org'],
      `${PUBLIC_URL}/cds-services`,
      'https://cds.example.org/aud/north',
    ])
      expect((await bearer({ payload: { aud } })).status).toBe(200);
  });

  it.each<[string, Record<string, unknown>]>([
    ['over for more than a minute', { exp: NOW - 61, iat: NOW - 300 }],
    ['from the future', { iat: NOW + 61, exp: NOW + 300 }],
    ['longer than agreed', { exp: NOW + 901 }],
    ['not valid yet', { nbf: NOW + 61 }],
    ['without an end', { exp: undefined }],
    ['without a beginning', { iat: undefined }],
    ['dated in words', { exp: 'tomorrow' }],
  ])('step 7: is not %s', async (_, payload) => {
    await expectUnproven(bearer({ payload }), 'time');
  });
  it('step 7: may be a minute off', async () => {
    expect((await bearer({ payload: { exp: NOW - 59, iat: NOW - 300 } })).status).toBe(200);
  });

  it('step 8: names a site of the client, or none', async () => {
    await expectUnproven(bearer({ payload: { tenant: 'south' } }), 'site');
    expect((await bearer({ payload: { tenant: undefined } })).status).toBe(200);
  });

  it('step 9: is used once, also when it comes twice at the same moment', async () => {
    const one = `Bearer ${await token()}`;
    const statuses = (await Promise.all([call(one), call(one), call(one)])).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 401, 401]);
    await expectUnproven(call(one), 'replayed');
    await expectUnproven(bearer({ payload: { jti: undefined } }), 'replayed');
  });

  it('of a client that may not use this service is refused as such', async () => {
    const { status, text } = await bearer({ payload: { iss: 'https://limited.example.org' } });
    expect([status, text]).toEqual([403, '']);
  });

  it('is never in the log', async () => {
    const secret = await token();
    await call(`Bearer ${secret}`);
    expect(ehr.logged.join('')).not.toContain(secret.split('.')[2]);
  });
});

describe('keys at an address', () => {
  let server: Server;
  let keys: JWK[] = [];
  let asked = 0;
  let foreign = 0;
  let works = true;
  let address: string;
  let hospital: Ehr;

  beforeAll(async () => {
    server = createServer((req, res) => {
      if (req.url !== '/jwks') foreign += 1;
      asked += 1;
      if (!works) return void res.writeHead(500).end();
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    hospital = await Ehr.open(
      { authentication: 'jwt' },
      [{ ...client, keys: { url: `${address}/jwks` } }],
      ehr,
    );
  });
  afterAll(async () => {
    server.close();
    await hospital[Symbol.asyncDispose]();
  });
  const status = async (wrong: Wrong = {}): Promise<number> =>
    (await hospital.call('patient-view', BODY, { authorization: `Bearer ${await token(wrong)}` })).status;

  it('are fetched once and kept; a new key is found a minute later', async () => {
    keys = [await publicKey(es384.publicKey, KID)];
    expect([await status(), await status()]).toEqual([200, 200]);
    expect(asked).toBe(1);
    keys = [...keys, await publicKey(stranger.publicKey, 'next')];
    const next: Wrong = { header: { kid: 'next' }, key: stranger.privateKey };
    expect([await status(next), asked]).toEqual([401, 1]);
    hospital.now = new Date(NOON.getTime() + 61_000);
    expect([await status(next), asked]).toEqual([200, 2]);
  });

  it('serve on for a day while their address fails, and no longer', async () => {
    const sets = new KeySets(() => now);
    let now = 0;
    works = true;
    const atAddress = { ...client, keys: { url: `${address}/jwks` } };
    const isKnown = async (): Promise<boolean> => (await sets.keyFor(atAddress, KID, 'ES384')) !== undefined;
    expect(await isKnown()).toBe(true);
    works = false;
    now = 23 * 3_600_000;
    expect(await isKnown()).toBe(true);
    now = 25 * 3_600_000;
    expect(await isKnown()).toBe(false);
    works = true;
  });

  it('are never fetched from where the token says', async () => {
    expect(await status({ header: { jku: `${address}/elsewhere` } })).toBe(401);
    expect(foreign).toBe(0);
  });
});
