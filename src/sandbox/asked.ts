/**
 * What a request asks for: itself, or each entry of its Bundle.
 */
import type { FhirRequest } from '@medplum/fhir-router';
import type { Bundle } from '@medplum/fhirtypes';

export interface Asked {
  readonly method: string;
  /** Below the base, with its query. */
  readonly url: string;
  /** The search that a conditional write depends on, with its type. */
  readonly condition?: string;
}

export function bundleType({ method, url, body }: FhirRequest): Bundle['type'] | undefined {
  const posted = method === 'POST' && /^\/?(?:\?|$)/.test(url);
  return posted ? (body as Bundle).type : undefined;
}

export function askedOf(request: FhirRequest): Asked[] {
  const { method, url, headers = {}, body } = request;
  if (bundleType(request) === undefined) return [asked(method, url, headers['if-none-exist'])];
  return ((body as Bundle).entry ?? []).map(({ request: entry }) =>
    asked(entry?.method ?? 'GET', entry?.url ?? '', entry?.ifNoneExist),
  );
}

function asked(method: string, url: string, ifNoneExist: unknown): Asked {
  const plain = url.replace(/^\//, '');
  if (method === 'POST' && typeof ifNoneExist === 'string')
    return { method, url: plain, condition: `${plain}?${ifNoneExist}` };
  return method !== 'GET' && plain.includes('?')
    ? { method, url: plain, condition: plain }
    : { method, url: plain };
}
