/**
 * The state of each connection as gauges: what waits and how long, what was set aside, how its pushes and calls do.
 */
import { Gauge, type Registry } from 'prom-client';
import type { ConnectionStatus } from './status.ts';

type Series = readonly { readonly labels?: Record<string, string>; readonly value: number }[];

interface Shown {
  readonly help: string;
  readonly labels?: readonly string[];
  readonly of: (status: ConnectionStatus) => number | Series;
}

const GAUGES: Readonly<Record<string, Shown>> = {
  events_waiting: { help: 'Events that wait', of: ({ events }) => events.waiting },
  oldest_event_seconds: {
    help: 'Age of the oldest event that waits',
    of: ({ events }) => events.oldestWaitingSeconds,
  },
  deliveries_owed: { help: 'Writes that are owed', of: ({ deliveries }) => deliveries.owed },
  oldest_delivery_seconds: {
    help: 'Age of the oldest write that is owed',
    of: ({ deliveries }) => deliveries.oldestOwedSeconds,
  },
  set_aside: {
    help: 'Work that waits for a person',
    labels: ['what'],
    of: ({ setAside }) =>
      [...Map.groupBy(setAside, ({ what }) => what)].map(([what, all]) => ({
        labels: { what },
        value: all.reduce((sum, { count }) => sum + count, 0),
      })),
  },
  swept_only: { help: 'Events of the last day that no push has told', of: ({ sweptOnly }) => sweptOnly },
  breaker_open: {
    help: '1 while the server is left alone',
    of: ({ breaker }) => (breaker === 'open' ? 1 : 0),
  },
  calls_allowed: { help: 'Calls at once that are allowed', of: ({ callsAllowed }) => callsAllowed },
  subscriptions: {
    help: 'Subscriptions by the state that the server tells',
    labels: ['status'],
    of: ({ subscriptions }) =>
      [...Map.groupBy(subscriptions, ({ status = 'unknown' }) => status)].map(([status, all]) => ({
        labels: { status },
        value: all.length,
      })),
  },
  notices_missing: {
    help: 'Numbers of notices that have not come',
    of: ({ subscriptions }) => subscriptions.reduce((sum, { missing }) => sum + missing, 0),
  },
};

/** @param statuses asked once for each reading, however many gauges there are */
export function showConnections(
  registry: Registry,
  statuses: () => Promise<readonly ConnectionStatus[]>,
): void {
  let asked: Promise<readonly ConnectionStatus[]> | undefined;
  const read = (): Promise<readonly ConnectionStatus[]> => {
    asked ??= statuses().finally(() => {
      asked = undefined;
    });
    return asked;
  };
  for (const [name, { help, labels = [], of }] of Object.entries(GAUGES)) {
    const gauge = new Gauge({
      name: `cramp_cds_${name}`,
      help,
      labelNames: ['connection', ...labels],
      registers: [registry],
      async collect() {
        gauge.reset();
        for (const status of await read()) {
          const value = of(status);
          const series = typeof value === 'number' ? [{ value }] : value;
          for (const one of series)
            gauge.set({ connection: status.connection, ...('labels' in one ? one.labels : {}) }, one.value);
        }
      },
    });
  }
}
