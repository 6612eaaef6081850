/**
 * Named settings that facts read. Source: clinical foundations 10.
 */
export interface FactSettings {
  /** IANA name; dates without a time are read in it. */
  readonly homeTimeZone: string;
  readonly clockSkewMinutes: number;
  readonly staleCourseDays: number;
  readonly staleChronicDays: number;
  readonly newDrugDays: number;
  /** Temperature from which there is fever, Cel. */
  readonly feverCel: number;
  readonly problemListComplete: boolean;
}

/** Source of every default: clinical foundations 10; feverCel: wider rules K. */
export const DEFAULT_FACT_SETTINGS = {
  homeTimeZone: 'UTC',
  clockSkewMinutes: 10,
  staleCourseDays: 30,
  staleChronicDays: 365,
  newDrugDays: 90,
  feverCel: 38.0,
  problemListComplete: false,
} as const satisfies FactSettings;
