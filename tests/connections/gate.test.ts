import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Bundle, DetectedIssue, DiagnosticReport, Resource } from '@medplum/fhirtypes';
import { LIMITS } from '../../src/connections/connection.ts';
import { Gate } from '../../src/connections/gate.ts';
import { until } from '../store/until.ts';
import { connectionTo, DEVICE_SYSTEM, reply, type ScriptedServer, startScripted } from './scripted-server.ts';

const NOW = Date.parse('2026-03-04T06:00:00Z');
const PATIENT = { resourceType: 'Patient', id: 'p1' } as const;
const ISSUE = { resourceType: 'DetectedIssue', id: 'd1', status: 'final' } as const satisfies DetectedIssue;
const IDENTIFIER = { system: 'urn:x', value: 'cramp-1' };

let server: ScriptedServer;
let gate: Gate;
beforeEach(async () => {
  server = await startScripted();
  gate = gateTo();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

function gateTo(rest: Parameters<typeof connectionTo>[1] = {}): Gate {
  return new Gate(connectionTo(server.base, rest), DEVICE_SYSTEM, { now: () => NOW });
}

function answers(status: number, body?: unknown, headers?: Record<string, string>): void {
  server.script = (_, response) => reply(response, status, body, headers);
}

function page(resources: readonly Resource[], next?: string): Bundle {
  const link = next === undefined ? [] : [{ relation: 'next', url: next }];
  return {
    resourceType: 'Bundle',
    type: 'searchset',
    link,
    entry: resources.map((resource) => ({ resource })),
  };
}

describe('what a read answers, row by row', () => {
  it.each([
    [408, 'try-later'],
    [425, 'try-later'],
    [429, 'try-later'],
    [500, 'try-later'],
    [502, 'try-later'],
    [503, 'try-later'],
    [504, 'try-later'],
    [507, 'try-later'],
    [409, 'try-later'],
    [412, 'try-later'],
    [403, 'hidden'],
    [404, 'gone'],
    [410, 'gone'],
    [401, 'refused'],
    [400, 'refused'],
    [422, 'refused'],
    [418, 'refused'],
  ] as const)('answers %i with %s, and asks once', async (status, outcome) => {
    answers(status, { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'structure' }] });
    expect((await gate.read('Patient', 'p1')).outcome).toBe(outcome);
    expect(server.asked).toHaveLength(1);
  });

  it('tells a deleted record from one that is not there yet', async () => {
    answers(410);
    expect(await gate.read('Patient', 'p1')).toEqual({ outcome: 'gone', certain: true });
    answers(404);
    expect(await gate.read('Patient', 'p1')).toEqual({ outcome: 'gone', certain: false });
  });

  it('keeps the code of an OperationOutcome and never its text', async () => {
    const issue = [{ severity: 'error', code: 'structure', diagnostics: 'planted-134418' }];
    answers(422, { resourceType: 'OperationOutcome', issue });
    const outcome = await gate.read('Patient', 'p1');
    expect(outcome).toEqual({ outcome: 'refused', reason: 'unprocessable', issue: 'structure' });
  });

  it('waits as long as the server asks, in seconds, by date, by RateLimit, and never over an hour', async () => {
    const afterMs = async (headers: Record<string, string>) => {
      answers(429, undefined, headers);
      const outcome = await gateTo().read('Patient', 'p1');
      return outcome.outcome === 'try-later' ? outcome.afterMs : outcome.outcome;
    };
    expect(await afterMs({ 'retry-after': '7' })).toBe(7_000);
    expect(await afterMs({ 'retry-after': 'Wed, 04 Mar 2026 06:00:30 GMT' })).toBe(30_000);
    expect(await afterMs({ 'retry-after': 'Wed, 04 Mar 2026 05:00:00 GMT' })).toBe(0);
    expect(await afterMs({ ratelimit: '"requests";r=900;t=3, "fhirInteractions";r=0;t=12' })).toBe(12_000);
    expect(await afterMs({ 'retry-after': '86400' })).toBe(3_600_000);
    expect(await afterMs({})).toBeUndefined();
  });

  it('takes a login page, broken JSON, another type and another id as a server in trouble', async () => {
    const outcomes = [];
    for (const [type, body] of [
      ['text/html', '<html>Sign in</html>'],
      ['application/fhir+json', '<html>Sign in</html>'],
      ['text/html', JSON.stringify(PATIENT)],
      ['application/fhir+json', '{"resourceType":"Pati'],
      ['application/fhir+json', ''],
      ['application/fhir+json', 'null'],
      ['application/fhir+json', JSON.stringify({ resourceType: 'OperationOutcome' })],
      ['application/fhir+json', JSON.stringify({ ...PATIENT, id: 'p2' })],
    ] as const) {
      server.script = (_, response) => response.writeHead(200, { 'content-type': type }).end(body);
      outcomes.push(await gate.read('Patient', 'p1'));
    }
    expect(outcomes).toEqual(outcomes.map(() => ({ outcome: 'try-later', because: 'wrong-content' })));
  });

  it('takes the version from the header where the body has none', async () => {
    answers(200, PATIENT, { etag: 'W/"7"' });
    expect(await gate.read('Patient', 'p1')).toMatchObject({ resource: { meta: { versionId: '7' } } });
  });

  it('tries later when nobody listens, and stops at a failed TLS handshake', async () => {
    const closed = await startScripted();
    await closed[Symbol.asyncDispose]();
    expect(await new Gate(connectionTo(closed.base), DEVICE_SYSTEM).read('Patient', 'p1')).toMatchObject({
      outcome: 'try-later',
      because: 'network',
    });
    const overTls = new Gate(connectionTo(server.base.replace('http:', 'https:')), DEVICE_SYSTEM);
    expect(await overTls.read('Patient', 'p1')).toEqual({ outcome: 'refused', reason: 'tls' });
  });

  it('says that the base is missing when the base itself is not found', async () => {
    expect(await gate.capability()).toEqual({ outcome: 'refused', reason: 'base-missing' });
    expect(await gate.batch(['Patient/p1'])).toEqual({ outcome: 'refused', reason: 'base-missing' });
  });
});

describe('bounds of a call', () => {
  it('gives up on a server that never answers and on a body that never ends', async () => {
    const hasty = gateTo({ timeoutMs: 300 });
    server.script = () => {};
    expect(await hasty.read('Patient', 'p1')).toMatchObject({ outcome: 'try-later', because: 'timeout' });
    server.script = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/fhir+json' });
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    };
    expect(await hasty.read('Patient', 'p1')).toMatchObject({ outcome: 'try-later', because: 'timeout' });
  });

  it('stops reading above 10 MiB', async () => {
    let sent = 0;
    server.script = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/fhir+json' });
      const more = () => {
        while (!response.destroyed && sent < 5 * LIMITS.bodyBytes) {
          sent += 65_536;
          if (!response.write(Buffer.alloc(65_536, 32))) return response.once('drain', more);
        }
        return response.end();
      };
      more();
    };
    expect(await gate.read('Patient', 'p1')).toEqual({ outcome: 'refused', reason: 'too-large' });
    expect(sent).toBeLessThan(2 * LIMITS.bodyBytes);
  });

  it('does not follow a redirect', async () => {
    await using other = await startScripted((_, response) => reply(response, 200, PATIENT));
    server.script = (_, response) => response.writeHead(302, { location: `${other.base}/Patient/p1` }).end();
    expect((await gate.read('Patient', 'p1')).outcome).toBe('try-later');
    expect(other.asked).toHaveLength(0);
  });

  it.each(['../../../x', '..', 'a/b', 'a?b', '%2e%2e', ''])('sends nothing for the id %p', async (id) => {
    expect(await gate.read('Patient', id)).toEqual({ outcome: 'refused', reason: 'unsafe-id' });
    expect(await gate.batch([`Patient/${id || '../x'}#`])).toEqual({
      outcome: 'refused',
      reason: 'unsafe-id',
    });
    expect(server.asked).toHaveLength(0);
  });
});

describe('paging', () => {
  it('follows next links as given, relative ones and those on the base itself too', async () => {
    server.script = ({ path }, response) => {
      if (path.includes('_getpages'))
        return reply(response, 200, page([{ resourceType: 'Patient', id: 'p3' }]));
      const next = path.includes('offset=1') ? `${server.base}?_getpages=abc` : 'Patient?offset=1';
      return reply(
        response,
        200,
        page([{ resourceType: 'Patient', id: path.includes('offset') ? 'p2' : 'p1' }], next),
      );
    };
    const found = await gate.searchAll('Patient', { name: 'x|y z' });
    expect(found.outcome === 'found' && found.resource.map(({ id }) => id)).toEqual(['p1', 'p2', 'p3']);
    expect(server.asked.map(({ path }) => path)).toEqual([
      '/fhir/R4/Patient?name=x%7Cy+z',
      '/fhir/R4/Patient?offset=1',
      '/fhir/R4?_getpages=abc',
    ]);
  });

  it('asks our address when the server writes its links with another of its names', async () => {
    const known = gateTo({ baseAliases: ['https://inside.example/r4'] });
    server.script = ({ path }, response) =>
      reply(
        response,
        200,
        page([], path.includes('page=2') ? undefined : 'https://inside.example/r4/Patient?page=2'),
      );
    expect((await known.searchAll('Patient', {})).outcome).toBe('found');
    expect(server.asked.map(({ path }) => path)).toContain('/fhir/R4/Patient?page=2');
  });

  it('sends no request to a next link that leaves the server', async () => {
    await using other = await startScripted();
    const { port } = new URL(server.base);
    const links = [
      `${other.base}/Patient?page=2`,
      '//169.254.169.254/latest',
      `http://127.0.0.1.evil.test:${port}/fhir/R4/Patient`,
      `http://user@127.0.0.1:${port}/fhir/R4/Patient`,
      `http://127.0.0.1:${port}/fhir/R4-other/Patient`,
      `${server.base}/../admin`,
      `${server.base}/%2e%2e%2fadmin`,
      'file:///etc/passwd',
    ];
    for (const link of links) {
      answers(200, page([PATIENT], link));
      expect(await gate.searchAll('Patient', {})).toEqual({ outcome: 'refused', reason: 'foreign-address' });
    }
    expect(server.asked).toHaveLength(links.length);
    expect(other.asked).toHaveLength(0);
  });

  it('ends at a link that it has followed before', async () => {
    answers(200, page([PATIENT], 'Patient?page=2'));
    expect((await gate.searchAll('Patient', {})).outcome).toBe('found');
    expect(server.asked).toHaveLength(2);
  });

  it('gives up after 50 pages and after 5 000 resources, and says so', async () => {
    let number = 0;
    server.script = (_, response) => reply(response, 200, page([], `Patient?page=${number++}`));
    expect(await gate.searchAll('Patient', {})).toEqual({ outcome: 'refused', reason: 'too-many' });
    expect(server.asked).toHaveLength(LIMITS.pages);
    answers(200, page(Array.from({ length: LIMITS.resources + 1 }, () => PATIENT)));
    expect(await gate.searchAll('Patient', {})).toEqual({ outcome: 'refused', reason: 'too-many' });
  });

  it('asks again in smaller pages when one is above 10 MiB, and keeps no document of a report', async () => {
    const report: DiagnosticReport = {
      resourceType: 'DiagnosticReport',
      id: 'r1',
      status: 'final',
      code: {},
      presentedForm: [{ contentType: 'application/pdf', data: 'QQ==' }],
    };
    server.script = ({ path }, response) => {
      const many = Number(new URL(path, server.origin).searchParams.get('_count'));
      const body = page([report]);
      reply(response, 200, many > 5 ? { ...body, id: 'x'.repeat(LIMITS.bodyBytes) } : body);
    };
    expect(await gate.searchAll('DiagnosticReport', { patient: 'p1', _count: '100' })).toEqual({
      outcome: 'found',
      resource: [{ ...report, presentedForm: [{ contentType: 'application/pdf' }] }],
    });
    expect(server.asked.map(({ path }) => path.replace(/.*_count=/, ''))).toEqual(['100', '50', '5']);
  });

  it('answers a broken page with trouble, because a part could be taken for the whole', async () => {
    server.script = ({ path }, response) =>
      path.includes('page=2')
        ? reply(response, 503)
        : reply(response, 200, page([PATIENT], 'Patient?page=2'));
    expect((await gate.searchAll('Patient', {})).outcome).toBe('try-later');
  });
});

describe('batch', () => {
  it('answers each request on its own', async () => {
    const entry = [
      { response: { status: '200 OK' }, resource: PATIENT },
      { response: { status: '200' }, resource: page([]) },
      { response: { status: '403' } },
      { response: { status: '429' } },
      { response: { status: '200' }, resource: { ...PATIENT, id: 'other' } },
    ];
    answers(200, { resourceType: 'Bundle', type: 'batch-response', entry });
    const batch = await gate.batch([
      'Patient/p1',
      'Observation?patient=p1',
      'Patient/p2',
      'Patient/p3',
      'Patient/p4',
    ]);
    expect(batch.outcome === 'found' && batch.resource.map(({ outcome }) => outcome)).toEqual([
      'found',
      'found',
      'hidden',
      'try-later',
      'try-later',
    ]);
    expect(server.asked).toHaveLength(1);
  });

  it('refuses an answer with fewer entries than were asked', async () => {
    answers(200, { resourceType: 'Bundle', type: 'batch-response', entry: [] });
    expect((await gate.batch(['Patient/p1'])).outcome).toBe('try-later');
  });
});

describe('what a write answers, row by row', () => {
  it.each([
    [200, 'written'],
    [201, 'written'],
    [304, 'written'],
    [408, 'ambiguous'],
    [425, 'ambiguous'],
    [500, 'ambiguous'],
    [502, 'ambiguous'],
    [503, 'ambiguous'],
    [504, 'ambiguous'],
    [429, 'try-later'],
    [409, 'conflict'],
    [412, 'precondition'],
    [428, 'version-needed'],
    [404, 'gone'],
    [410, 'gone'],
    [400, 'refused'],
    [401, 'refused'],
    [403, 'refused'],
    [422, 'refused'],
    [405, 'refused'],
  ] as const)('answers %i with %s, and sends once', async (status, outcome) => {
    answers(status, status < 300 ? ISSUE : undefined);
    expect((await gate.update(ISSUE, '3')).outcome).toBe(outcome);
    expect(server.asked).toHaveLength(1);
    expect(server.asked[0]).toMatchObject({
      method: 'PUT',
      path: '/fhir/R4/DetectedIssue/d1',
      headers: { 'if-match': 'W/"3"' },
    });
  });

  it('does not know after a lost answer, a silent server, or a login page', async () => {
    server.script = (_, response) => response.destroy();
    expect((await gate.update(ISSUE, '3')).outcome).toBe('ambiguous');
    server.script = () => {};
    expect((await gateTo({ timeoutMs: 300 }).update(ISSUE, '3')).outcome).toBe('ambiguous');
    server.script = (_, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<p>Sign in');
    expect((await gate.update(ISSUE, '3')).outcome).toBe('ambiguous');
    expect(server.asked).toHaveLength(3);
  });

  it('creates under a condition on the identifier alone, and reports several', async () => {
    answers(201, undefined, { location: `${server.base}/DetectedIssue/77/_history/1` });
    expect(await gate.createIfNone(ISSUE, IDENTIFIER)).toEqual({
      outcome: 'written',
      id: '77',
      versionId: '1',
      created: true,
    });
    expect(server.asked[0]?.headers['if-none-exist']).toBe('identifier=urn%3Ax%7Ccramp-1');
    answers(412);
    expect(await gate.createIfNone(ISSUE, IDENTIFIER)).toEqual({ outcome: 'several' });
  });

  it('has two conditional writes under way at most; others do not wait for them', async () => {
    const held: (() => void)[] = [];
    server.script = ({ method }, response) => {
      if (method === 'GET') return reply(response, 200, PATIENT);
      held.push(() => reply(response, 201, ISSUE));
    };
    const writes = Array.from({ length: 5 }, () => gate.createIfNone(ISSUE, IDENTIFIER));
    await until('two arrived', () => held.length === 2);
    expect((await gate.read('Patient', 'p1')).outcome).toBe('found');
    expect(held).toHaveLength(2);
    for (let ended = 0; ended < 5; ended++) {
      await until('another arrived', () => held.length > ended);
      held[ended]?.();
    }
    expect(await Promise.all(writes)).toHaveLength(5);
  });

  it('tells a mixed transaction from a committed one', async () => {
    const entry = [ISSUE, ISSUE].map((resource) => ({
      resource,
      request: { method: 'POST', url: 'DetectedIssue' } as const,
    }));
    const bundle = { resourceType: 'Bundle', type: 'transaction', entry } as const;
    const answered = (...statuses: string[]) =>
      answers(200, {
        resourceType: 'Bundle',
        type: 'transaction-response',
        entry: statuses.map((status) => ({ response: { status } })),
      });
    answered('201', '200');
    expect((await gate.transaction({ ...bundle, entry: [...entry] })).outcome).toBe('committed');
    answered('201', '429');
    expect((await gate.transaction({ ...bundle, entry: [...entry] })).outcome).toBe('partial');
    answered('201');
    expect((await gate.transaction({ ...bundle, entry: [...entry] })).outcome).toBe('partial');
  });

  it('takes a race that Medplum answers with 400 as a conflict', async () => {
    const medplum = gateTo({ kind: 'medplum' });
    const issue = [
      { severity: 'error', code: 'invalid', details: { text: 'Resource ID did not match resolved ID' } },
    ];
    answers(400, { resourceType: 'OperationOutcome', issue });
    const bundle = { resourceType: 'Bundle', type: 'transaction' } as const;
    expect(await medplum.transaction(bundle)).toEqual({ outcome: 'conflict' });
    expect((await gate.transaction(bundle)).outcome).toBe('refused');
  });
});
