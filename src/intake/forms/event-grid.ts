/**
 * Event Grid (Azure Health Data Services) and CloudEvents.
 *
 * They name a resource and its version and never carry it, except that other makers of CloudEvents may put a
 * resource into `data`. A FHIR event that names nothing we can read still says that something changed: sweep.
 */
import type { Notice } from '../../store/inbox.ts';
import { isObject, type JsonObject } from '../../vocabulary/json.ts';
import { deletionOf, hintOf } from '../change.ts';
import {
  changed,
  type Form,
  type Push,
  readReference,
  referenceOf,
  requireSameSite,
  type Source,
  senderEventId,
} from '../form.ts';
import { Refusal } from '../refusal.ts';

const VALIDATION = 'Microsoft.EventGrid.SubscriptionValidationEvent';
const MOST_EVENTS = 5000;

/** Event Grid asks whether we want its events before it sends any. */
export const validation: Form = ({ json }) => {
  const first: unknown = Array.isArray(json) ? json[0] : undefined;
  if (!isObject(first) || first.eventType !== VALIDATION) return undefined;
  const code = isObject(first.data) ? first.data.validationCode : undefined;
  if (typeof code !== 'string' || !/^[\w-]{1,128}$/.test(code))
    throw new Refusal('malformed', 'the validation event has no validation code');
  return { answer: { validationResponse: code } };
};

/** A batch, one CloudEvent, or one whose attributes are in headers. */
export const events: Form = (push, source) => {
  const found = eventsIn(push);
  if (found === undefined) return undefined;
  if (found.length === 0 || found.length > MOST_EVENTS || !found.every(isObject))
    throw new Refusal('malformed', 'the batch has no events, too many, or one that is no object');
  return found.flatMap((one) => noticeOf(one, source) ?? []);
};

function eventsIn({ json, header }: Push): readonly unknown[] | undefined {
  if (Array.isArray(json)) return json;
  if (isObject(json) && 'specversion' in json) return [json];
  if (header('ce-specversion') === undefined && header('ce-type') === undefined) return undefined;
  const fromHeaders = { type: header('ce-type'), id: header('ce-id'), subject: header('ce-subject') };
  return [{ ...fromHeaders, data: json }];
}

/** Undefined for events about something else than FHIR: a subscription may bring those too. */
function noticeOf(event: JsonObject, source: Source): Notice | undefined {
  const type = String(event.eventType ?? event.type ?? '');
  const data = isObject(event.data) ? event.data : ({} as JsonObject);
  requireSameSite(accountOf(data), accountOfBase(source.base));
  const isResource = typeof data.resourceType === 'string' && !('resourceFhirId' in data) && 'id' in data;
  if (isResource && !/deleted?$/i.test(type)) return changed(data, source);

  const reference =
    referenceOf(data.resourceType, data.resourceFhirId ?? data.id, versionOf(data)) ??
    readReference(event.subject);
  if (reference === undefined) return /fhir/i.test(type) ? { sweep: source.connectionId } : undefined;
  if (/deleted?$/i.test(type)) return { event: deletionOf(reference, source.connectionId) };
  return { event: hintOf(reference, source.connectionId, senderEventId(event.id)) };
}

function versionOf({ resourceVersionId: version }: JsonObject): unknown {
  return typeof version === 'number' ? String(version) : version;
}

/** `account` or `account.fhir.azurehealthcareapis.com`, without what follows. */
function accountOf({ resourceFhirAccount: account }: JsonObject): string | undefined {
  return typeof account === 'string' ? account.split('.')[0]?.toLowerCase() : undefined;
}

/** Only an address of that service tells an account. */
function accountOfBase(base: string): string | undefined {
  return /^https:\/\/([^./]+)\.fhir\.azurehealthcareapis\.com(?:\/|$)/i.exec(base)?.[1]?.toLowerCase();
}
