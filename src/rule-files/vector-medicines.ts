/**
 * A medicine of a vector from its words: a statement, an order, with route and times.
 */
import type { CodeableConcept, MedicationRequest, MedicationStatement, Resource } from '@medplum/fhirtypes';
import { DAY } from '../vocabulary/instant.ts';
import { before, DURATION, lengthOf, SPAN, SUBJECT, VectorError, type Writer } from './vector-resources.ts';

const ROUTES: ReadonlyMap<string, string> = new Map([
  ['ear drops', 'route-otic'],
  ['eye drops', 'route-ophthalmic'],
  ['inhaled', 'route-inhaled'],
  ['on the skin', 'route-topical'],
  ['intravenous', 'route-parenteral'],
]);

const SINCE_DAY = /^since (\d{4}-\d{2}-\d{2})$/;
const TIMES = /^at (\d\d:\d\d(?: and \d\d:\d\d)*)$/;
/** What else may stand behind the status of a medicine. */
const REMARKS = new Set(['route unknown', 'start unknown', 'for malaria']);

/**
 * `active`, `active, 2 years`, `active, since 2026-05-01`, `ordered, 5 days`, `stopped 14 days ago`,
 * `stopped 14 days ago, 1 year` (taken so long), `on-hold`, `not-taken`, `unknown`;
 * `active, ear drops`, `active, route unknown`, `active, start unknown`, `active, at 08:00 and 20:00`.
 */
export function medicineFor(
  drug: CodeableConcept | readonly CodeableConcept[],
  words: string,
  writer: Writer,
): Resource[] {
  const [status = '', ...more] = words.split(', ');
  const route = more.map((word) => ROUTES.get(word)).find((found) => found !== undefined) ?? 'route-oral';
  const span = more.map((word) => DURATION.exec(word)).find((found) => found !== null) ?? undefined;
  const day = more.map((word) => SINCE_DAY.exec(word)?.[1]).find((found) => found !== undefined);
  const [, times] = more.map((word) => TIMES.exec(word)).find((found) => found !== null) ?? [];
  const patterns = [DURATION, TIMES, SINCE_DAY];
  const unknown = more.find(
    (word) => !ROUTES.has(word) && !REMARKS.has(word) && !patterns.some((pattern) => pattern.test(word)),
  );
  if (unknown !== undefined) throw new VectorError(`"${unknown}" says nothing about a medicine`);
  const dosage = [
    {
      ...(more.includes('route unknown') ? {} : { route: writer.codes.codeOf(route) as CodeableConcept }),
      ...(times === undefined
        ? {}
        : { timing: { repeat: { timeOfDay: times.split(' and ').map((time) => `${time}:00`) } } }),
    },
  ];
  const base = {
    id: writer.next(),
    ...medicationOf(drug),
    subject: SUBJECT,
    meta: { lastUpdated: before(writer.now, DAY) },
    ...(more.includes('for malaria') ? { reasonCode: [{ text: 'Malaria' }] } : {}),
  };
  if (more.includes('start unknown')) {
    const asserted = { status: 'active', dateAsserted: before(writer.now, DAY) } as const;
    return [{ ...base, ...asserted, resourceType: 'MedicationStatement', dosage }];
  }
  const start = day ?? before(writer.now, span === undefined ? 10 * DAY : lengthOf(span));
  if (status === 'ordered' || status === 'planned') {
    const intent = status === 'ordered' ? 'order' : 'proposal';
    const request: MedicationRequest = {
      ...base,
      resourceType: 'MedicationRequest',
      status: 'active',
      intent,
      authoredOn: start,
      dosageInstruction: dosage,
    };
    return [request];
  }
  return [
    {
      ...base,
      ...statementWords(status, start, writer.now, span),
      resourceType: 'MedicationStatement',
      dosage,
    },
  ];
}

/** One code, or one product of several ingredients as a contained Medication. */
function medicationOf(
  drug: CodeableConcept | readonly CodeableConcept[],
): Pick<MedicationStatement, 'medicationCodeableConcept' | 'medicationReference' | 'contained'> {
  if (!Array.isArray(drug)) return { medicationCodeableConcept: drug as CodeableConcept };
  const ingredient = drug.map((itemCodeableConcept: CodeableConcept) => ({ itemCodeableConcept }));
  return {
    contained: [{ resourceType: 'Medication', id: 'product', ingredient }],
    medicationReference: { reference: '#product' },
  };
}

function statementWords(
  status: string,
  start: string,
  now: Date,
  taken: RegExpExecArray | undefined,
): Pick<MedicationStatement, 'status' | 'effectivePeriod' | 'dateAsserted'> & {
  status: MedicationStatement['status'];
} {
  const dateAsserted = before(now, DAY);
  const stopped = new RegExp(`^stopped ${SPAN} ago$`).exec(status);
  if (stopped !== null) {
    const end = before(now, lengthOf(stopped));
    const length = taken === undefined ? 30 * DAY : lengthOf(taken);
    const began = new Date(Date.parse(end) - length).toISOString();
    return { status: 'completed', effectivePeriod: { start: began, end }, dateAsserted: end };
  }
  if (
    status === 'active' ||
    status === 'on-hold' ||
    status === 'not-taken' ||
    status === 'unknown' ||
    status === 'entered-in-error'
  ) {
    return { status, effectivePeriod: { start }, dateAsserted };
  }
  throw new VectorError(
    `a medicine is active, ordered, planned, stopped ... ago, on-hold, not-taken or unknown, not "${status}"`,
  );
}
