import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CapabilityStatement, Patient, Reference } from '@medplum/fhirtypes';
import { REASON_SYSTEM } from '../../src/answers/override-reasons.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { episodesOf } from '../../src/store/episode.ts';
import { lookAgainAt } from '../../src/store/look-again.ts';
import { findPatient } from '../../src/store/resource-patient.ts';
import { listSetAside, redrive } from '../../src/store/set-aside.ts';
import type { ConnectionId, PatientId } from '../../src/vocabulary/ids.ts';
import { startProxy } from '../delivery/proxy.ts';
import { Hospital, magnesium, patient, potassium } from '../end-to-end/hospital.ts';

const WARD = 'ward' as ConnectionId;
const KEY = 'el-hypokalaemia';
const FROM = { system: 'https://hospital.example/mrn', value: '4711' };

let hospital: Hospital;
beforeAll(async () => {
  hospital = await Hospital.open({ deliverAs: 'hapi' });
}, 60_000);
afterAll(() => hospital[Symbol.asyncDispose]());

/** Alerts of a patient, in words: `open el-hypokalaemia, put aside`. */
async function alerts(id: string): Promise<string[]> {
  const stored = await episodesOf(hospital.running.store.db, WARD, id as PatientId);
  return stored.map(
    ({ state, episode }) =>
      `${state} ${episode.key}${episode.suppression ? `, ${episode.suppression.reason}` : ''}`,
  );
}
async function issuesOf(id: string) {
  return (await hospital.issues()).filter(({ patient: of }) => of?.reference === `Patient/${id}`);
}
async function parked(): Promise<string[]> {
  const set = await listSetAside(hospital.running.store.db);
  return set.filter(({ what }) => what === 'event').map(({ reason, count }) => `${count} ${reason}`);
}

/** A patient with low potassium and the alert about it, perhaps put aside by a clinician. */
async function alerted(id: string, answered: boolean): Promise<void> {
  await hospital.putTogether([patient(id), magnesium(`${id}-mg`, id), potassium(`${id}-k`, id, 3.2, 4)]);
  await hospital.settled();
  expect(await alerts(id)).toEqual([`open ${KEY}`]);
  if (!answered) return;
  const [stored] = await episodesOf(hospital.running.store.db, WARD, id as PatientId);
  const at = new Date();
  const reason = { system: REASON_SYSTEM, code: 'patient-refuses' };
  await hospital.running.answer({
    connectionId: WARD,
    alertId: stored?.alertId ?? '',
    channel: 'card',
    at,
    receivedAt: at,
    answer: { outcome: 'overridden', reason },
  });
  await hospital.settled();
  expect(await alerts(id)).toEqual([`open ${KEY}, patient-declined`]);
}
const retired = (id: string, into: string, more: Partial<Patient> = {}): Patient => ({
  ...patient(id),
  active: false,
  link: [{ type: 'replaced-by', other: { reference: `Patient/${into}` } }],
  ...more,
});

describe('two records of one person that the hospital merges', () => {
  it('are one: the alert of the retired one ends, the other has its own, and the override holds', async () => {
    await alerted('a', true);
    await hospital.putTogether([
      retired('a', 's'),
      patient('s'),
      magnesium('a-mg', 's'),
      potassium('a-k', 's', 3.2, 4),
    ]);
    await hospital.settled();
    expect(await alerts('a')).toEqual([`superseded ${KEY}, patient-declined`]);
    expect(await alerts('s')).toEqual([`open ${KEY}, patient-declined`]);
    const [ended] = await issuesOf('a');
    expect(ended).toMatchObject({ status: 'final', identifiedPeriod: { end: expect.anything() } });
    expect(ended?.detail).toContain('The patient record was merged into another.');
    expect(await issuesOf('s')).toHaveLength(1);
    const { db } = hospital.running.store;
    expect(await lookAgainAt(db, WARD, 'a' as PatientId)).toBeUndefined();
    expect(await findPatient(db, WARD, { type: 'Observation', id: 'a-k' })).toBe('s');
  });

  it('a new alert that is worse than the one put aside is shown', async () => {
    await alerted('b', true);
    await hospital.putTogether([
      retired('b', 't'),
      patient('t'),
      magnesium('b-mg', 't'),
      potassium('b-k', 't', 2.4, 4),
    ]);
    await hospital.settled();
    expect(await alerts('t')).toEqual([`open ${KEY}`]);
  });

  it('keep an override also where the other one had the same alert, unanswered', async () => {
    await alerted('c', true);
    await alerted('u', false);
    await hospital.put(retired('c', 'u'));
    await hospital.settled();
    expect(await alerts('u')).toEqual([`open ${KEY}, patient-declined`]);
    expect(await issuesOf('u')).toHaveLength(1);
  });

  it('are known as merged when only the one that stays says so, and through a merge of a merge', async () => {
    await alerted('d', true);
    const replaces = (other: string): Patient['link'] & object => [
      { type: 'replaces', other: { reference: `Patient/${other}` } },
    ];
    await hospital.put({ ...patient('d'), active: false }, { ...patient('v'), link: replaces('d') });
    await hospital.settled();
    expect(await alerts('d')).toEqual([`superseded ${KEY}, patient-declined`]);
    await hospital.put(patient('w'), retired('v', 'w'));
    await hospital.putTogether([magnesium('d-mg', 'w'), potassium('d-k', 'w', 3.2, 4)]);
    await hospital.settled();
    expect(await alerts('w')).toEqual([`open ${KEY}, patient-declined`]);
  });

  it('in a circle end nothing: the alerts stay, and a person must look', async () => {
    await alerted('e', false);
    await hospital.putTogether([retired('x', 'e'), retired('e', 'x')]);
    await hospital.settled();
    expect(await alerts('e')).toEqual([`open ${KEY}`]);
    expect(await parked()).toContain('2 merged-into-nobody');
  });
});

describe('a patient who is not there any more', () => {
  it('whose result is given to another: the alert was an error, and the other is evaluated', async () => {
    await alerted('f', false);
    await hospital.putTogether([patient('g'), magnesium('f-mg', 'g'), potassium('f-k', 'g', 3.2, 4)]);
    await hospital.settled();
    expect(await issuesOf('f')).toMatchObject([
      {
        status: 'entered-in-error',
        detail: expect.stringContaining('Withdrawn: source result is of another patient.'),
      },
    ]);
    expect(await alerts('g')).toEqual([`open ${KEY}`]);
  });

  it('deleted: what is open ends with us, and nothing is written', async () => {
    await alerted('h', false);
    const [before] = await issuesOf('h');
    await hospital.remove('Patient', 'h');
    await hospital.settled();
    expect(await alerts('h')).toEqual([`superseded ${KEY}`]);
    expect(await issuesOf('h')).toEqual([before]);
    expect(await parked()).not.toContainEqual(expect.stringContaining('patient-gone'));
  });

  it('hidden from us: what is open ends with us, while the others are seen as before', async () => {
    await using sandbox = await startSandbox({ port: 0, clientIds: 'allowed', deliverAs: 'hapi' });
    await using proxy = await startProxy(sandbox.base);
    proxy.capability = (statement) => {
      const [rest] = (statement as CapabilityStatement).rest ?? [];
      return { ...(statement as CapabilityStatement), rest: [{ ...rest, interaction: [] }] };
    };
    const everybody = hospital;
    const ward = { base: proxy.base, baseAliases: [sandbox.base] };
    hospital = await Hospital.open({ deliverAs: 'hapi', sandbox, ward });
    try {
      await alerted('i', false);
      await hospital.put(patient('j'));
      await hospital.settled();
      const [before] = await issuesOf('i');
      const hidden = /\/Patient\/i$/;
      proxy.before = ({ method, path }) => (method === 'GET' && hidden.test(path) ? 403 : undefined);
      await hospital.put(potassium('i-k2', 'i', 2.4, 1));
      await hospital.settled();
      expect(await alerts('i')).toEqual([`superseded ${KEY}`]);
      expect(await issuesOf('i')).toEqual([before]);
      const { db } = hospital.running.store;
      expect(await lookAgainAt(db, WARD, 'i' as PatientId)).toBeInstanceOf(Date);
    } finally {
      await hospital[Symbol.asyncDispose]();
      hospital = everybody;
    }
  }, 60_000);
});

describe('a result whose subject is not a plain reference', () => {
  const result = (id: string, subject: Reference<Patient>) => ({
    ...potassium(id, 'nobody', 2.4, 4),
    subject,
  });

  it('is of the one patient who has the identifier', async () => {
    await hospital.put({ ...patient('k'), identifier: [FROM] }, magnesium('k-mg', 'k'));
    await hospital.put(result('k-k', { type: 'Patient', identifier: FROM }));
    await hospital.settled();
    expect(await alerts('k')).toEqual([`open ${KEY}`]);
  });

  it.each([
    ['no patient has the identifier of the subject', { identifier: { ...FROM, value: '4712' } }],
    ['several patients have the identifier of the subject', { identifier: { ...FROM, value: 'twice' } }],
    ['the subject is only named', { display: 'Mrs Planted-134418' }],
    ['the subject is only named', { identifier: { value: '4711' } }],
    ['the subject is on another server', { reference: 'https://elsewhere.example/fhir/Patient/k' }],
  ])('is parked where %s, and a person can see it', async (reason, subject) => {
    if (reason.startsWith('several'))
      for (const id of ['l', 'm'])
        await hospital.put({ ...patient(id), identifier: [{ ...FROM, value: 'twice' }] });
    await hospital.put(result(`r-${JSON.stringify(subject).length}`, subject));
    await hospital.settled();
    expect(await parked()).toContainEqual(expect.stringContaining(reason));
    const status = await (await fetch(`${hospital.running.url}/statusz`)).text();
    expect(status).toContain(reason);
    expect(status).not.toContain('134418');
  });

  it('is evaluated once the patient is there and a person tries it again', async () => {
    const identifier = [{ ...FROM, value: '4712' }];
    await hospital.put({ ...patient('n'), identifier }, magnesium('n-mg', 'n'));
    await redrive(hospital.running.store, { reason: 'no patient has the identifier of the subject' });
    await hospital.settled();
    expect(await alerts('n')).toEqual([`open ${KEY}`]);
    expect(await parked()).not.toContainEqual(expect.stringContaining('no patient has'));
  });
});
