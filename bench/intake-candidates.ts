/**
 * What answers pushes in the intake benchmark: our intake, and what it is compared with.
 *
 * Ours is the whole of intake: proof of the sender, reading under limits, recognising, event and due job in one
 * commit. No queue worker runs. The floor keeps the bytes and does nothing else; the echoes keep nothing.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { PGlite } from '@electric-sql/pglite';
import express, { type RequestHandler } from 'express';
import helmet from 'helmet';
import { sql } from 'kysely';
import pg from 'pg';
import { receivePush } from '../src/intake/receive-push.ts';
import { Inbox } from '../src/store/inbox.ts';
import { openStore } from '../src/store/store.ts';
import type { ConnectionId } from '../src/vocabulary/ids.ts';
import { openLog } from '../src/watch/log.ts';
import { CONNECTION, SECRET } from './intake-events.ts';

export interface Candidate {
  readonly server: Server;
  /** How many events are kept, and for how many patients a job waits; undefined where that is nothing. */
  kept(): Promise<{ events: number; due?: number }>;
  /** Forgets all of it. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

export const CANDIDATES: Readonly<Record<string, (databaseUrl: string) => Promise<Candidate>>> = {
  'cramp-cds, PostgreSQL': (url) => ours({ databaseUrl: url, dataDir: 'unused' }),
  'raw insert, PostgreSQL': rawOnPostgres,
  'cramp-cds, PGlite': async () => {
    const folder = temporary();
    return closing(await ours({ dataDir: folder }), () => rmSync(folder, { recursive: true }));
  },
  'raw insert, PGlite': rawOnPglite,
  'express echo': async () => nothingKept(expressServer((req, res) => void res.send(req.body))),
  'node:http echo': async () => nothingKept(plainEcho()),
};

async function ours(where: { databaseUrl?: string; dataDir: string }): Promise<Candidate> {
  const store = await openStore({ ...where, connections: [CONNECTION as ConnectionId] });
  const inbox = new Inbox(store, { quiet: () => ({ ms: 2000, maxMs: 15_000 }) });
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const ingress = [{ type: 'hmac', header: 'x-signature', secrets: [SECRET], trust: 'body' }] as const;
  const connections = [{ id: CONNECTION as ConnectionId, base: 'http://127.0.0.1/fhir', ingress }];
  const router = receivePush({ connections, inbox, log: openLog('info', nowhere) });
  return {
    server: createServer(expressApp().use('/hooks', router)),
    async kept() {
      const { rows } = await sql<{ events: number }>`select count(*)::int as events from event`.execute(
        store.db,
      );
      return { events: rows[0]?.events ?? 0, due: (await store.due.count()).waiting };
    },
    empty: async () => void (await sql`truncate event, pgboss.job`.execute(store.db)),
    close: async () => await store[Symbol.asyncDispose](),
  };
}

/** One query of a database, by whichever client. */
type Query = (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>;

async function rawOnPostgres(connectionString: string): Promise<Candidate> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  const query: Query = (text, values) => client.query(text, values);
  return closing(await rawInsert(query), async () => await client.end());
}

async function rawOnPglite(): Promise<Candidate> {
  const folder = temporary();
  const pglite = await PGlite.create(folder);
  const query: Query = (text, values) => pglite.query(text, values);
  return closing(await rawInsert(query), async () => {
    await pglite.close();
    rmSync(folder, { recursive: true });
  });
}

/** Bodies that arrive while a commit is running go together into the next: one statement of many rows. */
async function rawInsert(query: Query): Promise<Candidate> {
  await query('create table raw_event (id bigserial primary key, body text not null)');
  let waiting: { body: string; done: () => void; failed: (error: unknown) => void }[] = [];
  let running = false;
  const run = async (): Promise<void> => {
    running = true;
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      await query(INSERT, [group.map(({ body }) => body)]).then(
        () => group.forEach(({ done }) => void done()),
        (error: unknown) => group.forEach(({ failed }) => void failed(error)),
      );
      await nextTurn(); // as the inbox does, for the embedded database
    }
    running = false;
  };
  const server = expressServer(async (req, res) => {
    await new Promise<void>((done, failed) => {
      waiting.push({ body: String(req.body), done, failed });
      if (!running) void run();
    });
    res.send('{}');
  });
  return {
    server,
    async kept() {
      const { rows } = await query('select count(*)::int as events from raw_event');
      return rows[0] as { events: number };
    },
    empty: async () => void (await query('truncate raw_event')),
    close: async () => undefined,
  };
}

const INSERT = 'insert into raw_event (body) select unnest($1::text[])';

function expressServer(answer: RequestHandler): Server {
  const reading = express.raw({ type: () => true, limit: '16mb' });
  return createServer(expressApp().use('/hooks', express.Router().all('/:connectionId', reading, answer)));
}

/** What is before intake in the service too. */
function expressApp(): express.Express {
  return express().disable('x-powered-by').use(helmet());
}

function plainEcho(): Server {
  return createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => res.end(Buffer.concat(chunks)));
  });
}

function nothingKept(server: Server): Candidate {
  return {
    server,
    kept: async () => ({ events: 0 }),
    empty: async () => undefined,
    close: async () => undefined,
  };
}

function closing(candidate: Candidate, then: () => Promise<void> | void): Candidate {
  return {
    ...candidate,
    close: async () => {
      await candidate.close();
      await then();
    },
  };
}

function temporary(): string {
  return mkdtempSync(join(tmpdir(), 'cramp-cds-bench-'));
}
