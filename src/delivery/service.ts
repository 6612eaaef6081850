/**
 * Who writes: the service's own name, the systems of its codes, and its Device.
 */
import type { Coding, Device as DeviceResource, Identifier, Reference, Resource } from '@medplum/fhirtypes';
import type { Identity } from './identity.ts';

export interface Service {
  /** Canonical address of this installation, without a slash at the end: `https://cds.example.org/cramp-cds`. */
  readonly uri: string;
  /** The author of what is written; a reference once the target holds our Device, else a logical one. */
  readonly author: Reference<DeviceResource>;
  /** Base of the server that the records are on, where that is another than the target. */
  readonly recordsAt?: string;
}

/** A reference to a record of the patient: relative on its own server, absolute from any other. */
export function toRecord<T extends Resource>(reference: string, { recordsAt }: Service): Reference<T> {
  return { reference: recordsAt === undefined ? reference : `${recordsAt}/${reference}` };
}

export const DEVICE_NAME = 'cramp-cds clinical rules';

export function deviceSystem(uri: string): string {
  return `${uri}/device`;
}
export function issueIdentifier(uri: string, value: Identity): Identifier {
  return { system: `${uri}/issue`, value };
}
export function planIdentifier(uri: string, value: Identity): Identifier {
  return { system: `${uri}/plan`, value };
}
/** Provenance has no identifier in R4, so its name is a tag. */
export function provenanceTag(uri: string, value: Identity): Coding {
  return { system: `${uri}/provenance`, code: value };
}

/** `generated` tells our resources from what people wrote. */
export function generatedTag(uri: string): Coding {
  return { system: tagSystem(uri), code: 'generated' };
}
export function tagSystem(uri: string): string {
  return `${uri}/tags`;
}
/** Tiers have a system of their own: FHIR severity ends at `high`, and routing must see `critical`. */
export function tierSystem(uri: string): string {
  return `${uri}/tiers`;
}
export function rulePage(uri: string, rule: string, version?: string): string {
  return `${uri}/rules/${encodeURIComponent(rule)}${version === undefined ? '' : `?v=${encodeURIComponent(version)}`}`;
}
