/**
 * `cramp-cds connect`: makes a server push to us, in its own dialect; the running service does the same at its start.
 */
import type { Config, ConfiguredConnection } from '../config.ts';
import { Gate } from '../connections/gate.ts';
import { type EnsuredSubscription, ensureSubscriptions } from '../connections/subscribe.ts';
import { deviceSystem } from '../delivery/service.ts';
import { InputError } from './decide.ts';
import { setUpThere } from './set-up-there.ts';
import { type Terminal, wrap } from './terminal.ts';

/** @throws InputError when no connection has this id */
export function connectionNamed(
  connections: readonly ConfiguredConnection[],
  id: string,
): ConfiguredConnection {
  const found = connections.find((one) => one.id === id);
  if (found !== undefined) return found;
  throw new InputError(
    connections.length === 0
      ? 'there are no connections; name a configuration with --config or CRAMP_CDS_CONFIG'
      : `no connection has this id; the configuration has ${connections.map((one) => one.id).join(', ')}`,
  );
}

/** @returns the exit code: 1 when a Subscription could not be made */
export async function connect(config: Config, id: string, terminal: Terminal): Promise<0 | 1> {
  const connection = connectionNamed(config.connections, id);
  if (connection.ingress.length === 0) {
    terminal.write(`${id} is configured without ingress: it pushes nothing and is read by sweeps alone.`);
    return 0;
  }
  const gate = new Gate(connection, deviceSystem(config.publicUrl));
  const ensured = await ensureSubscriptions(gate, { now: new Date() });
  const steps = setUpThere(connection);
  if (ensured.length === 0 && steps !== undefined) {
    terminal.write(`The pushes of ${id} are set up on its side:`);
    for (const [index, step] of steps.entries()) {
      const [first = '', ...rest] = wrap(step, terminal.width - 5);
      terminal.write(`  ${index + 1}. ${first}`);
      for (const line of rest) terminal.write(`     ${line}`);
    }
    terminal.write(`Then: cramp-cds doctor ${id}`);
  }
  for (const one of ensured) terminal.write(inWords(one));
  return ensured.some(({ outcome }) => outcome === 'failed') ? 1 : 0;
}

const SAYS = {
  created: 'created',
  updated: 'brought up to date',
  reactivated: 'was switched on again',
  renewed: 'was renewed before its end',
  unchanged: 'is as it should be',
  failed: 'could not be made',
} as const satisfies Record<EnsuredSubscription['outcome'], string>;

export function inWords({ criteria, outcome, status, because }: EnsuredSubscription): string {
  if (outcome === 'unchanged' && status === 'requested')
    return `Subscription to ${criteria} still waits for the server to make it active; cramp-cds doctor says for how long`;
  const state = status === undefined ? '' : ` (${status})`;
  return `Subscription to ${criteria} ${SAYS[outcome]}${state}${because === undefined ? '' : `: ${because}`}`;
}
