import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import express from 'express';
import { sql } from 'kysely';
import { type PushConnection, receivePush } from '../../src/intake/receive-push.ts';
import { countEvents } from '../../src/store/event.ts';
import { Inbox } from '../../src/store/inbox.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import type { ConnectionId } from '../../src/vocabulary/ids.ts';
import { openLog } from '../../src/watch/log.ts';
import { databases, empty, freshDatabase, stopDatabases, type TestStore } from '../store/databases.ts';
import { onPostgres } from '../store/on-postgres.ts';
import { until } from '../store/until.ts';
import {
  type Answered,
  accepted,
  type IntakeServer,
  type Row,
  startIntake,
  storedEvents,
} from './intake-server.ts';

const itOnPostgres = await onPostgres();

const SECRET = 'north-secret-0123456789-0123456789';
const NEXT_SECRET = 'north-secret-of-next-year-0123456789';
const TOKEN = 'Bearer south-token-0123456789-0123456789';
const PLANTED = 'planted-134418';

const NORTH: PushConnection = {
  id: 'north' as ConnectionId,
  base: 'https://north.example/fhir/R4',
  ingress: [{ type: 'hmac', header: 'x-signature', secrets: [SECRET, NEXT_SECRET], trust: 'body' }],
};
const SOUTH: PushConnection = {
  id: 'south' as ConnectionId,
  base: 'https://south.example/fhir',
  baseAliases: ['https://alias.example/fhir'],
  ingress: [{ type: 'header', header: 'authorization', secrets: [TOKEN], trust: 'hint' }],
};
const SIGN = (body: string | Buffer, secret = SECRET): Record<string, string> => ({
  'content-type': 'application/fhir+json',
  'x-signature': createHmac('sha256', secret).update(body).digest('hex'),
});
const BEARER = { authorization: TOKEN, 'content-type': 'application/fhir+json; charset=UTF-8' };

const POTASSIUM = {
  resourceType: 'Observation',
  id: 'k1',
  meta: { versionId: '4', lastUpdated: '2026-03-04T06:12:09Z', author: { reference: 'Practitioner/x' } },
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '2823-3' }] },
  subject: { reference: 'Patient/p1' },
  valueQuantity: { value: 2.4, unit: 'mmol/L' },
};

/** In how many transactions the events were written. */
async function commitsOfEvents(store: Store): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(distinct xmin::text)::int as n from event`.execute(
    store.db,
  );
  return rows[0]?.n ?? 0;
}

afterAll(stopDatabases);

describe.each(await databases())('a push, kept in $name', (database) => {
  let test: TestStore;
  let store: Store;
  let intake: IntakeServer;
  let lines: string[];

  beforeAll(async () => {
    test = await database.open();
    store = test.store;
    intake = await startIntake(store, [NORTH, SOUTH]);
    lines = intake.lines;
  }, 60_000);
  afterEach(() => empty(store));
  afterAll(async () => {
    await intake[Symbol.asyncDispose]();
    await test.close();
  });

  const push = (path: string, init: RequestInit): Promise<Answered> => intake.push(path, init);
  const signed = (body: unknown, path = '/north', more: Record<string, string> = {}): Promise<Answered> => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return push(path, { method: 'POST', headers: { ...SIGN(text), ...more }, body: text });
  };
  const events = (): Promise<Row[]> => storedEvents(store);
  const refused = async (answer: Answered, status: number, code: string): Promise<void> => {
    expect(answer.status).toBe(status);
    expect(answer.type).toMatch(/^application\/fhir\+json/);
    expect(answer.body.resourceType).toBe('OperationOutcome');
    expect(answer.body.issue?.[0]?.code).toBe(code);
    expect(answer.body.issue?.[0]?.diagnostics).toMatch(/^[a-zA-Z].* \(reference [0-9a-f-]{36}\)$/);
    expect(await countEvents(store.db)).toEqual({ waiting: 0, done: 0, parked: 0, dead: 0 });
  };

  describe('from Medplum', () => {
    it('of sixteen that come at the same time is committed together with others, again and again', async () => {
      const pushOne = async (id: string): Promise<void> => {
        const body = JSON.stringify({ ...POTASSIUM, id });
        const { status } = await intake.push('/north', { method: 'POST', headers: SIGN(body), body });
        expect(status).toBe(200);
      };
      const sender = async (name: number): Promise<void> => {
        for (let n = 0; n < 12; n++) await pushOne(`s${name}-${n}`);
      };
      await Promise.all(Array.from({ length: 16 }, (_, name) => sender(name)));
      expect(await countEvents(store.db)).toMatchObject({ waiting: 192 });
      expect(await commitsOfEvents(store)).toBeLessThan(96);
    });

    it('is kept whole when its signature is right, and makes the patient due', async () => {
      accepted(await signed(POTASSIUM));
      expect(await events()).toMatchObject([
        {
          connection_id: 'north',
          kind: 'change',
          type: 'Observation',
          resource_id: 'k1',
          version_id: '4',
          patient_id: 'p1',
          trust: 'body',
          resource: { ...POTASSIUM, meta: { versionId: '4', lastUpdated: '2026-03-04T06:12:09Z' } },
          state: 'waiting',
        },
      ]);
      expect(await store.due.count()).toMatchObject({ waiting: 1 });
    });

    it('is refused with a wrong, a short, a missing and a re-serialised body’s signature', async () => {
      const body = JSON.stringify(POTASSIUM);
      const wrong = { ...SIGN(body), 'x-signature': 'ab'.repeat(32) };
      const short = { ...SIGN(body), 'x-signature': SIGN(body)['x-signature']?.slice(0, 62) ?? '' };
      const respelt = SIGN(JSON.stringify(POTASSIUM, null, 1));
      for (const headers of [wrong, short, respelt, { 'content-type': 'application/fhir+json' }]) {
        await refused(await push('/north', { method: 'POST', headers, body }), 401, 'login');
      }
    });

    it('is taken with either secret during a rotation, and with no other', async () => {
      const body = JSON.stringify(POTASSIUM);
      accepted(await push('/north', { method: 'POST', headers: SIGN(body, SECRET), body }));
      accepted(await push('/north', { method: 'POST', headers: SIGN(body, NEXT_SECRET), body }));
      const old = await push('/north', { method: 'POST', headers: SIGN(body, 'last-years-secret'), body });
      expect(old.status).toBe(401);
    });

    it('is no new event when it is replayed', async () => {
      for (let n = 0; n < 3; n++) accepted(await signed(POTASSIUM));
      expect(await events()).toHaveLength(1);
    });

    it('about a deleted resource becomes something to read, not a deletion believed', async () => {
      const headers = { 'x-medplum-interaction': 'delete', 'x-medplum-deleted-resource': 'Observation/k1' };
      accepted(await signed('{}', '/north', headers));
      expect(await events()).toMatchObject([
        { kind: 'delete', type: 'Observation', resource_id: 'k1', trust: 'hint' },
      ]);
      expect(await store.due.count()).toMatchObject({ waiting: 1 });
    });
  });

  describe('from HAPI', () => {
    it('as a PUT to the resource’s path is only a hint while bodies are not trusted', async () => {
      const body = JSON.stringify(POTASSIUM);
      const headers = { ...BEARER, 'if-match': '"4"' };
      accepted(await push('/south/Observation/k1?_format=json', { method: 'PUT', headers, body }));
      expect(await events()).toMatchObject([
        { connection_id: 'south', kind: 'change', patient_id: 'p1', trust: 'hint', resource: null },
      ]);
    });

    it('as a DELETE, a PUT without a body and an empty POST names what to read', async () => {
      accepted(await push('/south/Observation/k1', { method: 'DELETE', headers: BEARER }));
      accepted(await push('/south/Observation/k2/_history/3', { method: 'PUT', headers: BEARER }));
      accepted(await push('/south', { method: 'POST', headers: BEARER }));
      expect(await events()).toMatchObject([
        { kind: 'delete', resource_id: 'k1' },
        { kind: 'hint', resource_id: 'k2', version_id: '3' },
      ]);
      expect(await store.sweep.count()).toMatchObject({ waiting: 1 });
    });

    it('as a transaction Bundle is one event per entry, with its own patients resolved', async () => {
      const uuid = 'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0';
      const bundle = {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [
          { fullUrl: uuid, resource: { resourceType: 'Patient', id: 'p9' } },
          { resource: { ...POTASSIUM, id: 'k9', subject: { reference: uuid } } },
          { request: { method: 'DELETE', url: 'Condition/c1' } },
          { fullUrl: 'https://south.example/fhir/Procedure/x1' },
        ],
      };
      accepted(await push('/south', { method: 'POST', headers: BEARER, body: JSON.stringify(bundle) }));
      expect(await events()).toMatchObject([
        { kind: 'delete', type: 'Condition', patient_id: null },
        { kind: 'change', type: 'Observation', patient_id: 'p9' },
        { kind: 'change', type: 'Patient', patient_id: 'p9' },
        { kind: 'hint', type: 'Procedure', patient_id: null },
      ]);
    });

    it('with a wrong token, or a token of another length, is refused', async () => {
      for (const authorization of [TOKEN.replace('south', 'north'), 'Bearer x', `${TOKEN} `.repeat(2)]) {
        const headers = { ...BEARER, authorization };
        await refused(await push('/south', { method: 'POST', headers }), 401, 'login');
      }
    });

    it('too large to read is read from the server when the path names it, and refused otherwise', async () => {
      const body = JSON.stringify({ ...POTASSIUM, note: [{ text: 'x'.repeat(250_000) }] });
      await refused(await push('/south', { method: 'POST', headers: BEARER, body }), 413, 'too-long');
      accepted(await push('/south/Observation/k1', { method: 'PUT', headers: BEARER, body }));
      expect(await events()).toMatchObject([{ kind: 'hint', type: 'Observation', resource_id: 'k1' }]);
      await empty(store);
      const put = { method: 'PUT', headers: SIGN(body), body };
      await refused(await push('/north/Observation/k1', put), 413, 'too-long'); // signed, and not to be checked
    });
  });

  describe('about whom', () => {
    const of = async (subject: object): Promise<Row | undefined> => {
      accepted(await signed({ ...POTASSIUM, subject }));
      return (await events())[0];
    };

    it('is told by an absolute reference to the connection’s own base', async () => {
      expect(await of({ reference: `${NORTH.base}/Patient/p1/_history/2` })).toMatchObject({
        patient_id: 'p1',
      });
    });

    it('is not guessed from a patient of another server', async () => {
      expect(await of({ reference: 'https://north.example/fhir/R44/Patient/p1' })).toMatchObject({
        patient_id: null,
        state: 'parked',
        reason: 'the subject is on another server',
      });
      expect(await store.due.count()).toMatchObject({ waiting: 0 });
    });

    it('is asked of the server when the subject is an identifier', async () => {
      expect(await of({ identifier: { value: '4711' } })).toMatchObject({
        patient_id: null,
        state: 'waiting',
      });
      expect(await store.due.count()).toMatchObject({ waiting: 1 });
    });

    it('is nobody: a device’s result and our own subscription are kept and not evaluated', async () => {
      expect(await of({ reference: 'Device/d1' })).toMatchObject({
        state: 'done',
        reason: 'the subject is not a patient',
      });
      accepted(await signed({ resourceType: 'Subscription', id: 's1', status: 'active' }));
      expect((await events())[1]).toMatchObject({
        state: 'done',
        reason: 'not about a patient',
        resource: null,
      });
      expect(await store.due.count()).toMatchObject({ waiting: 0 });
    });
  });

  it('keeps a report without the documents attached to it', async () => {
    const presentedForm = [{ contentType: 'application/pdf', data: 'QUJD'.repeat(100) }];
    accepted(await signed({ ...POTASSIUM, resourceType: 'DiagnosticReport', presentedForm }));
    expect((await events())[0]?.resource?.presentedForm).toEqual([{ contentType: 'application/pdf' }]);
  });

  it('is read with gzip, without a content type and as text/plain', async () => {
    const body = JSON.stringify(POTASSIUM);
    const gzip = { ...SIGN(body), 'content-encoding': 'gzip' };
    accepted(await push('/north', { method: 'POST', headers: gzip, body: gzipSync(body) }));
    for (const type of ['', 'text/plain']) {
      accepted(
        await push('/north', { method: 'POST', headers: { ...SIGN(body), 'content-type': type }, body }),
      );
    }
  });

  it('is refused as a gzip bomb, with an unknown encoding and when it is cut short', async () => {
    const bomb = gzipSync(Buffer.alloc(20_000_000, ' '));
    const gzip = { ...SIGN(''), 'content-encoding': 'gzip' };
    await refused(await push('/north', { method: 'POST', headers: gzip, body: bomb }), 413, 'too-long');
    const compress = { ...SIGN(''), 'content-encoding': 'compress' };
    await refused(
      await push('/north', { method: 'POST', headers: compress, body: 'x' }),
      415,
      'not-supported',
    );
    const torn = gzipSync('{}').subarray(0, 10);
    await refused(await push('/north', { method: 'POST', headers: gzip, body: torn }), 400, 'invalid');
  });

  it('is read when it is small, and told to come back when it is large, while others are being read', async () => {
    const started: ReturnType<IntakeServer['begin']>[] = [];
    const large = gzipSync(Buffer.alloc(250_000, ' '));
    const sendLarge = (): Promise<Answered> =>
      push('/north', { method: 'POST', headers: { ...SIGN(''), 'content-encoding': 'gzip' }, body: large });
    await until('as many are being read as may be', async () => {
      if ((await sendLarge()).status === 503) return true;
      started.push(intake.begin('/north', { 'content-encoding': 'gzip' })); // alone, so that it finds a place
      return false;
    });
    await refused(await sendLarge(), 503, 'throttled');
    const small = gzipSync(JSON.stringify(POTASSIUM));
    const gzip = { ...SIGN(JSON.stringify(POTASSIUM)), 'content-encoding': 'gzip' };
    accepted(await push('/north', { method: 'POST', headers: gzip, body: small }));
    accepted(await signed(POTASSIUM));
    for (const request of started) request.destroy();
    await until('there is room again', async () => (await sendLarge()).status === 413);
  });

  it.each([
    ['XML by its type', '<Observation/>', { 'content-type': 'application/fhir+xml' }],
    ['XML by its first character', '<Observation/>', {}],
  ])('is refused as %s', async (_, body, headers) => {
    await refused(await signed(body, '/north', headers), 415, 'not-supported');
  });

  it.each([
    ['torn JSON', '{"resourceType":"Observation",'],
    ['a number', '42'],
    ['no resource', '{"hello":"world"}'],
    ['an unknown type', { ...POTASSIUM, resourceType: 'Potassium' }],
    ['an id that leaves the path', { ...POTASSIUM, id: '../../../x' }],
    ['no id', { ...POTASSIUM, id: undefined }],
    ['an empty bundle', { resourceType: 'Bundle', type: 'transaction', entry: [] }],
    [
      'a bundle with a bad entry',
      { resourceType: 'Bundle', entry: [{ resource: POTASSIUM }, { resource: {} }] },
    ],
    ['a forbidden member', '{"resourceType":"Observation","id":"k1","__proto__":{"status":"final"}}'],
    ['a forbidden member in disguise', '{"resourceType":"Observation","id":"k1","__pr\\u006fto__":1}'],
    ['a member given twice', '{"resourceType":"Observation","id":"k1","value":1,"value":2}'],
    ['a number beyond all numbers', '{"resourceType":"Observation","id":"k1","value":1e400}'],
    ['nesting without end', `{"resourceType":"Observation","id":"k1","value":${'['.repeat(90_000)}`],
    ['too many elements', `{"resourceType":"Observation","id":"k1","value":[${'1,'.repeat(60_000)}1]}`],
    ['a character no database stores', '{"resourceType":"Observation","id":"k1","value":"\\u0000"}'],
    [
      'more members than any resource has',
      `{"resourceType":"Bundle","id":"b1",${Array.from({ length: 1001 }, (_, n) => `"m${n}":1`).join(',')}}`,
    ],
    ['half a character', '{"resourceType":"Observation","id":"k1","value":"\\ud800"}'],
  ])('is refused for %s', async (_, body) => {
    await refused(await signed(body), 400, 'invalid');
  });

  it('is refused when path and body disagree, and when the path names nothing', async () => {
    const body = JSON.stringify(POTASSIUM);
    const put = (path: string): Promise<Answered> => push(path, { method: 'PUT', headers: BEARER, body });
    await refused(await put('/south/Observation/k2'), 400, 'invalid');
    await refused(await put('/south/Condition/k1'), 400, 'invalid');
    await refused(await put('/south/Potassium/k1'), 400, 'invalid');
    await refused(await put('/south/Observation/k1/x'), 400, 'invalid');
  });

  it('is refused by a method that no sender uses', async () => {
    await refused(await push('/south', { method: 'GET', headers: BEARER }), 400, 'invalid');
  });

  it('is refused at the address of no connection, before its body is read', async () => {
    await refused(await push(`/${PLANTED}`, { method: 'POST', body: 'x'.repeat(300_000) }), 404, 'not-found');
    await refused(await push('/constructor', { method: 'POST', body: '{}' }), 404, 'not-found');
  });

  it('leaves nothing of the patient or the sender in the log or in a refusal', async () => {
    lines.length = 0;
    const planted = {
      ...POTASSIUM,
      id: PLANTED,
      subject: { reference: `Patient/${PLANTED}`, display: PLANTED },
    };
    accepted(await signed(planted));
    const answers = [
      await signed({ ...planted, resourceType: PLANTED }),
      await push(`/${PLANTED}/Observation/${PLANTED}?name=${PLANTED}`, { method: 'PUT', body: PLANTED }),
      await push(`/north/Observation/${PLANTED}?name=${PLANTED}`, { method: 'PUT', body: PLANTED }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 404, 401]);
    expect(JSON.stringify(answers.map(({ body }) => body))).not.toContain(PLANTED);
    expect(lines).toHaveLength(5);
    expect(lines.join('')).not.toContain(PLANTED);
    expect(lines[1]).toContain('object with id, meta, resourceType, status, subject');
    const reference = answers[0]?.body.issue?.[0]?.diagnostics.match(/[0-9a-f-]{36}/)?.[0];
    expect(lines[2]).toContain(reference);
  });

  it('is answered 503 with a time to come back when it can not be kept, and taken afterwards', async () => {
    await sql`alter table event rename to event_away`.execute(store.db);
    const answer = await signed(POTASSIUM);
    await sql`alter table event_away rename to event`.execute(store.db);
    await refused(answer, 503, 'transient');
    expect(answer.headers.get('retry-after')).toBe('5');
    accepted(await signed(POTASSIUM));
    expect(await events()).toHaveLength(1);
  });
});

describe('a push while PostgreSQL keeps it waiting', () => {
  itOnPostgres('is answered 503 in time, and is one event however often it is sent', async () => {
    const { url, drop } = await freshDatabase();
    const store = await openStore({ databaseUrl: url, dataDir: 'unused', connections: [NORTH.id] });
    const intake = await startIntake(store, [NORTH]);
    const body = JSON.stringify(POTASSIUM);
    const send = (): Promise<Answered> =>
      intake.push('/north', { method: 'POST', headers: SIGN(body), body });
    try {
      await store.transaction(async (trx) => {
        await sql`lock table event in access exclusive mode`.execute(trx);
        const answer = await send();
        expect(answer.status).toBe(503);
        expect(answer.headers.get('retry-after')).toBe('5');
      });
      accepted(await send());
      expect(await storedEvents(store)).toHaveLength(1);
    } finally {
      await intake[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await drop();
    }
  });
});

describe('a push while PostgreSQL is unreachable', () => {
  itOnPostgres('is answered 503 in a few seconds', async () => {
    const { url, drop } = await freshDatabase();
    const troubles: unknown[] = [];
    const store = await openStore({
      databaseUrl: url,
      dataDir: 'unused',
      connections: [NORTH.id],
      onTrouble: (error) => void troubles.push(error),
    });
    const app = express();
    const log = openLog('silent', { write: () => undefined });
    const inbox = new Inbox(store, { quiet: () => ({ ms: 0, maxMs: 0 }) });
    app.use('/hooks', receivePush({ connections: [NORTH], inbox, log }));
    const server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      await drop(); // and with it every connection
      const body = JSON.stringify(POTASSIUM);
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/north`;
      const response = await fetch(address, { method: 'POST', headers: SIGN(body), body });
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ resourceType: 'OperationOutcome' });
      await expect(store.ping()).rejects.toThrow();
      expect(troubles.length).toBeGreaterThan(0);
    } finally {
      server.close();
      server.closeAllConnections();
      await store[Symbol.asyncDispose]();
    }
  });
});
