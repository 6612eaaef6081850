/**
 * What arrived? Senders agree on little: the method, the path, a header or the body tells.
 *
 * An ordered list of forms; the first that recognises a push reads it.
 */
import type { Notice } from '../store/inbox.ts';
import type { ResourceReference } from '../vocabulary/ids.ts';
import { type Form, type Push, type Question, referenceFrom, type Source } from './form.ts';
import { aidbox, linuxForHealth } from './forms/bridged.ts';
import { events, validation } from './forms/event-grid.ts';
import { message } from './forms/pub-sub.ts';
import { bundle, deletion, empty, medplumDeletion, put, putEmpty, resource } from './forms/rest-hook.ts';
import { topic } from './forms/topic.ts';
import { Refusal } from './refusal.ts';

export interface Recognised extends Partial<Question> {
  /** For the log: `put`, `bundle`. */
  readonly form: string;
  readonly notices: readonly Notice[];
}

/** In the order of the tests; the first that answers wins. */
const FORMS = {
  'event-grid-validation': validation,
  put,
  'put-empty': putEmpty,
  delete: deletion,
  empty,
  'medplum-delete': medplumDeletion,
  'cloud-events': events,
  'pub-sub': message,
  'linux-for-health': linuxForHealth,
  aidbox,
  topic,
  bundle,
  resource,
} as const satisfies Record<string, Form>;

/** @throws Refusal `malformed` for what no form recognises, and where path and body disagree. */
export function recognise(push: Push, source: Source): Recognised {
  for (const [form, read] of Object.entries<Form>(FORMS)) {
    const found = read(push, source);
    if (found === undefined) continue;
    if ('answer' in found) return { form, notices: [], answer: found.answer };
    if (push.named !== undefined) checkAgreement(push.named, found);
    return { form, notices: found };
  }
  throw new Refusal('malformed', 'the push is in no form that this server knows');
}

/**
 * The resource that a path names after the connection; undefined for an empty path.
 *
 * @throws Refusal when it names something else.
 */
export function namedByPath(segments: readonly string[]): ResourceReference | undefined {
  const path = segments.filter((segment) => segment !== '').join('/');
  return path === '' ? undefined : referenceFrom(path, 'the path');
}

function checkAgreement(named: ResourceReference, notices: readonly Notice[]): void {
  for (const notice of notices) {
    if ('event' in notice && notice.event.type === named.type && notice.event.resourceId === named.id)
      continue;
    throw new Refusal('malformed', 'the path and the body name different resources');
  }
}
