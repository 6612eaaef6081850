/**
 * What the processes of the delivery benchmark tell each other, and the results they speak of.
 */
import type { Observation, Patient } from '@medplum/fhirtypes';

/** The connection that evaluates at once, and the one that waits for the rest of a panel. */
export const SINGLE = 'single';
export const PANELS = 'panels';

export const PANEL = 12;

export interface Counts {
  readonly evaluated: number;
  readonly delivered: number;
  /** Of the last delivery; milliseconds since the epoch. */
  readonly lastAt: number;
}

/** What a FHIR server has done since it was last asked. */
export interface Served {
  readonly requests: number;
  /** From each request to its answer, in milliseconds. */
  readonly busyMs: number;
  /** The results it was just given, as it stored them. */
  readonly stored: readonly Observation[];
}

/** The same clock in every process, finer than a millisecond. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

// Normal ones of a panel; potassium is kept for the abnormal.
const NORMAL = [
  ['2951-2', 140, 'mmol/L'],
  ['2075-0', 103, 'mmol/L'],
  ['19123-9', 0.85, 'mmol/L'],
  ['2000-8', 2.35, 'mmol/L'],
  ['2777-1', 1.1, 'mmol/L'],
  ['1751-7', 42, 'g/L'],
  ['718-7', 135, 'g/L'],
  ['6690-2', 6.4, '10*9/L'],
  ['777-3', 250, '10*9/L'],
  ['1742-6', 22, 'U/L'],
  ['1988-5', 2, 'mg/L'],
] as const;

export function patient(id: string): Patient {
  return { resourceType: 'Patient', id, gender: 'female', birthDate: '1950-03-04' };
}

/** Result number `n` of all; every tenth is a low potassium. */
export function result(n: number, of: string): Observation {
  const low = ['2823-3', 2.9, 'mmol/L'] as const;
  const [code, value, unit] = n % 10 === 0 ? low : (NORMAL[n % NORMAL.length] as (typeof NORMAL)[number]);
  return {
    resourceType: 'Observation',
    id: `${of}-${n}`,
    status: 'final',
    category: [
      {
        coding: [
          { system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' },
        ],
      },
    ],
    code: { coding: [{ system: 'http://loinc.org', code }] },
    subject: { reference: `Patient/${of}` },
    effectiveDateTime: new Date().toISOString(),
    valueQuantity: { value, unit, system: 'http://unitsofmeasure.org', code: unit },
  };
}
