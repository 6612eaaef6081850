/**
 * Child process of the CDS Hooks benchmark: a FHIR server, and a laboratory that writes results to it all the time.
 *
 * Says where it is; told to begin, writes so many results a second until it is killed.
 */
import type { Observation, Resource } from '@medplum/fhirtypes';
import { startSandbox } from '../src/sandbox/sandbox.ts';

const PATIENTS = 200;

const sandbox = await startSandbox({ port: 0, clientIds: 'allowed', deliverAs: 'medplum' });
const patients = Array.from({ length: PATIENTS }, (_, index): Resource[] => [
  { resourceType: 'Patient', id: `load-${index}`, gender: 'female', birthDate: '1950-03-04' },
  result(index, 4.1, `load-${index}-first`),
]);
await sandbox.load(patients.flat(), { notify: false });
process.send?.({ base: sandbox.base });

process.on('message', ({ perSecond }: { perSecond: number }) => {
  let written = 0;
  setInterval(() => {
    const index = written++ % PATIENTS;
    // Every tenth is low, so that alerts open and close and are delivered.
    const resource = result(index, written % 10 === 0 ? 2.9 : 4.1, `load-${index}-${written}`);
    void fetch(`${sandbox.base}/Observation/${resource.id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify(resource),
    }).catch(() => undefined);
  }, 1000 / perSecond);
});

function result(patient: number, value: number, id: string): Observation {
  return {
    resourceType: 'Observation',
    id,
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '2823-3' }] },
    subject: { reference: `Patient/load-${patient}` },
    effectiveDateTime: new Date().toISOString(),
    valueQuantity: { value, unit: 'mmol/L', system: 'http://unitsofmeasure.org', code: 'mmol/L' },
  };
}
