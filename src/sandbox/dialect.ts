/**
 * The servers that the sandbox can play, and where they differ for who connects to them.
 *
 * Source: FHIR integration reference 2, as the makers document them or their code says.
 */

export type DialectName =
  | 'medplum'
  | 'hapi'
  | 'rest-hook' // R4 as it is written
  | 'aidbox'
  | 'healthlake'
  | 'azure'
  | 'google'
  | 'poll-only';

export interface Dialect {
  /**
   * What becomes of a requested Subscription: it stays so, is activated, or is activated when a first push
   * was taken; `none` where the server knows no Subscriptions.
   */
  readonly requested: 'stays' | 'activated' | 'asked' | 'none';
  /** It may be switched on again by an update; else a new one has to be made. */
  readonly wakes: boolean;
  /** Whom it tells is set up beside FHIR, and everything is told. */
  readonly pushesAll: boolean;
  /** `GET /Type/_history` tells what was deleted. */
  readonly typeHistory: boolean;
}

const OF_R4 = { requested: 'activated', wakes: true, pushesAll: false, typeHistory: false } as const;
const BY_TOPIC = { requested: 'asked', wakes: false, pushesAll: false } as const;
const BESIDE = { requested: 'none', wakes: false, pushesAll: true } as const;

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  medplum: { ...OF_R4, requested: 'stays' },
  hapi: { ...OF_R4, typeHistory: true },
  'rest-hook': OF_R4,
  aidbox: { ...BY_TOPIC, typeHistory: true },
  healthlake: { ...BY_TOPIC, typeHistory: false },
  azure: { ...BESIDE, typeHistory: true },
  google: { ...BESIDE, typeHistory: false },
  'poll-only': { ...BESIDE, pushesAll: false, typeHistory: false },
};
