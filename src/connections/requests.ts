/**
 * How a search or a read is written into an address.
 */
import type { Identifier } from '@medplum/fhirtypes';
import { isSafeTarget, isSafeType } from './server-address.ts';

export type SearchParams = Readonly<Record<string, string | readonly string[]>>;

export function identifierQuery({ system, value }: Identifier): string {
  return `identifier=${encodeURIComponent(`${system}|${value}`)}`;
}

export function queryOf(params: SearchParams): string {
  const pairs = Object.entries(params).flatMap(([name, value]) =>
    [value].flat().map((one) => [name, String(one)]),
  );
  return new URLSearchParams(pairs).toString();
}

/** `Type`, `Type/id`, either with a query: relative, and not leaving the base. */
export const SAFE_REQUEST = /^([A-Z][A-Za-z]{1,63})(?:\/([A-Za-z0-9\-.]{1,64}))?(?:\?[^#\s]*)?$/;

export function isSafeRequest(request: string): boolean {
  const [matched, type = '', id] = SAFE_REQUEST.exec(request) ?? [];
  return matched !== undefined && (id === undefined ? isSafeType(type) : isSafeTarget(type, id));
}
