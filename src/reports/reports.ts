/**
 * `/reports`: how the alerts do, for those who answer for their quality. Counts only, and no patient.
 */
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import type { Assets } from '../pages/assets.ts';
import { pageHeaders } from '../pages/headers.ts';
import { sendPage } from '../pages/send-page.ts';
import { feedbackRows } from '../store/feedback.ts';
import { reportRows, ruleUse } from '../store/report-rows.ts';
import type { Db } from '../store/tables.ts';
import { DAY } from '../vocabulary/instant.ts';
import { isSameSecret } from '../vocabulary/secret.ts';
import { type Access, admission } from '../watch/access.ts';
import { type AlertReport, alertReport, groupsOf, type ReportRequest } from './alert-report.ts';
import { csv } from './csv.ts';
import { feedbackCsv, feedbackNdjson } from './feedback-export.ts';
import { Figures } from './figures.ts';
import { MEASURES } from './measures.ts';
import { type Asked, AskedWrongly, readAsked } from './read-request.ts';
import { reportPage } from './report-page.ts';
import { REVIEW_DAYS } from './review.ts';
import { isSignedIn, signIn } from './sign-in.ts';
import { signInPage, wrongPage } from './sign-in-page.ts';

export interface ReportSettings extends Access {
  /** May exports hold comments and references of users? */
  readonly identified: boolean;
  /** Figures about fewer patients are hidden. */
  readonly smallestCell: number;
}

export interface ReportParts {
  readonly db: Db;
  readonly settings: ReportSettings | undefined;
  readonly now: () => Date;
  readonly timeZone: string;
  /** Whether this installation is reached over https. */
  readonly secure: boolean;
  /** Rules in use. */
  readonly rules: readonly { readonly id: string; readonly version: string; readonly title: string }[];
  readonly openComment: (sealed: string, sealedTo: string) => string | undefined;
}

export const REPORT_ASSETS: Assets = { folder: new URL('.', import.meta.url), files: ['reports.css'] };

const SMALLEST = 5; // care-team 16

export function reports(parts: ReportParts): Router {
  const { db } = parts;
  const router = Router();
  router.use(pageHeaders(), (_req, res, next) => {
    res.vary('Accept');
    next();
  });
  router.post('/sign-in', express.urlencoded({ extended: false, limit: '4kb' }), takeToken(parts));
  router.use(onlyAdmitted(parts));
  router.get('/', (_req, res) => res.redirect(303, '/reports/alerts'));
  router.get(['/alerts', '/alerts.csv', '/alerts.json'], answering(parts, alerts(parts)));
  router.get(
    ['/feedback.ndjson', '/feedback.csv'],
    answering(parts, async (req, res, asked) => {
      const identified = req.query.identified === 'true';
      if (identified && parts.settings?.identified !== true)
        return void res.status(403).json({ error: 'reports.identified is not set, so comments stay here' });
      const rows = await feedbackRows(db, asked);
      const titles = new Map(parts.rules.map(({ id, title }) => [id, title]));
      const shape = {
        titleOf: (rule: string) => titles.get(rule),
        ...(identified ? { open: parts.openComment } : {}),
      };
      if (req.path.endsWith('.csv')) res.type('text/csv').send(feedbackCsv(rows, shape));
      else res.type('application/x-ndjson').send(feedbackNdjson(rows, shape));
    }),
  );
  return router;
}

type Answering = (req: Request, res: Response, asked: Asked) => Promise<void>;

function alerts({ db, settings, timeZone, rules }: ReportParts): Answering {
  return async (req, res, asked) => {
    const request: ReportRequest = { ...asked, timeZone, smallest: settings?.smallestCell ?? SMALLEST };
    const recently = { from: new Date(asked.to.getTime() - REVIEW_DAYS * DAY), to: asked.to };
    const rows = await reportRows(db, asked);
    const use = {
      ...(await ruleUse(db, asked.to)),
      inUse: rules.map(({ id, version }) => `${id} ${version}`),
    };
    const report = alertReport(request, rows, await reportRows(db, recently), use);
    switch (formOf(req)) {
      case 'json':
        return void res.json({ ...report, definitions: DEFINITIONS });
      case 'csv':
        return void res.type('text/csv').send(reportCsv(report));
      case 'html': {
        const weeks = groupsOf(rows, { by: ['week'], timeZone }, new Figures(request.smallest));
        const titles = new Map(rules.map(({ id, title }) => [id, title]));
        sendPage(res, reportPage({ report, weeks, request, titles, query: queryOf(req) }));
      }
    }
  };
}

const DEFINITIONS = MEASURES.map(({ key, name, unit, means }) => ({ key, name, unit, means }));

function formOf(req: Request): 'json' | 'csv' | 'html' {
  if (req.path.endsWith('.csv')) return 'csv';
  if (req.path.endsWith('.json')) return 'json';
  const form = req.accepts(['html', 'json', 'text/csv']);
  return form === 'json' ? 'json' : form === 'text/csv' ? 'csv' : 'html';
}

function reportCsv({ all, groups, by }: AlertReport): string {
  const line = (names: readonly (string | null)[], of: AlertReport['all']) => [
    ...names,
    ...MEASURES.map(({ key }) => of[key]),
  ];
  return csv(
    [...by, ...MEASURES.map(({ key }) => key)],
    [
      line(
        by.map(() => 'all'),
        all,
      ),
      ...groups.map(({ of, measures }) =>
        line(
          by.map((split) => of[split] ?? null),
          measures,
        ),
      ),
    ],
  );
}

/** Only what a link of the page repeats. */
function queryOf(req: Request): string {
  const kept = ['from', 'to', 'by'].flatMap((name) => {
    const value = req.query[name];
    return typeof value === 'string' && value !== '' ? [[name, value]] : [];
  });
  return new URLSearchParams(kept).toString();
}

/** What the reader asked wrongly is told in words; everything else goes on. */
function answering({ now, timeZone }: ReportParts, answer: Answering): RequestHandler {
  return async (req, res) => {
    try {
      await answer(req, res, readAsked(req.query, now(), timeZone));
    } catch (error) {
      if (!(error instanceof AskedWrongly)) throw error;
      if (formOf(req) === 'html') sendPage(res, wrongPage(error.message), 400);
      else res.status(400).json({ error: error.message });
    }
  };
}

function onlyAdmitted({ settings, now }: ReportParts): RequestHandler {
  return (req, res, next) => {
    const found = admission(req, settings);
    if (found === 'admitted') return next();
    const token = settings?.token;
    if (token !== undefined && isSignedIn(req, token, now())) return next();
    const status = found === 'closed' ? 403 : 401;
    if (status === 401) res.set('WWW-Authenticate', 'Bearer');
    if (formOf(req) === 'html' && req.accepts('html')) sendPage(res, signInPage(found), status);
    else res.status(status).json({ error: found === 'closed' ? 'reports.tokenFrom is not set' : 'unproven' });
  };
}

function takeToken({ settings, now, secure }: ReportParts): RequestHandler {
  return (req, res) => {
    const given = (req.body as { token?: unknown } | undefined)?.token;
    const token = settings?.token;
    if (token === undefined || typeof given !== 'string' || !isSameSecret(given.trim(), token))
      return sendPage(
        res,
        signInPage(token === undefined ? 'closed' : 'wrong'),
        token === undefined ? 403 : 401,
      );
    signIn(res, token, now(), secure);
    res.redirect(303, '/reports/alerts');
  };
}
