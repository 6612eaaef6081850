/** How a sender proves itself, and what its proof is good for. */
import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { HintPace } from '../../src/intake/hint-pace.ts';
import { type Evidence, type IngressProof, SenderProofs } from '../../src/intake/prove-sender.ts';
import { refusalOf } from '../../src/intake/refusal.ts';
import type { NewEvent } from '../../src/store/event.ts';
import type { Notice } from '../../src/store/inbox.ts';
import type { ConnectionId } from '../../src/vocabulary/ids.ts';
import { reply, type ScriptedServer, startScripted } from '../connections/scripted-server.ts';

const SECRET = 'a-secret-of-thirty-two-characters-or-more';
const BODY = Buffer.from('{"resourceType":"Observation","id":"k1"}');
const NOON = Date.parse('2026-05-12T12:00:00Z');
const MINUTE = 60_000;

interface Sent {
  readonly headers?: Record<string, string>;
  readonly query?: Record<string, string>;
  readonly body?: Uint8Array | undefined;
  readonly peer?: string;
}

const evidence = ({ headers = {}, query = {}, peer = '127.0.0.1', ...rest }: Sent): Evidence => ({
  header: (name) => headers[name],
  query: (name) => query[name],
  body: 'body' in rest ? rest.body : BODY,
  peer,
});

/** What a push is good for, or why it is refused. */
async function verdict(proofs: SenderProofs | readonly IngressProof[], sent: Sent): Promise<string> {
  const checked = proofs instanceof SenderProofs ? proofs : new SenderProofs(proofs, () => NOON);
  return checked.prove(evidence(sent)).catch((error: unknown) => refusalOf(error).reason);
}

describe('a signature', () => {
  const proof: IngressProof = { type: 'hmac', header: 'x-hub-signature', secrets: [SECRET], trust: 'body' };
  const hex = (method: string, secret = SECRET): string =>
    createHmac(method, secret).update(BODY).digest('hex');
  const of = (text: string): Promise<string> => verdict([proof], { headers: { 'x-hub-signature': text } });

  it.each(['sha256', 'sha384', 'sha512'])('by WebSub names its method: %s', async (method) => {
    expect(await of(`${method}=${hex(method)}`)).toBe('body');
    expect(await of(`${method}=${hex(method, 'another')}`)).toBe('sender-unproven');
  });

  it('without a method is SHA-256, and a method that is broken or not the one named is refused', async () => {
    expect(await of(hex('sha256'))).toBe('body');
    for (const text of [
      hex('sha512'),
      `sha1=${hex('sha1')}`,
      `md5=${hex('md5')}`,
      `sha512=${hex('sha256')}`,
      '',
    ])
      expect(await of(text)).toBe('sender-unproven');
  });

  it('proves nothing of a body that was too large to read', async () => {
    const headers = { 'x-hub-signature': hex('sha256') };
    expect(await verdict([proof], { headers, body: undefined })).toBe('sender-unproven');
  });
});

describe('a secret in the address', () => {
  const proof: IngressProof = { type: 'url', parameter: 'key', secrets: ['old', SECRET], trust: 'body' };

  it('makes a hint, whatever trust is written beside it', async () => {
    expect(await verdict([proof], { query: { key: SECRET } })).toBe('hint');
    expect(await verdict([proof], { query: { key: 'other' } })).toBe('sender-unproven');
    expect(await verdict([proof], {})).toBe('sender-unproven');
  });

  it('takes nothing from a signature that comes with it', async () => {
    const signed: IngressProof = { type: 'hmac', header: 'x-signature', secrets: [SECRET], trust: 'body' };
    const headers = { 'x-signature': createHmac('sha256', SECRET).update(BODY).digest('hex') };
    expect(await verdict([proof, signed], { query: { key: SECRET }, headers })).toBe('body');
    expect(await verdict([proof, signed], { query: { key: SECRET } })).toBe('hint');
  });
});

describe('a client certificate that a proxy checked', () => {
  const proof: IngressProof = {
    type: 'mtls',
    subjects: ['CN=north,O=Hospital'],
    proxy: { header: 'x-client-subject', addresses: ['10.1.0.0/16', '2001:db8::7'] },
    trust: 'body',
  };
  const headers = { 'x-client-subject': 'CN=north,O=Hospital' };

  it.each(['10.1.200.3', '::ffff:10.1.0.1', '2001:db8::7'])('is believed from %s', async (peer) => {
    expect(await verdict([proof], { headers, peer })).toBe('body');
  });

  it.each(['10.2.0.1', '127.0.0.1', '::1', '2001:db8::8'])('is not believed from %s', async (peer) => {
    expect(await verdict([proof], { headers, peer })).toBe('sender-unproven');
  });

  it('is of nobody else', async () => {
    for (const subject of ['CN=south,O=Hospital', 'CN=north,O=Hospital,X=1', ''])
      expect(await verdict([proof], { headers: { 'x-client-subject': subject }, peer: '10.1.0.1' })).toBe(
        'sender-unproven',
      );
  });
});

describe('a token of the sender’s authorization server', () => {
  const ISSUER = 'https://login.hospital.example';
  const AUDIENCE = 'https://cds.example/hooks/north';

  interface Authority extends AsyncDisposable {
    readonly server: ScriptedServer;
    readonly proofs: SenderProofs;
    /** The key it signs and publishes from now on. */
    renew(kid: string): Promise<void>;
    token(claims?: Record<string, unknown>): Promise<string>;
    check(token: string): Promise<string>;
    now: number;
    down: boolean;
  }

  async function authority(): Promise<Authority> {
    let key = await generateKeyPair('ES256');
    let kid = 'first';
    const server = await startScripted();
    const one: Authority = {
      server,
      now: NOON,
      down: false,
      proofs: new SenderProofs(
        [
          {
            type: 'jwt',
            issuer: ISSUER,
            audience: AUDIENCE,
            jwksUrl: `${server.origin}/jwks`,
            claims: { azp: 'pushes' },
            trust: 'body',
          },
        ],
        () => one.now,
      ),
      async renew(next) {
        key = await generateKeyPair('ES256');
        kid = next;
      },
      token: (claims = {}) =>
        new SignJWT({ iss: ISSUER, aud: AUDIENCE, azp: 'pushes', exp: one.now / 1000 + 300, ...claims })
          .setProtectedHeader({ alg: 'ES256', kid })
          .sign(key.privateKey),
      check: (token) => verdict(one.proofs, { headers: { authorization: `Bearer ${token}` } }),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
    server.script = (_, response) => {
      if (one.down) return reply(response, 503);
      void exportJWK(key.publicKey).then((jwk) =>
        reply(response, 200, { keys: [{ ...jwk, kid, alg: 'ES256' }] }),
      );
    };
    return one;
  }

  it('is right from that issuer, for us, in time and of that client, and wrong otherwise', async () => {
    await using one = await authority();
    expect(await one.check(await one.token())).toBe('body');
    const wrong = [
      { iss: 'https://elsewhere.example' },
      { aud: 'https://cds.example/hooks/south' },
      { azp: 'somebody' },
      { exp: one.now / 1000 - 60 },
      { exp: undefined },
      { nbf: one.now / 1000 + 60 },
    ];
    for (const claims of wrong) expect(await one.check(await one.token(claims))).toBe('sender-unproven');
    const token = await one.token();
    expect(await one.check(`${token.slice(0, -8)}AAAAAAAA`)).toBe('sender-unproven');
    expect(await one.check('no-token')).toBe('sender-unproven');
    expect(one.server.asked).toHaveLength(1);
  });

  it('without a signature, or signed with our own public key as a secret, is wrong', async () => {
    await using one = await authority();
    await one.check(await one.token());
    const [, payload] = (await one.token()).split('.');
    const head = (alg: string): string =>
      Buffer.from(JSON.stringify({ alg, kid: 'first' })).toString('base64url');
    const hmac = createHmac('sha256', 'x')
      .update(`${head('HS256')}.${payload}`)
      .digest('base64url');
    expect(await one.check(`${head('none')}.${payload}.AA`)).toBe('sender-unproven');
    expect(await one.check(`${head('HS256')}.${payload}.${hmac}`)).toBe('sender-unproven');
  });

  it('can not be judged while the keys can not be read: that is no refusal for good', async () => {
    await using one = await authority();
    one.down = true;
    expect(await one.check(await one.token())).toBe('keys-unavailable');
    expect(await one.check(await one.token())).toBe('keys-unavailable');
    expect(one.server.asked).toHaveLength(1);
    one.down = false;
    one.now += MINUTE;
    expect(await one.check(await one.token())).toBe('body');
  });

  it('signed with a new key is right as soon as the key is published, and unknown keys do not make us ask more', async () => {
    await using one = await authority();
    expect(await one.check(await one.token())).toBe('body');
    await one.renew('second');
    one.now += MINUTE;
    expect(await one.check(await one.token())).toBe('body');
    expect(one.server.asked).toHaveLength(2);
    await one.renew('third');
    for (let n = 0; n < 5; n++) expect(await one.check(await one.token())).toBe('sender-unproven');
    expect(one.server.asked).toHaveLength(2);
  });
});

describe('hints of one connection', () => {
  const hint: NewEvent = {
    connectionId: 'north' as ConnectionId,
    kind: 'hint',
    type: 'Observation',
    resourceId: 'k1',
    trust: 'hint',
    state: 'waiting',
  };
  const wait = (pace: HintPace, notice: Notice, now: number): number | undefined => {
    const [paced] = pace.pace([notice], now);
    return paced !== undefined && 'afterMs' in paced ? paced.afterMs : undefined;
  };

  it('above the rate wait, evenly, and none is refused', () => {
    const pace = new HintPace(10);
    const waits = Array.from({ length: 300 }, () => wait(pace, { event: hint }, NOON));
    expect(waits.slice(0, 100)).toEqual(Array(100).fill(0));
    expect(waits.slice(100, 104)).toEqual([100, 200, 300, 400]);
    expect(waits[299]).toBe(20_000);
    expect(wait(pace, { event: hint }, NOON + MINUTE)).toBe(0);
  });

  it('that name nothing make one sweep at once, and the next ten seconds later', () => {
    const pace = new HintPace(10);
    const sweep = { sweep: hint.connectionId };
    expect(wait(pace, sweep, NOON)).toBe(0);
    expect(wait(pace, sweep, NOON + 1000)).toBe(9000);
    expect(wait(pace, sweep, NOON + 9000)).toBe(1000);
    expect(wait(pace, sweep, NOON + 10_000)).toBe(0);
  });

  it('do not hold up what came with its data', () => {
    const pace = new HintPace(1);
    for (let n = 0; n < 50; n++) wait(pace, { event: hint }, NOON);
    expect(wait(pace, { event: { ...hint, trust: 'body' } }, NOON)).toBeUndefined();
  });
});
