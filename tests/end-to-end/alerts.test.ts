import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { validateResource } from '@medplum/core';
import { loadDefinitions } from '../../src/sandbox/definitions.ts';
import { Hospital, type HospitalOptions, magnesium, observation, patient, potassium } from './hospital.ts';

const SERVERS: readonly (readonly [string, HospitalOptions])[] = [
  [
    'a server in the way of Medplum: signed pushes, its own ids',
    { deliverAs: 'medplum', clientIds: 'refused' },
  ],
  ['a server in the way of HAPI: PUT pushes, ids of ours', { deliverAs: 'hapi', clientIds: 'allowed' }],
];

describe.each(SERVERS)('on %s', (_name, options) => {
  let hospital: Hospital;
  beforeAll(async () => {
    loadDefinitions();
    hospital = await Hospital.open(options);
  });
  afterAll(() => hospital[Symbol.asyncDispose]());

  /** Servers that choose ids take no PUT of a new one; the laboratory's resources are put there beforehand. */
  async function record(...resources: Parameters<Hospital['put']>): Promise<void> {
    if (options.clientIds === 'refused') await hospital.sandbox.load(resources);
    else await hospital.put(...resources);
    await hospital.settled();
  }
  const issuesOf = async (id: string) =>
    (await hospital.issues()).filter(({ patient: of }) => of?.reference === `Patient/${id}`);

  it('a potassium of 2.4 raises critical, and a later 3.9 resolves it', async () => {
    await record(patient('a'), magnesium('a-mg', 'a'), potassium('a-k1', 'a', 2.4, 4));
    const [raised] = await issuesOf('a');
    expect(raised).toMatchObject({ status: 'final', severity: 'high' });
    expect(raised?.meta?.tag).toContainEqual(expect.objectContaining({ code: 'critical' }));
    expect(raised?.evidence?.[0]?.detail).toContainEqual(
      expect.objectContaining({ reference: 'Observation/a-k1' }),
    );
    expect((await hospital.plans()).filter(({ subject }) => subject.reference === 'Patient/a')).toMatchObject(
      [{ status: 'draft', intent: 'proposal' }],
    );

    await record(potassium('a-k2', 'a', 3.9, 1));
    const after = await issuesOf('a');
    expect(after).toHaveLength(1);
    expect(after[0]?.id).toBe(raised?.id);
    expect(after[0]?.identifiedPeriod?.end).toBeDefined();
    expect((await hospital.plans()).filter(({ subject }) => subject.reference === 'Patient/a')).toMatchObject(
      [{ status: 'revoked' }],
    );
  });

  it('a haemolysed 3.9 clears nothing', async () => {
    const flag = { interpretation: [{ coding: [{ system: 'http://snomed.info/sct', code: '118128002' }] }] };
    await record(patient('b'), magnesium('b-mg', 'b'), potassium('b-k1', 'b', 2.4, 4));
    await record(potassium('b-k2', 'b', 3.9, 1, flag));
    const [issue] = await issuesOf('b');
    expect(issue?.identifiedPeriod?.end).toBeUndefined();
  });

  it('an alert on a result entered in error is withdrawn', async () => {
    await record(patient('c'), magnesium('c-mg', 'c'), potassium('c-k1', 'c', 2.4, 4));
    await record(potassium('c-k1', 'c', 2.4, 4, { status: 'entered-in-error' }));
    expect(await issuesOf('c')).toMatchObject([{ status: 'entered-in-error' }]);
  });

  it('an alert on a result that was deleted is withdrawn', async () => {
    await record(patient('d'), magnesium('d-mg', 'd'), potassium('d-k1', 'd', 2.4, 4));
    await hospital.remove('Observation', 'd-k1');
    await record(magnesium('d-mg2', 'd'));
    expect(await issuesOf('d')).toMatchObject([{ status: 'entered-in-error' }]);
  });

  it('1.7 mg/dL of magnesium is normal, and 1.7 mmol/L is no low magnesium either', async () => {
    await record(patient('e'), observation('e-mg', 'e', '19123-9', 1.7, 'mg/dL', 3));
    await record(patient('f'), observation('f-mg', 'f', '19123-9', 1.1, 'mg/dL', 3));
    expect(await issuesOf('e')).toEqual([]);
    expect(await issuesOf('f')).toHaveLength(1);
  });

  it('every alert ends with what it is not', async () => {
    for (const issue of await hospital.issues())
      expect(issue.detail).toMatch(/[^.]\. Decision support\. Not a diagnosis or an order\.$/);
    for (const issue of await hospital.issues())
      expect(issue.detail?.match(/Decision support/g)).toHaveLength(1);
  });

  it('everything written is valid R4, with a Provenance that names the versions it rests on', async () => {
    const written = [
      ...(await hospital.issues()),
      ...(await hospital.plans()),
      ...(await hospital.provenances()),
    ];
    expect(written.length).toBeGreaterThan(9);
    for (const resource of written) validateResource(resource);
    for (const provenance of await hospital.provenances()) {
      expect(provenance.entity?.length).toBeGreaterThan(0);
      for (const entity of provenance.entity ?? []) expect(entity.what.reference).toMatch(/\/_history\//);
    }
  });

  it('a repeat of every push changes nothing', async () => {
    const before = JSON.stringify(await hospital.issues());
    hospital.sandbox.faults.onDeliveries({ copies: 3 });
    await record(magnesium('a-mg3', 'a'));
    hospital.sandbox.faults.clear();
    await hospital.settled();
    expect(JSON.stringify(await hospital.issues())).toBe(before);
  });
});

describe('pushes that come twice and in reverse', () => {
  it('end in the same open alerts, one for each patient and problem', async () => {
    await using hospital = await Hospital.open({ deliverAs: 'hapi', clientIds: 'allowed' });
    await hospital.settled(); // the sweep of the start is over: what follows comes by push alone
    hospital.sandbox.faults.onDeliveries({ held: true, copies: 2, reversed: true });
    for (const id of ['p1', 'p2', 'p3']) {
      await hospital.put(
        patient(id),
        magnesium(`${id}-mg`, id),
        potassium(`${id}-1`, id, 4.1, 9),
        potassium(`${id}-2`, id, 2.9, 6),
        potassium(`${id}-3`, id, 2.4, 3),
      );
    }
    await hospital.put(potassium('p3-3', 'p3', 2.4, 3, { status: 'entered-in-error' }));
    await hospital.sandbox.deliveriesIdle();
    expect(await hospital.issues()).toEqual([]);
    hospital.sandbox.faults.onDeliveries({ held: false });
    await hospital.settled();
    const open = (await hospital.openIssues())
      .map(
        (issue) =>
          `${issue.patient?.reference} ${issue.meta?.tag?.find(({ system }) => system?.endsWith('/tiers'))?.code}`,
      )
      .sort();
    expect(open).toEqual(['Patient/p1 critical', 'Patient/p2 critical', 'Patient/p3 moderate']);
  });
});

describe('a panel of twelve results', () => {
  it('costs one evaluation', async () => {
    await using hospital = await Hospital.open({ deliverAs: 'hapi', clientIds: 'allowed', quietMs: 300 });
    await hospital.put(patient('q'));
    await hospital.settled();
    const before = hospital.evaluated.length;
    const panel = Array.from({ length: 12 }, (_, index) =>
      observation(
        `q-${index}`,
        'q',
        index % 2 ? '19123-9' : '2160-0',
        index % 2 ? 0.8 : 80,
        index % 2 ? 'mmol/L' : 'umol/L',
        index + 1,
      ),
    );
    await hospital.put(...panel);
    await hospital.settled();
    expect(hospital.evaluated.length - before).toBe(1);
  });
});

describe('a FHIR server that is away', () => {
  it('keeps events waiting, and they are evaluated when it is back', async () => {
    await using hospital = await Hospital.open({ deliverAs: 'hapi', clientIds: 'allowed' });
    await hospital.put(patient('r'), magnesium('r-mg', 'r'));
    await hospital.settled();
    hospital.sandbox.faults.onRequest({ method: 'POST', path: /^\/?$/, answer: { status: 503 }, times: 3 });
    await hospital.put(potassium('r-k', 'r', 2.4, 2));
    await hospital.settled();
    expect(await hospital.openIssues()).toHaveLength(1);
  });
});
