/**
 * The service as a child process, as `npm start` runs it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const { scripts } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
  scripts: { start: string };
};
const NODE_FLAGS = scripts.start.split(' ').filter((word) => word.startsWith('--'));

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
