/**
 * The secret of this installation, when the configuration names none: a file in its data folder.
 *
 * From it come the keys for sealed comments, for the hashes of users and for sessions. Several processes on one
 * database need the same one, so they are given it by the configuration.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const BYTES = 32;

/** Made at the first start. @throws when the folder can not be written to */
export function siteSecret(dataDir: string): string {
  if (dataDir.startsWith('memory:')) return newSecret();
  const file = join(dataDir, 'secret');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  try {
    writeFileSync(file, newSecret(), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(file, 'utf8').trim();
}

function newSecret(): string {
  return randomBytes(BYTES).toString('base64url');
}
