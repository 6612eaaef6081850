/**
 * Which search parameters the sandbox really evaluates, and a refusal for every other.
 *
 * Why: the repository underneath answers an unknown, misspelt or unsupported parameter with zero hits
 * and status 200. For a service that reads charts that would look like "the patient has none".
 */
import { badRequest, globalSchema, isResourceType, OperationOutcomeError } from '@medplum/core';
import type { SearchParameter } from '@medplum/fhirtypes';

const EVALUATED = new Set<string | undefined>(['reference', 'string', 'uri', 'token', 'date']);
const ABOUT_THE_RESULT = new Set(
  ['_count', '_offset', '_total', '_summary', '_elements', '_fields', '_format', '_pretty'], // _fields: ours, in links
);

/** The search parameters of a type that are evaluated, for the capability statement. */
export function searchParametersOf(type: string): SearchParameter[] {
  const all = Object.hasOwn(globalSchema.types, type) ? globalSchema.types[type]?.searchParams : undefined;
  return Object.values(all ?? {}).filter(isEvaluated);
}

/**
 * Refuses a search that the sandbox would not answer correctly.
 *
 * @throws OperationOutcomeError, status 400, naming the parameter and never its value.
 */
export function refuseUnknown(type: string, search: URLSearchParams): void {
  for (const [name, value] of search) {
    if (ABOUT_THE_RESULT.has(name)) refuseBadNumber(name, value);
    else if (name === '_sort') for (const by of value.split(',')) known(type, by.replace(/^-/, ''));
    else if (/^_(rev)?include(:iterate)?$/.test(name)) refuseBadInclude(name, value);
    else if (name.includes('.')) refuseBadChain(type, name);
    else refuseBadFilter(type, name, value);
  }
}

/**
 * Refuses the condition of a conditional write if it names no filter, which would match everything, or
 * anything that is not a filter.
 *
 * @throws OperationOutcomeError, status 400.
 */
export function refuseBadCondition(type: string, condition: URLSearchParams): void {
  const odd = [...condition.keys()].some((name) => ABOUT_THE_RESULT.has(name) || name === '_sort');
  if (odd || condition.size === 0) throw refusal('A condition must name search parameters and nothing else.');
  refuseUnknown(type, condition);
}

function isEvaluated(parameter: SearchParameter): boolean {
  return EVALUATED.has(parameter.type) && parameter.expression !== undefined;
}

function known(type: string, code: string): SearchParameter {
  const all = Object.hasOwn(globalSchema.types, type) ? globalSchema.types[type]?.searchParams : undefined;
  const parameter = all !== undefined && Object.hasOwn(all, code) ? all[code] : undefined;
  if (parameter === undefined) throw refusal(`Search parameter ${code} is not known for ${type}.`);
  if (!isEvaluated(parameter)) throw refusal(`Search parameter ${code} of ${type} is not supported here.`);
  return parameter;
}

function refuseBadNumber(name: string, value: string): void {
  if ((name === '_count' || name === '_offset') && !/^\d{1,9}$/.test(value)) {
    throw refusal(`${name} must be a whole number.`);
  }
}

function refuseBadInclude(name: string, value: string): void {
  const [type, code, target] = value.split(':');
  if (type === undefined || code === undefined) throw refusal(`${name} must be Type:parameter.`);
  if (known(type, code).type !== 'reference')
    throw refusal(`${name} needs a reference, and ${code} is none.`);
  if (target !== undefined && !isResourceType(target)) throw refusal(`${name} names an unknown type.`);
}

/** One link only (`subject:Patient.identifier`); a longer chain would silently match nothing. */
function refuseBadChain(type: string, name: string): void {
  const [link = '', rest = '', ...more] = name.split('.');
  const [code = '', named] = link.split(':');
  const parameter = known(type, code);
  const target = named ?? (parameter.target?.length === 1 ? parameter.target[0] : undefined);
  if (parameter.type !== 'reference' || target === undefined || more.length > 0) {
    throw refusal(`The chained search parameter ${name} is not supported here.`);
  }
  if (rest.includes(':')) throw refusal(`A modifier in ${name} is not supported here.`);
  known(target, rest);
}

function refuseBadFilter(type: string, name: string, value: string): void {
  const [code = '', modifier] = name.split(':');
  const parameter = known(type, code);
  const allowed = modifier === undefined || modifier === 'missing' || modifier === MODIFIER[parameter.type];
  if (!allowed) throw refusal(`The modifier of ${name} is not supported here.`);
  const bare = value.split(',').some((one) => !one.includes('/'));
  if (parameter.type === 'reference' && modifier === undefined && bare && parameter.target?.length !== 1) {
    throw refusal(`${name} can refer to several types, so its value must be Type/id.`);
  }
}

/** The one modifier, besides `:missing`, that is evaluated for a type of parameter. */
const MODIFIER: Partial<Record<SearchParameter['type'], string>> = {
  token: 'not',
  string: 'contains', // the repository looks for the text anywhere, whatever the modifier says
};

function refusal(text: string): OperationOutcomeError {
  return new OperationOutcomeError(badRequest(text));
}
