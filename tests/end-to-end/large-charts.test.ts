import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, Observation, Resource } from '@medplum/fhirtypes';
import { LIMITS } from '../../src/connections/connection.ts';
import { listSetAside } from '../../src/store/set-aside.ts';
import { Hospital, magnesium, observation, patient, potassium } from './hospital.ts';

describe('a chart larger than one answer may be', () => {
  let hospital: Hospital;
  beforeAll(async () => {
    hospital = await Hospital.open();
  });
  afterAll(async () => await hospital[Symbol.asyncDispose]());

  /** Has a low potassium pushed about a patient with these records. @returns the alerts that are open then */
  async function alertsOf(id: string, records: readonly Resource[]): Promise<number> {
    await hospital.sandbox.load([patient(id), magnesium(`${id}-mg`, id), ...records], { notify: false });
    await hospital.put(potassium(`${id}-k`, id, 2.4, 1));
    await hospital.settled();
    expect(await listSetAside(hospital.running.store.db)).toEqual([]);
    return (await hospital.openIssues()).filter(({ patient: of }) => of?.reference === `Patient/${id}`)
      .length;
  }

  it('because its reports carry twelve MiB of documents is read in smaller pages', async () => {
    const document = { contentType: 'application/pdf', data: 'A'.repeat(200_000) };
    const reports = Array.from(
      { length: 60 },
      (_, n): DiagnosticReport => ({
        resourceType: 'DiagnosticReport',
        id: `report-${n}`,
        status: 'final',
        code: { text: 'Report' },
        subject: { reference: 'Patient/reports' },
        presentedForm: [document],
      }),
    );
    expect(await alertsOf('reports', reports)).toBe(1);
  }, 60_000);

  it('because of its monitor is read from the newest on', async () => {
    const heartRates = Array.from(
      { length: LIMITS.resources + 100 },
      (_, n): Observation => observation(`hr-${n}`, 'monitor', '8867-4', 70, '/min', 24 + n / 60),
    );
    expect(await alertsOf('monitor', heartRates)).toBe(1);
  }, 120_000);
});
