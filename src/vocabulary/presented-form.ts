/**
 * Reports carry whole documents in base64; no rule reads them, and neither store nor memory should hold them.
 */
import { isObject, type JsonObject } from './json.ts';

/** The same resource; of each document of a report all but its data. */
export function withoutDocuments(resource: JsonObject): JsonObject {
  const { presentedForm } = resource;
  if (!Array.isArray(presentedForm)) return resource;
  const forms = presentedForm.map((form: unknown) => {
    if (!isObject(form)) return form;
    const { data: _data, ...rest } = form;
    return rest;
  });
  return { ...resource, presentedForm: forms };
}
