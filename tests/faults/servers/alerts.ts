/**
 * Many alerts, one for each patient, delivered until each has ended; and how they are at the server afterwards.
 */
import type { Bundle, CarePlan, DetectedIssue, Provenance, Resource } from '@medplum/fhirtypes';
import type { Capability, WriteLevel } from '../../../src/connections/capability.ts';
import { Gate } from '../../../src/connections/gate.ts';
import { deliver } from '../../../src/delivery/deliver.ts';
import type { KnownTargets } from '../../../src/delivery/outcome.ts';
import type { OwedDelivery } from '../../../src/delivery/owed.ts';
import { deviceSystem } from '../../../src/delivery/service.ts';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import type { PatientId } from '../../../src/vocabulary/ids.ts';
import { connectionTo } from '../../connections/scripted-server.ts';
import { RAISED, SERVICE, SERVICE_URI } from '../../delivery/low-potassium.ts';

export interface AlertFigures {
  /** Alerts that are not at the server, or not with all their parts. */
  readonly lost: number;
  /** Parts of alerts beyond the first. */
  readonly duplicates: number;
}

export function alertOf(patient: number): OwedDelivery {
  return { ...RAISED, patientId: `p-${patient}` as PatientId };
}

export interface TargetOptions {
  readonly level: WriteLevel;
  readonly transaction: boolean;
  readonly concurrency?: number;
  readonly now?: () => number;
}

/** The gate to the sandbox, what it can do, and a way to deliver once. */
export function target(sandbox: Sandbox, { level, transaction, concurrency, now }: TargetOptions) {
  const capability: Capability = {
    levels: {
      DetectedIssue: level,
      CarePlan: level,
      Provenance: level,
      Device: level,
      Task: level,
      Flag: level,
      Communication: level,
    },
    batch: true,
    transaction,
    tellsDeletions: new Set(),
  };
  const kind = level === 'A' ? 'hapi' : 'medplum';
  const connection = connectionTo(sandbox.base, {
    kind,
    timeoutMs: 30_000,
    ...(concurrency && { concurrency }),
  });
  const gate = new Gate(connection, deviceSystem(SERVICE_URI), { ...(now && { now }) });
  return {
    deliver: (owed: OwedDelivery, known: KnownTargets = {}) =>
      deliver(gate, capability, SERVICE, owed, known),
  };
}

/**
 * Delivers until it ended.
 *
 * @param wait called between two tries, with what the first told
 * @returns how often it was tried; undefined when it was set aside, or after so many tries that something is wrong
 */
export async function deliverToTheEnd(
  once: () => ReturnType<typeof deliver>,
  wait: (tries: number, afterMs: number | undefined) => Promise<void>,
): Promise<number | undefined> {
  for (let tries = 1; tries <= MOST_TRIES; tries++) {
    const end = await once();
    if (end.outcome === 'done' || end.outcome === 'unchanged') return tries;
    if (end.outcome !== 'try-later') return undefined;
    await wait(tries, end.afterMs);
  }
  return undefined;
}
const MOST_TRIES = 100;

/** Every part of every alert is to be there once. */
export async function compareAlerts(sandbox: Sandbox, alerts: number): Promise<AlertFigures> {
  const issues = await all<DetectedIssue>(sandbox, 'DetectedIssue');
  const plans = await all<CarePlan>(sandbox, 'CarePlan');
  const provenances = await all<Provenance>(sandbox, 'Provenance');
  let [lost, duplicates] = [0, 0];
  for (let patient = 0; patient < alerts; patient++) {
    const subject = `Patient/${alertOf(patient).patientId}`;
    const own = issues.filter(
      ({ status, patient: of }) => status !== 'entered-in-error' && of?.reference === subject,
    );
    const ids = new Set(own.map(({ id }) => `DetectedIssue/${id}`));
    const parts = [
      own,
      plans.filter(({ status, subject: of }) => status === 'draft' && of.reference === subject),
      provenances.filter(({ target: of }) => of.some(({ reference = '' }) => ids.has(reference))),
    ];
    if (parts.some((one) => one.length === 0)) lost += 1;
    duplicates += parts.reduce((sum, { length }) => sum + Math.max(0, length - 1), 0);
  }
  return { lost, duplicates };
}

async function all<R extends Resource>(sandbox: Sandbox, type: R['resourceType']): Promise<R[]> {
  const found: R[] = [];
  for (let url: string | undefined = `${sandbox.base}/${type}?_count=500`; url !== undefined; ) {
    const page = (await (await fetch(url)).json()) as Bundle<R>;
    if (page.resourceType !== 'Bundle') throw new Error(`${type}: no Bundle`);
    found.push(...(page.entry ?? []).flatMap(({ resource = [] }) => resource));
    url = page.link?.find(({ relation }) => relation === 'next')?.url;
  }
  return found;
}
