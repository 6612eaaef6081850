/**
 * From an HTTP answer to an outcome, by the table of outcomes.ts.
 */
import type { Bundle, BundleEntryResponse, OperationOutcome, Resource } from '@medplum/fhirtypes';
import type { Answer } from './call.ts';
import type { CallEnd } from './lane.ts';
import { type Fault, type ReadOutcome, rowOf, type Trouble, type WriteOutcome } from './outcomes.ts';
import { waitingTime } from './waiting-time.ts';

/** What must be in a 2xx answer for it to count. */
export type Expected<T> = (body: unknown) => body is T;

export function expectResource<T extends Resource>(type: string, id?: string): Expected<T> {
  return (body): body is T => {
    const resource = body as Partial<Resource> | undefined;
    return resource?.resourceType === type && (id === undefined || resource.id === id);
  };
}

export const expectBundle = (body: unknown): body is Bundle =>
  expectResource<Bundle>('Bundle')(body) && (body.entry === undefined || Array.isArray(body.entry));

/** @param now milliseconds, for a `Retry-After` that names a date */
export function readOutcome<T>(answer: Answer, expected: Expected<T>, now: number): ReadOutcome<T> {
  if ('fault' in answer) return readTrouble(answer.fault);
  if (answer.status >= 200 && answer.status < 300)
    return expected(answer.body)
      ? { outcome: 'found', resource: withVersion(answer.body, answer.headers) }
      : readTrouble('wrong-content');
  return readTrouble(answer.status, waitingTime(answer.headers, now), issueCode(answer.body));
}

/** Some servers tell the version only in the header, and without it nothing could be updated safely. */
function withVersion<T>(body: T, headers: Headers): T {
  const versionId = etagVersion(headers.get('etag'));
  const meta = (body as Partial<Resource>).meta;
  return versionId === undefined || meta?.versionId !== undefined
    ? body
    : { ...body, meta: { ...meta, versionId } };
}

function etagVersion(etag: string | null | undefined): string | undefined {
  return /^(?:W\/)?"([^"]+)"$/.exec(etag ?? '')?.[1];
}

/** The outcome of a read that did not bring what was asked for. */
export function readTrouble(
  answer: number | Fault,
  afterMs?: number,
  issue?: string,
): Exclude<ReadOutcome<never>, { outcome: 'found' }> {
  const row = rowOf(answer).read;
  switch (row) {
    case 'gone':
      return { outcome: 'gone', certain: answer === 410 };
    case 'hidden':
      return { outcome: 'hidden' };
    case 'found': // a 2xx or 304 without a body that fits
    case 'try-later':
      return { outcome: 'try-later', because: String(answer), ...(afterMs === undefined ? {} : { afterMs }) };
    default:
      return { outcome: 'refused', reason: row, ...(issue === undefined ? {} : { issue }) };
  }
}

/** @param type what was written: an answer that carries another resource is not the server's */
export function writeOutcome(answer: Answer, type: string, now: number): WriteOutcome {
  if ('fault' in answer) return writeTrouble(answer.fault);
  const { status, headers, body } = answer;
  const row = rowOf(status);
  if (row.write !== 'written') return writeTrouble(status, waitingTime(headers, now), issueCode(body));
  const resource = body as Partial<Resource> | undefined;
  const fits = resource === undefined || [type, 'OperationOutcome'].includes(resource.resourceType ?? '');
  if (!fits) return writeTrouble('wrong-content');
  const own = resource?.resourceType === type ? resource : undefined;
  return written(status, own, headers.get('location') ?? undefined, headers.get('etag') ?? undefined);
}

/** The same for one entry of a batch or transaction response. */
export function entryOutcome(response: BundleEntryResponse | undefined, resource?: Resource): WriteOutcome {
  const status = Number.parseInt(response?.status ?? '', 10);
  if (Number.isNaN(status)) return writeTrouble('wrong-content');
  if (rowOf(status).write !== 'written') return writeTrouble(status, undefined, issueCode(response?.outcome));
  return written(status, resource, response?.location, response?.etag);
}

function written(
  status: number,
  resource?: Partial<Resource>,
  location?: string,
  etag?: string,
): WriteOutcome {
  const fromLocation = /\/?[A-Z][A-Za-z]+\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/([^/?#]+))?\/?$/.exec(
    location ?? '',
  );
  const id = resource?.id ?? fromLocation?.[1];
  const versionId = resource?.meta?.versionId ?? fromLocation?.[2] ?? etagVersion(etag);
  return {
    outcome: 'written',
    created: status === 201,
    ...(id === undefined ? {} : { id }),
    ...(versionId === undefined ? {} : { versionId }),
  };
}

function writeTrouble(answer: number | Fault, afterMs?: number, issue?: string): WriteOutcome {
  const row = rowOf(answer).write;
  const after = afterMs === undefined ? {} : { afterMs };
  switch (row) {
    case 'conflict':
    case 'precondition':
    case 'version-needed':
    case 'gone':
      return { outcome: row };
    case 'written': // unreachable: the caller answered it
    case 'ambiguous':
      return { outcome: 'ambiguous', because: String(answer), ...after };
    case 'try-later':
      return { outcome: 'try-later', because: String(answer), ...after };
    default:
      return refused(row, issue);
  }
}

function refused(reason: Extract<Trouble, { outcome: 'refused' }>['reason'], issue?: string): Trouble {
  return { outcome: 'refused', reason, ...(issue === undefined ? {} : { issue }) };
}

/** The first issue's code: a word of a closed list, so no patient data. */
export function issueCode(body: unknown): string | undefined {
  const outcome = body as Partial<OperationOutcome> | undefined;
  const code = outcome?.resourceType === 'OperationOutcome' ? outcome.issue?.[0]?.code : undefined;
  return typeof code === 'string' && /^[a-z-]{1,32}$/.test(code) ? code : undefined;
}

const BUSY: ReadonlySet<number> = new Set([429, 503]);
/** Nobody there, or only a proxy; a 500 may be about one resource. */
const DOWN: ReadonlySet<number | Fault> = new Set([
  502,
  503,
  504,
  'network',
  'timeout',
  'tls',
  'wrong-content',
]);

/** What the lane makes of an answer. */
export function callEnd(answer: Answer, now: number): CallEnd {
  if ('fault' in answer) return { busy: false, down: DOWN.has(answer.fault) };
  const { status, headers } = answer;
  const restMs = status === 429 ? waitingTime(headers, now) : undefined;
  return { busy: BUSY.has(status), down: DOWN.has(status), restMs, headers };
}
