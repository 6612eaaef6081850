/**
 * What a service process used while something was done to it: the most memory, and how long its event loop kept others waiting.
 */
import { readFileSync } from 'node:fs';

export interface ProcessFigures {
  readonly maxRssMiB: number;
  /** Of the time between the first look and this one. */
  readonly loopDelayP99Ms: number;
  readonly loopDelayMaxMs: number;
}

export interface WatchedProcess {
  /** May be asked again: each answer is of the time since the last one. */
  figures(): Promise<ProcessFigures>;
}

/**
 * Begins to watch.
 *
 * @param metricsUrl of the process's `/metrics`
 * @param token that opens them
 */
export async function watchProcess(pid: number, metricsUrl: string, token: string): Promise<WatchedProcess> {
  const look = async (): Promise<string> => {
    const answer = await fetch(metricsUrl, { headers: { authorization: `Bearer ${token}` } });
    if (!answer.ok) throw new Error(`the metrics answered ${answer.status}`);
    return answer.text();
  };
  await look(); // delays are counted from one look to the next: the start of the process is not meant
  return {
    async figures() {
      const metrics = await look();
      const ms = (name: string): number => Math.round(figureOf(metrics, name) * 1000);
      return {
        maxRssMiB: Math.round(
          highestRss(pid) ?? figureOf(metrics, 'process_resident_memory_bytes') / 2 ** 20,
        ),
        loopDelayP99Ms: ms('nodejs_eventloop_lag_p99_seconds'),
        loopDelayMaxMs: ms('nodejs_eventloop_lag_max_seconds'),
      };
    },
  };
}

/** MiB, since the process began; known on Linux. */
export function highestRss(pid: number): number | undefined {
  try {
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kib === undefined ? undefined : Number(kib) / 1024;
  } catch {
    return undefined;
  }
}

/** The worse of both, each by itself. */
export function worst(a: ProcessFigures, b: ProcessFigures): ProcessFigures {
  return {
    maxRssMiB: Math.max(a.maxRssMiB, b.maxRssMiB),
    loopDelayP99Ms: Math.max(a.loopDelayP99Ms, b.loopDelayP99Ms),
    loopDelayMaxMs: Math.max(a.loopDelayMaxMs, b.loopDelayMaxMs),
  };
}

export const NOTHING_USED: ProcessFigures = { maxRssMiB: 0, loopDelayP99Ms: 0, loopDelayMaxMs: 0 };

function figureOf(metrics: string, name: string): number {
  const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics) ?? [];
  return Number(value);
}
