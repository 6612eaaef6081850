/** Run by `crash.test.ts`: takes a job, says so, and never ends it. */
import { Inbox } from '../../src/store/inbox.ts';
import { openStore } from '../../src/store/store.ts';
import type { ConnectionId, PatientId } from '../../src/vocabulary/ids.ts';

const [dataDir = 'missing'] = process.argv.slice(2);
const connectionId = 'north' as ConnectionId;
try {
  const store = await openStore({ dataDir, connections: [connectionId] });
  const inbox = new Inbox(store, { quiet: () => ({ ms: 0, maxMs: 0 }) });
  const event = {
    connectionId,
    kind: 'change',
    type: 'Observation',
    trust: 'hint',
    state: 'waiting',
  } as const;
  for (let n = 0; n < 20; n++) {
    await inbox.commit([{ event: { ...event, resourceId: `k${n}`, patientId: 'p1' as PatientId } }]);
  }
  store.due.work(() => new Promise(() => process.stdout.write('running\n')), { concurrency: 1, pollMs: 50 });
} catch (error) {
  process.stdout.write(`refused: ${error instanceof Error ? error.message : 'unknown'}\n`);
  process.exitCode = 1;
}
