/**
 * A plain model of what must be open at the end: written from the rule pages, without any code of the service.
 *
 * The tests and values are chosen so that the end depends on the last word about each test and not on the way
 * there: no value lies between where a rule fires and where it clears.
 */
import type { Observation } from '@medplum/fhirtypes';
import { observation } from './records.ts';

export const TESTS = ['potassium', 'creatine-kinase'] as const;
export type TestName = (typeof TESTS)[number];

interface Modelled {
  readonly code: string;
  readonly unit: string;
  readonly values: readonly number[];
  /** The rule whose alert must be open at this value; undefined when none may be. */
  readonly alertAt: (value: number) => string | undefined;
}

export const MODELLED: Readonly<Record<TestName, Modelled>> = {
  potassium: {
    code: '2823-3',
    unit: 'mmol/L',
    values: [2.2, 2.9, 3.2, 3.9, 4.4, 6.6],
    alertAt: (value) => (value < 3.5 ? 'el-hypokalaemia' : value >= 6 ? 'el-hyperkalaemia' : undefined),
  },
  'creatine-kinase': {
    code: '2157-6',
    unit: 'U/L',
    values: [90, 150, 8000, 12_000],
    alertAt: (value) => (value >= 5000 ? 'md-ck-raised' : undefined),
  },
};

/** The last word about each test of each patient; undefined when it was taken back, deleted or never made. */
export class Oracle {
  readonly #last = new Map<string, number | undefined>();

  note(patient: string, test: TestName, value: number | undefined): void {
    this.#last.set(`${patient}|${test}`, value);
  }

  /** Rules with an open alert, sorted. */
  openOf(patient: string): string[] {
    return TESTS.flatMap((test) => {
      const value = this.#last.get(`${patient}|${test}`);
      return value === undefined ? [] : (MODELLED[test].alertAt(value) ?? []);
    }).sort();
  }
}

export function result(
  patient: string,
  test: TestName,
  value: number,
  status: Observation['status'],
  at: Date,
): Observation {
  const { code, unit } = MODELLED[test];
  return observation(patient, test, code, value, unit, { status, at });
}
