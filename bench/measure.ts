/**
 * Honest timing: contenders take turns in one run, and the median of the turns counts.
 */
export interface Contender {
  readonly name: string;
  /** One pass over all charts. */
  readonly run: () => void | Promise<void>;
}

export interface Measured {
  readonly name: string;
  /** Microseconds of processor time per pass: smallest, median, largest of the turns. */
  readonly us: { readonly min: number; readonly median: number; readonly max: number };
}

const TURNS = 7;
const TURN_MS = 300; // long enough that the clock and one collection do not matter
const WARM_UP_MS = 3000; // a service runs for weeks: what is measured is compiled code

/** Every contender is warmed up, then all take a turn in each round. */
export async function measure(contenders: readonly Contender[]): Promise<Measured[]> {
  const turns = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  for (const contender of contenders) await turn(contender, WARM_UP_MS);
  for (let round = 0; round < TURNS; round++) {
    for (const contender of contenders) turns.get(contender.name)?.push(await turn(contender));
  }
  return [...turns].map(([name, values]) => ({ name, us: spread(values) }));
}

/** Processor time of all threads, so that neighbours on the machine count less than by the clock on the wall. */
async function turn({ run }: Contender, ms = TURN_MS): Promise<number> {
  const begun = performance.now();
  const before = process.cpuUsage();
  let passes = 0;
  do {
    await run();
    passes += 1;
  } while (performance.now() - begun < ms);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / passes;
}

function spread(values: readonly number[]): Measured['us'] {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (index: number): number => sorted[index] as number;
  return { min: at(0), median: at(Math.floor(sorted.length / 2)), max: at(sorted.length - 1) };
}

export function medianOf(measured: readonly Measured[], name: string): number {
  const found = measured.find((one) => one.name === name);
  if (found === undefined) throw new Error(`nothing was measured under ${name}`);
  return found.us.median;
}
