/**
 * Child process of the CDS Hooks benchmark: the service, subscribed to the hospital of the other child.
 *
 * Arguments: the FHIR base, a free port, and a PostgreSQL address where there is one.
 */
import { cpuMs } from './processes.ts';
import { startService } from './service.ts';

const [base = '', port = '', databaseUrl] = process.argv.slice(2);
let evaluated = 0;
const running = await startService(
  { base, port: Number(port), databaseUrl, quietMs: { bench: 0 } },
  {
    onEvaluated: () => {
      evaluated += 1;
    },
  },
);
await running.subscribe();
process.send?.({ ready: true });
process.on('message', () => void process.send?.({ evaluated, cpuMs: cpuMs() }));
