import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { DetectedIssue } from '@medplum/fhirtypes';
import { LIMITS } from '../../../src/connections/connection.ts';
import { Gate } from '../../../src/connections/gate.ts';
import { https } from '../../alert-page/tls.ts';
import { connectionTo, DEVICE_SYSTEM } from '../../connections/scripted-server.ts';
import { until } from '../../store/until.ts';
import {
  type Answerer,
  BEGINNING,
  byteByByte,
  cut,
  cutShort,
  drips,
  pours,
  silent,
  startWorst,
  type WorstServer,
  whole,
} from './worst-server.ts';

const PATIENT_MS = 30_000;
const HASTY_MS = 450; // a third of it until an answer begins
const NOW = Date.parse('2026-03-04T06:00:00Z');
const TOKEN = 'planted-token-134418';
const PATIENT = { resourceType: 'Patient', id: 'p1' } as const;
const ISSUE = { resourceType: 'DetectedIssue', status: 'final' } as const satisfies DetectedIssue;
const IDENTIFIER = { system: 'urn:x', value: 'cramp-1' };
const EMPTY_PAGE = { resourceType: 'Bundle', type: 'searchset' };
const MIB = 1024 * 1024;

let server: WorstServer;
beforeEach(async () => {
  server = await startWorst();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

/** A new gate each time: none has been put off by what the last one met. */
function gateTo(rest: Parameters<typeof connectionTo>[1] = {}): Gate {
  const connection = { timeoutMs: PATIENT_MS, auth: { type: 'bearer', token: TOKEN }, ...rest } as const;
  return new Gate(connectionTo(server.base, connection), DEVICE_SYSTEM, { now: () => NOW });
}

/** What a read, a search, a batch, a create under a condition and a transaction come to. */
async function all(timeoutMs = PATIENT_MS) {
  const gate = () => gateTo({ timeoutMs });
  const entry = [{ resource: ISSUE, request: { method: 'POST', url: 'DetectedIssue' } as const }];
  const [read, search, batch, create, transaction] = await Promise.all([
    gate().read('Patient', 'p1'),
    gate().searchAll('Patient', { name: 'x' }),
    gate().batch(['Patient/p1']),
    gate().createIfNone(ISSUE, IDENTIFIER),
    gate().transaction({ resourceType: 'Bundle', type: 'transaction', entry }),
  ]);
  return { read, search, batch, create, transaction };
}

async function outcomes(timeoutMs?: number) {
  const outcome = await all(timeoutMs);
  return Object.fromEntries(
    Object.entries(outcome).map(([what, one]) => [
      what,
      one.outcome === 'refused' ? one.reason : one.outcome,
    ]),
  );
}

const LATER = {
  read: 'try-later',
  search: 'try-later',
  batch: 'try-later',
  create: 'ambiguous',
  transaction: 'ambiguous',
};
const always = (reason: string) => ({
  read: reason,
  search: reason,
  batch: reason,
  create: reason,
  transaction: reason,
});

describe('whatever a server answers, one row of the table follows', () => {
  it.each([
    [408, LATER],
    [425, LATER],
    [500, LATER],
    [502, LATER],
    [503, LATER],
    [504, LATER],
    [507, LATER],
    [302, LATER],
    [429, always('try-later')],
    [401, always('unauthorised')],
    [403, { ...always('forbidden'), read: 'hidden', search: 'hidden', batch: 'hidden' }],
    [404, { ...always('base-missing'), read: 'gone', search: 'rejected', create: 'gone' }],
    [410, { ...always('base-missing'), read: 'gone', search: 'rejected', create: 'gone' }],
    [409, { ...LATER, create: 'conflict', transaction: 'conflict' }],
    [412, { ...LATER, create: 'several', transaction: 'several' }],
    [400, always('invalid')],
    [422, always('unprocessable')],
    [405, always('rejected')],
    [418, always('rejected')],
    [428, { ...always('rejected'), create: 'version-needed' }],
  ])('%i', async (status, expected) => {
    server.answer = whole(status, { resourceType: 'OperationOutcome', issue: [{ severity: 'error' }] });
    expect(await outcomes()).toEqual(expected);
    expect(server.heard).toHaveLength(5); // each was asked once
  });

  it.each<[string, Answerer]>([
    ['a page to sign in, with 200', whole(200, '<html>Sign in</html>', { 'content-type': 'text/html' })],
    ['a page to sign in that says it is FHIR', whole(200, '<html>Sign in</html>')],
    ['FHIR that says it is text', whole(200, PATIENT, { 'content-type': 'text/plain' })],
    ['JSON that ends too early', whole(200, '{"resourceType":"Bundle","type":"sea')],
    ['another kind of resource', whole(200, { resourceType: 'Binary', id: 'p1' })],
    ['a list', whole(200, '[]')],
    ['a word', whole(200, '"Patient"')],
    ['an answer that is cut short', cutShort(JSON.stringify(EMPTY_PAGE))],
    ['a connection that is cut', cut],
    ['no HTTP at all', (socket) => socket.end('220 mail.example ESMTP\r\n')],
    ['headers without end', (socket) => void socket.write(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}`)],
  ])('%s: a read may be tried again, a write may have happened', async (_, answer) => {
    server.answer = answer;
    expect(await outcomes()).toEqual(LATER);
    expect(server.heard).toHaveLength(5);
  });

  it('entries that are no list: nothing is taken from them', async () => {
    server.answer = whole(200, { resourceType: 'Bundle', entry: 'Patient' });
    expect(await outcomes()).toEqual({ ...LATER, transaction: 'partial' }); // looked at again, entry by entry
  });

  it('the resource of somebody else is not taken for the one asked for', async () => {
    server.answer = whole(200, { ...PATIENT, id: 'p2' });
    expect(await gateTo().read('Patient', 'p1')).toEqual({ outcome: 'try-later', because: 'wrong-content' });
  });

  it('a certificate that nobody vouches for: nothing is sent, and a person must look', async () => {
    server.answer = whole(200, PATIENT);
    await using before = await https(() => Number(new URL(server.base).port));
    const gate = gateTo({ base: `https://127.0.0.1:${before.port}/fhir/R4` });
    expect(await gate.read('Patient', 'p1')).toEqual({ outcome: 'refused', reason: 'tls' });
    expect(await gate.createIfNone(ISSUE, IDENTIFIER)).toEqual({ outcome: 'refused', reason: 'tls' });
    expect(server.heard).toEqual([]);
  });

  it.each<[string, Record<string, string>, number | undefined]>([
    ['seconds', { 'retry-after': '7' }, 7_000],
    ['a date', { 'retry-after': 'Wed, 04 Mar 2026 06:00:30 GMT' }, 30_000],
    ['a date long past', { 'retry-after': 'Wed, 04 Mar 2026 05:00:00 GMT' }, 0],
    ['a date in another century', { 'retry-after': 'Wed, 04 Mar 2126 05:00:00 GMT' }, 3_600_000],
    ['what Medplum says', { ratelimit: '"requests";r=59990;t=3, "fhirInteractions";r=0;t=12' }, 12_000],
    ['nonsense', { 'retry-after': 'soon' }, undefined],
    ['nothing', {}, undefined],
  ])('too many requests, and how long to wait as %s', async (_, headers, afterMs) => {
    server.answer = whole(429, '', headers);
    const { read, create } = await all();
    const expected = {
      outcome: 'try-later',
      because: '429',
      ...(afterMs === undefined ? {} : { afterMs }),
    };
    expect([read, create]).toEqual([expected, expected]);
  });
});

describe('a server without end', () => {
  it.each<[string, Answerer]>([
    ['says nothing', silent],
    ['sends its headers a byte at a time', byteByByte(BEGINNING, 40)],
    ['sends its body a byte at a time', drips(20)],
    ['sends the body of a failure a byte at a time', (socket, heard) => drips(20)(onFailing(socket), heard)],
  ])('that %s is left when the time is over', async (_, answer) => {
    server.answer = answer;
    const begun = performance.now();
    expect(await outcomes(HASTY_MS)).toEqual(LATER);
    expect(performance.now() - begun).toBeLessThan(10 * HASTY_MS);
  });

  it('keeps no connection of ours open', async () => {
    server.answer = drips(20);
    await all(HASTY_MS);
    server.answer = silent;
    await all(HASTY_MS);
    await closed(); // fetch opens one anew for each that it gave up, and lets it go after four seconds
  });

  it.each<[string, Answerer]>([
    ['30 MiB', pours(30 * MIB)],
    ['for ever', pours()],
  ])('that pours %s is left at 10 MiB, and not more than that is kept', async (_, answer) => {
    server.answer = answer;
    expect(await gateTo().read('Patient', 'p1')).toEqual({ outcome: 'refused', reason: 'too-large' });
    expect(await gateTo().createIfNone(ISSUE, IDENTIFIER)).toMatchObject({ outcome: 'ambiguous' });
    await closed();
    expect(server.sent()).toBeLessThan(4 * LIMITS.bodyBytes); // of both, with what was on its way
  });

  it('whose pages have no end is left after 50, and one that repeats a page is read once', async () => {
    let page = 0;
    const linked = (url: string) => ({ ...EMPTY_PAGE, link: [{ relation: 'next', url }] });
    server.answer = (socket, heard) => whole(200, linked(`Patient?page=${page++}`))(socket, heard);
    expect(await gateTo().searchAll('Patient', {})).toEqual({
      outcome: 'refused',
      reason: 'too-many',
    });
    expect(server.heard).toHaveLength(LIMITS.pages);
    server.answer = whole(200, linked('Patient?page=7'));
    expect((await gateTo().searchAll('Patient', {})).outcome).toBe('found');
    expect(server.heard).toHaveLength(LIMITS.pages + 2);
  });
});

describe('a server that points elsewhere', () => {
  it('by its next link or by a redirect: the other one hears nothing, and no token', async () => {
    await using other = await startWorst(whole(200, PATIENT));
    const link = [{ relation: 'next', url: `${other.base}/Patient?page=2` }];
    server.answer = whole(200, { ...EMPTY_PAGE, link });
    expect(await gateTo().searchAll('Patient', {})).toEqual({
      outcome: 'refused',
      reason: 'foreign-address',
    });
    for (const status of [301, 302, 303, 307, 308]) {
      server.answer = whole(status, '', { location: `${other.base}/Patient/p1` });
      expect(await outcomes()).toEqual(LATER);
    }
    expect(other.heard).toEqual([]);
    expect(other.open()).toBe(0);
    expect(new Set(server.heard.map(({ authorization }) => authorization))).toEqual(
      new Set([`Bearer ${TOKEN}`]),
    );
  });
});

/** The same, for a failure: what drips is the body of a 503. */
function onFailing<S extends { write(text: string): unknown }>(socket: S): S {
  const write = socket.write.bind(socket);
  socket.write = (text: string) => write(text.replace('HTTP/1.1 200', 'HTTP/1.1 503'));
  return socket;
}

async function closed(): Promise<void> {
  await until('no connection is open', () => server.open() === 0);
}
