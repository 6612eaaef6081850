/**
 * Is an error the database's, and not the data's or ours? Then it passes: the same work will do when the database is itself again.
 */

/** SQLSTATE: connection, rolled back, out of room or connections, locked, stopped, system; and read-only. */
const SQLSTATE = /^(?:(?:08|40|53|55|57|58)[0-9A-Z]{3}|25006)$/;

const NETWORK: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** What the driver says of a connection that broke or could not be had; it has no code for that. */
const NO_CONNECTION =
  /^(?:Connection terminated|timeout e|Client (?:has encountered|was closed)|Postgres connection has been discarded|the database is silent)/;

export function isDatabaseTrouble(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  if (typeof code === 'string') return SQLSTATE.test(code) || NETWORK.has(code);
  return NO_CONNECTION.test(error.message);
}
