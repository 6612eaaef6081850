/**
 * Child process of the delivery benchmark: what is often written first. Each push is worked when it comes: the
 * patient's potassium and medicines are read, and an abnormal result is written as an issue. Nothing is kept,
 * proven, repeated or compared with what was said before. Argument: the FHIR base.
 */
import type { AddressInfo } from 'node:net';
import type { Bundle, Observation, Resource } from '@medplum/fhirtypes';
import express from 'express';

const [base = ''] = process.argv.slice(2);
const FHIR = { 'content-type': 'application/fhir+json' };
const LOW = 3.5; // mmol/L

const app = express();
app.post('/hook', express.json({ type: () => true }), async (req, res) => {
  const pushed = req.body as Observation;
  const patient = pushed.subject?.reference ?? '';
  const potassium = await search(`Observation?patient=${patient}&code=2823-3&_count=100`);
  const medicines = await search(`MedicationRequest?patient=${patient}&_count=100`);
  const isPotassium = pushed.code.coding?.some(({ code }) => code === '2823-3') === true;
  const isLow = isPotassium && (pushed.valueQuantity?.value ?? LOW) < LOW;
  if (isLow) await write(patient, [pushed, ...potassium, ...medicines]);
  res.send();
});

async function search(query: string): Promise<Resource[]> {
  const response = await fetch(`${base}/${query}`);
  if (!response.ok) throw new Error(`a search was answered with ${response.status}`);
  return ((await response.json()) as Bundle).entry?.flatMap(({ resource }) => resource ?? []) ?? [];
}

async function write(patient: string, seen: readonly Resource[]): Promise<void> {
  const issue = {
    resourceType: 'DetectedIssue',
    status: 'preliminary',
    severity: 'moderate',
    code: { text: 'Low potassium' },
    patient: { reference: patient },
    implicated: [{ reference: `Observation/${seen[0]?.id}` }],
    detail: `Low potassium; ${seen.length} resources seen.`,
  };
  const response = await fetch(`${base}/DetectedIssue`, {
    method: 'POST',
    headers: FHIR,
    body: JSON.stringify(issue),
  });
  if (!response.ok) throw new Error(`an issue was answered with ${response.status}`);
  await response.arrayBuffer();
}

const server = app.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
