/**
 * A browser at the reports: the token is typed once and becomes a cookie that says only until when it holds.
 *
 * Signed with the token itself, so that every process of the site accepts it and a new token ends it.
 */
import { createHmac } from 'node:crypto';
import type { Request, Response } from 'express';
import { cookieOf } from '../pages/cookie.ts';
import { HOUR } from '../vocabulary/instant.ts';
import { isSameSecret } from '../vocabulary/secret.ts';

const NAME = 'cramp-cds-reports';
const LASTS_MS = 8 * HOUR; // a shift

export function signIn(res: Response, token: string, now: Date, secure: boolean): void {
  const until = now.getTime() + LASTS_MS;
  res.cookie(NAME, `${until}.${signature(until, token)}`, {
    path: '/reports',
    httpOnly: true,
    sameSite: 'strict',
    secure,
    maxAge: LASTS_MS,
  });
}

export function isSignedIn(req: Request, token: string, now: Date): boolean {
  const value = cookieOf(req, NAME) ?? '';
  const [, until, signed] = /^(\d{1,15})\.([\w-]+)$/.exec(value) ?? [];
  if (until === undefined || signed === undefined) return false;
  return isSameSecret(signed, signature(Number(until), token)) && Number(until) > now.getTime();
}

function signature(until: number, token: string): string {
  return createHmac('sha256', token).update(`reports until ${until}`).digest('base64url');
}
