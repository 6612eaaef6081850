/**
 * Who is at the page: opens a session, finds it again by its cookie, and ends it.
 *
 * Open from `open` until 15 minutes without a request, 8 hours, or `end`; whichever comes first.
 */
import type { Request, Response } from 'express';
import { keepAudit } from '../store/audit.ts';
import {
  changeSession,
  dropEndedSessions,
  dropSession,
  findSession,
  keepSession,
  type Session,
  touchSession,
} from '../store/session.ts';
import type { Db } from '../store/tables.ts';
import type { PatientId } from '../vocabulary/ids.ts';
import { HOUR } from '../vocabulary/instant.ts';
import { isSameSecret } from '../vocabulary/secret.ts';
import type { Cookies } from './cookies.ts';
import { csrfOf, hashOf, openToken, randomSecret, sealToken } from './secrets.ts';

export const IDLE_MS = HOUR / 4; // care-team 12
const LONGEST_MS = 8 * HOUR;

export interface NewSession
  extends Pick<
    Session,
    'connectionId' | 'patientId' | 'mayChoose' | 'userReference' | 'userHash' | 'role' | 'banner'
  > {
  readonly token?: string;
  readonly tokenUntil?: Date;
}

/** A session with the secret of its cookie. */
export interface Open {
  readonly session: Session;
  readonly csrf: string;
  /** For the FHIR server, while it holds. */
  token(now: Date): string | undefined;
  /** ISO time at which it ends without another request. */
  readonly endsAt: string;
}

export class Sessions {
  readonly #db: Db;
  readonly #cookies: Cookies;
  readonly #now: () => Date;

  constructor(db: Db, cookies: Cookies, now: () => Date) {
    this.#db = db;
    this.#cookies = cookies;
    this.#now = now;
  }

  /** Always a new id: one that was there before the sign-in is not taken over. */
  async open(req: Request, res: Response, { token, ...rest }: NewSession): Promise<void> {
    const now = this.#now();
    await dropEndedSessions(this.#db, now, new Date(now.getTime() - IDLE_MS));
    await this.end(req, res);
    const sid = randomSecret();
    const session: Session = {
      ...rest,
      idHash: hashOf(sid),
      ...(token === undefined ? {} : { token: sealToken(token, sid) }),
      openedAt: now,
      seenAt: now,
      endsAt: new Date(now.getTime() + LONGEST_MS),
    };
    await keepSession(this.#db, session);
    await keepAudit(this.#db, session, { action: 'session-opened', at: now });
    this.#cookies.set(res, 'sid', sid);
  }

  async current(req: Request): Promise<Open | undefined> {
    const sid = this.#cookies.read(req, 'sid');
    if (sid === undefined) return undefined;
    const now = this.#now();
    const session = await findSession(this.#db, hashOf(sid));
    if (session === undefined || session.endsAt <= now) return undefined;
    if (now.getTime() - session.seenAt.getTime() > IDLE_MS) return undefined;
    await touchSession(this.#db, session.idHash, now);
    return {
      session,
      csrf: csrfOf(sid),
      token: (at) =>
        session.token === undefined || session.tokenUntil === undefined || session.tokenUntil <= at
          ? undefined
          : openToken(session.token, sid),
      endsAt: new Date(Math.min(now.getTime() + IDLE_MS, session.endsAt.getTime())).toISOString(),
    };
  }

  async end(req: Request, res: Response): Promise<void> {
    const sid = this.#cookies.read(req, 'sid');
    if (sid === undefined) return;
    await dropSession(this.#db, hashOf(sid));
    this.#cookies.clear(res, 'sid');
  }

  choosePatient({ session }: Open, patientId: PatientId): Promise<void> {
    return changeSession(this.#db, session.idHash, { patientId });
  }

  chooseTheme({ session }: Open, theme: 'light' | 'dark' | null): Promise<void> {
    return changeSession(this.#db, session.idHash, { theme });
  }
}

/** Was this sent by a form or script of this session? */
export function isOwnRequest(req: Request, { csrf }: Open): boolean {
  const sent: unknown = req.get('x-csrf-token') ?? (req.body as { csrf?: unknown } | undefined)?.csrf;
  return typeof sent === 'string' && isSameSecret(sent, csrf);
}
