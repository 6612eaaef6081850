/**
 * The refusals that come before an interaction, alike for single requests and for entries of a Bundle.
 *
 * Why: the router underneath takes `/metadata` for a resource type, ignores an `If-Match` without quotes
 * (and then overwrites), and lets unknown search parameters through.
 */
import { badRequest, isResourceType, OperationOutcomeError, preconditionFailed } from '@medplum/core';
import { type FhirRequest, type FhirRouteHandler, FhirRouter, type HttpMethod } from '@medplum/fhir-router';
import { refuseBadCondition, refuseUnknown } from './search-parameters.ts';

type Found = ReturnType<FhirRouter['find']>;
type Holds = (type: string, id: string) => boolean;

export interface RouterParts {
  /** Does the server hold this resource now? */
  readonly holds: Holds;
  /** Types that it does not serve. */
  readonly unserved: ReadonlySet<string>;
  /** Search parameters that it refuses, although the repository would evaluate them. */
  readonly refused: readonly string[];
}

export class SandboxRouter extends FhirRouter {
  readonly #parts: RouterParts;

  constructor(parts: RouterParts) {
    super();
    this.#parts = parts;
  }

  override find(method: HttpMethod, url: string): Found {
    const found = super.find(method, url);
    if (found === undefined || (method === 'POST' && found.path === '')) return found;
    const { resourceType, id } = found.params;
    const { unserved, refused } = this.#parts;
    if (resourceType === undefined || !isResourceType(resourceType) || unserved.has(resourceType))
      return undefined;
    if (id === undefined) refuseBadSearch(method, resourceType, url, refused);
    const handler: FhirRouteHandler = (request, ...rest) => {
      this.#refuseBadConditions(request, resourceType, id);
      return found.handler(request, ...rest);
    };
    return { ...found, handler };
  }

  #refuseBadConditions(request: FhirRequest, type: string, id: string | undefined): void {
    const { headers = {} } = request;
    const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch, 'if-none-exist': ifNoneExist } = headers;
    if (ifMatch !== undefined && !/^(W\/)?"[^"]+"$/.test(ifMatch)) {
      throw new OperationOutcomeError(badRequest('If-Match must be a quoted version, such as W/"3".'));
    }
    if (request.method === 'PUT' && ifNoneMatch === '*' && id !== undefined && this.#parts.holds(type, id)) {
      throw new OperationOutcomeError(preconditionFailed);
    }
    if (ifNoneExist !== undefined) refuseBadCondition(type, new URLSearchParams(String(ifNoneExist)));
  }
}

function refuseBadSearch(method: HttpMethod, type: string, url: string, refused: readonly string[]): void {
  const { searchParams } = new URL(url, 'http://sandbox.invalid/');
  const unknown = refused.find((name) => searchParams.has(name));
  if (unknown !== undefined)
    throw new OperationOutcomeError(badRequest(`Search parameter ${unknown} is not supported here.`));
  if (method === 'PUT' || method === 'PATCH' || method === 'DELETE') refuseBadCondition(type, searchParams);
  else refuseUnknown(type, searchParams);
}
