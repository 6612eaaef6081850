/**
 * The service as a child process, as `npm start` runs it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const NODE_FLAGS = [
  '--disallow-code-generation-from-strings',
  '--disable-proto=delete',
  '--max-semi-space-size=16',
  '--disable-warning=ExperimentalWarning',
];

export function spawnService({
  preload = [],
  args,
  env,
}: {
  /** Flags of Node that load something before the service. */
  readonly preload?: readonly string[];
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}): ChildProcess {
  return spawn(process.execPath, [...NODE_FLAGS, ...preload, MAIN, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

export function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

/** Does it say that it can keep events? */
export function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );
}
