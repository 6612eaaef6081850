/**
 * Topic notifications: R4 Backport, R4B and R5.
 *
 * Only the focus is promised. It comes with its resource, as a bare reference, or not at all; then a sweep
 * finds what changed.
 */
import type { Notice } from '../../store/inbox.ts';
import { isObject, type JsonObject } from '../../vocabulary/json.ts';
import { deletionOf, hintOf } from '../change.ts';
import { changed, type Form, readReference, type Source } from '../form.ts';
import { readExactTime, readTopicStatus, type TopicEvent, type TopicStatus } from '../topic-status.ts';
import { entriesOf, fullUrlsOf } from './rest-hook.ts';

export const topic: Form = ({ json }, source) => {
  if (!isObject(json) || json.resourceType !== 'Bundle') return undefined;
  const status = readTopicStatus(json);
  if (status === undefined) return undefined;
  return [...noticesOf(status, json, source), ...heardOf(status, json, source)];
};

/** What it says of the Subscription itself. */
function heardOf(status: TopicStatus, { timestamp }: JsonObject, source: Source): Notice[] {
  const { subscription, kind, events, total } = status;
  if (subscription === undefined || source.hearing === undefined) return [];
  const sentAt = readExactTime(timestamp);
  return [
    {
      heard: {
        ...source.hearing,
        connectionId: source.connectionId,
        subscription,
        events,
        ...(kind === 'handshake' && { handshake: true }),
        ...(total !== undefined && { total }),
        ...(status.status !== undefined && { status: status.status }),
        ...(sentAt !== undefined && { sentAt }),
      },
    },
  ];
}

function noticesOf(status: TopicStatus, bundle: JsonObject, source: Source): readonly Notice[] {
  switch (status.kind) {
    case 'handshake':
    case 'heartbeat':
    case 'query-status':
      return [];
    case 'event-notification':
    case 'query-event':
      return changesOf(status.events, bundle, source);
  }
}

function changesOf(events: readonly TopicEvent[], bundle: JsonObject, source: Source): Notice[] {
  const [, ...entries] = entriesOf(bundle);
  const byReference = new Map(entries.flatMap((entry) => namedBy(entry) ?? []));
  const within = { ...source, fullUrls: fullUrlsOf(entries) };
  const foci = events.map((event) =>
    event.focus === undefined ? undefined : noticeOf(event.focus, event.id, byReference, within),
  );
  // Some name no focus and send the resources; some send nothing but a number.
  const unnamed = foci.length === 0 || foci.includes(undefined);
  const rest = foci.length === 0 ? [...byReference.values()].flatMap((entry) => whole(entry, within)) : [];
  return [
    ...foci.filter((notice) => notice !== undefined),
    ...rest,
    ...(unnamed && rest.length === 0 ? [{ sweep: source.connectionId }] : []),
  ];
}

function noticeOf(
  focus: NonNullable<TopicEvent['focus']>,
  eventId: string | undefined,
  entries: ReadonlyMap<string, JsonObject>,
  source: Source,
): Notice {
  const entry = entries.get(`${focus.type}/${focus.id}`);
  if (isObject(entry?.request) && entry.request.method === 'DELETE')
    return { event: deletionOf(focus, source.connectionId) };
  if (isObject(entry?.resource)) return changed(entry.resource, source);
  return { event: hintOf(focus, source.connectionId, eventId) };
}

function whole(entry: JsonObject, source: Source): Notice[] {
  return isObject(entry.resource) ? [changed(entry.resource, source)] : [];
}

/** An entry by the resource it holds or, without one, names. */
function namedBy(entry: JsonObject): [[string, JsonObject]] | undefined {
  const { resource, fullUrl, request } = entry;
  const url = isObject(request) ? request.url : undefined;
  const named = isObject(resource)
    ? readReference(`${String(resource.resourceType)}/${String(resource.id)}`)
    : (readReference(fullUrl) ?? readReference(url));
  return named === undefined ? undefined : [[`${named.type}/${named.id}`, entry]];
}
