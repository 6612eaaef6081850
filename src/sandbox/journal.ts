/**
 * What the sandbox stored, on disk: one line per commit, written before the answer.
 *
 * Why: the demo may be killed at any moment and must continue with the chart it showed. A line holds
 * all writes of one transaction, so a line cut short by the kill loses that transaction as a whole.
 */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Version } from './version.ts';

export class Journal implements Disposable {
  readonly #file: number;

  private constructor(file: number) {
    this.#file = file;
  }

  /**
   * Opens `sandbox.ndjson` in the folder, which is made when it is missing.
   *
   * @returns the journal and the commits it holds, oldest first; a last line without its end is cut off.
   * @throws when another line can not be read: then the file is not ours or was damaged.
   */
  static open(folder: string): { journal: Journal; commits: Version[][] } {
    mkdirSync(folder, { recursive: true });
    const path = join(folder, 'sandbox.ndjson');
    const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
    const whole = bytes.lastIndexOf('\n') + 1;
    if (whole < bytes.length) truncateSync(path, whole);
    const lines = bytes.subarray(0, whole).toString('utf8').split('\n').slice(0, -1);
    const commits = lines.map((line, index) => readLine(line, index + 1, path));
    return { journal: new Journal(openSync(path, 'a')), commits };
  }

  /** Writes one commit; when this returns, the operating system has it. */
  append(versions: readonly Version[]): void {
    const line = Buffer.from(`${JSON.stringify(versions)}\n`);
    for (let written = 0; written < line.length; ) written += writeSync(this.#file, line, written);
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}

function readLine(line: string, number: number, path: string): Version[] {
  try {
    return JSON.parse(line) as Version[];
  } catch {
    throw new Error(`Line ${number} of ${path} can not be read. Move the file away to start afresh.`);
  }
}
