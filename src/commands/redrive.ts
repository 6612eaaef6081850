/**
 * `cramp-cds redrive`: shows work that was set aside, and tries it again when told which.
 */
import type { Config } from '../config.ts';
import { listSetAside, redrive, type SetAside } from '../store/set-aside.ts';
import { openStore, type Store } from '../store/store.ts';
import type { ConnectionId } from '../vocabulary/ids.ts';
import { connectionNamed } from './connect.ts';
import { type Terminal, table } from './terminal.ts';

export interface RedriveOptions {
  readonly connection?: string;
  readonly reason?: string;
  /** Everything that was set aside. */
  readonly all?: true;
}

/** Beside the running service, on its database. @throws InputError for a connection that is not configured */
export async function redriveCommand(
  config: Config,
  options: RedriveOptions,
  terminal: Terminal,
): Promise<void> {
  if (options.connection !== undefined) connectionNamed(config.connections, options.connection);
  await using store = await openStore({
    dataDir: config.dataDir,
    connections: config.connections.map(({ id }) => id),
    ...(config.databaseUrl === undefined ? {} : { databaseUrl: config.databaseUrl }),
  });
  await showAndRedrive(store, options, terminal);
}

export async function showAndRedrive(
  store: Store,
  { connection, reason, all }: RedriveOptions,
  { write, ...terminal }: Terminal,
): Promise<void> {
  const filter = {
    ...(connection === undefined ? {} : { connectionId: connection as ConnectionId }),
    ...(reason === undefined ? {} : { reason }),
  };
  const found = await listSetAside(store.db, filter);
  if (found.length === 0) return write('Nothing was set aside.');
  show(found, { write, ...terminal });
  if (all === undefined && reason === undefined && connection === undefined)
    return write('\nTo try again: redrive --reason <reason>, --connection <id>, or --all.');
  const { events, deliveries } = await redrive(store, filter);
  write(`\nTried again from now on: ${events} events, ${deliveries} deliveries.`);
}

function show(found: readonly SetAside[], terminal: Terminal): void {
  table(terminal, found, [
    { head: 'connection', text: ({ connectionId }) => connectionId },
    { head: 'what', text: ({ what }) => what },
    { head: 'state', text: ({ state }) => state },
    { head: 'count', text: ({ count }) => String(count) },
    { head: 'oldest', text: ({ oldest }) => oldest.toISOString().slice(0, 16).replace('T', ' ') },
    { head: 'reason', text: ({ reason }) => reason },
  ]);
}
