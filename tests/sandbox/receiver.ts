/**
 * A small web server that keeps what it is sent, and short forms of talking to the sandbox.
 */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Resource } from '@medplum/fhirtypes';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
}

export class Receiver implements AsyncDisposable {
  readonly received: Received[] = [];
  /** Statuses of the next answers; 200 when there is none. */
  readonly statuses: number[] = [];
  /** Answers are given only after this. */
  gate: Promise<void> = Promise.resolve();
  readonly #server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    this.received.push({ method: req.method ?? '', path: req.url ?? '', headers: req.headers, bytes });
    await this.gate;
    res.writeHead(this.statuses.shift() ?? 200).end();
  });

  static async listen(): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hooks/ward`;
  }

  /** Bodies as resources, in the order of arrival. */
  get resources(): Resource[] {
    return this.received.map(({ bytes }) => JSON.parse(bytes.toString('utf8')) as Resource);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into any resource
  readonly body: any;
}

/** One FHIR request with a JSON body, if any. */
export async function call(
  method: string,
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const response = await fetch(url, {
    method,
    headers: { ...(body !== undefined && { 'Content-Type': 'application/fhir+json' }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

export function potassium(value: number, more: object = {}): Resource & { id?: string } {
  return {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '2823-3' }] },
    subject: { reference: 'Patient/p1' },
    effectiveDateTime: '2026-03-02T08:00:00Z',
    valueQuantity: { value, unit: 'mmol/L', system: 'http://unitsofmeasure.org', code: 'mmol/L' },
    ...more,
  };
}

export function issue(identifier: string): object {
  return {
    resourceType: 'DetectedIssue',
    identifier: [{ system: 'https://cds.example.org/issue', value: identifier }],
    status: 'final',
    patient: { reference: 'Patient/p1' },
  };
}

export const PATIENT = { resourceType: 'Patient', id: 'p1', birthDate: '1950-01-01' } as const;
export const NOON = new Date('2026-03-02T12:00:00.000Z');
