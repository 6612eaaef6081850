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
import { LookAhead } from './evaluation/look-ahead.ts';
import { warmUp } from './evaluation/warm-up.ts';
import { httpApp } from './http.ts';
import { openPushPort } from './intake/push-port.ts';
import { type Swept, sweep } from './intake/sweep.ts';
import { type Looked, SubscriptionWatch } from './intake/watch-subscriptions.ts';
import type { RuleModel } from './rule-files/rule-model.ts';
import { Inbox } from './store/inbox.ts';
import type { WorkOptions } from './store/job-worker.ts';
import { siteSecret } from './store/site-secret.ts';
import { openStore, type Store, type StoreOptions } from './store/store.ts';
import type { ConnectionId } from './vocabulary/ids.ts';
import { type Log, whereOf } from './watch/log.ts';
import { Metrics } from './watch/metrics.ts';
import { connectionStatus, type LaneState } from './watch/status.ts';

/** What a process does: listen and sweep, evaluate, write to the servers, or all of it. */
export const ROLES = ['all', 'intake', 'evaluate', 'deliver'] as const;
export type Role = (typeof ROLES)[number];

export interface StartParts {
  readonly ruleSet: RuleSet;
  /** What is shown of the rules, sorted by id. */
  readonly ruleModels: readonly RuleModel[];
  readonly log: Log;
  readonly now?: () => Date;
  readonly retry?: StoreOptions['retry'];
  /** `all` when absent. Every role answers for its health. */
  readonly role?: Role;
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
  /** Resolves when nothing waits to be evaluated or delivered, and it is known when each patient is looked at again. */
  quiet(): Promise<void>;
}

const EVALUATIONS = 4; // at once and connection; one per patient
const DELIVERIES = 2; // at once and connection; more conditional writers collide on some servers
const POLL_MS = 500; // for jobs of other processes; own ones are woken
const QUIET_POLL_MS = 20;
const LOOK_EVERY_MS = 15_000;
const ASKS_PER_SWEEP = 5; // any process orders the sweep that is due, none a second one

export async function start(config: Config, parts: StartParts): Promise<Running> {
  const { log, ruleSet, role = 'all', now = () => new Date() } = parts;
  const does = (one: Role): boolean => role === 'all' || role === one;
  if (does('evaluate')) await warmUp(ruleSet, now());
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
  const lastPushes = new Map<ConnectionId, Date>();
  const onPush = (id: ConnectionId, at: Date) => void lastPushes.set(id, at);
  const statuses = () =>
    Promise.all([...live.values()].map((one) => connectionStatus(store, laneOf(one, lastPushes), now())));
  const metrics = new Metrics(() => queueCounts(store), statuses);
  const watched = watchedBy(metrics, { ...parts, now });
  const lookAhead = new LookAhead({
    store,
    ruleSet,
    onFailure: (error) =>
      watched.log.warn('a look ahead failed', { code: 'unexpected', where: whereOf(error) }),
  });
  work(store, inbox, connection, config, { ...watched, lookAhead }, does);
  const watch = new SubscriptionWatch({ store, inbox, connections: pushing, log: watched.log });
  const secret = config.secret ?? siteSecret(config.dataDir);
  const answers: AnswerParts = {
    store,
    seal: new CommentSeal(secret),
    ruleVersion: (rule) => parts.ruleSet.byId.get(rule)?.file.version,
    onAnswered: ({ channel, answer }) => metrics.answered(channel, answer.outcome),
  };
  const http = httpApp({
    ...{ config, store, inbox, connection, answers, secret, metrics, statuses, onPush, ...watched },
    healthOnly: !does('intake'),
  });
  const server = createServer(http.app);
  const giveUp = async (error: unknown): Promise<never> => {
    server.close();
    await store[Symbol.asyncDispose]();
    throw error;
  };
  const url = await listen(server, config).catch(giveUp);
  const { mutualTls, host } = config;
  const pushPort =
    mutualTls && does('intake') && (await openPushPort(mutualTls, host, http.pushes).catch(giveUp));
  if (does('intake')) await sweepSoon(store, [...live.keys()]);
  const every = (
    ms: number,
    act: () => Promise<unknown>,
    says: string,
    labels: Parameters<Log['warn']>[1],
  ): NodeJS.Timeout => setInterval(() => void act().catch(() => log.warn(says, labels)), ms);
  const database = { code: 'database' };
  const sweepIfDue = async (id: ConnectionId, everyMs: number): Promise<void> => {
    if (!(await store.sweep.sentWithin(id, everyMs))) await sweepSoon(store, [id]);
  };
  const timers: NodeJS.Timeout[] = [];
  if (does('intake')) {
    timers.push(
      every(LOOK_EVERY_MS, () => watch.look(now()), 'subscriptions were not looked after', database),
    );
    for (const { id: connection, sweepEveryMs } of config.connections)
      timers.push(
        every(
          sweepEveryMs / ASKS_PER_SWEEP,
          () => sweepIfDue(connection, sweepEveryMs),
          'a sweep could not be ordered',
          { connection },
        ),
      );
  }
  if (does('evaluate'))
    timers.push(
      every(
        LOOK_EVERY_MS,
        () => lookAgain(store, now()),
        'patients whose time has come were not found',
        database,
      ),
    );
  return {
    url,
    store,
    subscribe: () => watch.subscribe(now()),
    watchSubscriptions: () => watch.look(now()),
    answer: (given) => recordAnswer(given, answers),
    oneTimeLink: http.oneTimeLink,
    lookAgain: () => lookAgain(store, now()),
    quiet: () => quiet(store, lookAhead),
    async [Symbol.asyncDispose]() {
      for (const timer of timers) clearInterval(timer);
      server.close();
      server.closeAllConnections();
      if (pushPort) await pushPort[Symbol.asyncDispose]();
      await http.dispose();
      await lookAhead[Symbol.asyncDispose]();
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
      for (const type of evaluated.unreadable)
        parts.log.warn('a record could not be read and was left out', {
          connection: evaluated.connectionId,
          patient: parts.log.patientKey(evaluated.connectionId, evaluated.patientId),
          form: type,
        });
      parts.onEvaluated?.(evaluated);
    },
    onDelivered: (delivered) => {
      const { connectionId: connection } = delivered.delivery;
      if (delivered.outcome.outcome === 'too-many-writes')
        parts.log.warn('an alert was written too often and is left alone; does a program change it back?', {
          connection,
          code: 'too-many-writes',
        });
      metrics.delivered(connection, delivered.outcome.outcome);
      parts.onDelivered?.(delivered);
    },
  };
}

async function queueCounts({ due, deliver, sweep }: Store) {
  const [ofDue, ofDeliver, ofSweep] = await Promise.all([due.count(), deliver.count(), sweep.count()]);
  return { due: ofDue, deliver: ofDeliver, sweep: ofSweep };
}

function laneOf(
  { connection: { id }, gate: { lane } }: LiveConnection,
  lastPushes: ReadonlyMap<ConnectionId, Date>,
): LaneState {
  const lastPushAt = lastPushes.get(id);
  const { waits } = lane;
  return {
    connection: id,
    breaker: lane.state,
    callsAllowed: lane.allowed,
    ...(waits !== undefined && { waits }),
    ...(lastPushAt !== undefined && { lastPushAt }),
  };
}

function work(
  store: Store,
  inbox: Inbox,
  connection: (id: ConnectionId) => LiveConnection | undefined,
  config: Config,
  parts: StartParts & { readonly now: () => Date; readonly lookAhead: LookAhead },
  does: (role: Role) => boolean,
): void {
  const { log, ruleSet, lookAhead, now } = parts;
  const evaluation = {
    store,
    ruleSet,
    lookAhead,
    connection,
    now,
    owe: owedFor,
    ...(parts.onEvaluated ? { onEvaluated: parts.onEvaluated } : {}),
  };
  const delivery = {
    store,
    connection,
    now,
    serviceUri: config.publicUrl,
    ...(parts.onDelivered ? { onDelivered: parts.onDelivered } : {}),
  };
  if (does('evaluate'))
    store.due.work((job) => evaluateDue(job, evaluation), options(EVALUATIONS, 'an evaluation failed', log));
  if (does('deliver'))
    store.deliver.work((job) => deliverOwed(job, delivery), options(DELIVERIES, 'a delivery failed', log));
  if (!does('intake')) return;
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
    onFailure: ({ code, attempt, gaveUp, error }) =>
      log[gaveUp ? 'error' : 'warn'](says, {
        code,
        attempt,
        ...(code === 'unexpected' && { where: whereOf(error) }),
        outcome: gaveUp ? 'given up' : 'tried again later',
      }),
  };
}

function logSwept(connection: ConnectionId, swept: readonly Swept[], log: Log): void {
  log.info('swept', { connection, events: swept.reduce((sum, { found }) => sum + found, 0) });
  const unasked = swept.filter(({ notUnderstood }) => notUnderstood);
  if (unasked.length > 0)
    log.warn('the server does not understand what changed since a time; the doctor says what follows', {
      connection,
      code: 'not-understood',
    });
}

async function sweepSoon(store: Store, ids: readonly ConnectionId[]): Promise<void> {
  const marks = ids.map((id) => ({ key: id, data: { connectionId: id }, afterMs: 0 }));
  if (marks.length > 0) await store.transaction((trx) => store.sweep.mark(trx, marks));
}

async function quiet(store: Store, lookAhead: LookAhead): Promise<void> {
  for (;;) {
    const counts = Object.values(await queueCounts(store));
    const isEmpty = counts.every(({ waiting, active, retry }) => waiting + active + retry === 0);
    if (isEmpty && !store.due.busy && lookAhead.idle) return;
    await new Promise((resolve) => setTimeout(resolve, QUIET_POLL_MS));
  }
}

async function listen(server: Server, { port, host }: Config): Promise<string> {
  server.listen(port, host);
  await once(server, 'listening');
  return `http://${host}:${(server.address() as AddressInfo).port}`;
}
