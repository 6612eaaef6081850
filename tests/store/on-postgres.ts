import { it } from '@jest/globals';
import { databases } from './databases.ts';

/** A test that needs PostgreSQL; without one it is skipped, and its name says why. */
export async function onPostgres(): Promise<(name: string, test: () => Promise<void>) => void> {
  const found = (await databases()).some(({ name }) => name === 'PostgreSQL');
  return found ? it : (name, test) => it.skip(`${name} (skipped: no PostgreSQL answered)`, test);
}
