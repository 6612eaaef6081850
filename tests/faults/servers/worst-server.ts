/**
 * A hospital server on its worst day: bytes and silences as a test says, on a bare socket.
 *
 * Why not node:http: it would end what we leave open, count what we do not count, and refuse to send what is broken.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface Heard {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

/** Answers one request on its socket; returning without a word leaves the caller waiting. */
export type Answerer = (socket: Socket, heard: Heard) => void;

export interface WorstServer extends AsyncDisposable {
  readonly base: string;
  /** Requests that were read to their end. */
  readonly heard: readonly Heard[];
  /** Bytes sent since the start. */
  sent(): number;
  /** Connections that are open now. */
  open(): number;
  answer: Answerer;
}

export async function startWorst(answer: Answerer = () => undefined): Promise<WorstServer> {
  const sockets = new Set<Socket>();
  const heard: Heard[] = [];
  let sentByClosed = 0;
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sentByClosed += socket.bytesWritten;
      sockets.delete(socket);
    });
    let bytes = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      const request = requestIn(bytes);
      if (request === undefined) return;
      bytes = Buffer.alloc(0);
      heard.push(request);
      server.answer(socket, request);
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const server: WorstServer = {
    base: `http://127.0.0.1:${(listener.address() as AddressInfo).port}/fhir/R4`,
    heard,
    answer,
    sent: () => [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, sentByClosed),
    open: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
  return server;
}

/** The request, once all of it is there. */
function requestIn(bytes: Buffer): Heard | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = new Map(
    lines.map((line) => [line.split(':')[0]?.toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const body = bytes.subarray(end + 4);
  if (body.length < Number(headers.get('content-length') ?? 0)) return undefined;
  const [method = '', path = ''] = first.split(' ');
  return { method, path, authorization: headers.get('authorization'), body: body.toString() };
}

export const JSON_TYPE = 'application/fhir+json';

/** A whole answer; the socket stays open for the next request, as servers do. */
export function whole(
  status: number,
  body: unknown = '',
  headers: Readonly<Record<string, string>> = {},
): Answerer {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return (socket) =>
    socket.write(
      head(status, {
        'content-type': JSON_TYPE,
        'content-length': `${Buffer.byteLength(text)}`,
        ...headers,
      }) + text,
    );
}

function head(status: number, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Any\r\n${lines.join('')}\r\n`;
}

/** The same bytes one by one, a second apart in the tale and `everyMs` in the test. */
export function byteByByte(text: string, everyMs: number): Answerer {
  return (socket) => {
    let at = 0;
    const timer = setInterval(() => {
      if (at < text.length) socket.write(text[at++] ?? '');
    }, everyMs);
    socket.on('close', () => clearInterval(timer));
  };
}

export const BEGINNING = head(200, { 'content-type': JSON_TYPE, 'transfer-encoding': 'chunked' });

/** Good headers, then one byte of the body now and then, for ever. */
export function drips(everyMs: number): Answerer {
  return (socket) => {
    socket.write(BEGINNING);
    const timer = setInterval(() => socket.write('1\r\n \r\n'), everyMs);
    socket.on('close', () => clearInterval(timer));
  };
}

/** Good headers, then bytes as fast as they are taken, for ever or until there are so many. */
export function pours(mostBytes = Number.POSITIVE_INFINITY): Answerer {
  const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`;
  return (socket) => {
    socket.write(BEGINNING);
    let sent = 0;
    const more = (): void => {
      while (!socket.destroyed && sent < mostBytes) {
        sent += 65_536;
        if (!socket.write(chunk)) {
          socket.once('drain', more);
          return;
        }
      }
      if (!socket.destroyed) socket.write('0\r\n\r\n');
    };
    more();
  };
}

/** Headers that promise more than comes before the connection ends. */
export function cutShort(body: string): Answerer {
  return (socket) =>
    socket.end(head(200, { 'content-type': JSON_TYPE, 'content-length': `${body.length + 100}` }) + body);
}

/** Breaks the connection without an answer. */
export const cut: Answerer = (socket) => {
  socket.resetAndDestroy();
};

export const silent: Answerer = () => undefined;
