/**
 * Comparing what was sent with a secret, so that the time taken tells nothing about it.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

/** Digests are compared, so the lengths are the same and tell nothing either. */
export function isSameSecret(given: string, secret: string): boolean {
  return timingSafeEqual(digest(given), digest(secret));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
