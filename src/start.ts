/**
 * Wires the parts and starts them: store, rule set, connections, intake, evaluation, delivery.
 *
 * The only place that knows all parts; each gets the functions and values it needs as arguments.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CommentSeal } from './answers/comment.ts';
import {
  type AnswerParts,
  type GivenAnswer,
  type RecordedAnswer,
  recordAnswer,
} from './answers/record-answer.ts';
import type { Config } from './config.ts';
import { LiveConnection } from './connections/live-connection.ts';
import type { EnsuredSubscription } from './connections/subscribe.ts';
import type { RuleSet } from './core/rules/rule-set.ts';
import { type Delivered, deliverOwed, owedFor } from './delivery/deliver-owed.ts';
import { deviceSystem } from './delivery/service.ts';
import { type Evaluated, evaluateDue } from './evaluation/evaluate.ts';
import { lookAgain } from './evaluation/look-again.ts';
import { httpApp } from './http.ts';
import { type Swept, sweep } from './intake/sweep.ts';
import { type Looked, SubscriptionWatch } from './intake/watch-subscriptions.ts';
import type { RuleModel } from './rule-files/rule-model.ts';
import { Inbox } from './store/inbox.ts';
import type { WorkOptions } from './store/job-worker.ts';
import { siteSecret } from './store/site-secret.ts';
import { openStore, type Store, type StoreOptions } from './store/store.ts';
import type { ConnectionId } from './vocabulary/ids.ts';
import type { Log } from './watch/log.ts';
import { Metrics } from './watch/metrics.ts';
import { connectionStatus, type LaneState } from './watch/status.ts';

export interface StartParts {
  readonly ruleSet: RuleSet;
  /** What is shown of the rules, sorted by id. */
  readonly ruleModels: readonly RuleModel[];
  readonly log: Log;
  readonly now?: () => Date;
  readonly retry?: StoreOptions['retry'];
  /** For people who watch; must not throw. */
  readonly onEvaluated?: (evaluated: Evaluated) => void;
  readonly onDelivered?: (delivered: Delivered) => void;
}

/** A running service. Dispose of it to stop: no new pushes, running jobs end, the database is closed. */
export interface Running extends AsyncDisposable {
  readonly url: string;
  readonly store: Store;
  /** Creates or updates our Subscriptions on every connection. */
  subscribe(): Promise<readonly EnsuredSubscription[]>;
  /** Looks after gaps, silences and sleeping Subscriptions; done by itself every quarter of a minute. */
  watchSubscriptions(): Promise<Looked>;
  /** Takes a clinician's answer to an alert. */
  answer(given: GivenAnswer): Promise<RecordedAnswer>;
  /** An address that opens the alert page without an EHR, once. For the sandbox. */
  oneTimeLink(connectionId: ConnectionId): string;
  /** Makes patients due whose time has come; done by itself every quarter of a minute. */
  lookAgain(): Promise<number>;
  /** Resolves when nothing waits to be evaluated or delivered. */
  quiet(): Promise<void>;
}

const EVALUATIONS = 4; // at once and connection; one per patient
const DELIVERIES = 2; // at once and connection; more conditional writers collide on some servers
const POLL_MS = 500; // for jobs of other processes; own ones are woken
const QUIET_POLL_MS = 20;
const LOOK_EVERY_MS = 15_000;

export async function start(config: Config, parts: StartParts): Promise<Running> {
  const { log } = parts;
  const store = await openStore({
    dataDir: config.dataDir,
    connections: config.connections.map(({ id }) => id),
    ...(config.databaseUrl === undefined ? {} : { databaseUrl: config.databaseUrl }),
    ...(parts.retry === undefined ? {} : { retry: parts.retry }),
    onTrouble: () => log.warn('the database connection had trouble', { code: 'database' }),
  });
  const live = new Map(
    config.connections.map((one) => [one.id, new LiveConnection(one, deviceSystem(config.publicUrl))]),
  );
  const connection = (id: ConnectionId): LiveConnection | undefined => live.get(id);
  const pushing = config.connections.flatMap(({ id, ingress }) =>
    ingress.length === 0 ? [] : (live.get(id) ?? []),
  );
  const quietOf = new Map(config.connections.map((one) => [one.id, one.quiet]));
  const inbox = new Inbox(store, { quiet: (id) => quietOf.get(id) ?? { ms: 0, maxMs: 0 } });
  const now = parts.now ?? (() => new Date());
  const metrics = new Metrics(() => queueCounts(store));
  const watched = watchedBy(metrics, { ...parts, now });
  work(store, inbox, connection, config, watched);
  const watch = new SubscriptionWatch({ store, inbox, connections: pushing, log: watched.log });
  const statuses = () =>
    Promise.all([...live.values()].map((one) => connectionStatus(store, laneOf(one), now())));
  const secret = config.secret ?? siteSecret(config.dataDir);
  const answers: AnswerParts = {
    store,
    seal: new CommentSeal(secret),
    ruleVersion: (rule) => parts.ruleSet.byId.get(rule)?.file.version,
    onAnswered: ({ channel, answer }) => metrics.answered(channel, answer.outcome),
  };
  const http = httpApp({ config, store, inbox, connection, answers, secret, metrics, statuses, ...watched });
  const server = createServer(http.app);
  const url = await listen(server, config).catch(async (error: unknown) => {
    await store[Symbol.asyncDispose]();
    throw error;
  });
  await sweepSoon(store, [...live.keys()]);
  const timers = [
    setInterval(() => {
      lookAgain(store, now()).catch(() =>
        log.warn('patients whose time has come were not found', { code: 'database' }),
      );
    }, LOOK_EVERY_MS),
    setInterval(() => {
      watch.look(now()).catch(() => log.warn('subscriptions were not looked after', { code: 'database' }));
    }, LOOK_EVERY_MS),
    ...config.connections.map(({ id, sweepEveryMs }) =>
      setInterval(() => {
        sweepSoon(store, [id]).catch(() => log.warn('a sweep could not be ordered', { connection: id }));
      }, sweepEveryMs),
    ),
  ];
  return {
    url,
    store,
    subscribe: () => watch.subscribe(now()),
    watchSubscriptions: () => watch.look(now()),
    answer: (given) => recordAnswer(given, answers),
    oneTimeLink: http.oneTimeLink,
    lookAgain: () => lookAgain(store, now()),
    quiet: () => quiet(store),
    async [Symbol.asyncDispose]() {
      for (const timer of timers) clearInterval(timer);
      server.close();
      server.closeAllConnections();
      await http.dispose();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** The same parts, with everything counted on the way. */
function watchedBy<P extends StartParts>(metrics: Metrics, parts: P): P {
  return {
    ...parts,
    log: metrics.counting(parts.log),
    onEvaluated: (evaluated) => {
      metrics.evaluated(evaluated);
      parts.onEvaluated?.(evaluated);
    },
    onDelivered: (delivered) => {
      metrics.delivered(delivered.delivery.connectionId, delivered.outcome.outcome);
      parts.onDelivered?.(delivered);
    },
  };
}

async function queueCounts({ due, deliver, sweep }: Store) {
  const [ofDue, ofDeliver, ofSweep] = await Promise.all([due.count(), deliver.count(), sweep.count()]);
  return { due: ofDue, deliver: ofDeliver, sweep: ofSweep };
}

function laneOf({ connection, gate: { lane } }: LiveConnection): LaneState {
  return { connection: connection.id, breaker: lane.state, callsAllowed: lane.allowed };
}

function work(
  store: Store,
  inbox: Inbox,
  connection: (id: ConnectionId) => LiveConnection | undefined,
  config: Config,
  parts: StartParts & { readonly now: () => Date },
): void {
  const { log, ruleSet, now } = parts;
  const evaluation = {
    store,
    ruleSet,
    connection,
    now,
    owe: owedFor,
    ...(parts.onEvaluated ? { onEvaluated: parts.onEvaluated } : {}),
  };
  const delivery = {
    store,
    connection,
    serviceUri: config.publicUrl,
    ...(parts.onDelivered ? { onDelivered: parts.onDelivered } : {}),
  };
  store.due.work((job) => evaluateDue(job, evaluation), options(EVALUATIONS, 'an evaluation failed', log));
  store.deliver.work((job) => deliverOwed(job, delivery), options(DELIVERIES, 'a delivery failed', log));
  store.sweep.work(
    async (job) => {
      const found = connection(job.data.connectionId);
      if (found === undefined) return;
      const swept = await sweep({ live: found, store, inbox, now: now() });
      logSwept(job.data.connectionId, swept, log);
      if (swept.some(({ more }) => more)) await sweepSoon(store, [job.data.connectionId]);
    },
    options(1, 'a sweep failed', log),
  );
}

function options(concurrency: number, says: string, log: Log): WorkOptions {
  return {
    concurrency,
    pollMs: POLL_MS,
    onFailure: ({ code, attempt, gaveUp }) =>
      log[gaveUp ? 'error' : 'warn'](says, {
        code,
        attempt,
        outcome: gaveUp ? 'given up' : 'tried again later',
      }),
  };
}

function logSwept(connection: ConnectionId, swept: readonly Swept[], log: Log): void {
  log.info('swept', { connection, events: swept.reduce((sum, { found }) => sum + found, 0) });
}

async function sweepSoon(store: Store, ids: readonly ConnectionId[]): Promise<void> {
  const marks = ids.map((id) => ({ key: id, data: { connectionId: id }, afterMs: 0 }));
  if (marks.length > 0) await store.transaction((trx) => store.sweep.mark(trx, marks));
}

async function quiet(store: Store): Promise<void> {
  for (;;) {
    const counts = Object.values(await queueCounts(store));
    if (counts.every(({ waiting, active, retry }) => waiting + active + retry === 0)) return;
    await new Promise((resolve) => setTimeout(resolve, QUIET_POLL_MS));
  }
}

async function listen(server: Server, { port, host }: Config): Promise<string> {
  server.listen(port, host);
  await once(server, 'listening');
  return `http://${host}:${(server.address() as AddressInfo).port}`;
}
