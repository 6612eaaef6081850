/**
 * The services we offer: one per hook, and what each wants to be sent along.
 *
 * Why one id per hook: clients exist that index services by id and silently keep one of several.
 * Why plain templates: a client that does not know a token may send `null`, which means "no data", and
 * the danger would look checked. So no FHIRPath, no `_include`, no chains, no modifiers.
 */

export const HOOKS = ['patient-view', 'order-select', 'order-sign', 'encounter-discharge'] as const;
export type Hook = (typeof HOOKS)[number];

export const SERVICES_PATH = '/cds-services';

export interface Service {
  readonly hook: Hook;
  readonly id: string;
  readonly title: string;
  readonly description: string;
}

const SERVICES: Readonly<Record<Hook, Service>> = {
  'patient-view': {
    hook: 'patient-view',
    id: 'cramp-risk-patient-view',
    title: 'Leg-cramp risk: chart',
    description:
      'Looks for electrolyte, renal, fluoroquinolone, diuretic and related causes of leg cramps in recent results and medicines.',
  },
  'order-select': {
    hook: 'order-select',
    id: 'cramp-risk-order-select',
    title: 'Leg-cramp risk: new order chosen',
    description: 'Checks newly chosen medicines against recent results, current medicines and problems.',
  },
  'order-sign': {
    hook: 'order-sign',
    id: 'cramp-risk-order-sign',
    title: 'Leg-cramp risk: before signing',
    description: 'Last check of the orders about to be signed.',
  },
  'encounter-discharge': {
    hook: 'encounter-discharge',
    id: 'cramp-risk-encounter-discharge',
    title: 'Leg-cramp risk: before discharge',
    description: 'Looks for open causes of leg cramps before the patient goes home.',
  },
};

/** What a prefetch key asks for. `labs` keeps no list of codes: the rules read 346, and an address has an end. */
export interface Template {
  readonly key: string;
  readonly type: string;
  /** Search parameters besides the patient; undefined for the Patient itself. */
  readonly search?: string;
}

const PAGE = '_count=100';
export const TEMPLATES: readonly Template[] = [
  { key: 'patient', type: 'Patient' },
  { key: 'labs', type: 'Observation', search: `category=laboratory&_sort=-date&${PAGE}` },
  {
    key: 'signs',
    type: 'Observation',
    search: `category=vital-signs,exam,survey,social-history,procedure&_sort=-date&${PAGE}`,
  },
  { key: 'meds', type: 'MedicationRequest', search: PAGE },
  { key: 'statements', type: 'MedicationStatement', search: PAGE },
  { key: 'administrations', type: 'MedicationAdministration', search: PAGE },
  { key: 'dispenses', type: 'MedicationDispense', search: PAGE },
  { key: 'conditions', type: 'Condition', search: PAGE },
  { key: 'allergies', type: 'AllergyIntolerance', search: PAGE },
  { key: 'procedures', type: 'Procedure', search: PAGE },
  { key: 'answers', type: 'QuestionnaireResponse', search: PAGE },
  { key: 'orders', type: 'ServiceRequest', search: PAGE },
  { key: 'plans', type: 'CarePlan', search: `status=active,completed&${PAGE}` },
  { key: 'encounters', type: 'Encounter', search: `status=in-progress&${PAGE}` },
  { key: 'reports', type: 'DiagnosticReport', search: PAGE },
  { key: 'specimens', type: 'Specimen', search: PAGE },
];

/** The template as clients see it, or filled for one patient. */
export function templateText({ type, search }: Template, patientId = '{{context.patientId}}'): string {
  return search === undefined ? `${type}/${patientId}` : `${type}?patient=${patientId}&${search}`;
}

export function serviceOf(id: string, enabled: readonly Hook[]): Service | undefined {
  return enabled.map((hook) => SERVICES[hook]).find((service) => service.id === id);
}

/** The body of discovery. */
export function discovery(enabled: readonly Hook[]): object {
  const prefetch = Object.fromEntries(TEMPLATES.map((template) => [template.key, templateText(template)]));
  return {
    services: enabled.map((hook) => ({
      ...SERVICES[hook],
      version: '2.0.0',
      usageRequirements:
        'Works best with prefetch. Without it, fhirServer must be one registered for the client, with fhirAuthorization to read the same data.',
      prefetch,
    })),
  };
}

/** Is the hook about orders that a clinician is making? */
export function isOrderHook(hook: Hook): boolean {
  return hook === 'order-select' || hook === 'order-sign';
}
