/**
 * What a sender is told when its push is refused.
 *
 * The status decides whether the event is lost: many senders drop what is answered with 4xx, and repeat
 * what is answered with 5xx. So "we could not" is never a 4xx.
 */
import type { OperationOutcome } from '@medplum/fhirtypes';

export type RefusalReason =
  | 'malformed'
  | 'sender-unproven'
  | 'keys-unavailable'
  | 'connection-unknown'
  | 'too-large'
  | 'media-type'
  | 'store-unavailable'
  | 'busy'
  | 'unexpected';

/** Thrown anywhere in intake; answered once. The text is for the sender and never names a patient. */
export class Refusal extends Error {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, text: string, options?: ErrorOptions) {
    super(text, options);
    this.reason = reason;
  }
}

interface Answer {
  readonly status: number;
  readonly issue: OperationOutcome['issue'][number]['code'];
}

/** The wire answer of each refusal. A new reason does not compile until it has a row. */
export const ANSWERS = {
  malformed: { status: 400, issue: 'invalid' },
  'sender-unproven': { status: 401, issue: 'login' },
  'keys-unavailable': { status: 503, issue: 'transient' }, // a 401 would be final
  'connection-unknown': { status: 404, issue: 'not-found' },
  'too-large': { status: 413, issue: 'too-long' },
  'media-type': { status: 415, issue: 'not-supported' },
  'store-unavailable': { status: 503, issue: 'transient' }, // never 4xx: senders drop those for good
  busy: { status: 503, issue: 'throttled' },
  unexpected: { status: 500, issue: 'exception' },
} as const satisfies Record<RefusalReason, Answer>;

/** Any error as a refusal: ours as it is, the body parser's by its status, the rest as unexpected. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  switch ((error as { status?: unknown } | undefined)?.status) {
    case 413:
      return new Refusal('too-large', 'the body is larger than this server takes');
    case 415:
      return new Refusal(
        'media-type',
        'the content encoding is not supported; send the body plain or with gzip',
      );
    case 400:
      return new Refusal('malformed', 'the body could not be read to its end');
    default:
      return new Refusal('unexpected', 'the push could not be processed; it was not kept', { cause: error });
  }
}

/** The refusal in FHIR words. `correlation` leads to our log line. */
export function outcomeOf(refusal: Refusal, correlation: string): OperationOutcome {
  const { issue } = ANSWERS[refusal.reason];
  const diagnostics = `${refusal.message} (reference ${correlation})`;
  return { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: issue, diagnostics }] };
}
