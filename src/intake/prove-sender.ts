/**
 * Is the push from the connection it says, and how far may it be believed?
 *
 * A connection names one or more proofs; any of them will do. Two secrets may hold at the same time, so that
 * a hospital can change one without losing an event.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { type ExpectedToken, SenderKeys } from '../connections/sender-keys.ts';
import { isSameSecret } from '../vocabulary/secret.ts';
import type { Trust } from './change.ts';
import { Refusal } from './refusal.ts';

/** One way for a connection's pushes to prove themselves. */
export type IngressProof = { readonly trust: Trust } & (
  | SignedBody
  | SecretHeader
  | SecretAddress
  | SenderToken
  | ClientCertificate
);

interface Secrets {
  /** Lower case. */
  readonly header: string;
  /** One, or two during a rotation. */
  readonly secrets: readonly string[];
}

/** A signature over the very bytes of the body. */
interface SignedBody extends Secrets {
  readonly type: 'hmac';
}

/** The secret itself. */
interface SecretHeader extends Secrets {
  readonly type: 'header';
}

/** A secret in the query of our address, for senders that can do nothing else. Always a hint. */
interface SecretAddress {
  readonly type: 'url';
  readonly parameter: string;
  readonly secrets: readonly string[];
}

/** A token that the sender got from its own authorization server. */
interface SenderToken extends ExpectedToken {
  readonly type: 'jwt';
  readonly jwksUrl: string;
}

/** A client certificate, checked at our own port, or by a proxy that names its subject in a header. */
interface ClientCertificate {
  readonly type: 'mtls';
  readonly subjects: readonly string[];
  readonly proxy?: CheckingProxy;
}

interface CheckingProxy {
  /** Lower case. */
  readonly header: string;
  /** Addresses or networks; from anybody else the header proves nothing. */
  readonly addresses: readonly string[];
}

/** What of a push can prove anything. */
export interface Evidence {
  readonly header: (name: string) => string | undefined;
  readonly query: (name: string) => string | undefined;
  /** As it was signed; undefined when it was too large to read, then no signature proves anything. */
  readonly body: Uint8Array | undefined;
  /** Address of who connected to us. */
  readonly peer: string | undefined;
  /** Subject of the certificate that was checked at our own port. */
  readonly certificate?: string;
}

type Verdict = 'right' | 'wrong' | 'could-not-tell';
type Check = (evidence: Evidence) => Verdict | Promise<Verdict>;

/** The proofs of one connection, ready to use: keys are kept between pushes. */
export class SenderProofs {
  readonly #checks: readonly { readonly trust: Trust; readonly check: Check }[];

  /** @param now milliseconds since the epoch, for the life of tokens */
  constructor(proofs: readonly IngressProof[], now: () => number) {
    this.#checks = proofs.map((proof) => ({
      trust: proof.type === 'url' ? 'hint' : proof.trust,
      check: checkOf(proof, now),
    }));
  }

  /**
   * Every proof is tried, whichever was right: the time taken tells nothing.
   *
   * @returns the most that a right proof allows.
   * @throws Refusal `sender-unproven` when all are wrong, `keys-unavailable` when that could not be told.
   */
  async prove(evidence: Evidence): Promise<Trust> {
    const verdicts = await Promise.all(this.#checks.map(({ check }) => check(evidence)));
    const right = this.#checks.filter((_, index) => verdicts[index] === 'right');
    if (right.length > 0) return right.some(({ trust }) => trust === 'body') ? 'body' : 'hint';
    if (verdicts.includes('could-not-tell'))
      throw new Refusal('keys-unavailable', 'the keys of the sender could not be read; send the push again');
    throw new Refusal(
      'sender-unproven',
      'the push does not carry the signature, secret or token of this connection',
    );
  }
}

function checkOf(proof: IngressProof, now: () => number): Check {
  switch (proof.type) {
    case 'hmac':
      return ({ header, body }) =>
        any(proof.secrets, (secret) => isSigned(header(proof.header), secret, body));
    case 'header':
      return ({ header }) => any(proof.secrets, (secret) => isSame(header(proof.header), secret));
    case 'url':
      return ({ query }) => any(proof.secrets, (secret) => isSame(query(proof.parameter), secret));
    case 'jwt':
      return checkToken(proof, new SenderKeys(proof.jwksUrl, now));
    case 'mtls':
      return proof.proxy === undefined
        ? ({ certificate }) => any(proof.subjects, (subject) => isSame(certificate, subject))
        : checkSubject(proof.proxy.header, proof.subjects, networkOf(proof.proxy.addresses));
  }
}

function checkToken(expected: ExpectedToken, keys: SenderKeys): Check {
  return ({ header }) => {
    const [, token] = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(header('authorization') ?? '') ?? [];
    return token === undefined ? 'wrong' : keys.verify(token, expected);
  };
}

function checkSubject(name: string, subjects: readonly string[], proxies: BlockList): Check {
  return ({ header, peer }) => {
    const isProxy = peer !== undefined && isIn(proxies, peer);
    return isProxy ? any(subjects, (subject) => isSame(header(name), subject)) : 'wrong';
  };
}

/** Each is compared, whichever was right. */
function any(secrets: readonly string[], isRight: (secret: string) => boolean): Verdict {
  return secrets.map(isRight).includes(true) ? 'right' : 'wrong';
}

const SIGNATURE = /^(?:(sha256|sha384|sha512)=)?([0-9a-f]+)$/;

/** Hex alone is HMAC-SHA256, as Medplum sends; WebSub names the method before it. */
function isSigned(given: string | undefined, secret: string, body: Uint8Array | undefined): boolean {
  const [matched, method = 'sha256', hex = ''] = SIGNATURE.exec(given?.trim() ?? '') ?? [];
  if (matched === undefined || secret === '' || body === undefined) return false;
  const expected = createHmac(method, secret).update(body).digest();
  const signature = Buffer.from(hex, 'hex');
  return signature.length === expected.length && timingSafeEqual(signature, expected);
}

function isSame(given: string | undefined, secret: string): boolean {
  return given !== undefined && secret !== '' && isSameSecret(given, secret);
}

function networkOf(proxies: readonly string[]): BlockList {
  const list = new BlockList();
  for (const proxy of proxies) {
    const [address = '', prefix] = proxy.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

function isIn(list: BlockList, peer: string): boolean {
  const plain = peer.replace(/^::ffff:(?=\d+\.)/i, ''); // IPv4 as a socket for both writes it
  return list.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6');
}
