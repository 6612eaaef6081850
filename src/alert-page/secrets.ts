/**
 * Random values that a browser holds, and what is kept of them.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { seal, unseal } from '../vocabulary/sealed.ts';

const BYTES = 32;

export function randomSecret(): string {
  return randomBytes(BYTES).toString('base64url');
}

/** What the database keeps of a secret: enough to know it again, not to use it. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** PKCE, method S256. */
export const challengeOf = hashOf;

/** Stands in every form of a session, so that no other site can send one. */
export function csrfOf(sid: string): string {
  return createHmac('sha256', sid).update('csrf').digest('base64url');
}

/** Under a key that only the browser's cookie gives: who reads the database gets no token. */
export function sealToken(token: string, sid: string): string {
  return seal(token, keyOf(sid));
}

/** @throws when it was sealed under another id */
export function openToken(sealed: string, sid: string): string {
  const token = unseal(sealed, keyOf(sid));
  if (token === undefined) throw new Error('the token of a session does not open under its id');
  return token;
}

function keyOf(sid: string): Buffer {
  return createHmac('sha256', sid).update('token').digest();
}
