/**
 * Gathers a patient's chart from the connection: one batch request where the server offers it.
 *
 * Always current state, never the order in which pushes arrived. What a push brought itself is one more
 * input, because a search index may lag behind the write that was pushed.
 */
import type { Patient, Resource } from '@medplum/fhirtypes';
import type { Gate } from '../connections/gate.ts';
import { isNotUnderstood, isRefusedAs, type ReadOutcome, type Trouble } from '../connections/outcomes.ts';
import { type Chart, chartOf } from '../core/chart/chart.ts';
import { whoseIs } from '../intake/whose.ts';
import { isFhirId, type PatientId, parseReference } from '../vocabulary/ids.ts';
import { DAY } from '../vocabulary/instant.ts';
import type { JsonObject } from '../vocabulary/json.ts';
import { namesPatient } from '../vocabulary/resource-types.ts';
import { readSearch, searchOf } from './read-search.ts';

export type GatherOutcome =
  | {
      readonly outcome: 'chart';
      readonly chart: Chart;
      readonly unseen: readonly string[];
      /** Something may be as it was before a notice: read from a copy that lags behind, or the notice came late. */
      readonly perhapsOld: boolean;
      /** Whose the resources are that were this patient's. */
      readonly movedTo: readonly PatientId[];
    }
  /** The Patient is not there; `certain` when the server says deleted. */
  | { readonly outcome: 'no-patient'; readonly certain: boolean }
  /** We may not see the Patient. */
  | { readonly outcome: 'hidden-patient' }
  /** A cited resource answers 404, or is older than a notice says: deleted, or not visible yet. */
  | { readonly outcome: 'not-there-yet'; readonly reference: string }
  | Trouble;

export interface Told {
  readonly reference: string;
  readonly versionId?: string;
}

export interface Gathering {
  readonly gate: Gate;
  /** The server takes several requests in one. */
  readonly batch: boolean;
  readonly patientId: string;
  readonly now: Date;
  /** `Type/id` that must be accounted for: evidence of open episodes, and what the events are about. */
  readonly cited: readonly string[];
  /** In which version notices said that something is now, oldest first; without one they said it is deleted. */
  readonly told: readonly Told[];
  /** Resources that proven pushes brought. */
  readonly pushed: readonly Resource[];
  /** What is not visible yet has had time enough to appear. */
  readonly patienceOver: boolean;
}

const OBSERVED_SINCE = 1826 * DAY; // five years, the trend of creatinine; foundations 1.1
const PAGE = 500;

/** What the rules can use of a patient, with what narrows the search. */
const SEARCHES = {
  Observation: (since: string) => `&date=ge${since}`,
  Condition: () => '',
  AllergyIntolerance: () => '',
  MedicationStatement: () => '&_include=MedicationStatement:medication',
  MedicationRequest: () => '&_include=MedicationRequest:medication',
  MedicationAdministration: () => '&_include=MedicationAdministration:medication',
  MedicationDispense: () => '&_include=MedicationDispense:medication',
  Procedure: () => '',
  QuestionnaireResponse: () => '',
  ServiceRequest: () => '',
  CarePlan: () => '&status=active,completed', // our own proposals are drafts
  Encounter: () => '&status=in-progress&_include=Encounter:location',
  DiagnosticReport: () => '',
  Specimen: () => '',
} as const satisfies Partial<Record<Resource['resourceType'], (since: string) => string>>;

export const READ_TYPES = Object.keys(SEARCHES) as (keyof typeof SEARCHES)[];

/** Types that a server does not offer are unseen, not an error. */
function searchesFor(patientId: string, now: Date): string[] {
  const since = new Date(now.getTime() - OBSERVED_SINCE).toISOString().slice(0, 10);
  return READ_TYPES.map(
    (type) => `${type}?patient=Patient/${patientId}&_count=${PAGE}${SEARCHES[type](since)}`,
  );
}

export async function gather(gathering: Gathering): Promise<GatherOutcome> {
  const { gate, patientId, now } = gathering;
  if (!isFhirId(patientId)) return { outcome: 'no-patient', certain: true };
  const requests = [`Patient/${patientId}`, ...searchesFor(patientId, now)];
  const answered = await ask(gate, requests, gathering.batch);
  if (answered.outcome !== 'found') return whole(answered);
  const [patient, ...searches] = answered.resource as [ReadOutcome<Resource>, ...ReadOutcome<Resource>[]];
  if (patient.outcome === 'gone') return { outcome: 'no-patient', certain: patient.certain };
  if (patient.outcome === 'hidden') return { outcome: 'hidden-patient' };
  if (patient.outcome !== 'found') return whole(patient);

  const found: Resource[] = [];
  const unseen: string[] = [];
  for (const [index, search] of searches.entries()) {
    const request = requests[index + 1] as string;
    const read = await readSearch(gate, request, search);
    if (read.outcome === 'found') found.push(...read.resource);
    else if (!isNotOffered(read)) return whole(read);
    if (read.outcome !== 'found' || read.isPart) unseen.push(searchOf(request)[0]);
  }
  return account(gathering, patient.resource as Patient, found, unseen);
}

/** Follows up what the searches did not return: cited evidence, and what the events are about. */
async function account(
  gathering: Gathering,
  patient: Patient,
  found: readonly Resource[],
  unseen: readonly string[],
): Promise<GatherOutcome> {
  const have = new Set(found.map((resource) => `${resource.resourceType}/${resource.id}`));
  const open = [...new Set(gathering.cited)]
    .filter((reference) => !have.has(reference) && !reference.startsWith('Patient/'))
    .sort();
  const readable = open.filter(isReadable);
  const reads = await ask(gathering.gate, readable, gathering.batch);
  if (reads.outcome !== 'found') return whole(reads);
  const extra: Resource[] = [];
  const deleted = new Set<string>();
  const moved = new Map<string, PatientId | undefined>();
  for (const [index, read] of reads.resource.entries()) {
    const reference = readable[index] as string;
    const other = read.outcome === 'found' ? otherSubject(read.resource, gathering) : undefined;
    if (other !== undefined) moved.set(reference, other.patientId);
    else if (read.outcome === 'found') extra.push(read.resource);
    else if (read.outcome === 'gone' && (read.certain || gathering.patienceOver)) deleted.add(reference);
    else if (read.outcome === 'gone') return { outcome: 'not-there-yet', reference };
    else if (read.outcome === 'try-later') return read;
  }
  const ages = [...found, ...extra].map((resource) => ({ resource, age: ageOf(resource, gathering.told) }));
  const older = ages.find(({ age }) => age === 'older');
  if (older !== undefined && !gathering.patienceOver)
    return { outcome: 'not-there-yet', reference: `${older.resource.resourceType}/${older.resource.id}` };
  const pushed = gathering.pushed.filter(
    (resource) =>
      !deleted.has(`${resource.resourceType}/${resource.id}`) &&
      !moved.has(`${resource.resourceType}/${resource.id}`) &&
      resource.resourceType !== 'Patient',
  );
  const chart = chartOf(
    [patient, ...[...found, ...extra, ...pushed].filter((resource) => resource.resourceType !== 'Patient')],
    deleted,
    unseen,
    moved.keys(),
  );
  const movedTo = [...new Set([...moved.values()].filter((one) => one !== undefined))];
  return { outcome: 'chart', chart, unseen, movedTo, perhapsOld: ages.some(({ age }) => age !== 'current') };
}

/** Whose a resource is that was this patient's when it was cited; undefined while nothing speaks against it. */
function otherSubject(
  resource: Resource,
  { gate, patientId }: Gathering,
): { readonly patientId: PatientId | undefined } | undefined {
  if (!namesPatient(resource.resourceType)) return undefined;
  const whose = whoseIs(resource as unknown as JsonObject, gate.connection);
  if ('setAside' in whose) return { patientId: undefined };
  return 'patientId' in whose && whose.patientId !== patientId ? whose : undefined;
}

/**
 * Was it read as it was before a notice? Numbers tell which version is newer. Other versions do not, and what was
 * called deleted may have been made again since: a notice can also come late.
 */
function ageOf(
  { resourceType, id, meta }: Resource,
  told: readonly Told[],
): 'current' | 'older' | 'perhaps-old' {
  const versions = told
    .filter(({ reference }) => reference === `${resourceType}/${id}`)
    .map(({ versionId }) => versionId);
  const [last, read] = [versions.at(-1), meta?.versionId];
  const newest = Math.max(...versions.map(Number));
  if (versions.length === 0) return 'current';
  if (!Number.isNaN(newest) && !Number.isNaN(Number(read)))
    return Number(read) < newest ? 'older' : 'current';
  return last !== undefined && (read === undefined || read === last) ? 'current' : 'perhaps-old';
}

function isReadable(reference: string): boolean {
  return parseReference(reference) !== undefined;
}

async function ask(
  gate: Gate,
  requests: readonly string[],
  batch: boolean,
): Promise<ReadOutcome<readonly ReadOutcome<Resource>[]>> {
  if (requests.length === 0) return { outcome: 'found', resource: [] };
  if (batch) {
    const answered = await gate.batch(requests);
    if (!isRefusedAs('too-large', answered)) return answered;
  }
  const outcomes: ReadOutcome<Resource>[] = [];
  for (const request of requests) outcomes.push(await askOne(gate, request));
  return { outcome: 'found', resource: outcomes };
}

/** One request by itself; a search comes back as its first page. */
async function askOne(gate: Gate, request: string): Promise<ReadOutcome<Resource>> {
  const reference = request.includes('?') ? undefined : parseReference(request);
  if (reference !== undefined) return gate.read(reference.type as Resource['resourceType'], reference.id);
  const found = await gate.searchAll(...searchOf(request));
  if (found.outcome !== 'found') return found;
  const entry = found.resource.map((resource) => ({ resource }));
  return { outcome: 'found', resource: { resourceType: 'Bundle', type: 'searchset', entry } };
}

/** The server does not serve this type or this search, or does not let us see it: its facts stay unknown. */
function isNotOffered(outcome: Exclude<ReadOutcome<unknown>, { outcome: 'found' }>): boolean {
  if (outcome.outcome === 'hidden' || outcome.outcome === 'gone') return true;
  return isNotUnderstood(outcome) || isRefusedAs('forbidden', outcome);
}

function whole(outcome: Exclude<ReadOutcome<unknown>, { outcome: 'found' }>): GatherOutcome {
  if (outcome.outcome === 'try-later' || outcome.outcome === 'refused') return outcome;
  return { outcome: 'refused', reason: 'forbidden' };
}
