/**
 * What every handler of the alert page works with, and the door before it: no session, no page.
 */
import type { Request, RequestHandler, Response } from 'express';
import type { AnswerParts } from '../answers/record-answer.ts';
import { Gate } from '../connections/gate.ts';
import type { LiveConnection } from '../connections/live-connection.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { html } from '../pages/html.ts';
import { sendNotice } from '../pages/send-page.ts';
import type { ConnectionId, PatientId } from '../vocabulary/ids.ts';
import type { Log } from '../watch/log.ts';
import { isOwnRequest, type Open, type Sessions } from './sessions.ts';
import type { SmartApp } from './smart-server.ts';

export interface AlertPageSettings {
  readonly apps: readonly SmartApp[];
  /** IANA name of the zone in which times are shown. */
  readonly timeZone: string;
  /** Whom to ask, in words. */
  readonly help?: string;
}

export interface AlertPageParts {
  readonly settings: AlertPageSettings;
  readonly publicUrl: string;
  readonly ruleSet: RuleSet;
  readonly connection: (id: ConnectionId) => LiveConnection | undefined;
  readonly answers: AnswerParts;
  /** Keyed hash of a user of a connection. */
  readonly userHash: (connectionId: string, user: string) => string;
  readonly log: Log;
  readonly now: () => Date;
}

export interface Desk extends AlertPageParts {
  readonly sessions: Sessions;
  /** The way to the FHIR server for this reader; undefined when there is none any more. */
  readonly gate: (open: Open) => Gate | undefined;
}

/** Longest wait for the FHIR server while a reader waits for the page. */
const READ_TIMEOUT_MS = 6000;

export function deskOf(parts: AlertPageParts, sessions: Sessions): Desk {
  return { ...parts, sessions, gate: gates(parts) };
}

/** Reads as the person who signed in; on the sandbox, which has no sign-in of its own, as the service. */
function gates({ connection, publicUrl, now }: AlertPageParts): Desk['gate'] {
  return (open) => {
    const { session } = open;
    const live = connection(session.connectionId)?.connection;
    const token = open.token(now());
    if (live === undefined || (token === undefined && !session.mayChoose)) return undefined;
    const auth = token === undefined ? live.auth : ({ type: 'bearer', token } as const);
    return new Gate({ ...live, auth, timeoutMs: READ_TIMEOUT_MS }, publicUrl);
  };
}

/** Somebody with a session that has a patient. */
export type Reader = Open & { readonly patientId: PatientId };
export type SignedInHandler = (req: Request, res: Response, reader: Reader, desk: Desk) => Promise<void>;

/** Only with a session that has a patient; changes only by its own forms and scripts. */
export function signedIn(desk: Desk, handler: SignedInHandler): RequestHandler {
  return async (req, res) => {
    const open = await desk.sessions.current(req);
    if (open === undefined) return sessionOver(req, res, desk);
    if (req.method === 'POST' && !isOwnRequest(req, open)) return notOwn(req, res);
    const { patientId } = open.session;
    if (patientId === undefined) return void res.redirect(303, '/alerts/patients');
    await handler(req, res, { ...open, patientId }, desk);
  };
}

export function wantsJson(req: Request): boolean {
  return req.originalUrl.startsWith('/api/') || !req.accepts('html');
}

export function sessionOver(req: Request, res: Response, { settings }: Desk): void {
  if (wantsJson(req)) return void res.status(401).json({ error: 'session-over' });
  const id: unknown = req.params.id;
  const query = typeof id === 'string' ? `?alert=${encodeURIComponent(id)}` : '';
  sendNotice(res, 401, {
    heading: 'Your session has ended',
    ...(settings.help && { help: settings.help }),
    main: html`<p>Reopen from the chart.</p>
      ${settings.apps.length > 0 && html`<p><a class="button primary" href=${`/smart/standalone${query}`}>Sign in again</a></p>`}`,
  });
}

function notOwn(req: Request, res: Response): void {
  if (wantsJson(req)) return void res.status(403).json({ error: 'csrf' });
  sendNotice(res, 403, {
    heading: 'Nothing was recorded',
    main: html`<p>This form belongs to another session. Open the alert again.</p><p><a href="/alerts">All alerts</a></p>`,
  });
}
