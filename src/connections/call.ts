/**
 * One HTTP call: once, bounded in time and size, never redirected.
 *
 * Why not MedplumClient: it repeats failed POSTs by itself, keeps neither status nor `Retry-After` of a
 * failure, and hands a login page on as if it were a Patient. Plain fetch leaves every decision to us.
 */

import { LIMITS } from './connection.ts';
import type { Fault } from './outcomes.ts';

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Whole call; a third of it may pass until the answer begins. */
  readonly timeoutMs: number;
  /** Largest answer that is read. */
  readonly mostBytes?: number;
}

/** What came back. `body` is parsed JSON; undefined when empty, or when a failure came without JSON. */
export type Answer =
  | { readonly status: number; readonly headers: Headers; readonly body: unknown }
  | { readonly fault: Fault };

/** Never throws: whatever goes wrong on the way is a fault. */
export async function call({ method, url, headers, body, timeoutMs, mostBytes }: Call): Promise<Answer> {
  const beginning = new AbortController();
  const timer = setTimeout(
    () => beginning.abort(new DOMException('no answer yet', 'TimeoutError')),
    timeoutMs / 3,
  );
  const signal = AbortSignal.any([beginning.signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const response = await fetch(url, { method, headers, body: body ?? null, redirect: 'error', signal });
    clearTimeout(timer);
    return await readAnswer(response, mostBytes ?? LIMITS.bodyBytes);
  } catch (error) {
    return { fault: faultOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

async function readAnswer(response: Response, mostBytes: number): Promise<Answer> {
  const { status, headers } = response;
  const text = await readCapped(response, mostBytes);
  if (text === undefined) return response.ok ? { fault: 'too-large' } : { status, headers, body: undefined };
  if (text.trim() === '') return { status, headers, body: undefined };
  const body = isJson(headers) ? parse(text) : undefined;
  return response.ok && body === undefined ? { fault: 'wrong-content' } : { status, headers, body };
}

/** Counts while it streams, so that an endless body costs no more than the cap. */
async function readCapped(response: Response, mostBytes: number): Promise<string | undefined> {
  if (response.body === null) return '';
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.byteLength;
    if (bytes > mostBytes) return undefined; // leaving the loop cancels the stream
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function isJson(headers: Headers): boolean {
  return /^(application|text)\/([\w.-]+\+)?json\b/i.test(headers.get('content-type') ?? '');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const TLS_CODE =
  /^(ERR_TLS|ERR_SSL|CERT_|EPROTO|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|HOSTNAME_MISMATCH)/;

/** fetch wraps the reason, sometimes more than once. */
export function faultOf(error: unknown): Fault {
  let cause = error as Partial<{ name: string; code: unknown; cause: unknown }> | null | undefined;
  for (; typeof cause === 'object' && cause !== null; cause = cause.cause as typeof cause) {
    if (cause.name === 'TimeoutError') return 'timeout';
    if (TLS_CODE.test(String(cause.code))) return 'tls';
  }
  return 'network';
}
