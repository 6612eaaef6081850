/**
 * Bodies that are too large, too deep or not what they seem, several at once and one kind after the other, with good pushes
 * beside them and between them.
 */
import { once } from 'node:events';
import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { observation } from '../records.ts';
import type { ProcessFigures } from '../watch-process.ts';
import type { Place } from './place.ts';
import { PUSH_SECRET } from './service-process.ts';

export interface HostileFigures extends ProcessFigures {
  /** Statuses by the name of the body, each once: `200 or 503`. */
  readonly statuses: Readonly<Record<string, string>>;
  /** Bodies with an answer other than the one that is right, or 503. */
  readonly otherAnswers: number;
  /** From the end of a body to the refusal of it. */
  readonly slowestRefusalMs: number;
  readonly goodPushes: number;
  /** Good ones that were told to come again. */
  readonly goodToComeAgain: number;
  /** Good ones that were neither taken nor told to come again. */
  readonly goodLost: number;
  readonly slowestGoodMs: number;
}

interface Body {
  readonly name: string;
  /** The right answer, unless it is to come again. */
  readonly answer: 200 | 400 | 413;
  readonly bytes: Buffer;
  readonly path?: string;
  readonly gzip?: true;
}

const MIB = 2 ** 20;
const DEPTH = 10_000;
const BLANKS_MIB = 200;
const BETWEEN_GOOD_MS = 20;
const BETWEEN_KINDS_MS = 1000; // only good ones, as it would be afterwards

/** @param atOnce how many of each body are sent at the same time */
export async function hostileBodies({ service, ward }: Place, atOnce: number): Promise<HostileFigures> {
  const bodies = await hostile();
  await service.watched.figures(); // of this time only
  const good: { status: number; ms: number }[] = [];
  let done = false;
  const beside = (async () => {
    for (let n = 0; !done; n++) {
      const body = JSON.stringify(withNote(`good-${n}`, 'good'));
      const { status, sentAt, at } = await ward.push(service.url, body);
      good.push({ status, ms: at - sentAt });
      await pause(BETWEEN_GOOD_MS);
    }
  })();
  const statuses: Record<string, string> = {};
  let otherAnswers = 0;
  let slowestRefusalMs = 0;
  for (const body of bodies) {
    const answers = await Promise.all(Array.from({ length: atOnce }, () => send(service.url, body)));
    const seen = [...new Set(answers.map(({ status }) => status))].sort();
    statuses[body.name] = seen.join(' or ');
    if (seen.some((status) => status !== body.answer && status !== 503)) otherAnswers += 1;
    for (const { status, ms } of answers)
      if (status >= 400) slowestRefusalMs = Math.max(slowestRefusalMs, ms);
    await pause(BETWEEN_KINDS_MS);
  }
  done = true;
  await beside;
  return {
    statuses,
    otherAnswers,
    slowestRefusalMs: Math.round(slowestRefusalMs),
    goodPushes: good.length,
    goodToComeAgain: good.filter(({ status }) => status === 503).length,
    goodLost: good.filter(({ status }) => status !== 200 && status !== 503).length,
    slowestGoodMs: Math.round(Math.max(...good.map(({ ms }) => ms))),
    ...(await service.watched.figures()),
  };
}

async function hostile(): Promise<Body[]> {
  const large = (id: string, mib: number): Buffer =>
    Buffer.from(JSON.stringify(withNote(id, 'x'.repeat(mib * MIB))));
  const entries = (count: number): Buffer => {
    const entry = Array.from({ length: count }, (_, n) => ({ resource: withNote(`entry-${n}`, 'x') }));
    return Buffer.from(JSON.stringify({ resourceType: 'Bundle', type: 'collection', entry }));
  };
  const nested = `{"resourceType":"Observation","id":"deep","value":${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}}`;
  return [
    { name: '1 MiB', answer: 200, bytes: large('large-1', 1) },
    { name: '10 MiB', answer: 200, bytes: large('large-10', 10) },
    { name: '50 MiB', answer: 413, bytes: large('large-50', 50) },
    {
      name: '50 MiB, named by its path',
      answer: 200,
      bytes: large('large-50', 50),
      path: '/Observation/ward-0-mg',
    },
    { name: '5,000 entries', answer: 200, bytes: entries(5000) },
    { name: '5,001 entries', answer: 400, bytes: entries(5001) },
    { name: 'nested 10,000 deep', answer: 400, bytes: Buffer.from(nested) },
    { name: '200 MB of blanks in gzip', answer: 413, bytes: await blanks(), gzip: true },
    { name: 'brackets to the limit', answer: 400, bytes: Buffer.alloc(15 * MIB, '[') },
    {
      name: 'numbers to the limit',
      answer: 400,
      bytes: Buffer.from(`{"resourceType":"Observation","id":"n","value":[${'1,'.repeat(7 * MIB)}1]}`),
    },
  ];
}

/** About nobody: kept, and not evaluated. */
function withNote(id: string, text: string): object {
  return {
    ...observation('nobody', id, '2823-3', 4.1, 'mmol/L'),
    subject: { reference: 'Device/d1' },
    note: [{ text }],
  };
}

async function blanks(): Promise<Buffer> {
  const gzip = createGzip();
  const chunks: Buffer[] = [];
  gzip.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = once(gzip, 'end');
  for (let n = 0; n < BLANKS_MIB; n++)
    if (!gzip.write(Buffer.alloc(1_000_000, ' '))) await once(gzip, 'drain');
  gzip.end();
  await ended;
  return Buffer.concat(chunks);
}

/** @returns the time from the end of the body to the answer; 0 when it came before that end */
async function send(
  serviceUrl: string,
  { bytes, path = '', gzip }: Body,
): Promise<{ status: number; ms: number }> {
  const { promise, resolve } = Promise.withResolvers<{ status: number; ms: number }>();
  let ended = Number.NaN;
  const sent = request(`${serviceUrl}/hooks/ward${path}`, {
    method: path === '' ? 'POST' : 'PUT',
    headers: {
      'content-type': 'application/fhir+json',
      'content-length': bytes.length,
      'x-proof': PUSH_SECRET,
      ...(gzip && { 'content-encoding': 'gzip' }),
    },
    agent: false,
  });
  sent.on('finish', () => {
    ended = performance.now();
  });
  sent.on('response', (answer) => {
    answer.resume();
    answer.on('close', () =>
      resolve({ status: answer.statusCode ?? 0, ms: Number.isNaN(ended) ? 0 : performance.now() - ended }),
    );
  });
  sent.on('error', () => resolve({ status: 0, ms: 0 }));
  sent.end(bytes);
  return promise;
}
