/**
 * Random values that a browser holds, and what is kept of them.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';

const BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export function randomSecret(): string {
  return randomBytes(BYTES).toString('base64url');
}

/** What the database keeps of a secret: enough to know it again, not to use it. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** PKCE, method S256. */
export const challengeOf = hashOf;

export function isSame(one: string, other: string): boolean {
  return timingSafeEqual(
    createHash('sha256').update(one).digest(),
    createHash('sha256').update(other).digest(),
  );
}

/** Stands in every form of a session, so that no other site can send one. */
export function csrfOf(sid: string): string {
  return createHmac('sha256', sid).update('csrf').digest('base64url');
}

/** Under a key that only the browser's cookie gives: who reads the database gets no token. */
export function sealToken(token: string, sid: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keyOf(sid), nonce);
  const sealed = Buffer.concat([cipher.update(token, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
}

/** @throws when it was sealed under another id */
export function openToken(sealed: string, sid: string): string {
  const bytes = Buffer.from(sealed, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', keyOf(sid), bytes.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  return decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)).toString('utf8') + decipher.final('utf8');
}

function keyOf(sid: string): Buffer {
  return createHmac('sha256', sid).update('token').digest();
}
