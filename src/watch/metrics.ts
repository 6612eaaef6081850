/**
 * `/metrics`: counters for those who keep the service running, in the form of Prometheus.
 *
 * No label names a patient, a user or an alert. Labels come from closed lists: connections, rules, hooks, outcomes.
 */
import { type RequestHandler, Router } from 'express';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Decision } from '../core/decision.ts';
import type { QueueCount } from '../store/connection-queues.ts';
import { type Access, admission } from './access.ts';
import { showConnections } from './connection-gauges.ts';
import type { Log, LogFields } from './log.ts';
import type { ConnectionStatus } from './status.ts';

/** Jobs of each queue by what they do. */
export type QueueCounts = () => Promise<Readonly<Record<string, QueueCount>>>;

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15]; // from a warm cache to giving up

const KNOWN_SERVICE =
  /^(?:discovery|cramp-risk-(?:patient-view|order-select|order-sign|encounter-discharge)(?:\/feedback)?)$/;

export class Metrics {
  readonly #registry = new Registry();
  readonly #events = this.#counter('events_received_total', 'Events of pushes', ['connection', 'outcome']);
  readonly #evaluations = this.#counter('evaluations_total', 'Evaluated patients', ['connection']);
  readonly #evaluationSeconds = this.#histogram('evaluation_seconds', 'From the job to its commit', []);
  readonly #verdicts = this.#counter('verdicts_total', 'Verdicts other than clear', ['rule', 'verdict']);
  readonly #alerts = this.#counter('alerts_total', 'Changes of alerts', ['rule', 'tier', 'change']);
  readonly #deliveries = this.#counter('deliveries_total', 'Ended deliveries', ['connection', 'outcome']);
  readonly #cards = this.#counter('cards_total', 'Cards answered to hook calls', ['hook']);
  readonly #answers = this.#counter('answers_total', 'Answers of clinicians', ['channel', 'outcome']);
  readonly #calls = this.#histogram('hook_seconds', 'Hook calls and feedback', ['service', 'status']);

  /** @param queues,statuses asked whenever somebody reads the counters */
  constructor(queues: QueueCounts, statuses: () => Promise<readonly ConnectionStatus[]>) {
    collectDefaultMetrics({ register: this.#registry });
    showConnections(this.#registry, statuses);
    const jobs = new Gauge({
      name: 'cramp_cds_queue_jobs',
      help: 'Jobs by queue and state',
      labelNames: ['queue', 'state'],
      registers: [this.#registry],
      async collect() {
        for (const [queue, states] of Object.entries(await queues()))
          for (const [state, count] of Object.entries(states)) jobs.set({ queue, state }, count);
      },
    });
  }

  /** One evaluation. */
  evaluated({
    connectionId,
    decision,
    tookMs,
  }: {
    connectionId: string;
    decision: Decision;
    tookMs: number;
  }): void {
    this.#evaluations.inc({ connection: connectionId });
    this.#evaluationSeconds.observe(tookMs / 1000);
    for (const { rule, verdict } of decision.verdicts)
      if (verdict !== 'clear') this.#verdicts.inc({ rule, verdict });
    for (const { change, episode } of decision.episodeChanges)
      this.#alerts.inc({ rule: episode.rule, tier: episode.tier, change });
  }

  /** One delivery, done or not. */
  delivered(connectionId: string, outcome: string): void {
    this.#deliveries.inc({ connection: connectionId, outcome });
  }

  /** One answer of a clinician. */
  answered(channel: string, outcome: string): void {
    this.#answers.inc({ channel, outcome });
  }

  /** The same log; what is counted from it is counted on the way. */
  counting(log: Log): Log {
    const counted =
      (level: 'error' | 'warn' | 'info') =>
      (message: string, fields?: LogFields): void => {
        this.#fromLog(message, fields ?? {});
        log[level](message, fields);
      };
    return { ...log, error: counted('error'), warn: counted('warn'), info: counted('info') };
  }

  #fromLog(
    message: string,
    { connection = 'unknown', events = 1, code = 'unknown', form = 'unknown' }: LogFields,
  ): void {
    if (message === 'push accepted') this.#events.inc({ connection, outcome: 'accepted' }, events);
    if (message === 'push refused') this.#events.inc({ connection, outcome: code });
    if (message === 'hook call answered') this.#cards.inc({ hook: form }, events);
  }

  /** Times what is mounted at `/cds-services`; an address that is not there gets no label of its own. */
  timingCalls(): RequestHandler {
    return (req, res, next) => {
      const done = this.#calls.startTimer();
      const service = req.path.replace(/^\//, '').replace(/\/$/, '') || 'discovery';
      res.once('finish', () => {
        // Anybody may ask for any address: only those that exist get a label of their own.
        const exists = res.statusCode !== 404 && KNOWN_SERVICE.test(service);
        done({ service: exists ? service : 'unknown', status: String(res.statusCode) });
      });
      next();
    };
  }

  /** `/metrics`, for those who have the token. */
  router(access: Access | undefined): Router {
    const router = Router();
    router.get('/', async (req, res) => {
      const found = admission(req, access);
      if (found === 'closed')
        return void res.status(403).type('text/plain').send('metrics.tokenFrom is not set\n');
      if (found === 'unproven')
        return void res.status(401).set('WWW-Authenticate', 'Bearer').type('text/plain').send('unproven\n');
      res
        .set('Cache-Control', 'no-store')
        .type(this.#registry.contentType)
        .send(await this.#registry.metrics());
    });
    return router;
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name: `cramp_cds_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #histogram<L extends string>(name: string, help: string, labelNames: L[]): Histogram<L> {
    return new Histogram({
      name: `cramp_cds_${name}`,
      help,
      labelNames,
      buckets: SECONDS,
      registers: [this.#registry],
    });
  }
}
