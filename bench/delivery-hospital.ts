/**
 * Child process of the delivery benchmark: the FHIR server. It stores what it is told to without pushing it,
 * and answers how it is stored, how many requests it has served since the last message, and how long they took.
 */
import { channel } from 'node:diagnostics_channel';
import type { Observation, Resource } from '@medplum/fhirtypes';
import { startSandbox } from '../src/sandbox/sandbox.ts';
import type { Served } from './delivery-results.ts';

let requests = 0;
let busyMs = 0;
const begun = new WeakMap<object, number>();
channel('http.server.request.start').subscribe((message) => {
  begun.set((message as { response: object }).response, performance.now());
});
channel('http.server.response.finish').subscribe((message) => {
  requests += 1;
  busyMs += performance.now() - (begun.get((message as { response: object }).response) ?? Number.NaN);
});

const sandbox = await startSandbox({ port: 0, clientIds: 'allowed', deliverAs: 'medplum' });
process.send?.({ base: sandbox.base });

process.on('message', async ({ load = [] }: { load?: readonly Resource[] }) => {
  if (load.length > 0) await sandbox.load(load, { notify: false });
  const stored = await Promise.all(load.filter(isObservation).map(({ id }) => read(id)));
  process.send?.({ requests, busyMs, stored } satisfies Served);
  requests = 0;
  busyMs = 0;
});

function isObservation(resource: Resource): resource is Observation {
  return resource.resourceType === 'Observation';
}

/** In the version that a push of it would have: a sweep must not find another. */
async function read(id: string | undefined): Promise<Observation> {
  return (await (await fetch(`${sandbox.base}/Observation/${id}`)).json()) as Observation;
}
