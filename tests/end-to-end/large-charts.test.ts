import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, Observation } from '@medplum/fhirtypes';
import { LIMITS } from '../../src/connections/connection.ts';
import { listSetAside } from '../../src/store/set-aside.ts';
import { Hospital, magnesium, observation, patient, potassium } from './hospital.ts';

describe('a chart larger than one answer may be', () => {
  let hospital: Hospital;
  beforeAll(async () => {
    hospital = await Hospital.open();
  });
  afterAll(async () => await hospital[Symbol.asyncDispose]());

  const alertsOf = async (id: string) =>
    (await hospital.openIssues()).filter(({ patient: of }) => of?.reference === `Patient/${id}`).length;

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
    await hospital.sandbox.load([patient('reports'), magnesium('mg-r', 'reports'), ...reports], {
      notify: false,
    });
    await hospital.put(potassium('k-r', 'reports', 2.4, 1));
    await hospital.settled();
    expect(await alertsOf('reports')).toBe(1);
    expect(await listSetAside(hospital.running.store.db)).toEqual([]);
  }, 60_000);

  it('because of its monitor is read from the newest on', async () => {
    const heartRates = Array.from(
      { length: LIMITS.resources + 100 },
      (_, n): Observation => observation(`hr-${n}`, 'monitor', '8867-4', 70, '/min', 24 + n / 60),
    );
    await hospital.sandbox.load([patient('monitor'), magnesium('mg-m', 'monitor'), ...heartRates], {
      notify: false,
    });
    await hospital.put(potassium('k-m', 'monitor', 2.4, 1));
    await hospital.settled();
    expect(await alertsOf('monitor')).toBe(1);
    expect(await listSetAside(hospital.running.store.db)).toEqual([]);
  }, 120_000);
});
