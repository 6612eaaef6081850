/**
 * Keys and certificates for tests, made on the spot: an authority, and those whom it vouches for.
 */
import { createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';

export interface Certified {
  /** PEM, both. */
  readonly key: string;
  readonly cert: string;
}

interface Signer {
  readonly name: Buffer;
  readonly privateKey: KeyObject;
}

/** DER: tag, length, content. */
function der(tag: number, ...parts: readonly (Buffer | readonly number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const SEQUENCE = 0x30;
const OBJECT_ID = 0x06;
const ECDSA_SHA256 = der(SEQUENCE, der(OBJECT_ID, [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]));
const VALID = der(SEQUENCE, der(0x17, Buffer.from('250101000000Z')), der(0x17, Buffer.from('490101000000Z')));
const COMMON_NAME = [0x55, 0x04, 0x03];
const ORGANISATION = [0x55, 0x04, 0x0a];
const IS_AUTHORITY = extension([0x55, 0x1d, 0x13], der(SEQUENCE, der(0x01, [0xff])));
const THIS_MACHINE = extension(
  [0x55, 0x1d, 0x11],
  der(SEQUENCE, der(0x82, Buffer.from('localhost')), der(0x87, [127, 0, 0, 1])),
);

/** Vouches for others. */
export class Authority {
  readonly #own: Certified & Signer;

  constructor(name: string) {
    this.#own = certified(nameOf(name), [IS_AUTHORITY]);
  }

  get cert(): string {
    return this.#own.cert;
  }

  /** For a server on this machine. */
  server(): Certified {
    return certified(nameOf('localhost'), [THIS_MACHINE], this.#own);
  }

  /** For somebody of an organisation: `CN=<name>,O=<organisation>`. */
  client(name: string, organisation: string): Certified {
    return certified(nameOf(name, organisation), [], this.#own);
  }
}

/** A server on this machine for which nobody vouches. */
export function selfSigned(): Certified {
  return certified(nameOf('localhost'), []);
}

function nameOf(commonName: string, organisation?: string): Buffer {
  const part = (id: readonly number[], text: string): Buffer =>
    der(0x31, der(SEQUENCE, der(OBJECT_ID, id), der(0x0c, Buffer.from(text))));
  const first = organisation === undefined ? [] : [part(ORGANISATION, organisation)];
  return der(SEQUENCE, ...first, part(COMMON_NAME, commonName));
}

function extension(id: readonly number[], value: Buffer): Buffer {
  return der(SEQUENCE, der(OBJECT_ID, id), der(0x04, value));
}

function certified(name: Buffer, extensions: readonly Buffer[], by?: Signer): Certified & Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signer = by ?? { name, privateKey };
  const body = der(
    SEQUENCE,
    der(0xa0, der(0x02, [2])),
    der(0x02, [1, ...randomBytes(7)]),
    ECDSA_SHA256,
    signer.name,
    VALID,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length === 0 ? [] : [der(0xa3, der(SEQUENCE, ...extensions))]),
  );
  const signature = createSign('sha256').update(body).sign(signer.privateKey);
  const lines = der(SEQUENCE, body, ECDSA_SHA256, der(0x03, [0], signature))
    .toString('base64')
    .match(/.{1,64}/g)
    ?.join('\n');
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return {
    name,
    privateKey,
    key,
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
}
