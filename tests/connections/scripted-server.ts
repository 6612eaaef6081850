/**
 * A small hospital server on loopback that answers what a test says, and remembers who asked what.
 */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Connection } from '../../src/connections/connection.ts';
import type { ConnectionId } from '../../src/vocabulary/ids.ts';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers one request; returning without an answer leaves the caller waiting. */
export type Script = (asked: Asked, response: ServerResponse) => void;

export interface ScriptedServer extends AsyncDisposable {
  readonly origin: string;
  readonly base: string;
  readonly asked: Asked[];
  script: Script;
}

export async function startScripted(
  script: Script = (_, response) => reply(response, 404),
): Promise<ScriptedServer> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url: path = '', headers } = request;
    const one = { method, path, headers, body: Buffer.concat(chunks).toString() };
    asked.push(one);
    scripted.script(one, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const scripted: ScriptedServer = {
    origin,
    base: `${origin}/fhir/R4`,
    asked,
    script,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return scripted;
}

export function reply(
  response: ServerResponse,
  status: number,
  body?: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/fhir+json', ...headers });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

export const HOOK_URL = 'https://cds.example.org/hooks/north';
export const DEVICE_SYSTEM = 'https://cds.example.org/cramp-cds/device';

export function connectionTo(base: string, rest: Partial<Connection> = {}): Connection {
  return {
    id: 'north' as ConnectionId,
    kind: 'generic-r4',
    base,
    auth: { type: 'none' },
    timeoutMs: 5_000,
    hookUrl: HOOK_URL,
    criteria: [],
    ...rest,
  };
}
