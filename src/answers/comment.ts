/**
 * What clinicians write in their own words, sealed: it may name the patient.
 *
 * AES-256-GCM; the text is bound to its alert, so that it can not be moved to another.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const LONGEST = 2000; // characters

export class CommentSeal {
  readonly #key: Buffer;

  /** @param secret of any length; kept by the site, never in the database */
  constructor(secret: string) {
    this.#key = createHash('sha256').update(`comment:${secret}`).digest();
  }

  /** @returns base64 */
  seal(comment: string, alertId: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#key, nonce).setAAD(Buffer.from(alertId));
    const sealed = Buffer.concat([cipher.update(comment.slice(0, LONGEST), 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
  }

  /** @returns undefined when it was sealed under another key or for another alert */
  open(sealed: string, alertId: string): string | undefined {
    const bytes = Buffer.from(sealed, 'base64');
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
    try {
      const decipher = createDecipheriv(CIPHER, this.#key, bytes.subarray(0, NONCE_BYTES))
        .setAAD(Buffer.from(alertId))
        .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      const opened = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([opened, decipher.final()]).toString('utf8');
    } catch {
      return undefined;
    }
  }
}
