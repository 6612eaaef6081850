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

export class SandboxRouter extends FhirRouter {
  readonly #holds: Holds;

  /** @param holds does the server hold this resource now? */
  constructor(holds: Holds) {
    super();
    this.#holds = holds;
  }

  override find(method: HttpMethod, url: string): Found {
    const found = super.find(method, url);
    if (found === undefined || (method === 'POST' && found.path === '')) return found;
    const { resourceType, id } = found.params;
    if (resourceType === undefined || !isResourceType(resourceType)) return undefined;
    if (id === undefined) refuseBadSearch(method, resourceType, url);
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
    if (request.method === 'PUT' && ifNoneMatch === '*' && id !== undefined && this.#holds(type, id)) {
      throw new OperationOutcomeError(preconditionFailed);
    }
    if (ifNoneExist !== undefined) refuseBadCondition(type, new URLSearchParams(String(ifNoneExist)));
  }
}

function refuseBadSearch(method: HttpMethod, type: string, url: string): void {
  const { searchParams } = new URL(url, 'http://sandbox.invalid/');
  if (method === 'PUT' || method === 'PATCH' || method === 'DELETE') refuseBadCondition(type, searchParams);
  else refuseUnknown(type, searchParams);
}
