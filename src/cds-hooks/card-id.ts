/**
 * Ids of cards and suggestions that a repeated call gives again, and a new call does not.
 */
import { createHash } from 'node:crypto';

/** Of this project, fixed for ever: another one would orphan the feedback to every card shown before. */
const NAMESPACE = 'b8a7d7d5-43a1-5f4e-9f6e-7c6b3b1f0c52';

/** UUID version 5 (RFC 9562) of these parts; JSON keeps them apart, whatever characters they hold. */
export function uuidOf(...parts: readonly string[]): string {
  const hash = createHash('sha1')
    .update(Buffer.from(NAMESPACE.replaceAll('-', ''), 'hex'))
    .update(JSON.stringify(parts))
    .digest()
    .subarray(0, 16);
  hash[6] = ((hash[6] as number) & 0x0f) | 0x50;
  hash[8] = ((hash[8] as number) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
