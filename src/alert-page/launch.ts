/**
 * Opens a session: by a launch from the EHR, by signing in at its authorization server, or, on the sandbox, by a
 * link that works once.
 *
 * Source: care-team 12.
 */
import { type Request, type Response, Router } from 'express';
import { html } from '../pages/html.ts';
import { sendNotice } from '../pages/send-page.ts';
import { findAlert } from '../store/episode.ts';
import { keepLaunch, takeLaunch } from '../store/launch.ts';
import type { Role } from '../store/session.ts';
import type { Db } from '../store/tables.ts';
import type { ConnectionId, PatientId } from '../vocabulary/ids.ts';
import { isSameSecret } from '../vocabulary/secret.ts';
import type { Log } from '../watch/log.ts';
import type { Cookies } from './cookies.ts';
import { challengeOf, hashOf, randomSecret } from './secrets.ts';
import type { Sessions } from './sessions.ts';
import {
  authorizeUrl,
  exchange,
  type Granted,
  type SmartApp,
  SmartRefused,
  SmartServers,
} from './smart-server.ts';

const LAUNCH_LIVES_MS = 600_000; // care-team 12

export interface LaunchParts {
  readonly db: Db;
  readonly apps: readonly SmartApp[];
  readonly sessions: Sessions;
  readonly cookies: Cookies;
  readonly publicUrl: string;
  readonly log: Log;
  readonly now: () => Date;
  /** Keyed hash of a user. */
  readonly userHash: (connectionId: string, user: string) => string;
  readonly links: OneTimeLinks;
}

/** Links that open a session without an EHR, each once. Kept by this process only: they are for the sandbox. */
export class OneTimeLinks {
  readonly #connections = new Map<string, ConnectionId>();

  /** @returns the secret part of the address */
  make(connectionId: ConnectionId): string {
    const key = randomSecret();
    this.#connections.set(hashOf(key), connectionId);
    return key;
  }

  take(key: string): ConnectionId | undefined {
    const hash = hashOf(key);
    const connectionId = this.#connections.get(hash);
    this.#connections.delete(hash);
    return connectionId;
  }
}

export function launchRoutes(parts: LaunchParts): Router {
  const servers = new SmartServers();
  const router = Router();
  router.get('/launch', (req, res) => launch(req, res, parts, servers));
  router.get('/standalone', (req, res) => standalone(req, res, parts, servers));
  router.get('/callback', (req, res) => callback(req, res, parts, servers));
  router.get('/open', (req, res) => openByLink(req, res, parts));
  return router;
}

/** The address is compared before anything is asked of it. */
async function launch(req: Request, res: Response, parts: LaunchParts, servers: SmartServers): Promise<void> {
  const { iss, launch: context } = req.query;
  const app = parts.apps.find((one) => typeof iss === 'string' && one.iss === iss.replace(/\/+$/, ''));
  if (app === undefined || typeof context !== 'string' || context === '')
    return refused(res, 400, 'This FHIR server is not known here, or the launch is not complete.');
  await begin(res, parts, servers, app, { launch: context });
}

/** Signs in without an EHR around the page. The server is the alert's, or the only one there is. */
async function standalone(
  req: Request,
  res: Response,
  parts: LaunchParts,
  servers: SmartServers,
): Promise<void> {
  const { alert } = req.query;
  const alertId = typeof alert === 'string' ? alert : undefined;
  const stored = alertId === undefined ? undefined : await findAlert(parts.db, alertId);
  const [only, ...more] = parts.apps;
  const app =
    parts.apps.find(({ connectionId }) => connectionId === stored?.connectionId) ??
    (more.length === 0 ? only : undefined);
  if (app === undefined) return refused(res, 404, 'Open this page from the chart of a patient.');
  await begin(res, parts, servers, app, alertId === undefined ? {} : { alertId });
}

async function begin(
  res: Response,
  { db, cookies, now, publicUrl, log }: LaunchParts,
  servers: SmartServers,
  app: SmartApp,
  { launch, alertId }: { readonly launch?: string; readonly alertId?: string },
): Promise<void> {
  try {
    const server = await servers.of(app, now());
    const [state, browser, verifier] = [randomSecret(), randomSecret(), randomSecret()];
    await keepLaunch(db, {
      stateHash: hashOf(state),
      connectionId: app.connectionId as ConnectionId,
      browserHash: hashOf(browser),
      verifier,
      ...(alertId === undefined ? {} : { alertId }),
      begunAt: now(),
    });
    cookies.set(res, 'launch', browser);
    const asked = { redirectUri: redirectUri(publicUrl), state, challenge: challengeOf(verifier) };
    res.redirect(302, authorizeUrl(server, app, launch === undefined ? asked : { ...asked, launch }));
  } catch (error) {
    tell(error, res, log, app);
  }
}

async function callback(
  req: Request,
  res: Response,
  parts: LaunchParts,
  servers: SmartServers,
): Promise<void> {
  const { db, cookies, now, log, apps } = parts;
  const { code, state } = req.query;
  const begun = now();
  const kept =
    typeof state === 'string'
      ? await takeLaunch(db, hashOf(state), new Date(begun.getTime() - LAUNCH_LIVES_MS))
      : undefined;
  const app = apps.find(({ connectionId }) => connectionId === kept?.connectionId);
  if (kept === undefined || app === undefined)
    return refused(res, 400, 'This sign-in was begun too long ago, or was used already.');
  const browser = cookies.read(req, 'launch');
  if (browser === undefined) return openInNewWindow(res, kept.alertId);
  cookies.clear(res, 'launch');
  if (!isSameSecret(hashOf(browser), kept.browserHash))
    return refused(res, 400, 'This sign-in was begun in another window.');
  if (typeof code !== 'string') return refused(res, 403, 'The sign-in was not completed.');
  try {
    const server = await servers.of(app, begun);
    const granted = await exchange(server, app, {
      code,
      verifier: kept.verifier,
      redirectUri: redirectUri(parts.publicUrl),
    });
    await openSession(req, res, parts, app, granted);
    const alertId = granted.alertHint ?? kept.alertId;
    res.redirect(303, alertId === undefined ? '/alerts' : `/alerts/${encodeURIComponent(alertId)}`);
  } catch (error) {
    tell(error, res, log, app);
  }
}

async function openSession(
  req: Request,
  res: Response,
  { sessions, userHash, now }: LaunchParts,
  app: SmartApp,
  granted: Granted,
): Promise<void> {
  const { user } = granted;
  await sessions.open(req, res, {
    connectionId: app.connectionId as ConnectionId,
    patientId: granted.patient as PatientId,
    mayChoose: false,
    ...(user === undefined ? {} : { userReference: user.reference }),
    userHash: userHash(app.connectionId, user?.reference ?? `session ${randomSecret()}`),
    role: roleOf(user?.reference),
    banner: granted.banner,
    token: granted.accessToken,
    tokenUntil: new Date(now().getTime() + granted.expiresInMs),
  });
}

/** Clinicians answer; who is not known reads; patients and relatives have no business here. */
function roleOf(reference: string | undefined): Role {
  const type = reference?.split('/')[0];
  if (type === 'Practitioner' || type === 'PractitionerRole') return 'responder';
  if (type === undefined) return 'viewer';
  throw new SmartRefused('not-a-professional');
}

async function openByLink(
  req: Request,
  res: Response,
  { links, sessions, userHash }: LaunchParts,
): Promise<void> {
  const { key } = req.query;
  const connectionId = typeof key === 'string' ? links.take(key) : undefined;
  if (connectionId === undefined)
    return refused(res, 403, 'This link was used already. Start the demo again for a new one.');
  await sessions.open(req, res, {
    connectionId,
    mayChoose: true,
    userHash: userHash(connectionId, 'one-time link'),
    role: 'responder',
    banner: true,
  });
  res.redirect(303, '/alerts/patients');
}

function redirectUri(publicUrl: string): string {
  return `${publicUrl}/smart/callback`;
}

/** The browser keeps no cookie in this frame; a window of its own does. */
function openInNewWindow(res: Response, alertId: string | undefined): void {
  const query = alertId === undefined ? '' : `?alert=${encodeURIComponent(alertId)}`;
  sendNotice(res, 400, {
    heading: 'Open in a new window',
    main: html`<p>This browser keeps no session for a page inside another one.</p>
      <p><a class="button primary" href=${`/smart/standalone${query}`} target="_blank" rel="noopener">Open in a new window</a></p>`,
  });
}

function refused(res: Response, status: number, says: string): void {
  sendNotice(res, status, { heading: 'The page could not be opened', main: html`<p>${says}</p>` });
}

const REFUSALS: Readonly<Record<string, string>> = {
  'no-patient': 'The EHR did not say which patient is open. Choose a patient there first.',
  'not-a-professional': 'These pages are for health professionals.',
};

function tell(error: unknown, res: Response, log: Log, app: SmartApp): void {
  if (!(error instanceof SmartRefused)) throw error;
  log.warn('a sign-in failed', { connection: app.connectionId, code: error.code });
  const status = error.code === 'not-a-professional' ? 403 : 502;
  refused(res, status, REFUSALS[error.code] ?? 'The sign-in at the EHR did not work. Reopen from the chart.');
}
