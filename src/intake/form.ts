/**
 * What the forms of pushes have in common: what goes in, what comes out, and how names of resources are read.
 *
 * A form is what one family of senders calls a notification. It answers undefined when a push is not of it.
 */
import type { Notice } from '../store/inbox.ts';
import { type ConnectionId, isFhirId, parseReference, type ResourceReference } from '../vocabulary/ids.ts';
import { isObject, type JsonObject } from '../vocabulary/json.ts';
import { isResourceType } from '../vocabulary/resource-types.ts';
import { changeOf, type Trust } from './change.ts';
import { Refusal } from './refusal.ts';
import type { Bases } from './whose.ts';

/** The connection a push came from, as far as its events need it. */
export interface Source extends Bases {
  readonly connectionId: ConnectionId;
  /** Of this push: what its proof allows. */
  readonly trust: Trust;
  /** What the sender calls this site, where its pushes say so; another name is refused. */
  readonly reportedSite?: string;
  /** How the connection's topic notifications are heard; undefined where nobody keeps what they say. */
  readonly hearing?: Hearing;
}

export interface Hearing {
  readonly as: 'push' | 'answer';
  /** When, by our clock. */
  readonly at: Date;
  /** False where the server's event numbers mean nothing. */
  readonly numbersTrusted: boolean;
}

/** A push whose sender is proven. */
export interface Push {
  readonly method: string;
  /** `Type/id` and version that the path names after the connection, if any. */
  readonly named?: ResourceReference;
  readonly header: (name: string) => string | undefined;
  /** The body as JSON; undefined when there is none. */
  readonly json?: unknown;
}

/** A question of the sender that is answered with a body of its own and leaves nothing behind. */
export interface Question {
  readonly answer: JsonObject;
}

export type Form = (push: Push, source: Source) => readonly Notice[] | Question | undefined;

/** A resource from outside became or is what the JSON says. @throws Refusal when it is no resource of R4. */
export function changed(json: unknown, source: Source): Notice {
  return { event: changeOf(resourceOf(json), source.connectionId, source.trust, source) };
}

/** @throws Refusal `malformed`; `where` says in which part of the push, and quotes nothing. */
export function referenceFrom(text: unknown, where: string): ResourceReference {
  const reference = readReference(text);
  if (reference === undefined) throw new Refusal('malformed', `${where} names no resource of FHIR R4`);
  return reference;
}

/** Undefined when the text names no resource of R4. */
export function readReference(text: unknown): ResourceReference | undefined {
  const reference = typeof text === 'string' ? parseReference(text) : undefined;
  return reference !== undefined && isResourceType(reference.type) ? reference : undefined;
}

/** From a type, an id and perhaps a version that stand apart; undefined when they name no resource of R4. */
export function referenceOf(type: unknown, id: unknown, version: unknown): ResourceReference | undefined {
  if (!isResourceType(type) || !isFhirId(id)) return undefined;
  return { type, id, ...(isVersion(version) && { versionId: version }) };
}

/** Is this text what a sender may call one of its events? It becomes a part of a key. */
export function senderEventId(text: unknown): string | undefined {
  return typeof text === 'string' && /^[\x21-\x7e]{1,128}$/.test(text) ? text : undefined;
}

/** @throws Refusal when the sender speaks for another site than this connection's. */
export function requireSameSite(reported: unknown, own: string | undefined): void {
  if (own === undefined || reported === undefined || reported === own) return;
  throw new Refusal('malformed', 'the push says that it is of another site than this connection');
}

function resourceOf(json: unknown): JsonObject {
  if (!isObject(json)) throw new Refusal('malformed', 'a resource is no JSON object');
  if (!isResourceType(json.resourceType))
    throw new Refusal('malformed', 'a resource is of no type of FHIR R4');
  if (!isFhirId(json.id)) throw new Refusal('malformed', 'a resource has no valid id');
  return json;
}

function isVersion(text: unknown): text is string {
  return typeof text === 'string' && /^[^\s/|]{1,64}$/.test(text);
}
