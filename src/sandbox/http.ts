/**
 * The sandbox as a FHIR server over HTTP: bodies in, FHIR JSON with its headers out.
 */
import {
  badRequest,
  getStatus,
  isOk,
  normalizeOperationOutcome,
  notFound,
  tooManyRequests,
  type WithId,
} from '@medplum/core';
import type { FhirRequest, FhirResponse, HttpMethod } from '@medplum/fhir-router';
import type { Bundle, Resource } from '@medplum/fhirtypes';
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type Response,
  type Router,
} from 'express';
import type { Collisions } from './collisions.ts';
import type { FaultAnswer, Faults } from './faults.ts';
import type { Quota } from './quota.ts';
import type { Replica } from './replica.ts';
import type { SandboxRouter } from './router.ts';
import type { Store } from './store.ts';

const BODY_LIMIT_BYTES = 16 * 1024 * 1024;
const JSON_TYPES = ['application/fhir+json', 'application/json', 'application/json-patch+json'];
const FORM_TYPE = 'application/x-www-form-urlencoded';

export interface HttpParts {
  readonly base: string;
  /** Names in the Host header that are ours; any when absent. */
  readonly hostNames: ReadonlySet<string> | undefined;
  readonly store: Store;
  readonly router: SandboxRouter;
  readonly faults: Faults;
  readonly collisions: Collisions | undefined;
  readonly quota: Quota | undefined;
  readonly replica: Replica | undefined;
  readonly capabilities: Resource;
  /** Beside the FHIR base: sign-in of SMART apps, keys of pushes. */
  readonly beside: readonly Router[];
  /** Reads that the router does not know; undefined for all others. */
  readonly furtherRead: (path: string, query: URLSearchParams) => object | undefined;
  readonly note: (method: string, path: string, status: number) => void;
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly resource: Resource;
}

export function sandboxApp(parts: HttpParts): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag'); // ours are versions
  app.use((req, res, next) => {
    if (isOurs(req, parts)) return next();
    send(req, res, parts, {
      status: 421,
      resource: badRequest('This server does not answer for that name.'),
    });
  });
  for (const router of parts.beside) app.use(router);
  app.use('/fhir/R4', express.raw({ type: () => true, limit: BODY_LIMIT_BYTES }), async (req, res) => {
    const fault = parts.faults.meet(req.method, req.url);
    if (fault !== undefined && fault !== 'answer-lost') return fail(req, res, parts, fault);
    const answer = await answerTo(req, parts);
    if (fault === undefined) return send(req, res, parts, answer);
    parts.note(req.method, req.originalUrl, 0);
    req.socket.destroy();
  });
  app.use((req, res) => send(req, res, parts, { status: 404, resource: notFound }));
  app.use(refuseUnreadable(parts));
  return app;
}

/** A web page can give this machine a name of its own and call it by that; the Host header tells. */
function isOurs({ headers }: Request, { hostNames }: HttpParts): boolean {
  if (hostNames === undefined) return true;
  return hostNames.has((headers.host ?? '').replace(/:\d*$/, '').toLowerCase());
}

async function answerTo(req: Request, parts: HttpParts): Promise<Answer> {
  const method = req.method === 'HEAD' ? 'GET' : (req.method as HttpMethod);
  if (method === 'GET' && req.path === '/metadata') return { status: 200, resource: parts.capabilities };
  const body = readBody(req);
  if ('refused' in body) return { status: body.refused, resource: badRequest(body.why) };

  const { router, collisions, quota, replica } = parts;
  const further = method === 'GET' && parts.furtherRead(req.path, new URLSearchParams(req.url.split('?')[1]));
  if (further) return { status: 200, resource: further as Resource };
  const request = searchByGet(method, req, body.value);
  if (quota?.pays(request) === false) return { status: 429, resource: tooManyRequests };
  const store = replica?.answers(request) ? replica.store : parts.store;
  const work = () => store.inTurn(() => router.handleRequest(request, store));
  return completed(await (collisions?.run(request, work) ?? work()), request, parts);
}

function readBody(req: Request): { value: unknown } | { refused: number; why: string } {
  const bytes: unknown = req.body;
  if (!Buffer.isBuffer(bytes) || bytes.length === 0) return { value: {} };
  const type = (req.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === FORM_TYPE && isPostedSearch(req)) return { value: bytes.toString('utf8') };
  if (!JSON_TYPES.includes(type)) return { refused: 415, why: 'The body must be FHIR JSON, and say so.' };
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof value === 'object' && value !== null) return { value };
    return { refused: 400, why: 'The body is not a FHIR resource.' };
  } catch {
    return { refused: 400, why: 'The body is not JSON.' };
  }
}

function isPostedSearch({ method, path }: Request): boolean {
  return method === 'POST' && path.endsWith('/_search');
}

/** What the router shall do; a search by POST becomes the same search by GET. */
function searchByGet(method: HttpMethod, req: Request, body: unknown): FhirRequest {
  const posted = isPostedSearch(req);
  const path = posted ? req.path.replace(/\/_search$/, '') : req.path;
  const query = [req.url.split('?')[1], posted && typeof body === 'string' ? body : ''].filter(Boolean);
  return {
    method: posted ? 'GET' : method,
    url: query.length === 0 ? path : `${path}?${query.join('&')}`,
    pathname: '',
    params: {},
    query: {},
    body,
    headers: req.headers,
    config: { transactions: true },
  };
}

/** The router's answer with the statuses and headers it leaves out. */
function completed([outcome, resource]: FhirResponse, asked: FhirRequest, parts: HttpParts): Answer {
  if (resource === undefined || !isOk(outcome)) return { status: getStatus(outcome), resource: outcome };
  if (resource.resourceType === 'Bundle' && resource.type?.endsWith('-response')) {
    completeEntries(resource, asked.body as Bundle, parts.store);
  }
  const { versionId, lastUpdated } = resource.meta ?? {};
  const status = statusOf(asked.method, getStatus(outcome), resource, parts.store);
  const headers = {
    ...(versionId && { ETag: `W/"${versionId}"` }),
    ...(lastUpdated && { 'Last-Modified': new Date(lastUpdated).toUTCString() }),
    ...(status === 201 && { Location: `${parts.base}/${versionAddress(resource)}` }),
  };
  return { status, headers, resource };
}

/** The router says 200 to a PUT that created. */
function statusOf(method: string | undefined, status: number, resource: Resource, store: Store): number {
  return method === 'PUT' && status === 200 && store.isFirst(resource as WithId<Resource>) ? 201 : status;
}

function completeEntries(answer: Bundle, asked: Bundle, store: Store): void {
  for (const [index, { response, resource }] of (answer.entry ?? []).entries()) {
    const { versionId, lastUpdated } = resource?.meta ?? {};
    if (response === undefined || resource === undefined || versionId === undefined) continue;
    const method = asked.entry?.[index]?.request?.method;
    response.status = String(statusOf(method, Number(response.status), resource, store));
    response.location = versionAddress(resource);
    response.etag = `W/"${versionId}"`;
    if (lastUpdated !== undefined) response.lastModified = lastUpdated;
  }
}

function versionAddress({ resourceType, id, meta }: Resource): string {
  return `${resourceType}/${id}/_history/${meta?.versionId}`;
}

function fail(
  req: Request,
  res: Response,
  parts: HttpParts,
  fault: Exclude<FaultAnswer, 'answer-lost'>,
): void {
  if (typeof fault === 'string') {
    parts.note(req.method, req.originalUrl, fault === 'html' ? 200 : 0);
    if (fault === 'cut') req.socket.destroy();
    if (fault === 'html') res.status(200).type('html').send('<!doctype html><title>Sign in</title>');
    return;
  }
  const issue = [{ severity: 'error' as const, code: 'transient' as const }];
  send(req, res, parts, { ...fault, resource: { resourceType: 'OperationOutcome', issue } });
}

function send(req: Request, res: Response, parts: HttpParts, { status, headers, resource }: Answer): void {
  parts.note(req.method, req.originalUrl, status);
  res.status(status).set({ ...headers, 'Content-Type': 'application/fhir+json; charset=utf-8' });
  if (parts.quota !== undefined) res.set('RateLimit', parts.quota.header);
  res.send(Buffer.from(JSON.stringify(resource)));
}

/** Bodies over the limit or cut short, and our own faults. */
function refuseUnreadable(parts: HttpParts): ErrorRequestHandler {
  return (error, req, res, _next) => {
    const status = typeof error?.status === 'number' ? error.status : 500;
    send(req, res, parts, { status, resource: normalizeOperationOutcome(error) });
  };
}
