import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { countEvents } from '../../src/store/event.ts';
import { FolderInUse, lockFolder } from '../../src/store/folder-lock.ts';
import { openStore } from '../../src/store/store.ts';
import { CONNECTIONS } from './databases.ts';
import { until } from './until.ts';

const CHILD = join(import.meta.dirname, 'crash-child.ts');

/** Starts another process on the folder. @returns its first line, and how to kill it. */
async function startOther(dataDir: string): Promise<{ line: string; kill(): Promise<void> }> {
  const child = spawn(process.execPath, [CHILD, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  living.add(child);
  child.once('exit', () => living.delete(child));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data));
  await until('the other process speaks', () => output.includes('\n'), 50_000);
  return {
    line: output.split('\n')[0] ?? '',
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

const living = new Set<ChildProcess>();
afterAll(() => {
  for (const child of living) child.kill('SIGKILL');
});

describe('the embedded database', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cramp-cds-crash-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('loses no committed event to a SIGKILL, and its job runs again at once after the next start', async () => {
    const first = await startOther(folder);
    expect(first.line).toBe('running');
    await expect(openStore({ dataDir: folder, connections: CONNECTIONS })).rejects.toThrow(FolderInUse);
    const second = await startOther(folder);
    await second.kill();
    expect(second.line).toMatch(/^refused: the data folder .* is in use by process \d+/);
    await first.kill();

    const store = await openStore({ dataDir: folder, connections: CONNECTIONS });
    try {
      expect(await countEvents(store.db)).toMatchObject({ waiting: 20 });
      const attempts: number[] = [];
      const started = performance.now();
      store.due.work(async (job) => void attempts.push(job.attempt), { concurrency: 1, pollMs: 50 });
      await until('the job of the killed process', () => attempts.length > 0);
      expect(attempts[0]).toBeGreaterThan(1);
      expect(performance.now() - started).toBeLessThan(2000);
    } finally {
      await store[Symbol.asyncDispose]();
    }
  }, 120_000);
});

describe('the lock of a data folder', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cramp-cds-lock-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const leave = (content: string): Promise<void> => writeFile(join(folder, 'in-use.lock'), content);

  it('is refused twice in one process and free after release', async () => {
    const lock = await lockFolder(folder);
    await expect(lockFolder(folder)).rejects.toThrow('already open in this process');
    await lock[Symbol.asyncDispose]();
    await (await lockFolder(folder))[Symbol.asyncDispose]();
  });

  it('is taken over when its process is gone, also when its number was given to another', async () => {
    await leave(JSON.stringify({ pid: 2 ** 22 + 1 }));
    await (await lockFolder(folder))[Symbol.asyncDispose]();
    await leave(JSON.stringify({ pid: process.ppid, started: '1' }));
    await (await lockFolder(folder))[Symbol.asyncDispose]();
    await leave(JSON.stringify({ pid: process.pid, started: '1' })); // a container gives the same number again
    await (await lockFolder(folder))[Symbol.asyncDispose]();
    await leave('torn');
    await (await lockFolder(folder))[Symbol.asyncDispose]();
  });

  it('is refused while its process lives', async () => {
    await leave(JSON.stringify({ pid: process.ppid }));
    await expect(lockFolder(folder)).rejects.toThrow(`in use by process ${process.ppid}`);
  });
});
