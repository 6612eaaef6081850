/**
 * Small pure functions behind every figure: counts and shares that hide small groups, percentiles, an interval.
 */

/** A figure; `<5` where it would tell something about fewer patients than that; null where there is nothing to divide. */
export type Cell = number | `<${number}` | null;

interface OfPatient {
  readonly patient: string;
}

/** Counts and shares for one smallest number of patients, from which on figures are shown. */
export class Figures {
  readonly #smallest: number;

  constructor(smallest: number) {
    this.#smallest = smallest;
  }

  /** Rows; none is 0. */
  count(rows: readonly OfPatient[]): Cell {
    return this.#isSmall(rows) ? this.#hidden() : rows.length;
  }

  patients(rows: readonly OfPatient[]): Cell {
    return this.#isSmall(rows) ? this.#hidden() : new Set(rows.map(({ patient }) => patient)).size;
  }

  /** Per cent of rows that pass. Hidden also when those that pass, or those that do not, are few. */
  share<R extends OfPatient>(rows: readonly R[], passes: (row: R) => boolean): Cell {
    if (rows.length === 0) return null;
    const yes = rows.filter(passes);
    const no = rows.filter((row) => !passes(row));
    if (this.#isSmall(rows) || this.#isSmall(yes) || this.#isSmall(no)) return this.#hidden();
    return tenths((100 * yes.length) / rows.length);
  }

  /** One number formed from rows, such as a percentile; null when the rows give none. */
  from(rows: readonly OfPatient[], form: () => number | undefined): Cell {
    const value = form();
    if (value === undefined) return null;
    return this.#isSmall(rows) ? this.#hidden() : tenths(value);
  }

  #isSmall(rows: readonly OfPatient[]): boolean {
    const patients = new Set(rows.map(({ patient }) => patient)).size;
    return patients > 0 && patients < this.#smallest;
  }

  #hidden(): Cell {
    return `<${this.#smallest}`;
  }
}

/** Linear between the two nearest; undefined of nothing. @param share 0.5 is the median */
export function percentile(values: readonly number[], share: number): number | undefined {
  const ordered = values.toSorted((a, b) => a - b);
  const at = share * (ordered.length - 1);
  const low = ordered[Math.floor(at)];
  const high = ordered[Math.ceil(at)];
  if (low === undefined || high === undefined) return undefined;
  return low + (high - low) * (at - Math.floor(at));
}

const Z_95 = 1.959964; // two-sided 95 % of the normal distribution

/** Wilson's score interval, 95 %, as shares from 0 to 1. Source: Wilson 1927. */
export function wilson(successes: number, of: number): { readonly low: number; readonly high: number } {
  const p = successes / of;
  const z2 = Z_95 ** 2;
  const middle = (p + z2 / (2 * of)) / (1 + z2 / of);
  const half = (Z_95 / (1 + z2 / of)) * Math.sqrt((p * (1 - p)) / of + z2 / (4 * of ** 2));
  return { low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

export function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
