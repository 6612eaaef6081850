/**
 * One process per folder.
 *
 * Why: the embedded database keeps half of the rows, silently, when two processes write to one folder.
 * The lock is a file with the process that holds it, so a killed process blocks nobody: its successor
 * sees that the holder is gone and takes over.
 */
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

export class FolderInUse extends Error {}

interface Holder {
  readonly pid: number;
  /** Start of the process in clock ticks since boot, where the system tells it: a pid may be given again. */
  readonly started?: string;
}

/** Locks that this process holds; a file with our pid that is not among them was left by another life. */
const held = new Set<string>();

/**
 * Takes the lock of a folder, creating the folder when needed.
 *
 * @throws FolderInUse when a living process, or this one, holds it.
 */
export async function lockFolder(folder: string): Promise<AsyncDisposable> {
  await mkdir(folder, { recursive: true });
  const file = join(resolve(folder), 'in-use.lock');
  if (held.has(file)) throw new FolderInUse(`the data folder ${folder} is already open in this process`);
  held.add(file);
  try {
    await take(file, folder);
  } catch (error) {
    held.delete(file);
    throw error;
  }
  return {
    async [Symbol.asyncDispose]() {
      await rm(file, { force: true });
      held.delete(file);
    },
  };
}

async function take(file: string, folder: string): Promise<void> {
  const mine = JSON.stringify(await holderOf(process.pid));
  // Written beside and linked in place: the lock is there complete, or not at all.
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, mine);
  try {
    for (let round = 0; round < 3; round++) {
      if (await linked(draft, file)) return;
      await removeIfAbandoned(file, folder);
    }
    throw new FolderInUse(`the data folder ${folder} is being opened by several processes at once`);
  } finally {
    await rm(draft, { force: true });
  }
}

async function linked(draft: string, file: string): Promise<boolean> {
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function removeIfAbandoned(file: string, folder: string): Promise<void> {
  const seen = await readFile(file, 'utf8').catch(() => undefined);
  if (seen === undefined) return; // released meanwhile
  const holder = parseHolder(seen);
  if (holder !== undefined && (await isAlive(holder))) {
    throw new FolderInUse(
      `the data folder ${folder} is in use by process ${holder.pid}; the embedded database allows one process, use DATABASE_URL for more`,
    );
  }
  const aside = `${file}.old.${process.pid}`;
  await rename(file, aside).catch(() => undefined);
  // Somebody else may have taken over between our reading and our renaming: then that lock goes back.
  const moved = await readFile(aside, 'utf8').catch(() => undefined);
  if (moved !== undefined && moved !== seen) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
}

function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, started } = JSON.parse(text) as Partial<Holder>;
    if (typeof pid !== 'number') return undefined;
    return started === undefined ? { pid } : { pid, started };
  } catch {
    return undefined;
  }
}

async function isAlive(holder: Holder): Promise<boolean> {
  if (holder.pid === process.pid) return false; // not ours, see `held`: an earlier life with our number
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
  }
  const now = await holderOf(holder.pid);
  return holder.started === undefined || now.started === undefined || now.started === holder.started;
}

async function holderOf(pid: number): Promise<Holder> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // Field 22, counted after the closing bracket of the name, which may itself hold blanks.
  const started = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return started === undefined ? { pid } : { pid, started };
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}
