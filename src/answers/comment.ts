/**
 * What clinicians write in their own words, sealed: it may name the patient.
 *
 * The text is bound to its alert, so that it can not be moved to another.
 */
import { createHash } from 'node:crypto';
import { seal, unseal } from '../vocabulary/sealed.ts';

const LONGEST = 2000; // characters

export class CommentSeal {
  readonly #key: Buffer;

  /** @param secret of any length; kept by the site, never in the database */
  constructor(secret: string) {
    this.#key = createHash('sha256').update(`comment:${secret}`).digest();
  }

  /** @returns base64 */
  seal(comment: string, alertId: string): string {
    return seal(comment.slice(0, LONGEST), this.#key, alertId);
  }

  /** @returns undefined when it was sealed under another key or for another alert */
  open(sealed: string, alertId: string): string | undefined {
    return unseal(sealed, this.#key, alertId);
  }
}
