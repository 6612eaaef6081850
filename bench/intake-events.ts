/**
 * The pushes of the intake benchmark: Observations of about 1.2 KB, each a version of its own, signed.
 */
import { createHmac } from 'node:crypto';

export const CONNECTION = 'bench';
export const SECRET = 'bench-secret-0123456789abcdef0123456789abcdef';

/** A large hospital's patients of one day. */
export const PATIENTS = 10_000;

const NOTE = 'Sample received at ambient temperature. Repeated on a second analyser, with the same result.';
const QUANTITY = { unit: 'mmol/L', system: 'http://unitsofmeasure.org', code: 'mmol/L' };

const [HEAD, MIDDLE, TAIL] = JSON.stringify({
  resourceType: 'Observation',
  id: 'ID',
  meta: {
    versionId: '1',
    lastUpdated: '2026-03-04T08:15:30.123Z',
    profile: ['http://hl7.org/fhir/StructureDefinition/vitalsigns'],
  },
  identifier: [{ system: 'https://laboratory.example.org/results', value: 'L-2026-0304-000117' }],
  status: 'final',
  category: [
    {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }],
    },
  ],
  code: {
    coding: [
      {
        system: 'http://loinc.org',
        code: '2823-3',
        display: 'Potassium [Moles/volume] in Serum or Plasma',
      },
    ],
    text: 'Potassium',
  },
  subject: { reference: 'Patient/PATIENT' },
  effectiveDateTime: '2026-03-04T08:00:00Z',
  issued: '2026-03-04T08:15:30.123Z',
  performer: [{ reference: 'Organization/laboratory', display: 'Central laboratory' }],
  valueQuantity: { value: 4.1, ...QUANTITY },
  referenceRange: [{ low: { value: 3.5, ...QUANTITY }, high: { value: 5.1, ...QUANTITY } }],
  note: [{ text: NOTE }],
}).split(/ID(?=")|PATIENT(?=")/) as [string, string, string];

/** One request, as it goes over the wire. */
export function pushRequest(id: string, patient: number): string {
  const body = `${HEAD}${id}${MIDDLE}p${patient}${TAIL}`;
  const signature = createHmac('sha256', SECRET).update(body).digest('hex');
  return `POST /hooks/${CONNECTION} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/fhir+json\r\nX-Signature: ${signature}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}
