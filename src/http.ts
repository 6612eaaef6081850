/**
 * Everything that answers over HTTP, as one express app: pushes, cards, pages, reports, health.
 */
import express from 'express';
import helmet from 'helmet';
import { ALERT_PAGE_ASSETS, alertPage } from './alert-page/alert-page.ts';
import { type AnswerParts, recordAnswer } from './answers/record-answer.ts';
import { userHasher } from './answers/user-hash.ts';
import { CardBook } from './cds-hooks/card-book.ts';
import { cdsHooks } from './cds-hooks/cds-hooks.ts';
import { SERVICES_PATH } from './cds-hooks/services.ts';
import type { Config } from './config.ts';
import { publicKeySet } from './connections/client-assertion.ts';
import type { LiveConnection } from './connections/live-connection.ts';
import type { RuleSet } from './core/rules/rule-set.ts';
import { receivePush } from './intake/receive-push.ts';
import { assets } from './pages/assets.ts';
import { lastAnswers } from './pages/last-answers.ts';
import { REPORT_ASSETS, reports } from './reports/reports.ts';
import type { RuleModel } from './rule-files/rule-model.ts';
import { RULE_PAGE_ASSETS, rulePages } from './rule-pages/rule-pages.ts';
import type { Inbox } from './store/inbox.ts';
import type { Store } from './store/store.ts';
import type { ConnectionId } from './vocabulary/ids.ts';
import { health } from './watch/health.ts';
import type { Log } from './watch/log.ts';
import type { Metrics } from './watch/metrics.ts';
import { type ConnectionStatus, status } from './watch/status.ts';

export interface HttpParts {
  readonly config: Config;
  readonly store: Store;
  readonly inbox: Inbox;
  readonly connection: (id: ConnectionId) => LiveConnection | undefined;
  readonly answers: AnswerParts;
  /** Of this installation. */
  readonly secret: string;
  readonly metrics: Metrics;
  readonly statuses: () => Promise<ConnectionStatus[]>;
  readonly onPush: (connection: ConnectionId, at: Date) => void;
  readonly ruleSet: RuleSet;
  readonly ruleModels: readonly RuleModel[];
  readonly log: Log;
  readonly now: () => Date;
  /** This process does not listen to anybody outside: health, status and counters only. */
  readonly healthOnly: boolean;
}

export interface HttpApp {
  readonly app: express.Express;
  /** Pushes alone, for the port of mutual TLS. */
  readonly pushes: express.Express;
  /** An address that opens the alert page without an EHR, once. For the sandbox. */
  oneTimeLink(connectionId: ConnectionId): string;
  /** Writes what cards still wait to be remembered. */
  dispose(): Promise<void>;
}

export function httpApp(parts: HttpParts): HttpApp {
  const { config, store, inbox, log, now, answers, ruleModels, metrics, onPush } = parts;
  const userHash = userHasher(parts.secret);
  const page = alertPage({ ...parts, settings: config.alertPage, publicUrl: config.publicUrl, userHash });
  const cardBook = new CardBook(store, log, config.cdsHooks?.cardDays ?? 0);
  const cards = cardsOf(parts, cardBook, userHash);
  const hooks = receivePush({ connections: config.connections, inbox, log, now, onPush });
  const app = express();
  app.disable('x-powered-by');
  app.use(helmet());
  app.use(health(() => store.ping()));
  app.use(status(parts.statuses, now()));
  app.use('/metrics', metrics.router(config.metrics));
  const pushes = pushesAlone(hooks, log);
  const http = { app, pushes, oneTimeLink: page.oneTimeLink, dispose: () => cardBook[Symbol.asyncDispose]() };
  if (parts.healthOnly) {
    app.use(lastAnswers(log));
    return http;
  }
  app.get('/.well-known/jwks.json', publicKeys(config));
  app.use('/assets', assets(ALERT_PAGE_ASSETS, RULE_PAGE_ASSETS, REPORT_ASSETS));
  app.use('/hooks', hooks);
  app.use(SERVICES_PATH, metrics.timingCalls());
  if (cards !== undefined) app.use(SERVICES_PATH, cards);
  app.use('/rules', rulePages(ruleModels));
  app.use(
    '/reports',
    reports({
      db: store.db,
      settings: config.reports,
      now,
      timeZone: config.homeTimeZone,
      secure: config.publicUrl.startsWith('https:'),
      rules: ruleModels,
      openComment: (sealed, sealedTo) => answers.seal.open(sealed, sealedTo),
    }),
  );
  app.use(page.router);
  app.use(lastAnswers(log));
  return http;
}

function pushesAlone(hooks: express.Router, log: Log): express.Express {
  const app = express();
  app.disable('x-powered-by');
  app.use('/hooks', hooks);
  app.use(lastAnswers(log));
  return app;
}

function publicKeys({ connections, alertPage: { apps } }: Config): express.RequestHandler {
  const keys = [
    ...connections.flatMap(({ auth }) => (auth.type === 'backend-services' ? auth.keys : [])),
    ...apps.flatMap(({ proof }) => (proof.type === 'keys' ? proof.keys : [])),
  ];
  return (_, response) => void response.set('cache-control', 'max-age=3600').json(publicKeySet(keys));
}

/** Undefined where no hook is offered. */
function cardsOf(
  { config, store, answers, ruleSet, log, now }: HttpParts,
  cardBook: CardBook,
  userHash: ReturnType<typeof userHasher>,
): express.RequestHandler | undefined {
  const { cdsHooks: settings, clients = [], publicUrl } = config;
  if (settings === undefined) return undefined;
  if (settings.authentication === 'off')
    log.warn('clients of CDS Hooks are NOT authenticated: for this machine and for trying only');
  return cdsHooks({
    settings,
    clients,
    publicUrl,
    ruleSet,
    store,
    db: store.db,
    cardBook,
    log,
    now,
    userHash,
    answer: (given) => recordAnswer(given, answers),
    seal: (comment, of) => answers.seal.seal(comment, of),
  });
}
