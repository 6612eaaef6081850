/**
 * Is the push from the connection it says?
 *
 * Two ways: a signature over the very bytes of the body, or a secret in a header. Two secrets may hold at
 * the same time, so that a hospital can change one without losing an event.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { isSameSecret } from '../vocabulary/secret.ts';
import { Refusal } from './refusal.ts';

/** One way for a connection's pushes to prove themselves. */
export interface IngressProof {
  readonly type: 'hmac' | 'header';
  /** Lower case. */
  readonly header: string;
  /** One, or two during a rotation. */
  readonly secrets: readonly string[];
}

type HeaderOf = (name: string) => string | undefined;

/**
 * @param body the bytes as they were signed; undefined when they were too many to read, then only a
 *   header secret proves anything.
 * @throws Refusal `sender-unproven`.
 */
export function proveSender(
  proofs: readonly IngressProof[],
  header: HeaderOf,
  body: Uint8Array | undefined,
): void {
  // Every secret is compared, whichever was right: the time taken tells nothing.
  const right = proofs.flatMap((proof) =>
    proof.secrets.map((secret) => isRight(proof, secret, header, body)),
  );
  if (!right.includes(true))
    throw new Refusal(
      'sender-unproven',
      'the push does not carry the signature or secret of this connection',
    );
}

function isRight(
  { type, header }: IngressProof,
  secret: string,
  headerOf: HeaderOf,
  body: Uint8Array | undefined,
): boolean {
  const given = headerOf(header);
  if (given === undefined || secret === '') return false;
  if (type === 'header') return isSameSecret(given, secret);
  if (body === undefined) return false;
  const expected = createHmac('sha256', secret).update(body).digest();
  // Some senders name the method before the value: `sha256=...`.
  const hex = given.trim().replace(/^sha256=/, '');
  return /^[0-9a-f]{64}$/.test(hex) && isSame(Buffer.from(hex, 'hex'), expected);
}

/** Lengths of digests are public. */
function isSame(given: Buffer, expected: Buffer): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}
