/**
 * What a FHIR server may answer, as closed unions, and the table that turns an answer into one of them.
 *
 * Why a table: retry or give up, safe or doubtful, is a decision about lost and doubled alerts. It is kept
 * as data so that a person can check it row by row, and a test does.
 */

/** Why a server said no. The text of its answer is never kept: it may name a patient. */
export type RefusalReason =
  | 'unauthorised' //     401, also with a fresh token
  | 'forbidden' //        403 on something other than reading one record
  | 'base-missing' //     404 on the FHIR base itself
  | 'tls' //              the certificate or the handshake
  | 'invalid' //          400
  | 'unprocessable' //    422
  | 'rejected' //         any other 4xx
  | 'too-large' //        body above the cap
  | 'too-many' //         pages or resources above the cap
  | 'foreign-address' //  a link that leaves the server
  | 'unsafe-id'; //       an id or type that could leave the FHIR base

/** The rest of a connection's work waits until a person has looked: nothing of it can succeed. */
const STOPS_CONNECTION: ReadonlySet<RefusalReason> = new Set([
  'unauthorised',
  'forbidden',
  'base-missing',
  'tls',
]);

export function stopsConnection(reason: RefusalReason): boolean {
  return STOPS_CONNECTION.has(reason);
}

/** The server does not know what it was asked, such as a search parameter; the right to ask is not in doubt. */
export function isNotUnderstood(answer: {
  readonly outcome: string;
  readonly reason?: RefusalReason;
}): boolean {
  const { outcome, reason } = answer;
  return (
    outcome === 'refused' && (reason === 'invalid' || reason === 'unprocessable' || reason === 'rejected')
  );
}

export function isRefusedAs(reason: RefusalReason, answer: ReadOutcome<unknown>): boolean {
  return answer.outcome === 'refused' && answer.reason === reason;
}

export interface TryLater {
  readonly outcome: 'try-later';
  /** What the server asked for, at most an hour; without it the caller's own delays apply. */
  readonly afterMs?: number;
  /** `503`, `timeout`, `network`: for counters, never patient data. */
  readonly because: string;
}
export interface Refused {
  readonly outcome: 'refused';
  readonly reason: RefusalReason;
  /** `OperationOutcome.issue.code` of the answer, such as `structure`. */
  readonly issue?: string;
}
export type Trouble = TryLater | Refused;

export type ReadOutcome<T> =
  | { readonly outcome: 'found'; readonly resource: T }
  /** `certain`: the server says deleted (410). Otherwise 404, which may be a slow replica. */
  | { readonly outcome: 'gone'; readonly certain: boolean }
  /** Access denied by policy: there may be a record, and we may not see it. */
  | { readonly outcome: 'hidden' }
  | Trouble;

export interface Written {
  readonly outcome: 'written';
  readonly id?: string;
  readonly versionId?: string;
  /** The server made it now; false when it existed (conditional create) or was updated. */
  readonly created: boolean;
}
export type WriteOutcome =
  | Written
  /** 409: a lock or a lost race. Read again and decide again. */
  | { readonly outcome: 'conflict' }
  /** 412: somebody else wrote first. */
  | { readonly outcome: 'precondition' }
  /** 412 on a conditional create: more than one has this identifier. */
  | { readonly outcome: 'several' }
  /** 428: the server wants If-Match. */
  | { readonly outcome: 'version-needed' }
  | { readonly outcome: 'gone' }
  /** It may have been written. Look before writing again. */
  | { readonly outcome: 'ambiguous'; readonly afterMs?: number; readonly because: string }
  | Trouble;

/** A call that brought no usable answer. */
export type Fault = 'network' | 'timeout' | 'wrong-content' | 'too-large' | 'tls';

type ReadRow = 'found' | 'gone' | 'hidden' | 'try-later' | RefusalReason;
type WriteRow =
  | 'written'
  | 'conflict'
  | 'precondition'
  | 'version-needed'
  | 'gone'
  | 'ambiguous'
  | 'try-later'
  | RefusalReason;
interface Row {
  readonly on: readonly (number | Fault)[];
  readonly read: ReadRow;
  readonly write: WriteRow;
}

/** One row per kind of answer. `wrong-content` is a 2xx that is not what was asked for: login pages, proxies. */
export const ANSWERS: readonly Row[] = [
  { on: [200, 201, 204, 304], read: 'found', write: 'written' },
  {
    on: ['network', 'timeout', 'wrong-content', 408, 425, 500, 502, 503, 504],
    read: 'try-later',
    write: 'ambiguous',
  },
  { on: [429], read: 'try-later', write: 'try-later' },
  { on: [401], read: 'unauthorised', write: 'unauthorised' },
  { on: [403], read: 'hidden', write: 'forbidden' },
  { on: ['tls'], read: 'tls', write: 'tls' },
  { on: [404, 410], read: 'gone', write: 'gone' },
  { on: [409], read: 'try-later', write: 'conflict' },
  { on: [412], read: 'try-later', write: 'precondition' },
  { on: [428], read: 'rejected', write: 'version-needed' },
  { on: [400], read: 'invalid', write: 'invalid' },
  { on: [422], read: 'unprocessable', write: 'unprocessable' },
  { on: ['too-large'], read: 'too-large', write: 'ambiguous' },
];

const BY_ANSWER = new Map(ANSWERS.flatMap((row) => row.on.map((on) => [on, row] as const)));
const OTHER_4XX: Row = { on: [], read: 'rejected', write: 'rejected' };
const OTHER: Row = { on: [], read: 'try-later', write: 'ambiguous' };

/** The row of a status or fault; a status that has none is judged by its class. */
export function rowOf(answer: number | Fault): Row {
  const row = BY_ANSWER.get(answer);
  if (row !== undefined) return row;
  return typeof answer === 'number' && answer >= 400 && answer < 500 ? OTHER_4XX : OTHER;
}
