/**
 * CDS Hooks 2.0: discovery, hook calls in, cards out, feedback kept. `/cds-services` and below.
 */
import { randomUUID } from 'node:crypto';
import express, { type ErrorRequestHandler, type Request, type RequestHandler, Router } from 'express';
import { readJson } from '../intake/read-json.ts';
import { useToken } from '../store/card.ts';
import type { Log } from '../watch/log.ts';
import { answerCall, type CallParts } from './answer-call.ts';
import { authenticate, UnprovenError } from './authenticate.ts';
import type { CdsClient } from './client.ts';
import { type FeedbackParts, readFeedback, takeFeedback } from './feedback.ts';
import { KeySets } from './key-sets.ts';
import { type HookCall, readCall } from './read-call.ts';
import { ANSWERS, HookRefusal, hookRefusalOf, outcomeOf } from './refusal.ts';
import { discovery, SERVICES_PATH, type Service, serviceOf } from './services.ts';

export interface CdsHooksParts extends CallParts, FeedbackParts {
  readonly clients: readonly CdsClient[];
  readonly log: Log;
  readonly now: () => Date;
}

const MOST_NODES = 1_000_000; // values in one body; a prefetch holds a whole chart
const FEEDBACK_WAITS_MS = 2000; // for cards that are not written yet; care-team 9
const MINUTE_S = 60;

type Locals = { client?: CdsClient; service?: Service };
type Step = RequestHandler<{ id?: string }, unknown, unknown, ParsedQs, Locals>;
type ParsedQs = Request['query'];

/** The router for `/cds-services`. */
export function cdsHooks(parts: CdsHooksParts): Router {
  const { settings } = parts;
  const router = Router();
  const known: Step = knownService(parts);
  const proven: Step = proveClient(parts);
  const body = express.raw({ type: () => true, limit: settings.largestBody }) as unknown as Step;
  router.use(crossOrigin(parts.clients));
  router
    .route('/')
    .get(...(settings.publicDiscovery ? [] : [proven]), (_req, res) => {
      res.set('Cache-Control', 'max-age=300').json(discovery(settings.hooks));
    })
    .all(otherMethod('GET'));
  router.route('/:id').post(known, proven, body, answerHook(parts)).all(known, otherMethod('POST'));
  router
    .route('/:id/feedback')
    .post(known, proven, body, answerFeedback(parts))
    .all(known, otherMethod('POST'));
  router.use(answerRefusal(parts.log));
  return router;
}

function answerHook(parts: CdsHooksParts): Step {
  return async (req, res) => {
    const begun = performance.now();
    const call = readCall(jsonOf(req), serviceIn(res.locals)); //    else 4xx with the member that is wrong
    const client = res.locals.client ?? anyClient(parts.clients, call);
    const now = parts.now();
    const answer = await answerCall(call, client, { now, begun }, parts); // else no-data
    res.set('Cache-Control', 'no-store').json(answer);
    parts.log.info('hook call answered', {
      connection: client.connectionId,
      form: call.hook,
      events: answer.cards.length,
      ms: Math.round(performance.now() - begun),
    });
  };
}

function answerFeedback(parts: CdsHooksParts): Step {
  return async (req, res) => {
    const entries = readFeedback(jsonOf(req));
    await parts.cardBook.written(FEEDBACK_WAITS_MS);
    // Without authentication nobody says whose card it is: the connections are asked in turn.
    const clients = res.locals.client === undefined ? parts.clients : [res.locals.client];
    const connections = [...new Set(clients.map(({ connectionId }) => connectionId))];
    try {
      for (const connectionId of connections) {
        const { taken, orphans } = await takeFeedback(entries, connectionId, parts.now(), parts);
        parts.log.info('feedback kept', {
          connection: connectionId,
          events: taken,
          outcome: `${orphans} unknown`,
        });
      }
    } catch (cause) {
      throw new HookRefusal('store-unavailable', 'the feedback could not be kept; send it again', { cause });
    }
    res.set('Cache-Control', 'no-store').json({});
  };
}

function jsonOf(req: Pick<Request, 'get' | 'body'>): unknown {
  if (!/^application\/(?:fhir\+)?json\b/i.test(req.get('content-type') ?? ''))
    throw new HookRefusal('media-type', 'the body must be application/json');
  return readJson(Buffer.isBuffer(req.body) ? req.body : new Uint8Array(), MOST_NODES);
}

function knownService({ settings }: CdsHooksParts): Step {
  return (req, res, next) => {
    const service = serviceOf(req.params.id ?? '', settings.hooks);
    if (service === undefined) throw new HookRefusal('service-unknown', 'there is no such service');
    res.locals.service = service;
    next();
  };
}

function serviceIn({ service }: Locals): Service {
  if (service === undefined) throw new HookRefusal('service-unknown', 'there is no such service');
  return service;
}

/** Proves the caller, and that it may use this service; everybody passes where authentication is off. */
function proveClient(parts: CdsHooksParts): Step {
  const { settings, clients, store, publicUrl } = parts;
  const keySets = new KeySets(() => parts.now().getTime());
  const calls = new CallCounts(settings.callsPerMinute);
  return async (req, res, next) => {
    if (settings.authentication === 'jwt') {
      const own = req.params.id === undefined ? '' : `/${req.params.id}`;
      const ending = req.path.endsWith('/feedback') ? ['', '/feedback'] : [''];
      const audiences = ['', ...ending.map((end) => own + end)].map((end) => publicUrl + SERVICES_PATH + end);
      const client = await authenticate(req.get('authorization'), {
        clients,
        keySets,
        audiences,
        now: parts.now(),
        use: ({ connectionId, issuer }, token) =>
          useToken(store.db, connectionId, { ...token, issuer }).catch((cause: unknown) => {
            throw new HookRefusal('store-unavailable', 'the call can not be checked now', { cause });
          }),
      });
      if (own !== '' && client.services?.includes(own.slice(1)) === false)
        throw new HookRefusal('not-allowed', 'this client may not use this service');
      res.locals.client = client;
    }
    if (!calls.take(res.locals.client?.issuer ?? '', parts.now()))
      throw new HookRefusal('too-many', 'too many calls of this client; wait a little');
    next();
  };
}

/** Without authentication: the client whose FHIR server the call names, else the first. */
function anyClient(clients: readonly CdsClient[], { fhirServer = '' }: HookCall): CdsClient {
  const base = fhirServer.replace(/\/+$/, '');
  const [first] = clients;
  const client = clients.find(({ fhirServers }) =>
    fhirServers.some((one) => one.replace(/\/+$/, '') === base),
  );
  if (first === undefined) throw new HookRefusal('not-allowed', 'no client is configured');
  return client ?? first;
}

/** Calls of each client in the current minute. */
class CallCounts {
  readonly #most: number;
  #minute = 0;
  readonly #counts = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  take(client: string, now: Date): boolean {
    const minute = Math.floor(now.getTime() / (MINUTE_S * 1000));
    if (minute !== this.#minute) this.#counts.clear();
    this.#minute = minute;
    const count = (this.#counts.get(client) ?? 0) + 1;
    this.#counts.set(client, count);
    return count <= this.#most;
  }
}

/** Browsers of registered origins may call; the question beforehand carries no token and needs none. */
function crossOrigin(clients: readonly CdsClient[]): RequestHandler {
  const allowed = new Set(clients.flatMap(({ origins }) => origins));
  return (req, res, next) => {
    res.vary('Origin');
    const origin = req.get('origin');
    if (origin !== undefined && allowed.has(origin)) {
      res.set('Access-Control-Allow-Origin', origin);
      if (req.method === 'OPTIONS')
        res.set({
          'Access-Control-Allow-Methods': 'GET, POST, OPTIONS',
          'Access-Control-Allow-Headers': 'authorization, content-type, accept',
          'Access-Control-Max-Age': '600',
        });
    }
    if (req.method === 'OPTIONS') res.status(204).end();
    else next();
  };
}

function otherMethod(allowed: string): Step {
  return (_req, res) => {
    res.set('Allow', `${allowed}, OPTIONS`);
    throw new HookRefusal('method', `only ${allowed} is answered here`);
  };
}

/** Answers every refusal; a token, a value or a comment is in none of them. */
function answerRefusal(log: Log): ErrorRequestHandler {
  return (error: unknown, _req, res, _next) => {
    const correlation = randomUUID();
    const unproven = error instanceof UnprovenError;
    const refusal = unproven ? new HookRefusal('unproven', error.message) : hookRefusalOf(error);
    const { status } = ANSWERS[refusal.reason];
    const code = unproven ? `unproven: ${error.step}` : refusal.reason;
    log[status >= 500 ? 'error' : 'warn']('hook call refused', { code, status, correlation });
    res.status(status).set('Cache-Control', 'no-store');
    if (status === 401) res.set('WWW-Authenticate', 'Bearer');
    if (status === 429 || status === 503) res.set('Retry-After', String(status === 429 ? MINUTE_S : 5));
    const outcome = outcomeOf(refusal, correlation);
    if (outcome === undefined) res.end();
    else res.json(outcome);
  };
}
