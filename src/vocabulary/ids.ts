/**
 * Ids that must not be mixed up: each is a string with a name of its own.
 */
declare const brand: unique symbol;
type Id<Name extends string> = string & { readonly [brand]: Name };

/** One FHIR server of a site, as the configuration names it. */
export type ConnectionId = Id<'connection'>;
/** Logical id of a Patient; unique only within its connection. */
export type PatientId = Id<'patient'>;

const FHIR_ID = /^[A-Za-z0-9\-.]{1,64}$/;
const FHIR_TYPE = /^[A-Z][A-Za-z]{1,63}$/;

/** Is this a FHIR logical id? Anything else could leave the FHIR base when put into a URL. */
export function isFhirId(text: unknown): text is string {
  return typeof text === 'string' && FHIR_ID.test(text);
}

/** A reference to a resource of the same server. */
export interface ResourceReference {
  readonly type: string;
  readonly id: string;
  readonly versionId?: string;
}

const LAST_REFERENCE = /(?:^|\/)([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/([^/?#]{1,64}))?$/;

/**
 * Reads `Type/id[/_history/v]` from the right, because servers decorate the left.
 *
 * @returns undefined for anything else: `#contained`, `urn:uuid:`, text.
 */
export function parseReference(text: string | undefined): ResourceReference | undefined {
  const match = text === undefined ? null : LAST_REFERENCE.exec(text);
  if (match === null) return undefined;
  const [, type, id, versionId] = match;
  if (type === undefined || id === undefined || !FHIR_TYPE.test(type)) return undefined;
  return versionId === undefined ? { type, id } : { type, id, versionId };
}
