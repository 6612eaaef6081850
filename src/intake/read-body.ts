/**
 * Reads the body of a push into memory, few large ones at a time.
 *
 * Why: a body is read before its sender is proven, because a signature is over its bytes. Whoever reaches our address could fill our
 * memory with fifty large ones. A small push is always read: a large one never stands in its way.
 */
import express, { type RequestHandler } from 'express';
import { Refusal, refusalOf } from './refusal.ts';

/** Bytes; a resource and most Bundles. */
export const SMALL = 1024 * 1024;
const MOST_LARGE = 2; // at once; each takes several times its size while it is read

/** @param limit of one body after inflation, in bytes */
export function readBody(limit: number): RequestHandler {
  const read = express.raw({ type: () => true, limit });
  const readSmall = express.raw({ type: () => true, limit: Math.min(SMALL, limit) });
  let large = 0;
  return (req, res, next) => {
    const length = Number(req.headers['content-length'] ?? Number.NaN); // before inflation, or not told
    const isPlain = (req.headers['content-encoding'] ?? 'identity') === 'identity';
    if (length > limit || (isPlain && length <= SMALL)) return read(req, res, next);
    if (large < MOST_LARGE) {
      large += 1;
      res.once('close', () => {
        large -= 1;
      });
      return read(req, res, next);
    }
    // Not known to be large, or no place for it: it may still turn out to be small.
    readSmall(req, res, (error?: unknown) => {
      const isLarge = error !== undefined && refusalOf(error).reason === 'too-large';
      next(isLarge ? new Refusal('busy', 'other large bodies are being read; send it again') : error);
    });
  };
}
