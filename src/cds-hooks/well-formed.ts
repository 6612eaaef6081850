/**
 * Small slips of real clients in the shape of resources, mended before the rules read them.
 *
 * Why here: what comes from a FHIR server has been validated by it; what comes in a hook call has not.
 */
import type { JsonObject } from '../vocabulary/json.ts';

/** Elements that are lists in every R4 type that a chart holds. */
const LISTS: ReadonlySet<string> = new Set(
  `activity address answer basedOn coding component conclusionCode contained dosageInstruction doseAndRate
  evidence extension given identifier ingredient interpretation item name note partOf performer
  reasonCode reasonReference referenceRange result security stage tag timeOfDay dayOfWeek`.split(/\s+/),
);
/** Lists in some types only. */
const LISTS_OF: Readonly<Record<string, readonly string[]>> = {
  category: [
    'Observation',
    'Condition',
    'MedicationRequest',
    'ServiceRequest',
    'DiagnosticReport',
    'CarePlan',
  ],
  dosage: ['MedicationStatement'],
  bodySite: ['Condition', 'Procedure', 'ServiceRequest'],
};
/** Elements of these names that are no list where they stand in another one. */
const SINGLE_IN: ReadonlySet<string> = new Set(['name@contact', 'name@ingredient']);

/** One object where a list belongs becomes a list of one; `null` members are left out. What is sound stays as it is. */
export function wellFormed(resource: JsonObject): JsonObject {
  return mended(resource, String(resource.resourceType), '');
}

function mended(object: JsonObject, type: string, within: string): JsonObject {
  const own = typeof object.resourceType === 'string' ? object.resourceType : type;
  let copy: Record<string, unknown> | undefined;
  for (const name of Object.keys(object)) {
    const value = object[name];
    const better = member(name, value, own, within);
    if (better === value) continue;
    copy ??= { ...object };
    if (better === undefined) delete copy[name];
    else copy[name] = better;
  }
  return copy ?? object;
}

function member(name: string, value: unknown, type: string, within: string): unknown {
  if (value === null || value === undefined) return undefined;
  const inside = each(value, type, name);
  const isList = LISTS.has(name) || LISTS_OF[name]?.includes(type) === true;
  return Array.isArray(inside) || !isList || SINGLE_IN.has(`${name}@${within}`) ? inside : [inside];
}

function each(value: unknown, type: string, within: string): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (!Array.isArray(value)) return mended(value as JsonObject, type, within);
  const better = value.filter((one) => one !== null).map((one) => each(one, type, within));
  return better.length === value.length && better.every((one, index) => one === value[index])
    ? value
    : better;
}
