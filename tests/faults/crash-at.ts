/**
 * Loaded before the service: kills its process at one named point, the nth time it comes there.
 *
 * Why from outside: the service has no switch for tests. What it says to its database and to the hospital's server
 * tells where it is. `CRASH_AT` is `point:n`.
 */
import { Server, type ServerResponse } from 'node:http';
import pg from 'pg';
import type { CrashPoint } from './crash-points.ts';

const [point, count = '1'] = (process.env.CRASH_AT ?? '').split(':') as [CrashPoint, string?];
let left = Number(count);

function at(here: CrashPoint): void {
  if (here !== point) return;
  left -= 1;
  if (left <= 0) process.kill(process.pid, 'SIGKILL');
}

/** What the transaction of a client has written so far. */
const written = new WeakMap<object, Set<'event' | 'delivery'>>();

function beforeStatement(client: object, text: string): void {
  if (/^\s*begin/i.test(text)) written.set(client, new Set());
  if (/insert into event\b/.test(text)) written.get(client)?.add('event');
  if (/insert into "?delivery"?\b/.test(text)) written.get(client)?.add('delivery');
  if (/insert into "?decision"?\b/.test(text)) at('mid-evaluation');
  if (/update "?delivery"?\b/.test(text)) at('before-mark');
  if (/create (?:unique )?index/i.test(text)) at('mid-migration');
  if (!/^\s*commit/i.test(text)) return;
  if (written.get(client)?.has('event')) at('before-inbox-commit');
  if (written.get(client)?.has('delivery')) at('before-outbox-commit');
}

function afterStatement(client: object, text: string): void {
  if (!/^\s*commit/i.test(text)) return;
  if (written.get(client)?.has('event')) at('after-inbox-commit');
  if (written.get(client)?.has('delivery')) at('after-outbox-commit');
}

type Query = (this: object, ...args: unknown[]) => unknown;
const query = pg.Client.prototype.query as Query;
pg.Client.prototype.query = function (this: object, ...args: unknown[]): unknown {
  const [first] = args as [string | { text?: string }];
  const text = typeof first === 'string' ? first : (first.text ?? '');
  beforeStatement(this, text);
  const last = args.at(-1);
  if (typeof last === 'function')
    args[args.length - 1] = (...answer: unknown[]) => {
      afterStatement(this, text);
      return last(...answer);
    };
  const asked = query.apply(this, args);
  return asked instanceof Promise
    ? asked.then((answer: unknown) => {
        afterStatement(this, text);
        return answer;
      })
    : asked;
} as typeof pg.Client.prototype.query;

const emit = Server.prototype.emit;
Server.prototype.emit = function (this: Server, event: string, ...args: unknown[]): boolean {
  if (event === 'request') {
    const [request, response] = args as [{ url: string }, ServerResponse];
    if (request.url.startsWith('/hooks/')) response.on('finish', () => at('after-answer'));
  }
  return (emit as (this: Server, ...all: unknown[]) => boolean).call(this, event, ...args);
} as typeof Server.prototype.emit;

const realFetch = globalThis.fetch;
globalThis.fetch = async (url, init) => {
  const isAlert = init?.method !== 'GET' && /DetectedIssue/.test(`${String(url)}${String(init?.body ?? '')}`);
  if (isAlert) setTimeout(() => at('after-send'), 3); // the server is at it, or just done
  const answer = await realFetch(url, init);
  if (isAlert) at('before-answer-is-read');
  return answer;
};
