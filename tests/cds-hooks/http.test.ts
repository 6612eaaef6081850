import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MedplumClient } from '@medplum/core';
import { HOOKS, TEMPLATES, templateText } from '../../src/cds-hooks/services.ts';
import { openClient } from '../../src/config/cds-hooks.ts';
import { READ_TYPES } from '../../src/evaluation/gather.ts';
import {
  about,
  ciprofloxacin,
  drafts,
  Ehr,
  patientOf72,
  potassium,
  prednisone,
  prefetchOf,
  searchset,
  WARD,
} from './hooks.ts';

const ORIGIN = 'https://ehr.example.org';
const CHART = prefetchOf(patientOf72(), prednisone(), potassium(3.1));
const CLIENT = openClient({ id: WARD, base: 'https://ehr.example.org/fhir' }, 2000);
let ehr: Ehr;
beforeAll(async () => {
  ehr = await Ehr.open({ largestBody: 200_000 }, [{ ...CLIENT, origins: [ORIGIN] }]);
});
afterAll(() => ehr[Symbol.asyncDispose]());

describe('discovery', () => {
  it('offers one service for each hook, with an id of its own and what it needs', async () => {
    const response = await fetch(ehr.url);
    const { services } = (await response.json()) as {
      services: { hook: string; id: string; prefetch: object }[];
    };
    expect(services.map(({ hook }) => hook)).toEqual([...HOOKS]);
    expect(new Set(services.map(({ id }) => id)).size).toBe(services.length);
    for (const service of services)
      expect(service).toMatchObject({
        title: expect.any(String),
        description: expect.any(String),
        version: '2.0.0',
        prefetch: { patient: 'Patient/{{context.patientId}}' },
      });
    expect(response.headers.get('cache-control')).toBe('max-age=300');
    expect((await fetch(`${ehr.url}/`, { redirect: 'error' })).status).toBe(200);
  });

  it('is empty, and still an answer, where no hook is offered', async () => {
    await using none = await Ehr.open({ hooks: [] }, undefined, ehr);
    expect(await (await fetch(none.url)).text()).toBe('{"services":[]}');
  });

  it('needs a token where the site wants one', async () => {
    await using closed = await Ehr.open({ authentication: 'jwt', publicDiscovery: false }, undefined, ehr);
    expect((await fetch(closed.url)).status).toBe(401);
  });

  it('asks in plain search only: type, equality, date prefix, sort and count, of fields that every hook has', () => {
    for (const template of TEMPLATES) {
      const text = templateText(template);
      expect(text.length).toBeLessThan(1500);
      expect(text.replaceAll('{{context.patientId}}', '7')).not.toMatch(
        /[{}%$]|_include|_revinclude|today\(/,
      );
      const [path = '', query] = text.split('?');
      if (query === undefined) expect(path).toBe('Patient/{{context.patientId}}');
      for (const [name] of new URLSearchParams(query ?? '')) expect(name).toMatch(/^(_sort|_count|[a-z-]+)$/);
    }
  });

  it('asks for every type of record that an evaluation gathers', () => {
    expect(new Set(TEMPLATES.map(({ type }) => type))).toEqual(new Set(['Patient', ...READ_TYPES]));
  });
});

describe('what is no call of ours', () => {
  const call = { hook: 'order-sign', ...about('p72', CHART, drafts(ciprofloxacin())) };
  it.each<[string, number, () => Promise<Response>]>([
    ['an unknown service', 404, () => fetch(`${ehr.url}/other`, { method: 'POST', body: '{}' })],
    ['a GET of a service', 405, () => fetch(`${ehr.url}/cramp-risk-order-sign`)],
    ['a POST to discovery', 405, () => fetch(ehr.url, { method: 'POST', body: '{}' })],
    [
      'a form',
      415,
      () =>
        fetch(`${ehr.url}/cramp-risk-order-sign`, { method: 'POST', body: new URLSearchParams({ a: 'b' }) }),
    ],
    ['text that is no JSON', 400, () => json('{"hook":')],
    ['a list', 400, () => json('[]')],
    ['an empty body', 400, () => json('')],
    ['a member twice', 400, () => json('{"hook":"order-sign","hook":"order-sign"}')],
    [
      'a body that is too large',
      413,
      () => json(JSON.stringify({ ...call, extension: 'x'.repeat(300_000) })),
    ],
  ])('%s: %i with a reason', async (_, status, send) => {
    const response = await send();
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ resourceType: 'OperationOutcome' });
    expect(response.headers.get('cache-control')).toBe('no-store');
    if (status === 405) expect(response.headers.get('allow')).toMatch(/^(GET|POST), OPTIONS$/);
  });

  it('a call in FHIR JSON, for FHIR JSON, is answered with JSON', async () => {
    const headers = {
      'content-type': 'application/fhir+json; charset=utf-8',
      accept: 'application/fhir+json',
    };
    const answered = await ehr.post('cramp-risk-order-sign', call, headers);
    expect([answered.status, answered.headers.get('content-type')]).toEqual([
      200,
      'application/json; charset=utf-8',
    ]);
  });

  it('too many calls of one client are told to wait', async () => {
    await using busy = await Ehr.open({ callsPerMinute: 2 }, undefined, ehr);
    const statuses = [];
    for (let index = 0; index < 3; index++) statuses.push((await busy.call('order-sign', call)).status);
    expect(statuses).toEqual([200, 200, 429]);
  });

  function json(body: string): Promise<Response> {
    const headers = { 'content-type': 'application/json' };
    return fetch(`${ehr.url}/cramp-risk-order-sign`, { method: 'POST', headers, body });
  }
});

describe('a browser of a registered origin', () => {
  it('may ask beforehand, without a token', async () => {
    const response = await fetch(`${ehr.url}/cramp-risk-order-sign`, {
      method: 'OPTIONS',
      headers: { origin: ORIGIN, 'access-control-request-method': 'POST' },
    });
    expect(response.status).toBe(204);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-methods': 'GET, POST, OPTIONS',
      'access-control-allow-headers': 'authorization, content-type, accept',
      'access-control-max-age': '600',
      vary: expect.stringContaining('Origin'),
    });
  });

  it('may read every answer, refusals too; any other origin reads none', async () => {
    for (const [origin, allowed] of [
      [ORIGIN, ORIGIN],
      ['https://evil.example', null],
    ] as const)
      for (const body of [about('p72', CHART), about('p72', {}), {}]) {
        const { headers } = await ehr.call('patient-view', body, { origin });
        expect(headers.get('access-control-allow-origin')).toBe(allowed);
      }
  });
});

describe('what a call did not bring', () => {
  let server: Server;
  let base: string;
  let asked: { url: string; authorization: string | undefined }[] = [];
  let slow = false;
  let hospital: Ehr;

  beforeAll(async () => {
    server = createServer((req, res) => {
      asked.push({ url: req.url ?? '', authorization: req.headers.authorization });
      if (slow) return;
      const url = req.url ?? '';
      const found = url.startsWith('/fhir/Patient/')
        ? patientOf72()
        : url.includes('MedicationRequest')
          ? searchset(prednisone())
          : url.includes('category=laboratory')
            ? searchset(potassium(3.1))
            : searchset();
      res.writeHead(200, { 'content-type': 'application/fhir+json' }).end(JSON.stringify(found));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir`;
    hospital = await Ehr.open({}, [{ ...CLIENT, fhirServers: [base], deadlineMs: 450 }], ehr);
  });
  afterAll(async () => {
    server.close();
    server.closeAllConnections();
    await hospital[Symbol.asyncDispose]();
  });

  const sign = (rest: object, prefetch?: Record<string, unknown>) => {
    asked = [];
    return hospital.call('order-sign', { ...about('p72', prefetch, drafts(ciprofloxacin())), ...rest });
  };
  const fhirAuthorization = {
    access_token: 'planted-134418',
    token_type: 'Bearer',
    expires_in: 300,
    scope: 'user/*.rs',
    subject: 'c',
  };

  it('is read from the registered server with the token of the call, each key once', async () => {
    const { cards } = await sign({ fhirServer: `${base}/`, fhirAuthorization });
    expect(cards[0]?.summary).toMatch(/prednisone.*potassium 3\.1/);
    expect(asked).toHaveLength(TEMPLATES.length);
    expect(new Set(asked.map(({ authorization }) => authorization))).toEqual(
      new Set(['Bearer planted-134418']),
    );
    expect(hospital.logged.join('')).not.toContain('planted-134418');
  });

  it('is not asked again where the client said "nothing there" or "failed"', async () => {
    const { labs: _, ...rest } = CHART;
    const { cards } = await sign({ fhirServer: base, fhirAuthorization }, { ...rest, meds: null });
    expect(asked.map(({ url }) => decodeURIComponent(url))).toEqual([
      expect.stringContaining('category=laboratory'),
    ]);
    expect(cards[0]?.summary).not.toMatch(/prednisone/);
  });

  it('is not read without a token, nor from a server that is not registered', async () => {
    expect((await sign({ fhirServer: base })).status).toBe(412);
    expect(asked).toEqual([]);
    const elsewhere = `http://127.0.0.1:${(server.address() as AddressInfo).port}/other`;
    expect((await sign({ fhirServer: elsewhere, fhirAuthorization })).status).toBe(412);
    expect(asked).toEqual([]);
  });

  it('is given up in time, and what was not checked is said', async () => {
    slow = true;
    const begun = performance.now();
    const { labs: _, ...rest } = CHART;
    const { cards } = await sign({ fhirServer: base, fhirAuthorization }, rest);
    expect(performance.now() - begun).toBeLessThan(1500);
    expect(cards[0]?.summary).toMatch(/prednisone/);
    expect(cards.at(-1)?.summary).toMatch(/incomplete: laboratory results could not be read/);
    slow = false;
  });
});

it('a client made by others finds the services and gets the card', async () => {
  const medplum = new MedplumClient({ baseUrl: 'https://ehr.example.org/', cdsServicesUrl: ehr.url, fetch });
  const { services } = await medplum.getCdsServices();
  const service = services.find(({ hook }) => hook === 'order-sign');
  if (service === undefined) throw new Error('there is no service for order-sign');
  const request = { hook: 'order-sign', ...about('p72', CHART, drafts(ciprofloxacin())) };
  const { cards } = await medplum.callCdsService(service.id, request as never);
  expect(cards[0]?.indicator).toBe('warning');
});
