/**
 * The safety of a page itself: what it may load, who may frame it, whether it may be kept.
 */
import type { RequestHandler } from 'express';

export interface PageHeaders {
  /** Origins that may show the page in a frame, besides our own. */
  readonly frameAncestors?: readonly string[];
  /** Pages without patient data may be kept for a while; all others never. */
  readonly keep?: 'never' | 'minutes';
}

const KEEP = { never: 'no-store', minutes: 'public, max-age=300' } as const;

/** Sets the headers of a page. There is no X-Frame-Options: it can not name the EHR. */
export function pageHeaders({ frameAncestors = [], keep = 'never' }: PageHeaders = {}): RequestHandler {
  const policy = [
    `default-src 'none'`,
    `script-src 'self'`,
    `style-src 'self'`,
    `img-src 'self' data:`,
    `connect-src 'self'`,
    `form-action 'self'`,
    `base-uri 'none'`,
    `require-trusted-types-for 'script'`,
    `frame-ancestors ${[`'self'`, ...frameAncestors].join(' ')}`,
  ].join('; ');
  return (_req, res, next) => {
    res.set({
      'Content-Security-Policy': policy,
      'Referrer-Policy': 'no-referrer',
      'Cache-Control': KEEP[keep],
      'X-Content-Type-Options': 'nosniff',
    });
    res.removeHeader('X-Frame-Options');
    next();
  };
}
