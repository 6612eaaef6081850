/**
 * Child process of the intake benchmark: one candidate. Arguments: its name, and a PostgreSQL address.
 *
 * Says its port; each message is answered with what was kept since the last, and the processor time
 * before and after; then all is forgotten.
 */
import type { AddressInfo } from 'node:net';
import { CANDIDATES } from './intake-candidates.ts';
import { cpuMs } from './processes.ts';

const [name = '', databaseUrl = ''] = process.argv.slice(2);
const candidate = await CANDIDATES[name]?.(databaseUrl);
if (candidate === undefined) throw new Error(`there is no candidate ${name}`);
const { server } = candidate;
server.keepAliveTimeout = 600_000; // the turns of others lie between
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
process.send?.({ port: (server.address() as AddressInfo).port });

process.on('message', async ({ end }: { end?: true }) => {
  if (end) {
    server.close();
    server.closeAllConnections();
    await candidate.close();
    process.disconnect();
    return;
  }
  const used = cpuMs();
  const kept = await candidate.kept();
  await candidate.empty();
  process.send?.({ ...kept, used, begins: cpuMs() });
});
