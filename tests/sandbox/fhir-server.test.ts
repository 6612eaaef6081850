import { request } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { validateResource } from '@medplum/core';
import type { CapabilityStatement } from '@medplum/fhirtypes';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { call, issue, NOON, PATIENT, potassium } from './receiver.ts';

let hapi: Sandbox; // level A: clients choose ids
let medplum: Sandbox; // level B: they do not

beforeAll(async () => {
  hapi = await startSandbox({ port: 0, clientIds: 'allowed', deliverAs: 'hapi', now: () => NOON });
  medplum = await startSandbox({ port: 0, clientIds: 'refused', deliverAs: 'medplum' });
});
afterAll(async () => {
  await hapi[Symbol.asyncDispose]();
  await medplum[Symbol.asyncDispose]();
});
beforeEach(() => {
  hapi.faults.clear();
});

const at = (path: string): string => `${hapi.base}/${path}`;
const count = async (search: string): Promise<number> => (await call('GET', at(search))).body.total;

describe('the capability statement of the sandbox', () => {
  it('is valid R4 and names this base', async () => {
    const { status, body } = await call('GET', at('metadata'));
    expect(status).toBe(200);
    expect(validateResource(body)).toEqual([]);
    expect(body.implementation.url).toBe(hapi.base);
  });

  it.each([
    ['allowed', true],
    ['refused', false],
  ])('says whether client ids are %s', async (clientIds, updateCreate) => {
    const { base } = clientIds === 'allowed' ? hapi : medplum;
    const statement: CapabilityStatement = (await call('GET', `${base}/metadata`)).body;
    const type = statement.rest?.[0]?.resource?.find((one) => one.type === 'DetectedIssue');
    expect(type).toMatchObject({ updateCreate, conditionalCreate: true, versioning: 'versioned' });
    expect(type?.searchParam?.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['identifier', 'patient']),
    );
    expect(statement.rest?.[0]?.interaction).toEqual([{ code: 'transaction' }, { code: 'batch' }]);
  });

  it('promises only search parameters that are evaluated', async () => {
    const statement: CapabilityStatement = (await call('GET', at('metadata'))).body;
    for (const { type, searchParam } of statement.rest?.[0]?.resource ?? []) {
      if (type !== 'Observation' && type !== 'MedicationRequest') continue;
      for (const { name, type: kind } of searchParam ?? []) {
        const value = kind === 'date' ? '2026' : 'Patient/x';
        expect([name, (await call('GET', at(`${type}?${name}=${value}`))).status]).toEqual([name, 200]);
      }
    }
  });
});

describe('writing to the sandbox', () => {
  it('answers a create with its address, its version and its time', async () => {
    const { status, headers, body } = await call('POST', at('Observation'), potassium(3.1));
    expect(status).toBe(201);
    expect(headers.get('content-type')).toMatch(/^application\/fhir\+json/);
    expect(headers.get('etag')).toBe(`W/"${body.meta.versionId}"`);
    expect(headers.get('last-modified')).toBe(NOON.toUTCString());
    expect(headers.get('location')).toBe(at(`Observation/${body.id}/_history/${body.meta.versionId}`));
    expect((await call('GET', headers.get('location') ?? '')).body).toEqual(body);
  });

  it('gives a created resource an id of its own, whatever the client sent', async () => {
    const { body } = await call(
      'POST',
      at('Observation'),
      potassium(3.1, { id: 'mine', meta: { versionId: 'v1' } }),
    );
    expect(body.id).not.toBe('mine');
    expect(body.meta.versionId).not.toBe('v1');
  });

  it('lets clients choose an id where they may, and then updates', async () => {
    const url = at('Observation/chosen');
    expect((await call('PUT', url, potassium(3.1, { id: 'chosen' }))).status).toBe(201);
    expect((await call('PUT', url, potassium(3.2, { id: 'chosen' }))).status).toBe(200);
    expect((await call('PUT', url, potassium(3.2, { id: 'other' }))).status).toBe(400);
  });

  it('answers 404 to a PUT of a new id where clients may not choose, and stores nothing', async () => {
    const url = `${medplum.base}/Observation/chosen`;
    expect((await call('PUT', url, potassium(3.1, { id: 'chosen' }))).status).toBe(404);
    expect((await call('GET', url)).status).toBe(404);
  });

  it('accepts an update of the version the client has read, and no other', async () => {
    const url = at('Observation/matched');
    const first = (await call('PUT', url, potassium(3.1, { id: 'matched' }))).headers.get('etag') ?? '';
    const update = potassium(3.2, { id: 'matched' });
    expect((await call('PUT', url, update, { 'If-Match': first })).status).toBe(200);
    expect((await call('PUT', url, update, { 'If-Match': first })).status).toBe(412);
    expect((await call('PUT', url, update, { 'If-Match': '"elsewhere"' })).status).toBe(412);
    expect((await call('DELETE', url, undefined, { 'If-Match': first })).status).toBe(412);
  });

  it('refuses an If-Match without quotes instead of overwriting', async () => {
    const url = at('Observation/unquoted');
    await call('PUT', url, potassium(3.1, { id: 'unquoted' }));
    const reply = await call('PUT', url, potassium(9.9, { id: 'unquoted' }), { 'If-Match': '3' });
    expect(reply.status).toBe(400);
    expect((await call('GET', url)).body.valueQuantity.value).toBe(3.1);
  });

  it('does not replace a resource that must not exist yet', async () => {
    const url = at('Observation/once');
    const write = (): Promise<{ status: number }> =>
      call('PUT', url, potassium(3.1, { id: 'once' }), { 'If-None-Match': '*' });
    expect((await write()).status).toBe(201);
    expect((await write()).status).toBe(412);
  });

  it('patches', async () => {
    await call('PUT', at('Observation/patched'), potassium(3.1, { id: 'patched' }));
    const patch = [{ op: 'replace', path: '/status', value: 'amended' }];
    const type = { 'Content-Type': 'application/json-patch+json' };
    expect((await call('PATCH', at('Observation/patched'), patch, type)).body.status).toBe('amended');
  });

  it.each([
    ['a required element is missing', 'Observation', { resourceType: 'Observation', status: 'final' }],
    ['an element is unknown', 'Patient', { resourceType: 'Patient', shoeSize: 43 }],
    ['an element has the wrong form', 'Patient', { resourceType: 'Patient', birthDate: 1950 }],
    ['it is sent to another type', 'Observation', { resourceType: 'Patient' }],
    ['it is not an object', 'Patient', '"Patient"'],
    ['it is not JSON', 'Patient', '{"resourceType":'],
  ])('refuses a resource when %s, with the reason', async (_, type, body) => {
    const before = await count(type);
    const reply = await call('POST', at(type), body);
    expect(reply.status).toBe(400);
    expect(reply.body).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ severity: 'error' }] });
    expect(await count(type)).toBe(before);
  });

  it('refuses what is not FHIR JSON, what is too large and types that do not exist', async () => {
    const xml = { 'Content-Type': 'application/fhir+xml' };
    expect((await call('POST', at('Patient'), '<Patient/>', xml)).status).toBe(415);
    expect((await call('POST', at('Patient'), PATIENT, { 'Content-Type': 'text/plain' })).status).toBe(415);
    expect((await call('POST', at('Hamster'), { resourceType: 'Hamster' })).status).toBe(404);
    const large = { ...PATIENT, name: [{ text: 'x'.repeat(17 * 1024 * 1024) }] };
    const tooLarge = await call('POST', at('Patient'), large);
    expect([tooLarge.status, tooLarge.body.resourceType]).toEqual([413, 'OperationOutcome']);
  });
});

describe('a deleted resource', () => {
  it('is gone, keeps its history and can come back', async () => {
    const url = at('Observation/deleted');
    await call('PUT', url, potassium(3.1, { id: 'deleted' }));
    expect((await call('DELETE', url)).status).toBe(200);
    expect((await call('GET', url)).status).toBe(410);
    expect((await call('PUT', url, potassium(3, { id: 'deleted' }), { 'If-Match': 'W/"1"' })).status).toBe(
      410,
    );
    expect((await call('DELETE', url)).status).toBe(200);
    expect((await call('PUT', url, potassium(3, { id: 'deleted' }))).status).toBe(201);

    const { body } = await call('GET', `${url}/_history`);
    expect(body.entry.map((entry: { request: { method: string } }) => entry.request.method)).toEqual([
      'PUT',
      'DELETE',
      'PUT',
    ]);
    expect(validateResource(body)).toEqual([]);
  });

  it('was never there when the id is unknown', async () => {
    expect((await call('GET', at('Observation/unknown'))).status).toBe(404);
    expect((await call('DELETE', at('Observation/unknown'))).status).toBe(404);
    expect((await call('GET', at('Observation/unknown/_history'))).status).toBe(404);
  });

  it('does not come back where clients may not choose ids', async () => {
    const { body } = await call('POST', `${medplum.base}/Observation`, potassium(3.1));
    const url = `${medplum.base}/Observation/${body.id}`;
    await call('DELETE', url);
    expect((await call('PUT', url, body)).status).toBe(410);
  });
});

describe('reading from the sandbox', () => {
  it('tells the history newest first, every time it is asked', async () => {
    const url = at('Observation/history');
    for (const value of [1, 2, 3]) await call('PUT', url, potassium(value, { id: 'history' }));
    for (let asked = 0; asked < 3; asked += 1) {
      const { body } = await call('GET', `${url}/_history`);
      const values = body.entry.map(
        (entry: { resource: { valueQuantity: { value: number } } }) => entry.resource,
      );
      expect(values.map((one: { valueQuantity: { value: number } }) => one.valueQuantity.value)).toEqual([
        3, 2, 1,
      ]);
    }
  });

  it('answers HEAD like GET without a body', async () => {
    await call('PUT', at('Patient/p1'), PATIENT);
    const { status, headers, body } = await call('HEAD', at('Patient/p1'));
    expect([status, body]).toEqual([200, undefined]);
    expect(headers.get('etag')).toMatch(/^W\/".+"$/);
  });

  it('does not answer for host names that a web page could point at it', async () => {
    const { port } = new URL(hapi.base);
    const status = await new Promise((resolve, reject) => {
      const options = { port, path: '/fhir/R4/Patient', headers: { Host: `evil.example:${port}` } };
      request(options, (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(421);
  });
});

describe('a conditional create', () => {
  const ifNone = (value: string): Record<string, string> => ({
    'If-None-Exist': `identifier=https://cds.example.org/issue|${value}`,
  });

  it('makes one resource out of 20 at the same time', async () => {
    const url = `${medplum.base}/DetectedIssue`;
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => call('POST', url, issue('twenty'), ifNone('twenty'))),
    );
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(19);
    expect(new Set(replies.map(({ body }) => body.id)).size).toBe(1);
  });

  it('refuses when several match', async () => {
    await call('POST', at('DetectedIssue'), issue('twice'));
    await call('POST', at('DetectedIssue'), issue('twice'));
    expect((await call('POST', at('DetectedIssue'), issue('twice'), ifNone('twice'))).status).toBe(412);
  });

  it('refuses a condition it does not understand and creates nothing', async () => {
    const before = await count('DetectedIssue');
    const create = (condition: string): Promise<{ status: number }> =>
      call('POST', at('DetectedIssue'), issue('odd'), { 'If-None-Exist': condition });
    expect((await create('identifer=https://cds.example.org/issue|odd')).status).toBe(400);
    expect((await create('_count=1')).status).toBe(400);
    expect((await call('DELETE', at('DetectedIssue'))).status).toBe(400);
    expect(await count('DetectedIssue')).toBe(before);
  });
});

describe('a transaction', () => {
  const plan = (from: string): object => ({
    fullUrl: 'urn:uuid:0d0c4f54-7a3e-4b52-9d56-4f3f2f1c0002',
    request: { method: 'POST', url: 'CarePlan' },
    resource: {
      resourceType: 'CarePlan',
      status: 'draft',
      intent: 'proposal',
      subject: { reference: 'Patient/p1' },
      supportingInfo: [{ reference: from }],
    },
  });
  const URN = 'urn:uuid:0d0c4f54-7a3e-4b52-9d56-4f3f2f1c0001';
  const issueEntry = (value: string): object => ({
    fullUrl: URN,
    request: {
      method: 'POST',
      url: 'DetectedIssue',
      ifNoneExist: `identifier=https://cds.example.org/issue|${value}`,
    },
    resource: issue(value),
  });
  const transaction = (...entry: object[]): object => ({
    resourceType: 'Bundle',
    type: 'transaction',
    entry,
  });

  it('creates an issue and the plan that refers to it, and answers for each', async () => {
    const { status, body } = await call('POST', hapi.base, transaction(issueEntry('both'), plan(URN)));
    expect([status, body.type]).toEqual([200, 'transaction-response']);
    const [first, second] = body.entry;
    expect([first.response.status, second.response.status]).toEqual(['201', '201']);
    expect(second.response.etag).toBe(`W/"${second.resource.meta.versionId}"`);
    expect(second.resource.supportingInfo[0].reference).toBe(`DetectedIssue/${first.resource.id}`);
  });

  it('sent again at the same time makes no second issue, and both plans refer to the one', async () => {
    const answers = await Promise.all(
      [1, 2].map(() => call('POST', hapi.base, transaction(issueEntry('raced'), plan(URN)))),
    );
    const ids = answers.map(({ body }) => body.entry[0].resource.id);
    const references = answers.map(({ body }) => body.entry[1].resource.supportingInfo[0].reference);
    expect(new Set(references)).toEqual(new Set([`DetectedIssue/${ids[0]}`]));
    expect(await count('DetectedIssue?identifier=https://cds.example.org/issue|raced')).toBe(1);
  });

  it('leaves nothing behind when one entry is refused', async () => {
    await call('PUT', at('Observation/kept'), potassium(3.1, { id: 'kept' }));
    const bad = {
      request: { method: 'POST', url: 'Observation' },
      resource: { resourceType: 'Observation' },
    };
    const change = (id: string): object => ({
      request: { method: 'PUT', url: `Observation/${id}` },
      resource: potassium(9, { id }),
    });
    const remove = { request: { method: 'DELETE', url: 'Patient/p1' } };
    await call('PUT', at('Patient/p1'), PATIENT);
    const before = (await call('GET', at('Observation/kept'))).body;
    const patch = {
      request: { method: 'PATCH', url: 'Observation/never' },
      resource: { resourceType: 'Binary', contentType: 'application/json', data: btoa('[]') },
    };
    for (const failing of [bad, patch]) {
      const entries = transaction(remove, issueEntry('undone'), change('kept'), change('fresh'), failing);
      expect((await call('POST', hapi.base, entries)).status).toBeGreaterThanOrEqual(400);
    }
    expect((await call('GET', at('Observation/kept'))).body).toEqual(before);
    expect((await call('GET', at('Observation/fresh'))).status).toBe(404);
    expect((await call('GET', at('Patient/p1'))).status).toBe(200);
    expect((await call('GET', at('Observation/kept/_history'))).body.total).toBe(1);
    expect(await count('DetectedIssue?identifier=https://cds.example.org/issue|undone')).toBe(0);
  });

  it('can not bring an id where clients may not choose', async () => {
    const entry = { request: { method: 'PUT', url: 'Patient/p1' }, resource: PATIENT };
    expect((await call('POST', medplum.base, transaction(entry))).status).toBe(404);
  });
});

describe('a batch', () => {
  it('answers each entry on its own', async () => {
    await call('PUT', at('Patient/p1'), PATIENT);
    const entry = [
      { request: { method: 'GET', url: 'Patient/p1' } },
      { request: { method: 'GET', url: 'Patient?nonsense=1' } },
      { request: { method: 'GET', url: 'Hamster/1' } },
      { request: { method: 'PUT', url: 'Patient/p2' }, resource: { ...PATIENT, id: 'p2' } },
      { request: { method: 'PUT', url: 'Patient/p2', ifMatch: '7' }, resource: { ...PATIENT, id: 'p2' } },
      { request: { method: 'GET', url: 'Patient?_count=1' } },
    ];
    const { status, body } = await call('POST', hapi.base, { resourceType: 'Bundle', type: 'batch', entry });
    const statuses = body.entry.map((one: { response: { status: string } }) => one.response.status);
    expect([status, body.type]).toEqual([200, 'batch-response']);
    expect(statuses).toEqual(['200', '400', '404', '201', '400', '200']);
    expect(body.entry[5].resource.link[1].relation).toBe('next');
  });
});

describe('a bad day of the server', () => {
  it('fails as often as was asked, and only where it was asked', async () => {
    await call('PUT', at('Patient/p1'), PATIENT);
    hapi.faults.onRequest({ method: 'GET', path: /^\/Patient/, answer: { status: 503 }, times: 2 });
    const read = async (path: string): Promise<number> => (await call('GET', at(path))).status;
    expect(await read('Observation?_count=1')).toBe(200);
    expect([await read('Patient/p1'), await read('Patient/p1'), await read('Patient/p1')]).toEqual([
      503, 503, 200,
    ]);
  });

  it('says when to come back', async () => {
    hapi.faults.onRequest({ path: /./, answer: { status: 429, headers: { 'Retry-After': '7' } } });
    const { status, headers, body } = await call('GET', at('Patient/p1'));
    expect([status, headers.get('retry-after'), body.resourceType]).toEqual([429, '7', 'OperationOutcome']);
  });

  it('can be a login page, or silence', async () => {
    hapi.faults.onRequest({ path: /./, answer: 'html' });
    const page = await fetch(at('Patient/p1'));
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    hapi.faults.onRequest({ path: /./, answer: 'no-answer' });
    await expect(fetch(at('Patient/p1'), { signal: AbortSignal.timeout(50) })).rejects.toThrow('timeout');
  });

  it('can do the work and lose the answer', async () => {
    hapi.faults.onRequest({ method: 'POST', path: /^\/DetectedIssue/, answer: 'answer-lost' });
    await expect(call('POST', at('DetectedIssue'), issue('lost'))).rejects.toThrow('fetch failed');
    expect(await count('DetectedIssue?identifier=https://cds.example.org/issue|lost')).toBe(1);
  });
});

describe('loading the sandbox', () => {
  it('turns the references of a generated cohort into addresses', async () => {
    const uuid = 'urn:uuid:6a1f0f0e-3f0b-4df5-a1a4-9c4d7c1f0001';
    const loaded = await medplum.load({
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        { fullUrl: uuid, resource: { resourceType: 'Patient', id: 'cohort-1' } },
        { resource: potassium(3.1, { id: 'cohort-k', subject: { reference: uuid } }) },
      ],
    });
    expect(loaded).toBe(2);
    const { body } = await call('GET', `${medplum.base}/Observation?subject=Patient/cohort-1`);
    expect(body.entry[0].resource.id).toBe('cohort-k');
  });

  it('stores all or nothing, and leaves alone what it knows if asked to', async () => {
    const bad = { resourceType: 'Observation' } as never;
    await expect(medplum.load([{ ...PATIENT, id: 'half' }, bad])).rejects.toThrow(
      'Missing required property',
    );
    expect((await call('GET', `${medplum.base}/Patient/half`)).status).toBe(404);
    const good = medplum.load.bind(medplum, [{ ...PATIENT, id: 'beside' }]);
    await Promise.allSettled([medplum.load([{ ...PATIENT, id: 'half' }, bad]), good()]);
    expect((await call('GET', `${medplum.base}/Patient/beside`)).status).toBe(200);
    expect(await medplum.load([{ ...PATIENT, id: 'known' }], { ifAbsent: true })).toBe(1);
    expect(await medplum.load([{ ...PATIENT, id: 'known' }], { ifAbsent: true })).toBe(0);
  });
});

describe('the request log', () => {
  it('keeps method, path and status of each request', async () => {
    await call('GET', at('Patient/nobody?_format=json'));
    expect(hapi.requests.at(-1)).toEqual({
      method: 'GET',
      path: '/fhir/R4/Patient/nobody?_format=json',
      status: 404,
    });
  });
});
