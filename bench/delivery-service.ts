/**
 * Child process of the delivery benchmark: the service, with a connection that evaluates at once and one that
 * waits for the rest of a panel. Arguments: the FHIR base, a free port, and a PostgreSQL address.
 *
 * Each message is answered when nothing waits any more, with the counts so far and the time of the last delivery.
 */
import { type Counts, epochMs, PANELS, SINGLE } from './delivery-results.ts';
import { startService } from './service.ts';

const QUIET_MS = 500;

const [base = '', port = '', databaseUrl] = process.argv.slice(2);
const counts = { evaluated: 0, delivered: 0, lastAt: 0 };
const running = await startService(
  { base, port: Number(port), databaseUrl, quietMs: { [SINGLE]: 0, [PANELS]: QUIET_MS } },
  {
    onEvaluated: () => {
      counts.evaluated += 1;
    },
    onDelivered: () => {
      counts.delivered += 1;
      counts.lastAt = epochMs();
    },
  },
);
process.send?.({ port: Number(port) });
process.on('message', async ({ end }: { end?: true }) => {
  if (end) {
    await running[Symbol.asyncDispose]();
    process.disconnect();
    return;
  }
  await running.quiet();
  await running.quiet(); // its counts are not of one moment: a job may have passed from one queue to the next
  process.send?.({ ...counts } satisfies Counts);
});
