/**
 * What nothing else answered: an address that is not there, and faults of ours.
 *
 * A fault is told with an id that stands in the log beside it, and with nothing of what went wrong.
 */
import { randomUUID } from 'node:crypto';
import { type ErrorRequestHandler, type Request, type Response, Router } from 'express';
import type { Log } from '../watch/log.ts';
import { pageHeaders } from './headers.ts';
import { html } from './html.ts';
import { sendNotice } from './send-page.ts';

/** Stands after every other route. */
export function lastAnswers(log: Log): Router {
  const router = Router();
  router.use(pageHeaders());
  router.use((req, res) => notFound(req, res));
  router.use(failed(log));
  return router;
}

/** The same words for what never was, what is gone and what belongs to another patient. */
export function notFound(req: Request, res: Response): void {
  if (!req.accepts('html')) {
    res.status(404).json({ error: 'not-found' });
    return;
  }
  sendNotice(res, 404, {
    heading: 'Not found',
    main: html`<p>There is nothing at this address for this session. The address may be old, or belong to another patient.</p>`,
  });
}

/** Errors that a body reader raises carry their own status; everything else is ours. */
function failed(log: Log): ErrorRequestHandler {
  return (error: unknown, req, res, next) => {
    if (res.headersSent) return next(error);
    const told = (error as { status?: unknown }).status;
    const status = typeof told === 'number' && told >= 400 && told < 500 ? told : 500;
    if (status < 500) return void res.status(status).json({ error: 'malformed' });
    const correlation = randomUUID();
    log.error('a page could not be shown', { correlation, code: (error as Error).name });
    if (!req.accepts('html')) return void res.status(500).json({ error: 'failed', request: correlation });
    sendNotice(res, 500, {
      heading: 'This page could not be shown',
      main: html`<p>The fault is ours, and is in our log. Try again in a moment.</p>
        <p>When you report it, say this number: <span class="code">${correlation}</span></p>`,
    });
  };
}
