/**
 * The two cookies of the alert page: the session, and the browser that began a launch.
 *
 * EHRs frame the page from another site. Only `SameSite=None; Partitioned` survives there, and it needs https.
 * On plain http, which is for trying on one machine, the cookie has neither `__Host-` nor `Secure`, and is
 * lost in a frame of another site; docs/alert-page.md says so.
 */
import type { Request, Response } from 'express';
import { cookieOf } from '../pages/cookie.ts';

export interface Cookies {
  read(req: Request, name: CookieName): string | undefined;
  set(res: Response, name: CookieName, value: string): void;
  clear(res: Response, name: CookieName): void;
}
export type CookieName = 'sid' | 'launch';

export function cookiesFor(publicUrl: string): Cookies {
  const secure = publicUrl.startsWith('https:');
  const fullName = (name: CookieName): string => (secure ? `__Host-${name}` : `cramp-${name}`);
  const kept = secure
    ? 'Path=/; HttpOnly; Secure; SameSite=None; Partitioned'
    : 'Path=/; HttpOnly; SameSite=Lax';
  return {
    read: (req, name) => cookieOf(req, fullName(name)),
    set: (res, name, value) => void res.append('Set-Cookie', `${fullName(name)}=${value}; ${kept}`),
    clear: (res, name) => void res.append('Set-Cookie', `${fullName(name)}=; Max-Age=0; ${kept}`),
  };
}
