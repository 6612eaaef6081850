/**
 * What a client is told when a call is not answered with cards.
 *
 * The text names keys and members, never values. An unproven caller learns nothing at all.
 */
import type { OperationOutcome } from '@medplum/fhirtypes';
import { Refusal } from '../intake/refusal.ts';

type IssueCode = OperationOutcome['issue'][number]['code'];

interface Answer {
  readonly status: number;
  readonly issue?: IssueCode;
}

/** The wire answer of each refusal. A new reason does not compile until it has a row. */
export const ANSWERS = {
  malformed: { status: 400, issue: 'invalid' },
  required: { status: 400, issue: 'required' },
  'wrong-patient': { status: 400, issue: 'invalid' },
  unproven: { status: 401 },
  'not-allowed': { status: 403 },
  'service-unknown': { status: 404, issue: 'not-found' },
  method: { status: 405, issue: 'not-supported' },
  'no-data': { status: 412, issue: 'processing' },
  'too-large': { status: 413, issue: 'too-long' },
  'media-type': { status: 415, issue: 'not-supported' },
  'too-many': { status: 429, issue: 'throttled' },
  'store-unavailable': { status: 503, issue: 'transient' },
  unexpected: { status: 500, issue: 'exception' },
} as const satisfies Record<string, Answer>;
export type HookRefusalReason = keyof typeof ANSWERS;

/** Thrown anywhere below the router; answered once. */
export class HookRefusal extends Error {
  readonly reason: HookRefusalReason;
  /** Which keys or members; goes into `diagnostics`. */
  readonly diagnostics: string | undefined;

  constructor(
    reason: HookRefusalReason,
    text: string,
    options: ErrorOptions & { readonly diagnostics?: string } = {},
  ) {
    super(text, options);
    this.reason = reason;
    this.diagnostics = options.diagnostics;
  }
}

/** Any error as a refusal: ours as it is, the readers' by their meaning, the rest as unexpected. */
export function hookRefusalOf(error: unknown): HookRefusal {
  if (error instanceof HookRefusal) return error;
  if (error instanceof Refusal && error.reason === 'malformed')
    return new HookRefusal('malformed', error.message);
  switch ((error as { status?: unknown } | undefined)?.status) {
    case 413:
      return new HookRefusal('too-large', 'the body is larger than this server takes');
    case 415:
      return new HookRefusal('media-type', 'the content encoding is not supported');
    case 400:
      return new HookRefusal('malformed', 'the body could not be read to its end');
    default:
      return new HookRefusal('unexpected', 'the call could not be answered', { cause: error });
  }
}

/** The refusal in FHIR words; undefined where the standard wants no body. `correlation` leads to our log line. */
export function outcomeOf(refusal: HookRefusal, correlation: string): OperationOutcome | undefined {
  const answer: Answer = ANSWERS[refusal.reason];
  if (answer.issue === undefined) return undefined;
  const diagnostics = [refusal.diagnostics, `reference ${correlation}`].filter(Boolean).join('; ');
  return {
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code: answer.issue, details: { text: refusal.message }, diagnostics }],
  };
}
