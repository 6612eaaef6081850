/**
 * Intake on a real port, as a sender sees it, and what it left in the store.
 */
import { once } from 'node:events';
import {
  type ClientRequest,
  request as clientRequest,
  createServer,
  type OutgoingHttpHeaders,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from '@jest/globals';
import express from 'express';
import { sql } from 'kysely';
import { type PushConnection, receivePush } from '../../src/intake/receive-push.ts';
import type { EventKind } from '../../src/store/event.ts';
import { Inbox } from '../../src/store/inbox.ts';
import type { Store } from '../../src/store/store.ts';
import { openLog } from '../../src/watch/log.ts';

export interface Answered {
  readonly status: number;
  readonly type: string | null;
  readonly body: {
    readonly resourceType: string;
    readonly type?: string;
    readonly issue?: { code: string; diagnostics: string }[];
    readonly validationResponse?: string;
  };
  readonly headers: Headers;
  readonly ms: number;
}

export interface Row {
  readonly connection_id: string;
  readonly kind: EventKind;
  readonly type: string;
  readonly resource_id: string;
  readonly version_id: string | null;
  readonly patient_id: string | null;
  readonly trust: string;
  readonly resource: { resourceType: string; presentedForm?: object[] } | null;
  readonly state: string;
  readonly reason: string | null;
}

export interface IntakeServer extends AsyncDisposable {
  /** Lines of its log. */
  readonly lines: string[];
  push(path: string, init: RequestInit): Promise<Answered>;
  /** A push whose body does not end. */
  begin(path: string, headers: OutgoingHttpHeaders): ClientRequest;
}

export async function startIntake(
  store: Store,
  connections: readonly PushConnection[],
  now: () => Date = () => new Date(),
): Promise<IntakeServer> {
  const lines: string[] = [];
  const app = express();
  const inbox = new Inbox(store, { quiet: () => ({ ms: 0, maxMs: 0 }) });
  const log = openLog('debug', { write: (line) => void lines.push(line) });
  app.use(
    '/hooks',
    receivePush({ connections, inbox, log, now, largestBody: 200_000, longestCommitMs: 1000 }),
  );
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`;
  await fetch(`${base}/nowhere`); // the first answer of a process takes long, and is nobody's push
  lines.length = 0;
  return {
    lines,
    async push(path, init) {
      const started = performance.now();
      const response = await fetch(`${base}${path}`, init);
      const text = await response.text();
      return {
        status: response.status,
        type: response.headers.get('content-type'),
        body: JSON.parse(text),
        headers: response.headers,
        ms: performance.now() - started,
      };
    },
    begin(path, headers) {
      const request = clientRequest(`${base}${path}`, { method: 'POST', headers, agent: false });
      request.on('error', () => undefined); // it is broken off
      request.flushHeaders();
      return request;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The one answer that every sender takes for success, soon enough for the most impatient. */
export function accepted(answer: Answered): void {
  expect(answer.status).toBe(200);
  expect(answer.type).toMatch(/^application\/fhir\+json/);
  expect(answer.body).toEqual({ resourceType: 'Bundle', type: 'transaction-response' });
  expect(answer.ms).toBeLessThan(200);
}

export async function storedEvents(store: Store): Promise<Row[]> {
  const { rows } = await sql<Row>`select * from event order by type, resource_id`.execute(store.db);
  return rows;
}
