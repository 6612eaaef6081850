/**
 * Receives pushes: `ANY /hooks/:connectionId` and whatever a sender appends to it.
 *
 * After the 200 the sender forgets the event, so the row must be ours by then. Nothing is evaluated here.
 */
import { randomUUID } from 'node:crypto';
import express, {
  type ErrorRequestHandler,
  type Request,
  type RequestHandler,
  type Response,
  Router,
} from 'express';
import type { Inbox, Notice } from '../store/inbox.ts';
import type { ConnectionId } from '../vocabulary/ids.ts';
import type { Log } from '../watch/log.ts';
import { hintOf, type Trust } from './change.ts';
import { type IngressProof, proveSender } from './prove-sender.ts';
import { readJson } from './read-json.ts';
import { namedByPath, type Push, recognise } from './recognise.ts';
import { ANSWERS, outcomeOf, Refusal, refusalOf } from './refusal.ts';
import type { Bases } from './whose.ts';

/** What intake knows of a connection. */
export interface PushConnection extends Bases {
  readonly id: ConnectionId;
  readonly ingress: readonly IngressProof[];
  readonly trust: Trust;
}

export interface IntakeParts {
  readonly connections: readonly PushConnection[];
  readonly inbox: Inbox;
  readonly log: Log;
  /** Largest body after inflation, in bytes. */
  readonly largestBody?: number;
}

const LARGEST_BODY = 16 * 1024 * 1024; // bytes; fhir-integration 4.9
const RETRY_AFTER_S = '5';

/** The one answer that every sender takes for success: 200 with a FHIR Bundle, fhir-integration 1.3. */
const ACCEPTED = JSON.stringify({ resourceType: 'Bundle', type: 'transaction-response' });

type Connections = ReadonlyMap<string, PushConnection>;
type PushRequest = Request<{ connectionId: string; rest?: string[] }>;

/** The router for `/hooks`. */
export function receivePush({ inbox, log, ...parts }: IntakeParts): Router {
  const limit = parts.largestBody ?? LARGEST_BODY;
  const pushing = parts.connections.filter(({ ingress }) => ingress.length > 0);
  const connections = new Map(pushing.map((connection) => [String(connection.id), connection]));
  const router = Router();
  router.all(
    '/:connectionId{/*rest}',
    knownConnection(connections), // before the body is read
    express.raw({ type: () => true, limit }) as RequestHandler<PushRequest['params']>,
    acceptPush(connections, inbox, log),
    acceptOversize(connections, inbox, log) as unknown as RequestHandler<PushRequest['params']>,
  );
  router.use(answerRefusal(log));
  return router;
}

/** Accepts one push. */
function acceptPush(connections: Connections, inbox: Inbox, log: Log): RequestHandler<PushRequest['params']> {
  return async (req, res) => {
    const started = performance.now();
    const connection = requireConnection(connections, req); //        else connection-unknown
    const body = bodyOf(req);
    proveSender(connection.ingress, headersOf(req), body); //         else sender-unproven
    const push = pushOf(req, body); //                                else media-type, malformed
    const { form, notices } = recognise(push, sourceOf(connection)); // else malformed
    await commit(inbox, notices); //                                  else store-unavailable
    accept(res);
    const ms = Math.round(performance.now() - started);
    log.info('push accepted', { connection: connection.id, form, events: notices.length, ms });
  };
}

/** A body too large to read would be as large again: when the path names the resource, we read that. */
function acceptOversize(connections: Connections, inbox: Inbox, log: Log): ErrorRequestHandler {
  return async (error: unknown, request, res, _next) => {
    const req = request as unknown as PushRequest;
    if (refusalOf(error).reason !== 'too-large') throw error;
    const connection = requireConnection(connections, req);
    const named = namedByPath(req.params.rest ?? []);
    if (named === undefined) throw error;
    proveSender(connection.ingress, headersOf(req), undefined);
    await commit(inbox, [{ event: hintOf(named, connection.id) }]);
    accept(res);
    log.info('push accepted', { connection: connection.id, form: 'oversize', events: 1 });
  };
}

function knownConnection(connections: Connections): RequestHandler<PushRequest['params']> {
  return (req, _res, next) => {
    requireConnection(connections, req);
    next();
  };
}

function requireConnection(connections: Connections, req: PushRequest): PushConnection {
  const connection = connections.get(req.params.connectionId);
  if (connection === undefined)
    throw new Refusal('connection-unknown', 'there is no connection at this address');
  return connection;
}

function sourceOf({ id, base, baseAliases = [], trust }: PushConnection) {
  return { connectionId: id, base, baseAliases, trust };
}

function pushOf(req: PushRequest, body: Uint8Array): Push {
  const named = namedByPath(req.params.rest ?? []);
  if (isXml(req, body))
    throw new Refusal(
      'media-type',
      'XML is not read here; set the payload of the subscription to application/fhir+json',
    );
  return {
    method: req.method,
    header: headersOf(req),
    ...(named === undefined ? {} : { named }),
    ...(body.length === 0 ? {} : { json: readJson(body) }),
  };
}

/** By its first character too: some senders give every body the same type. */
function isXml(req: PushRequest, body: Uint8Array): boolean {
  return body.length > 0 && (/[/+]xml\b/i.test(req.get('content-type') ?? '') || body[0] === 0x3c);
}

function bodyOf(req: PushRequest): Uint8Array {
  return Buffer.isBuffer(req.body) ? req.body : new Uint8Array();
}

function headersOf(req: PushRequest): (name: string) => string | undefined {
  return (name) => {
    const value = req.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
}

async function commit(inbox: Inbox, notices: readonly Notice[]): Promise<void> {
  try {
    await inbox.commit(notices);
  } catch (cause) {
    throw new Refusal('store-unavailable', 'the push could not be kept; send it again', { cause });
  }
}

function accept(res: Response): void {
  res.status(200).type('application/fhir+json').set('Cache-Control', 'no-store').send(ACCEPTED);
}

/** Answers every refusal, in words and with a reference to our log. */
function answerRefusal(log: Log): ErrorRequestHandler {
  return (error: unknown, req, res, _next) => {
    const refusal = refusalOf(error);
    const { status } = ANSWERS[refusal.reason];
    const correlation = randomUUID();
    // The id in the path is the sender's text; only one that is ours may be written down.
    const connection = refusal.reason === 'connection-unknown' ? {} : { connection: connectionOf(req.path) };
    log.warn('push refused', { ...connection, code: refusal.reason, status, correlation });
    if (status === 503) res.set('Retry-After', RETRY_AFTER_S);
    res.status(status).type('application/fhir+json').set('Cache-Control', 'no-store');
    res.send(JSON.stringify(outcomeOf(refusal, correlation)));
  };
}

function connectionOf(path: string): string {
  return path.split('/')[1] ?? '';
}
