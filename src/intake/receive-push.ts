/**
 * Receives pushes: `ANY /hooks/:connectionId` and whatever a sender appends to it.
 *
 * After the 200 the sender forgets the event, so the row must be ours by then. Nothing is evaluated here.
 */
import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ErrorRequestHandler, type Request, type RequestHandler, type Response, Router } from 'express';
import { Turns } from '../connections/turns.ts';
import type { Inbox, Notice } from '../store/inbox.ts';
import type { ConnectionId } from '../vocabulary/ids.ts';
import { isObject, type JsonObject } from '../vocabulary/json.ts';
import type { Log } from '../watch/log.ts';
import { hintOf, type Trust } from './change.ts';
import type { Push, Source } from './form.ts';
import { HintPace } from './hint-pace.ts';
import { type Evidence, type IngressProof, SenderProofs } from './prove-sender.ts';
import { peerSubject } from './push-port.ts';
import { readBody, SMALL } from './read-body.ts';
import { readJson } from './read-json.ts';
import { namedByPath, recognise } from './recognise.ts';
import { ANSWERS, outcomeOf, Refusal, refusalOf } from './refusal.ts';
import type { Bases } from './whose.ts';

/** What intake knows of a connection. */
export interface PushConnection extends Bases {
  readonly id: ConnectionId;
  readonly ingress: readonly IngressProof[];
  /** Most hints a second that become questions at once; the rest wait. */
  readonly hintsPerSecond?: number;
  /** Hosts that CloudEvents may be sent from, as they ask before; Event Grid's own when left out. */
  readonly eventOrigins?: readonly string[];
  /** What the sender calls this site, where its pushes say so. */
  readonly reportedSite?: string;
  /** `untrusted` where the event numbers of its topic notifications mean nothing. */
  readonly eventNumbers?: 'trusted' | 'untrusted';
}

/** The header of a push that we sent ourselves, to see whether we can be reached: it is not the sender's. */
export const OWN_PUSH = 'x-cramp-cds-trial';

export interface IntakeParts {
  readonly connections: readonly PushConnection[];
  readonly inbox: Inbox;
  readonly log: Log;
  /** Told of each push that was taken from its sender. */
  readonly onPush?: (connection: ConnectionId, at: Date) => void;
  readonly now?: () => Date;
  /** Largest body after inflation, in bytes. */
  readonly largestBody?: number;
  /** How long a sender waits, at most, for an event to be kept. */
  readonly longestCommitMs?: number;
}

const LARGEST_BODY = 16 * 1024 * 1024; // bytes; fhir-integration 4.9
const RETRY_AFTER_S = '5';
const LONGEST_COMMIT_MS = 10_000; // senders wait 20 to 30 s for an answer; fhir-integration 3
const HINTS_PER_SECOND = 100;
const EVENT_GRID = ['eventgrid.azure.net'];

/** The one answer that every sender takes for success: 200 with a FHIR Bundle, fhir-integration 1.3. */
const ACCEPTED = JSON.stringify({ resourceType: 'Bundle', type: 'transaction-response' });

/** A connection with what intake keeps of it between pushes. */
interface Receiving {
  readonly connection: PushConnection;
  readonly proofs: SenderProofs;
  readonly pace: HintPace;
}
type Connections = ReadonlyMap<string, Receiving>;
type Keep = (notices: readonly Notice[]) => Promise<void>;
type PushRequest = Request<{ connectionId: string; rest?: string[] }>;

/** The router for `/hooks`. */
export function receivePush(parts: IntakeParts): Router {
  const { inbox, log, now = () => new Date() } = parts;
  const limit = parts.largestBody ?? LARGEST_BODY;
  const keep = (notices: readonly Notice[]): Promise<void> =>
    commit(inbox, notices, parts.longestCommitMs ?? LONGEST_COMMIT_MS);
  const pushing = parts.connections.filter(({ ingress }) => ingress.length > 0);
  const connections = new Map(
    pushing.map((connection) => [String(connection.id), receivingOf(connection, now)]),
  );
  const router = Router();
  router.all(
    '/:connectionId{/*rest}',
    knownConnection(connections), // before the body is read
    allowOrigin(connections),
    readBody(limit) as unknown as RequestHandler<PushRequest['params']>,
    acceptPush(connections, { ...parts, now, keep }),
    acceptOversize(connections, keep, log) as unknown as RequestHandler<PushRequest['params']>,
  );
  router.use(answerRefusal(log));
  return router;
}

function receivingOf(connection: PushConnection, now: () => Date): Receiving {
  return {
    connection,
    proofs: new SenderProofs(connection.ingress, () => now().getTime()),
    pace: new HintPace(connection.hintsPerSecond ?? HINTS_PER_SECOND),
  };
}

/** Accepts one push. */
function acceptPush(
  connections: Connections,
  { keep, log, now, onPush }: IntakeParts & { readonly now: () => Date; readonly keep: Keep },
): RequestHandler<PushRequest['params']> {
  const large = new Turns(() => 1);
  return async (req, res) => {
    const started = performance.now();
    const { connection, proofs, pace } = requireConnection(connections, req); // else connection-unknown
    const body = bodyOf(req);
    const accepted = async (breathe: () => Promise<unknown>) => {
      const trust = await proofs.prove(evidenceOf(req, body)); //     else sender-unproven, keys-unavailable
      await breathe();
      const push = pushOf(req, body); //                              else media-type, malformed
      await breathe();
      const recognised = recogniseOrTell(push, sourceOf(connection, trust, now()), log);
      await keep(pace.pace(recognised.notices, now().getTime())); //  else store-unavailable
      return recognised;
    };
    // Between the steps of a large one, others have their turn.
    const { form, notices, answer } = await (body.length > SMALL
      ? large.run(() => accepted(nextTurn))
      : accepted(async () => undefined));
    if (answer === undefined) accept(res);
    else res.status(200).set('Cache-Control', 'no-store').json(answer);
    if (req.get(OWN_PUSH) === undefined) onPush?.(connection.id, now());
    const ms = Math.round(performance.now() - started);
    log.info('push accepted', { connection: connection.id, form, events: notices.length, ms });
  };
}

/** A body too large to read would be as large again: when the path names the resource, we read that. */
function acceptOversize(connections: Connections, keep: Keep, log: Log): ErrorRequestHandler {
  return async (error: unknown, request, res, _next) => {
    const req = request as unknown as PushRequest;
    if (refusalOf(error).reason !== 'too-large') throw error;
    const { connection, proofs } = requireConnection(connections, req);
    const named = namedByPath(req.params.rest ?? []);
    if (named === undefined) throw error;
    // A signature could not be checked, so its sender is not refused for good.
    await proofs.prove(evidenceOf(req, undefined)).catch((unproven: unknown) => {
      throw refusalOf(unproven).reason === 'sender-unproven' ? error : unproven;
    });
    await keep([{ event: hintOf(named, connection.id) }]);
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

/** CloudEvents: a sender asks whether its host may send here. Nothing follows from the answer but pushes. */
function allowOrigin(connections: Connections): RequestHandler<PushRequest['params']> {
  return (req, res, next) => {
    const origin = req.get('webhook-request-origin');
    if (req.method !== 'OPTIONS' || origin === undefined) return next();
    const { connection } = requireConnection(connections, req);
    const allowed = connection.eventOrigins ?? EVENT_GRID;
    if (!allowed.includes(origin))
      throw new Refusal('sender-unproven', 'this origin may not send events here');
    res.set({ 'WebHook-Allowed-Origin': origin, 'WebHook-Allowed-Rate': '*' });
    accept(res);
  };
}

function requireConnection(connections: Connections, req: PushRequest): Receiving {
  const receiving = connections.get(req.params.connectionId);
  if (receiving === undefined)
    throw new Refusal('connection-unknown', 'there is no connection at this address');
  return receiving;
}

function sourceOf(connection: PushConnection, trust: Trust, at: Date): Source {
  const { id, base, baseAliases = [], reportedSite, eventNumbers } = connection;
  return {
    connectionId: id,
    base,
    baseAliases,
    trust,
    hearing: { as: 'push', at, numbersTrusted: eventNumbers !== 'untrusted' },
    ...(reportedSite !== undefined && { reportedSite }),
  };
}

function evidenceOf(req: PushRequest, body: Uint8Array | undefined): Evidence {
  const certificate = peerSubject(req.socket);
  return {
    header: headersOf(req),
    query: (name) => {
      const value = req.query[name];
      return typeof value === 'string' ? value : undefined;
    },
    body,
    peer: req.socket.remoteAddress,
    ...(certificate !== undefined && { certificate }),
  };
}

/** What no form recognises is told to operators by its outline, so that a new sender can be understood. */
function recogniseOrTell(push: Push, source: Source, log: Log): ReturnType<typeof recognise> {
  try {
    return recognise(push, source);
  } catch (error) {
    if (refusalOf(error).reason === 'malformed')
      log.warn('push not understood', { connection: source.connectionId, form: outlineOf(push.json) });
    throw error;
  }
}

const KNOWN_MEMBERS = `data entry event eventType id location message meta operationType resource resourceType
  source specversion status subject subscription topic type`.split(/\s+/);

/** Which well-known members a body has; never a value, nor a name that a sender made up. */
function outlineOf(json: unknown): string {
  if (Array.isArray(json)) return `array of ${outlineOf(json[0])}`;
  if (!isObject(json)) return json === undefined ? 'nothing' : typeof json;
  const known = KNOWN_MEMBERS.filter((name) => name in (json as JsonObject));
  return `object with ${known.join(', ') || 'no known member'}`;
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

/** What is kept after the sender was told to come back comes twice, which is no harm. */
async function commit(inbox: Inbox, notices: readonly Notice[], withinMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('keeping it takes too long')), withinMs);
  });
  try {
    await Promise.race([inbox.commit(notices), late]);
  } catch (cause) {
    throw new Refusal('store-unavailable', 'the push could not be kept; send it again', { cause });
  } finally {
    clearTimeout(timer);
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
